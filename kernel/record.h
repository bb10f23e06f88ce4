/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record: everything a module remembers outside the TPM, and its encoding in the
 * vault. Holds the module key's authValue and the keysets: allocate and free with
 * record_alloc() and record_free() only.
 */
#ifndef SECMOD_RECORD_H
#define SECMOD_RECORD_H

#include "bundle.h"

#define RECORD_MAX 59392 /* encoded */
#define RECORD_APPS_MAX 32768 /* of all applications together */
#define RECORD_KEY_MAX 32 /* of one key of a keyset */
#define RECORD_AUTH_SIZE 32
#define RECORD_NAME_SIZE 34 /* of a TPM object: nameAlg and SHA-256 */

struct record_cert {
	u16 len; /* 0: there is none */
	u8 der[SECMOD_CERT_MAX];
};

/* Where a keyset stands: executive/keyset.h tells which may stand where. */
enum record_slot {
	RECORD_TRANSPORT,
	RECORD_HIGH_LEVEL, /* the first of two */
	RECORD_KEYSETS = RECORD_HIGH_LEVEL + 2,
};

/**
 * struct record_keyset - the keys of a secure channel
 * @kvn: key version number, 0: there is none
 * @len: of each key: 16, 24 or 32 bytes
 * @failures: authentications begun since the last good one
 * @zero: 0
 * @sequence: channels opened with pseudo-random challenges
 * @enc: Key-ENC
 * @mac: Key-MAC
 * @dek: Key-DEK
 */
struct record_keyset {
	u8 kvn;
	u8 len;
	u8 failures;
	u8 zero;
	u32 sequence;
	u8 enc[RECORD_KEY_MAX];
	u8 mac[RECORD_KEY_MAX];
	u8 dek[RECORD_KEY_MAX];
};

/* Applications and what is stored in them: executive/application.h. */
struct record_apps {
	u32 len;
	u8 data[RECORD_APPS_MAX];
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
	u32 secured; /* 1: the first load of the executive has ended */
	struct record_keyset keysets[RECORD_KEYSETS];
	struct record_apps apps;
};

/* Returns the length, or -E2BIG when it does not fit. */
int record_encode(const struct record *r, u8 *out, size_t size);
/* -EBADMSG unless every field comes once, in order, with its size. */
int record_decode(struct record *r, const u8 *data, size_t len);
int record_set_cert(struct record_cert *c, const u8 *der, size_t len);
/* Forgets what belongs to one personalization; wipes the secrets. */
void record_forget_key(struct record *r);

#endif
