/* SPDX-License-Identifier: MIT */
/*
 * Put before each source of the executive that needs the kernel: the little of it that
 * they use, and a module that lives in memory. executive_fuzz.c has the functions.
 */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H

#define SECMOD_H /* instead of kernel/secmod.h */

#include "kernel/cert.h"
#include "kernel/record.h"
#include "kernel/transaction/slots.h"
#include "tpm/buf.h"

/* not <stdlib.h>, which has a select() of its own */
void *calloc(size_t count, size_t size);
void free(void *p);

#define GFP_KERNEL 0
#define NSEC_PER_SEC 1000000000ull
#define BUILD_BUG_ON(condition) _Static_assert(!(condition), #condition)
#define min(a, b) ((a) < (b) ? (a) : (b))
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define lockdep_assert_held(lock) ((void)(lock))
#define module_param(name, type, mode)
#define MODULE_PARM_DESC(name, text)

static inline void *kzalloc(size_t size, int flags)
{
	(void)flags;
	return calloc(1, size);
}
#define kvzalloc kzalloc
#define kfree free
#define kfree_sensitive free

static inline void kvfree_sensitive(const void *p, size_t len)
{
	(void)len;
	free((void *)p);
}

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	if (n->next)
		n->next->pprev = &n->next;
	h->first = n;
	n->pprev = &h->first;
}

static inline void hlist_del(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
}

/* @member comes first */
#define hlist_for_each_entry(at, head, member)   \
	for ((at) = (void *)(head)->first; (at); \
	     (at) = (void *)(at)->member.next)

struct executive;

struct secmod {
	int lock;
	u32 state;
	u32 generation;
	struct refusal why;
	u8 uid[SECMOD_UID_SIZE];
	u64 epoch;
	u64 vault_counter;
	struct record *record;
	u32 keysets_changed;
	struct hlist_head executives;
	struct executive *acting;
	u64 keyset_wait[RECORD_KEYSETS];
};

struct secmod_file {
	struct secmod *sm;
	struct executive *executive;
};

u64 ktime_get_boottime_ns(void);
struct record *record_alloc(void);
void record_free(struct record *r);
int secmod_tpm_begin(struct secmod *sm);
void secmod_tpm_end(struct secmod *sm);
struct cert_verifier secmod_verifier(struct secmod *sm);
int secmod_agree(struct secmod *sm, const struct t2_point *peer,
		 u8 x[T2_COORD_SIZE]);
int secmod_vault_commit(struct secmod *sm, struct record *next);
int secmod_reset(struct secmod *sm, struct secmod_reset *arg,
		 const u8 *checking, size_t checking_len, const u8 *identity,
		 size_t identity_len, void *file);
int txn_install(struct secmod *sm, const struct txn_params *p);
int txn_delete(struct secmod *sm, u8 kvn);

#endif
