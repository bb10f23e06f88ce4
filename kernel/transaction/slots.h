/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transaction keys as data: which key a message belongs to, its sequence number, and
 * when a key has come to its end. No cryptography and no locks here: whoever calls
 * holds what transaction.h says.
 */
#ifndef SECMOD_TRANSACTION_SLOTS_H
#define SECMOD_TRANSACTION_SLOTS_H

#include "kernel/bundle.h"

#define TXN_KVN_FIRST 0x40
#define TXN_SLOTS 32 /* a power of two, and TXN_KVN_FIRST a multiple of it */
#define TXN_KEY_SIZE 32
#define TXN_AES_256_GCM 1
#define TXN_MODULE_SEALS BIT(0) /* directions, and their octet in the nonce */
#define TXN_MODULE_OPENS BIT(1)
#define TXN_GRACE 60 /* seconds in which a replaced key still opens */
#define TXN_VERSION 1
#define TXN_HEADER_SIZE 14 /* version, KVN, key id (4), sequence number (8) */
#define TXN_TAG_SIZE 16
#define TXN_NONCE_SIZE 12
#define TXN_WINDOW_WORDS 8
/* One word is being filled: RFC 6479, 2 */
#define TXN_WINDOW (64 * (TXN_WINDOW_WORDS - 1))

struct crypto_aead;

/**
 * struct txn_params - a transaction key as the central system gives it
 * @kvn: key version number, TXN_KVN_FIRST and TXN_SLOTS - 1 after it
 * @algorithm: TXN_AES_256_GCM
 * @directions: TXN_MODULE_SEALS, TXN_MODULE_OPENS or both
 * @lifetime: seconds from now
 * @messages: sealed and opened together
 * @id: the central system's name of it
 * @key: the key
 * @key_len: bytes of it: TXN_KEY_SIZE
 */
struct txn_params {
	u8 kvn;
	u8 algorithm;
	u8 directions;
	u32 lifetime;
	u64 messages;
	u32 id;
	u8 key[TXN_KEY_SIZE];
	u8 key_len;
};

/* Sequence numbers that have been opened: bits of @top and the TXN_WINDOW - 1 before it. */
struct txn_window {
	u64 top;
	u64 seen[TXN_WINDOW_WORDS];
};

/**
 * struct txn_key - a key in its slot
 * @kvn: of struct txn_params, as @directions and @id
 * @directions: likewise
 * @ended: expired or used up: it does nothing any more, @cipher is to be wiped
 * @id: likewise
 * @expires: seconds of the boot-time clock
 * @left: messages
 * @sequence: of the last message that was sealed
 * @window: of the messages that were opened
 * @fingerprint: SHA-256 of the key: the same is not taken twice
 * @head: of each header: what comes before the sequence number
 * @cipher: holds the key; NULL when that is wiped
 */
struct txn_key {
	u8 kvn;
	u8 directions;
	bool ended;
	u32 id;
	u64 expires;
	u64 left;
	u64 sequence;
	struct txn_window window;
	u8 fingerprint[T2_DIGEST_SIZE];
	u8 head[TXN_HEADER_SIZE - 8];
	struct crypto_aead *cipher;
};

/**
 * struct txn_slots - all transaction keys of a module
 * @slot: by KVN
 * @slot.key: seals and opens
 * @slot.former: what it replaced, opens for a while
 *
 * An ended key stays in its place without its cipher, so that what is said of it is
 * that it has ended.
 */
struct txn_slots {
	struct {
		struct txn_key *key;
		struct txn_key *former;
	} slot[TXN_SLOTS];
};

/* -EINVAL or -EOPNOTSUPP for what is never right, -ERANGE for more than the policy allows. */
int txn_params_check(const struct txn_params *p, const struct secmod_policy *policy,
		     struct refusal *why);
/* Everything of a key but its fingerprint and cipher. */
void txn_key_init(struct txn_key *k, const struct txn_params *p, u64 now);
/*
 * -EEXIST: the same key, or the same id for this KVN, is or was there; -ENOSPC: there are as
 * many as the policy allows.
 */
int txn_slots_check(const struct txn_slots *s, const struct txn_key *fresh, u64 now,
		    const struct secmod_policy *policy, struct refusal *why);
/* The key of the same KVN becomes the former one; returns what that was before, or NULL. */
struct txn_key *txn_slots_put(struct txn_slots *s, struct txn_key *fresh, u64 now);
/* Takes a key of @kvn out, until there is none: NULL. */
struct txn_key *txn_slots_take(struct txn_slots *s, u8 kvn);
/* Keys that seal or open; former ones do not count. */
size_t txn_slots_count(const struct txn_slots *s, u64 now);
/* What may be known of each key, for SECMOD_TXN_KEYS_MAX of them; returns their number. */
size_t txn_slots_list(const struct txn_slots *s, u64 now, struct secmod_txn_key *out);
/* Has @wipe called for each cipher of an ended key; returns when the next one ends. */
u64 txn_slots_sweep(struct txn_slots *s, u64 now, void (*wipe)(struct txn_key *k));

/*
 * The key that seals the next message of @kvn, and the message's header. The number is
 * used from here on, whatever becomes of the message.
 * -ENOENT: no such key; -EKEYEXPIRED: it has ended; -EACCES: it does not seal.
 */
int txn_seal_begin(struct txn_slots *s, u8 kvn, u64 now, struct txn_key **key,
		   u8 header[TXN_HEADER_SIZE]);
/*
 * The key that a message of this header wants, which need not be true: -EBADMSG when it
 * is none; -ENOENT, -EKEYEXPIRED, -EACCES as above; -ESTALE: opened before, or too old.
 */
int txn_open_begin(const struct txn_slots *s, const u8 header[TXN_HEADER_SIZE], u64 now,
		   struct txn_key **key);
/* Its tag is right. -ESTALE, -EKEYEXPIRED: somebody else was faster; do not show it. */
int txn_open_end(struct txn_key *k, const u8 header[TXN_HEADER_SIZE], u64 now);

/* @direction: 0 of what the module seals, 1 of what it opens. */
void txn_nonce(u8 direction, const u8 header[TXN_HEADER_SIZE], u8 nonce[TXN_NONCE_SIZE]);

#endif
