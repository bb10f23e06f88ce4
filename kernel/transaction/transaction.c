// SPDX-License-Identifier: GPL-2.0-only
/* Transaction keys: from the central system into their slots, and their use. */
#include <linux/ktime.h>

#include "cipher.h"
#include "kernel/secmod.h"

#define LONGEST_SLEEP (24 * 60 * 60) /* seconds; then it looks again */

static u64 now(void)
{
	return ktime_get_boottime_seconds();
}

static void wipe(struct txn_key *k)
{
	if (k->cipher)
		txn_cipher_free(k->cipher);
	k->cipher = NULL;
}

static void free_key(struct txn_key *k)
{
	if (!k)
		return;
	wipe(k);
	kfree_sensitive(k);
}

static void sweep(struct txn *t)
{
	u64 at = now(), next;

	lockdep_assert_held_write(&t->sem);
	next = txn_slots_sweep(&t->slots, at, wipe);
	cancel_delayed_work(&t->sweep);
	if (next != ~0ull)
		schedule_delayed_work(&t->sweep, min_t(u64, next - at, LONGEST_SLEEP) * HZ);
}

static void sweep_work(struct work_struct *work)
{
	struct txn *t = container_of(to_delayed_work(work), struct txn, sweep);

	down_write(&t->sem);
	sweep(t);
	up_write(&t->sem);
}

void txn_init(struct txn *t)
{
	init_rwsem(&t->sem);
	spin_lock_init(&t->lock);
	INIT_DELAYED_WORK(&t->sweep, sweep_work);
}

void txn_sweep_now(struct secmod *sm)
{
	down_write(&sm->txn.sem);
	sweep(&sm->txn);
	up_write(&sm->txn.sem);
}

static struct txn_key *new_key(const struct txn_params *p)
{
	struct txn_key *k = kmalloc(sizeof(*k), GFP_KERNEL);
	struct t2_vec in = { p->key, TXN_KEY_SIZE };
	int rc;

	if (!k)
		return ERR_PTR(-ENOMEM);
	txn_key_init(k, p, now());
	rc = t2_sha256(&in, 1, k->fingerprint);
	if (!rc) {
		k->cipher = txn_cipher_new(p->key);
		rc = PTR_ERR_OR_ZERO(k->cipher);
	}
	if (!rc)
		return k;
	kfree_sensitive(k);
	return ERR_PTR(rc);
}

int txn_install(struct secmod *sm, const struct txn_params *p)
{
	struct txn *t = &sm->txn;
	struct txn_key *k;
	int rc;

	lockdep_assert_held(&sm->lock);
	if (sm->state != SECMOD_STATE_OPERATING)
		return refuse(&sm->why, -EBADFD, "transaction key 0x%02x: module is %s", p->kvn,
			      state_name(sm->state));
	rc = txn_params_check(p, &sm->record->policy, &sm->why);
	if (rc)
		return rc;
	k = new_key(p);
	if (IS_ERR(k))
		return PTR_ERR(k);
	down_write(&t->sem);
	rc = txn_slots_check(&t->slots, k, now(), &sm->record->policy, &sm->why);
	if (!rc) {
		k = txn_slots_put(&t->slots, k, now());
		sweep(t);
	}
	up_write(&t->sem);
	free_key(k);
	return rc;
}

static size_t wipe_slot(struct txn *t, u8 kvn)
{
	struct txn_key *k;
	size_t n = 0;

	while ((k = txn_slots_take(&t->slots, kvn))) {
		free_key(k);
		n++;
	}
	return n;
}

int txn_delete(struct secmod *sm, u8 kvn)
{
	struct txn *t = &sm->txn;
	size_t n;

	lockdep_assert_held(&sm->lock);
	down_write(&t->sem);
	n = wipe_slot(t, kvn);
	up_write(&t->sem);
	return n ? 0 : -ENOENT;
}

void txn_wipe_all(struct secmod *sm)
{
	struct txn *t = &sm->txn;
	u8 kvn;

	down_write(&t->sem);
	for (kvn = TXN_KVN_FIRST; kvn < TXN_KVN_FIRST + TXN_SLOTS; kvn++)
		wipe_slot(t, kvn);
	sweep(t);
	up_write(&t->sem);
}

void txn_end(struct secmod *sm)
{
	txn_wipe_all(sm);
	cancel_delayed_work_sync(&sm->txn.sweep);
}

size_t txn_count(struct secmod *sm)
{
	size_t n;

	down_read(&sm->txn.sem);
	spin_lock(&sm->txn.lock);
	n = txn_slots_count(&sm->txn.slots, now());
	spin_unlock(&sm->txn.lock);
	up_read(&sm->txn.sem);
	return n;
}

size_t txn_list(struct secmod *sm, struct secmod_txn_key *out)
{
	size_t n;

	down_read(&sm->txn.sem);
	spin_lock(&sm->txn.lock);
	n = txn_slots_list(&sm->txn.slots, now(), out);
	spin_unlock(&sm->txn.lock);
	up_read(&sm->txn.sem);
	return n;
}

/* A number is taken under the lock and used by nobody else: messages may overtake. */
static int seal(struct txn *t, struct txn_work *w, u8 kvn, u64 at, struct txn_message *m,
		struct txn_key **key)
{
	u8 *header = m->at + m->aad_len;
	int rc;

	spin_lock(&t->lock);
	rc = txn_seal_begin(&t->slots, kvn, at, key, header);
	spin_unlock(&t->lock);
	if (rc)
		return rc;
	txn_nonce(0, header, w->nonce);
	return txn_cipher_run(w, (*key)->cipher, true, m->at, m->aad_len + TXN_HEADER_SIZE, m->len);
}

/* The window is looked at twice: whoever comes second with the same message has none. */
static int open(struct txn *t, struct txn_work *w, u64 at, struct txn_message *m,
		struct txn_key **key)
{
	const u8 *header = m->at + m->aad_len;
	int rc;

	spin_lock(&t->lock);
	rc = txn_open_begin(&t->slots, header, at, key);
	spin_unlock(&t->lock);
	if (rc)
		return rc;
	txn_nonce(1, header, w->nonce);
	rc = txn_cipher_run(w, (*key)->cipher, false, m->at, m->aad_len + TXN_HEADER_SIZE, m->len);
	if (rc)
		return rc;
	spin_lock(&t->lock);
	rc = txn_open_end(*key, header, at);
	spin_unlock(&t->lock);
	return rc;
}

int txn_run(struct secmod *sm, bool sealing, u8 kvn, struct txn_message *m, size_t count)
{
	struct txn_work *w = kmalloc(sizeof(*w), GFP_KERNEL);
	struct txn *t = &sm->txn;
	struct txn_key *key = NULL;
	bool ended = false;
	size_t i;
	u64 at;

	if (!w)
		return -ENOMEM;
	w->request = NULL;
	if (down_read_killable(&t->sem)) {
		kfree(w);
		return -EINTR;
	}
	at = now();
	for (i = 0; i < count; i++) {
		if (m[i].result)
			continue;
		m[i].result = sealing ? seal(t, w, kvn, at, &m[i], &key) :
					open(t, w, at, &m[i], &key);
		ended |= key && READ_ONCE(key->ended);
	}
	up_read(&t->sem);
	txn_work_end(w);
	kfree(w);
	/* The last message's key is wiped before its caller has the message. */
	if (ended)
		txn_sweep_now(sm);
	return 0;
}
