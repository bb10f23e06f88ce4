// SPDX-License-Identifier: GPL-2.0-only
/* Transaction keys: slots, renewal, their end, sequence numbers and replays. */
#include "slots.h"

#define AT_KVN 1
#define AT_ID 2
#define AT_SEQUENCE 6
#define DIRECTIONS (TXN_MODULE_SEALS | TXN_MODULE_OPENS)

/* Written out: compilers make one store, or load, of each. */
static void put_be32(u8 *out, u32 v)
{
	out[0] = v >> 24;
	out[1] = v >> 16;
	out[2] = v >> 8;
	out[3] = v;
}

static void put_be64(u8 *out, u64 v)
{
	put_be32(out, v >> 32);
	put_be32(out + 4, v);
}

static u32 get_be32(const u8 *in)
{
	return (u32)in[0] << 24 | in[1] << 16 | in[2] << 8 | in[3];
}

static u64 get_be64(const u8 *in)
{
	return (u64)get_be32(in) << 32 | get_be32(in + 4);
}

static bool is_slot(u8 kvn)
{
	return (kvn & ~(TXN_SLOTS - 1)) == TXN_KVN_FIRST;
}

/* Masked, not subtracted: no KVN, mispredicted or not, leads out of the slots. */
static size_t index_of(u8 kvn)
{
	return kvn & (TXN_SLOTS - 1);
}

static bool has_ended(const struct txn_key *k, u64 now)
{
	return k->ended || now >= k->expires;
}

int txn_params_check(const struct txn_params *p, const struct secmod_policy *policy,
		     struct refusal *why)
{
	if (!is_slot(p->kvn))
		return refuse(why, -EINVAL, "KVN 0x%02x is none of transaction keys", p->kvn);
	if (p->algorithm != TXN_AES_256_GCM || p->key_len != TXN_KEY_SIZE)
		return refuse(why, -EOPNOTSUPP,
			      "transaction key 0x%02x: algorithm %u with %u bytes is unknown",
			      p->kvn, p->algorithm, p->key_len);
	if (!p->directions || p->directions & ~DIRECTIONS)
		return refuse(why, -EINVAL, "transaction key 0x%02x: directions 0x%02x", p->kvn,
			      p->directions);
	if (!p->lifetime || !p->messages)
		return refuse(why, -EINVAL,
			      "transaction key 0x%02x: without a lifetime or messages", p->kvn);
	if (p->lifetime > policy->max_lifetime || p->messages > policy->max_messages)
		return refuse(why, -ERANGE,
			      "transaction key 0x%02x: for longer or more than the policy allows",
			      p->kvn);
	return 0;
}

void txn_key_init(struct txn_key *k, const struct txn_params *p, u64 now)
{
	memset(k, 0, sizeof(*k));
	k->kvn = p->kvn;
	k->directions = p->directions;
	k->id = p->id;
	k->expires = now + p->lifetime;
	k->left = p->messages;
	k->head[0] = TXN_VERSION;
	k->head[AT_KVN] = p->kvn;
	put_be32(k->head + AT_ID, p->id);
}

static bool is_same(const struct txn_key *k, const struct txn_key *fresh)
{
	return k && !memcmp(k->fingerprint, fresh->fingerprint, sizeof(k->fingerprint));
}

int txn_slots_check(const struct txn_slots *s, const struct txn_key *fresh, u64 now,
		    const struct secmod_policy *policy, struct refusal *why)
{
	const struct txn_key *replaced = s->slot[index_of(fresh->kvn)].key;
	const struct txn_key *former = s->slot[index_of(fresh->kvn)].former;
	size_t i;

	/* A message could not tell them apart. */
	if ((replaced && replaced->id == fresh->id) || (former && former->id == fresh->id))
		return refuse(why, -EEXIST, "transaction key 0x%02x: the id %08x has been in use",
			      fresh->kvn, fresh->id);
	/* Its sequence numbers would begin again, and so its nonces. */
	for (i = 0; i < TXN_SLOTS; i++)
		if (is_same(s->slot[i].key, fresh) || is_same(s->slot[i].former, fresh))
			return refuse(why, -EEXIST,
				      "transaction key 0x%02x: the same key has been in use",
				      fresh->kvn);
	if ((!replaced || has_ended(replaced, now)) && txn_slots_count(s, now) >= policy->max_keys)
		return refuse(why, -ENOSPC, "the policy allows %llu transaction keys",
			      (unsigned long long)policy->max_keys);
	return 0;
}

struct txn_key *txn_slots_put(struct txn_slots *s, struct txn_key *fresh, u64 now)
{
	size_t i = index_of(fresh->kvn);
	struct txn_key *dropped = NULL;

	if (s->slot[i].key) {
		dropped = s->slot[i].former;
		s->slot[i].former = s->slot[i].key;
		if (s->slot[i].former->expires > now + TXN_GRACE)
			s->slot[i].former->expires = now + TXN_GRACE;
	}
	s->slot[i].key = fresh;
	return dropped;
}

struct txn_key *txn_slots_take(struct txn_slots *s, u8 kvn)
{
	size_t i = index_of(kvn);
	struct txn_key *k;

	if (!is_slot(kvn))
		return NULL;
	k = s->slot[i].former;
	s->slot[i].former = NULL;
	if (!k) {
		k = s->slot[i].key;
		s->slot[i].key = NULL;
	}
	return k;
}

size_t txn_slots_count(const struct txn_slots *s, u64 now)
{
	size_t i, n = 0;

	for (i = 0; i < TXN_SLOTS; i++)
		n += s->slot[i].key && !has_ended(s->slot[i].key, now);
	return n;
}

static size_t list(const struct txn_key *k, u64 now, u8 state, struct secmod_txn_key *out)
{
	if (!k)
		return 0;
	*out = (struct secmod_txn_key){
		.id = k->id,
		.kvn = k->kvn,
		.directions = k->directions,
		.state = SECMOD_TXN_ENDED,
	};
	if (has_ended(k, now))
		return 1;
	out->state = state;
	out->seconds = k->expires - now;
	out->messages = k->left;
	return 1;
}

size_t txn_slots_list(const struct txn_slots *s, u64 now, struct secmod_txn_key *out)
{
	size_t i, n = 0;

	for (i = 0; i < TXN_SLOTS; i++) {
		n += list(s->slot[i].key, now, SECMOD_TXN_READY, out + n);
		n += list(s->slot[i].former, now, SECMOD_TXN_FORMER, out + n);
	}
	return n;
}

static void sweep(struct txn_key *k, u64 now, u64 *next, void (*wipe)(struct txn_key *k))
{
	if (!k || !k->cipher)
		return;
	if (has_ended(k, now)) {
		k->ended = true;
		wipe(k);
	} else if (k->expires < *next) {
		*next = k->expires;
	}
}

u64 txn_slots_sweep(struct txn_slots *s, u64 now, void (*wipe)(struct txn_key *k))
{
	u64 next = ~0ull;
	size_t i;

	for (i = 0; i < TXN_SLOTS; i++) {
		sweep(s->slot[i].key, now, &next, wipe);
		sweep(s->slot[i].former, now, &next, wipe);
	}
	return next;
}

static int usable(const struct txn_key *k, u8 direction, u64 now)
{
	if (!k)
		return -ENOENT;
	if (has_ended(k, now))
		return -EKEYEXPIRED;
	return k->directions & direction ? 0 : -EACCES;
}

static void count(struct txn_key *k)
{
	if (!--k->left)
		k->ended = true;
}

int txn_seal_begin(struct txn_slots *s, u8 kvn, u64 now, struct txn_key **key,
		   u8 header[TXN_HEADER_SIZE])
{
	struct txn_key *k = is_slot(kvn) ? s->slot[index_of(kvn)].key : NULL;
	int rc = usable(k, TXN_MODULE_SEALS, now);

	if (rc)
		return rc;
	count(k);
	memcpy(header, k->head, sizeof(k->head));
	put_be64(header + AT_SEQUENCE, ++k->sequence);
	*key = k;
	return 0;
}

/* The first message has the number 1. */
static bool admits(const struct txn_window *w, u64 n)
{
	if (n > w->top)
		return true;
	if (!n || w->top - n >= TXN_WINDOW)
		return false;
	return !(w->seen[n / 64 % TXN_WINDOW_WORDS] >> n % 64 & 1);
}

/* RFC 6479, 3: words come into the window whole, and empty. */
static void mark(struct txn_window *w, u64 n)
{
	u64 word = w->top / 64;

	if (n > w->top) {
		if (n / 64 - word >= TXN_WINDOW_WORDS)
			memset(w->seen, 0, sizeof(w->seen));
		else
			while (word++ < n / 64)
				w->seen[word % TXN_WINDOW_WORDS] = 0;
		w->top = n;
	}
	w->seen[n / 64 % TXN_WINDOW_WORDS] |= 1ull << n % 64;
}

static struct txn_key *find(const struct txn_slots *s, u8 kvn, u32 id)
{
	size_t i = index_of(kvn);

	if (!is_slot(kvn))
		return NULL;
	if (s->slot[i].key && s->slot[i].key->id == id)
		return s->slot[i].key;
	if (s->slot[i].former && s->slot[i].former->id == id)
		return s->slot[i].former;
	return NULL;
}

int txn_open_begin(const struct txn_slots *s, const u8 header[TXN_HEADER_SIZE], u64 now,
		   struct txn_key **key)
{
	struct txn_key *k;
	int rc;

	if (header[0] != TXN_VERSION)
		return -EBADMSG;
	k = find(s, header[AT_KVN], get_be32(header + AT_ID));
	rc = usable(k, TXN_MODULE_OPENS, now);
	if (rc)
		return rc;
	if (!admits(&k->window, get_be64(header + AT_SEQUENCE)))
		return -ESTALE;
	*key = k;
	return 0;
}

int txn_open_end(struct txn_key *k, const u8 header[TXN_HEADER_SIZE], u64 now)
{
	u64 n = get_be64(header + AT_SEQUENCE);

	if (has_ended(k, now))
		return -EKEYEXPIRED;
	if (!admits(&k->window, n))
		return -ESTALE;
	mark(&k->window, n);
	count(k);
	return 0;
}

void txn_nonce(u8 direction, const u8 header[TXN_HEADER_SIZE], u8 nonce[TXN_NONCE_SIZE])
{
	memset(nonce, 0, TXN_NONCE_SIZE);
	nonce[0] = direction;
	memcpy(nonce + TXN_NONCE_SIZE - 8, header + AT_SEQUENCE, 8);
}
