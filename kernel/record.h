/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record: everything a module remembers outside the TPM, and its encoding in the
 * vault. Holds the module key's authValue: allocate and free with
 * record_alloc() and record_free() only.
 */
#ifndef SECMOD_RECORD_H
#define SECMOD_RECORD_H

#include "bundle.h"

#define RECORD_MAX 24576 /* encoded */
#define RECORD_AUTH_SIZE 32
#define RECORD_NAME_SIZE 34 /* of a TPM object: nameAlg and SHA-256 */

struct record_cert {
	u16 len; /* 0: there is none */
	u8 der[SECMOD_CERT_MAX];
};

struct record {
	u32 state; /* SECMOD_STATE_PERSONALIZATION or _OPERATING */
	u64 epoch;
	u64 personalized_at; /* seconds since 1970, 0 never */
	u8 auth[RECORD_AUTH_SIZE]; /* authValue of the module key, zeros when none */
	u8 srk_name[RECORD_NAME_SIZE]; /* of the storage root key at init */
	u8 key_name[RECORD_NAME_SIZE]; /* of the module key, zeros when none */
	struct record_cert checking;
	struct record_cert identity;
	struct record_cert signer;
	struct record_cert module;
	struct record_cert central[SECMOD_CENTRAL_MAX];
	struct secmod_policy policy;
};

/* Returns the length, or -E2BIG when it does not fit. */
int record_encode(const struct record *r, u8 *out, size_t size);
/* -EBADMSG unless every field comes once, in order, with its size. */
int record_decode(struct record *r, const u8 *data, size_t len);
int record_set_cert(struct record_cert *c, const u8 *der, size_t len);
/* Forgets what belongs to one personalization; wipes the authValue. */
void record_forget_key(struct record *r);

#endif
