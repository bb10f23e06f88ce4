/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keysets of the secure channels, and who may put which: GlobalPlatform Card
 * Specification 2.3.1, 11.8, with AES keys as Amendment D 1.1.2, 7.2 codes them.
 */
#ifndef SECMOD_KEYSET_H
#define SECMOD_KEYSET_H

#include "kernel/record.h"
#include "scp03.h"

#define KEY_KCV_SIZE 3
#define KEY_PARTS 3 /* ENC, MAC, DEK */

/* Who is on the other end: which proof opened the channel. */
enum executive_channel {
	CHANNEL_NONE, /* nobody has proved anything */
	CHANNEL_TRANSPORT, /* SCP03 with the supplier's keyset (KDC) */
	CHANNEL_REPLACEMENT, /* SCP03 with the key replacement keyset (KRK) */
	CHANNEL_MASTER, /* SCP03 with the master keyset (MK) */
	CHANNEL_CENTRAL, /* SCP11a, module key and central key */
	CHANNEL_COUNT,
};

/* What a key is for: its key version number tells. */
enum key_role {
	KEY_NONE, /* P1 of PUT KEY: there was no such key before */
	KEY_TRANSPORT, /* 30 */
	KEY_REPLACEMENT, /* 31 to 37 */
	KEY_MASTER, /* 38 to 3F */
	KEY_TRANSACTION, /* 40 to 5F: not in the vault */
	KEY_ROLE_COUNT,
};

/* KEY_ROLE_COUNT: a number that no key can have. */
enum key_role key_role(u8 kvn);
/* The channel that a keyset of this role opens. */
enum executive_channel key_channel(enum key_role role);
/* The keyset of this number, of any when it is 0; NULL when there is none. */
struct record_keyset *keyset_find(struct record *r, u8 kvn);
struct record_keyset *keyset_of_role(struct record *r, enum key_role role);
/* An application needs no master keyset to be loaded; a module without both is not issued. */
bool keyset_issued(struct record *r);

/* A key of PUT KEY, in clear after key_decrypt(). */
struct key_block {
	u8 len;
	u8 value[SCP03_KEY_MAX];
	u8 value_len; /* enciphered: a multiple of a block */
	u8 kcv[KEY_KCV_SIZE];
};

/**
 * struct put_key - PUT KEY, parsed
 * @old: key version number in P1, 0: a new key
 * @kvn: of what is put
 * @count: of @key: 1 or KEY_PARTS
 * @key: the keys
 * @rest: what stands behind them
 * @rest_len: its length
 */
struct put_key {
	u8 old;
	u8 kvn;
	u8 count;
	struct key_block key[KEY_PARTS];
	const u8 *rest;
	size_t rest_len;
};

/* SW_OK, SW_P1P2 or SW_DATA. The caller wipes @p. */
u16 put_key_parse(struct put_key *p, const struct apdu *a);
/*
 * May this channel put this? SW_OK; SW_SECURITY when it never may, SW_CONDITIONS when the
 * slots are not as it takes, SW_REFERENCE when there is nothing with the old number.
 */
u16 put_key_allowed(enum executive_channel channel, struct record *r, const struct put_key *p);
/* Deciphers with Key-DEK and compares the check values: SW_OK, SW_DATA or SW_FAILED. */
u16 put_key_decrypt(struct put_key *p, const u8 *dek, size_t dek_len);
/* Puts the three keys into the slot that they take over, or into the first empty one. */
void keyset_install(struct record *r, const struct put_key *p);
/* Key check value: Amendment D, 6.2.3: 0, -ENOMEM or -EIO */
int key_check_value(const u8 *key, size_t len, u8 kcv[KEY_KCV_SIZE]);

#endif
