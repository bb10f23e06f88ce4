/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A slot of the vault: a record sealed for one value of the vault counter.
 *
 *   slot = header || AES-256-GCM(record) || tag
 *
 * The header holds UID, counter and a salt, all authenticated; the key is derived
 * from the root secret and the salt, which is fresh for each write, so that no key
 * encrypts two messages even when a write is repeated after a power cut.
 */
#ifndef SECMOD_SLOT_H
#define SECMOD_SLOT_H

#include "record.h"

#define SLOT_SIZE 65536 /* from one slot to the next */
#define SLOT_VERSION 1
#define SLOT_SALT_SIZE 32
/* magic, version, length of the encrypted record without tag, counter, UID, salt */
#define SLOT_HEADER_SIZE (8 + 4 + 4 + 8 + SECMOD_UID_SIZE + SLOT_SALT_SIZE)
#define SLOT_TAG_SIZE 16
/* What of a slot is used: small enough for linear memory, which the crypto API wants. */
#define SLOT_USED (SLOT_HEADER_SIZE + RECORD_MAX + SLOT_TAG_SIZE)

/* What is wrong with a slot, from "nothing there" to "good". */
enum slot_verdict {
	SLOT_EMPTY,
	SLOT_FOREIGN,
	SLOT_OLD,
	SLOT_AHEAD,
	SLOT_DAMAGED,
	SLOT_UNREADABLE, /* for a reason that may pass: no verdict on the vault */
	SLOT_GOOD,
};

/**
 * struct slot_owner - whose slot, and of when
 * @root: root secret, 32 bytes
 * @uid: of the module, SECMOD_UID_SIZE bytes
 * @counter: value of the vault counter
 */
struct slot_owner {
	const u8 *root;
	const u8 *uid;
	u64 counter;
};

/*
 * Seals @r into @slot, which has SLOT_USED bytes. Returns the length; -E2BIG when the
 * record does not fit; what the cryptography says, -ENOMEM or -EIO.
 */
int slot_seal(const struct slot_owner *o, const struct record *r, u8 *slot);
/*
 * Opens the first @len bytes of a slot, which it decrypts in place. @found becomes the
 * counter in the header, for SLOT_OLD and SLOT_AHEAD; @out is filled for SLOT_GOOD.
 */
enum slot_verdict slot_open(const struct slot_owner *o, u8 *slot, size_t len, u64 *found,
			    struct record *out);

/* kernel/crypto.c or tests/shim/slot_openssl.c: AES-256-GCM in place, the IV is zero. */
int secmod_gcm(bool encrypt, const u8 key[32], const u8 *aad, size_t aad_len, u8 *data, size_t len);
/* One key of the root secret: HMAC-SHA256(root, label || 0 || context). */
int secmod_derive(const u8 root[32], const char *label, const u8 *context, size_t context_len,
		  u8 out[32]);

#endif
