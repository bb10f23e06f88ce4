/* SPDX-License-Identifier: GPL-2.0-only */
/* Known answers of AES-256-GCM, hexadecimal. */
#ifndef TESTS_VECTORS_GCM_H
#define TESTS_VECTORS_GCM_H

/* clang-format off */
/* McGrew and Viega, The Galois/Counter Mode of Operation, B: 256 bit */
static const struct {
	const char *name, *key, *nonce, *aad, *text, *sealed;
} gcm_known[] = {
#define FEFFE9 "feffe9928665731c6d6a8f9467308308"
	{ "test case 13",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "",
	  "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "test case 14",
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "00000000000000000000000000000000",
	  "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
	{ "test case 16", FEFFE9 FEFFE9, "cafebabefacedbaddecaf888",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b" },
#undef FEFFE9
};
/* clang-format on */

#endif
