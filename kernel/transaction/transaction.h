/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transaction keys of a module: installed by the central system through a channel of the
 * executive, used by SEAL and OPEN, gone with a reset, a detach, their expiry, their
 * last message, or the driver.
 */
#ifndef SECMOD_TRANSACTION_H
#define SECMOD_TRANSACTION_H

#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "slots.h"

struct secmod;

/**
 * struct txn - the transaction keys of a module
 * @sem: held for reading while keys are used, for writing to put, take and wipe them.
 *	Whoever puts or takes keys also holds sm->lock; whoever uses them does not, for
 *	that is held as long as a TPM takes. Order: sm->lock, @sem, @lock. No memory of a
 *	user is touched under @sem, so that wiping waits for cryptography only.
 * @lock: protects what keys count, for those who read @sem
 * @slots: the keys
 * @sweep: wipes the next one that expires
 */
struct txn {
	struct rw_semaphore sem;
	spinlock_t lock; /* of what keys count */
	struct txn_slots slots;
	struct delayed_work sweep;
};

/**
 * struct txn_message - one message on its way
 * @at: a stretch of kernel memory: @aad_len bytes of associated data, TXN_HEADER_SIZE of
 *	header, @len of text, TXN_TAG_SIZE of tag
 * @aad_len: at most SECMOD_SEAL_AAD_MAX
 * @len: at most SECMOD_SEAL_DATA_MAX
 * @result: 0 or a negative errno; with one at the beginning it is left alone
 */
struct txn_message {
	u8 *at;
	u32 aad_len;
	u32 len;
	int result;
};

void txn_init(struct txn *t);

/**
 * txn_install() - put a transaction key into its slot
 *
 * Replaces the key of the same KVN, which goes on opening for TXN_GRACE seconds, but never
 * beyond its own end; a key that was in that place before is wiped.
 *
 * Return: 0; -EBADFD unless operating; what txn_params_check() and txn_slots_check() say;
 * -ENOMEM, -EIO
 */
int txn_install(struct secmod *sm, const struct txn_params *p);
/* Wipes the keys of @kvn. -ENOENT: there is none. */
int txn_delete(struct secmod *sm, u8 kvn);
/* Wipes all; when it returns no key is in use any more. */
void txn_wipe_all(struct secmod *sm);
/* The driver leaves: wipes all and ends what runs by itself. */
void txn_end(struct secmod *sm);
/* Wipes what has ended, also while the machine slept. */
void txn_sweep_now(struct secmod *sm);
/* Keys in use. */
size_t txn_count(struct secmod *sm);
/* Fills what has room for SECMOD_TXN_KEYS_MAX; returns how many there are. */
size_t txn_list(struct secmod *sm, struct secmod_txn_key *out);

/**
 * txn_run() - seal or open messages, in their order
 * @kvn: of the key to seal with
 *
 * Return: 0, with a result in each message; -EINTR
 */
int txn_run(struct secmod *sm, bool seal, u8 kvn, struct txn_message *m, size_t count);

#endif
