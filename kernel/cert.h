/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Certificates of the project: X.509 v3 (RFC 5280), ECDSA P-256 with SHA-256
 * (RFC 5758), one role each. Parsed strictly, checked one link at a time; the
 * chain is walked by the caller, never searched.
 */
#ifndef SECMOD_CERT_H
#define SECMOD_CERT_H

#include "tlv.h"

#define CERT_KU_DIGITAL_SIGNATURE 0x80 /* first octet of KeyUsage */
#define CERT_KU_CERT_SIGN 0x04
#define CERT_POINT_SIZE 64 /* x and y */

/* A parsed certificate; points into the DER it was made from. */
struct cert {
	struct tlv tbs;
	struct tlv issuer;
	struct tlv subject;
	u64 not_before; /* seconds since 1970 */
	u64 not_after;
	u8 point[CERT_POINT_SIZE];
	u8 signature[SECMOD_SIG_SIZE];
	u8 role; /* SECMOD_ROLE_*, 0 when it has none */
	bool ca;
	int path_len; /* -1: not limited */
	u8 key_usage; /* CERT_KU_* */
	bool has_uid;
	u8 uid[SECMOD_UID_SIZE];
	char serial[SECMOD_SERIAL_MAX + 1]; /* subject serialNumber or "" */
	bool has_nonce;
	u8 nonce[SECMOD_NONCE_SIZE];
	bool has_salt;
	u8 salt[SECMOD_SALT_SIZE];
	bool has_epoch;
	u64 epoch;
	u16 seen; /* which extensions came: each only once */
};

/**
 * struct cert_verifier - what checks a signature (the TPM in the driver)
 * @verify: returns 0, -EKEYREJECTED when the signature is wrong, or another errno
 * @ctx: for @verify
 * @now: seconds since 1970
 * @why: where the reason of a refusal goes
 */
struct cert_verifier {
	int (*verify)(void *ctx, const u8 point[CERT_POINT_SIZE], const void *data, size_t len,
		      const u8 sig[SECMOD_SIG_SIZE]);
	void *ctx;
	u64 now;
	struct refusal *why;
};

/**
 * cert_parse() - read a certificate
 * @what: its name in messages, for instance "signing certificate"
 *
 * Return: 0, or -EBADMSG for anything but one certificate of the profile.
 */
int cert_parse(struct cert *c, const u8 *der, size_t len, const char *what, struct refusal *why);

/**
 * cert_check() - is this certificate good for one role under one issuer?
 * @role: SECMOD_ROLE_* it must have; 0 for the manufacturer's own, which has
 *	none and is its own issuer
 *
 * Return: 0, -EKEYEXPIRED outside the validity period, -EKEYREJECTED for every
 * other rule, or the error of the verifier.
 */
int cert_check(const struct cert *c, const struct cert *issuer, u8 role, const char *what,
	       const struct cert_verifier *v);

const char *cert_role_name(u8 role);

#endif
