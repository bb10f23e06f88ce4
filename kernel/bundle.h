/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The personalization bundle (docs/protocol/secmod.asn1): read, and compared with
 * what the personalization session expects.
 */
#ifndef SECMOD_BUNDLE_H
#define SECMOD_BUNDLE_H

#include "cert.h"

/* Limits that the PU sets for transaction keys and keysets. */
struct secmod_policy {
	u64 max_keys;
	u64 max_lifetime; /* seconds */
	u64 max_messages;
	u64 keyset_tries;
};

/* A read bundle; points into its DER. */
struct bundle {
	struct tlv tbs;
	u8 signature[SECMOD_SIG_SIZE];
	u8 uid[SECMOD_UID_SIZE];
	u64 epoch;
	u8 module_nonce[SECMOD_NONCE_SIZE];
	u8 salt[SECMOD_SALT_SIZE];
	u64 time;
	struct tlv module;
	struct tlv central[SECMOD_CENTRAL_MAX];
	u32 central_count;
	struct secmod_policy policy;
};

/* What a bundle must fit. */
struct bundle_expect {
	u8 uid[SECMOD_UID_SIZE];
	char serial[SECMOD_SERIAL_MAX + 1];
	u64 epoch;
	u8 module_nonce[SECMOD_NONCE_SIZE];
	u8 salt[SECMOD_SALT_SIZE];
	u8 point[CERT_POINT_SIZE]; /* of the module key */
};

/* -EBADMSG unless it is one bundle of the schema. */
int bundle_parse(struct bundle *b, const u8 *der, size_t len, struct refusal *why);

/**
 * bundle_check() - is this the answer to this session of this module?
 * @signer: the signing certificate, already checked
 *
 * Return: 0; -EKEYREJECTED for a wrong signature or certificate; -ESTALE for
 * another module, epoch, nonce or salt.
 */
int bundle_check(const struct bundle *b, const struct bundle_expect *expect,
		 const struct cert *signer, const struct cert_verifier *v);

#endif
