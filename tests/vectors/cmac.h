/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CMAC with AES: NIST SP 800-38B, appendix D (as revised), and derivation in counter mode
 * (SP 800-108) of the CAVP.
 */
#ifndef TESTS_VECTORS_CMAC_H
#define TESTS_VECTORS_CMAC_H

static const char cmac_message[] =
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

#define CMAC_KEY_128 "2b7e151628aed2a6abf7158809cf4f3c"
#define CMAC_KEY_192 "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"
#define CMAC_KEY_256 \
	"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"

static const struct {
	const char *key;
	size_t len;
	const char *mac;
} cmac_vectors[] = {
	{ CMAC_KEY_128, 0, "bb1d6929e95937287fa37d129b756746" },
	{ CMAC_KEY_128, 16, "070a16b46b4d4144f79bdd9dd04a287c" },
	{ CMAC_KEY_128, 40, "dfa66747de9ae63030ca32611497c827" },
	{ CMAC_KEY_128, 64, "51f0bebf7e3b9d92fc49741779363cfe" },
	{ CMAC_KEY_192, 0, "d17ddf46adaacde531cac483de7a9367" },
	{ CMAC_KEY_192, 16, "9e99a7bf31e710900662f65e617c5184" },
	{ CMAC_KEY_192, 40, "8a1de5be2eb31aad089a82e6ee908b0e" },
	{ CMAC_KEY_192, 64, "a1d5df0eed790f794d77589659f39a11" },
	{ CMAC_KEY_256, 0, "028962f61b7bf89efc6b551f4667d983" },
	{ CMAC_KEY_256, 16, "28a7023f452e8f82bd4bf28d8c37c35c" },
	{ CMAC_KEY_256, 40, "aaf3d8f1de5640c232f5b169b9c911e6" },
	{ CMAC_KEY_256, 64, "e1992190549f6ed5696a2c056c315410" },
};

/* CMAC_AES256, 32 bits of counter before the fixed data */
static const struct {
	const char *key, *fixed, *out;
} cmac_derivations[] = {
	{ "d0b1b3b70b2393c48ca05159e7e28cbeadea93f28a7cdae964e5136070c45d5c",
	  "dd2f151a3f173492a6fbbb602189d51ddf8ef79fc8e96b8fcbe6dabe73a35b48"
	  "104f9dff2d63d48786d2b3af177091d646a9efae005bdfacb61a1214",
	  "8c449fb474d1c1d4d2a33827103b656a" },
	{ "bfb99c6aab859a9873acc9880bd875bb83a8b24a9307576a054216908756be5b",
	  "cd9b9791f5eee211918ba1e2b01b4e29",
	  "c303887fb0aca8e78debb8a008e75c88c26e927f0fa8a1df1614c97e1b6f78b3"
	  "5c8f8a1cb9cd9f18dc30d06c73b75fdea5a636acb92f690fc6cb060f0a3db66e"
	  "759e30097c297e56c59db8e17ff2656a8520d7309307b8e161b091fddaf375b3"
	  "4e2eb8084d2832621c37bb67f09aab29f3e467f422270b237d9b5aebad2d1f05" },
};

#endif
