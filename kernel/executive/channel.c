// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a channel with a keyset: Amendment D 1.1.2, 7.1. A try is counted in the vault
 * before it is compared, and taken back when it was right: who cuts the power in between
 * has lost it.
 */
#include <linux/ktime.h>
#include <linux/moduleparam.h>

#include "executive.h"

#define DIVERSIFICATION_SIZE 10
#define SEQUENCE_MAX 0xffffff

/* After each failure twice as long: 1 s to 16 s. */
#define DELAY_DOUBLINGS 4

static bool pseudo_random;
module_param(pseudo_random, bool, 0444);
MODULE_PARM_DESC(pseudo_random,
		 "challenges of SCP03 follow from a counter in the vault (\"i\" = 70, else 60)");

void channel_close(struct executive *x)
{
	scp03_wipe(&x->scp);
	memzero_explicit(x->dek, sizeof(x->dek));
	memzero_explicit(x->challenge, sizeof(x->challenge));
	store_forget(x);
	x->channel = CHANNEL_NONE;
	x->initiated = false;
	x->challenged = false;
	x->closing = false;
}

static size_t slot_of(const struct record *r, const struct record_keyset *k)
{
	return k - r->keysets;
}

static const char *way_out(u8 kvn)
{
	switch (key_role(kvn)) {
	case KEY_MASTER:
		return "replace it with the replacement keyset";
	case KEY_TRANSPORT:
		return "the central system puts another one";
	default:
		return "reset the module (secmod reset)";
	}
}

static u16 may_try(struct executive *x, const struct record_keyset *k)
{
	struct secmod *sm = x->sm;

	if (k->failures >= sm->record->policy.keyset_tries) {
		refuse(&sm->why, -EACCES, "keyset %02X: locked after %u failed authentications: %s",
		       k->kvn, k->failures, way_out(k->kvn));
		return SW_BLOCKED;
	}
	if (ktime_get_boottime_ns() < sm->keyset_wait[slot_of(sm->record, k)]) {
		refuse(&sm->why, -EACCES,
		       "keyset %02X: %u authentications have failed: wait a moment", k->kvn,
		       k->failures);
		return SW_CONDITIONS;
	}
	return SW_OK;
}

/* 6.2.2.1: the challenge follows from a counter that never goes back. */
static u16 next_challenge(struct executive *x, u8 kvn, u8 *challenge, size_t len, u32 *sequence)
{
	struct record *next = executive_copy(x);
	struct record_keyset *k;
	struct scp03_keyset keys = {};
	u16 sw;

	if (!next)
		return SW_FAILED;
	k = keyset_find(next, kvn);
	if (k->sequence >= SEQUENCE_MAX) {
		record_free(next);
		return SW_CONDITIONS;
	}
	*sequence = ++k->sequence;
	keys.len = k->len;
	memcpy(keys.enc, k->enc, sizeof(keys.enc));
	sw = executive_commit(x, next);
	if (sw == SW_OK && scp03_challenge(&keys, *sequence, executive_issuer.name,
					   executive_issuer.len, challenge, len))
		sw = SW_FAILED;
	memzero_explicit(&keys, sizeof(keys));
	return sw;
}

static u16 make_challenge(struct executive *x, u8 kvn, u8 *challenge, size_t len, u32 *sequence)
{
	if (pseudo_random)
		return next_challenge(x, kvn, challenge, len, sequence);
	return t2_random(challenge, len) ? SW_FAILED : SW_OK;
}

static int begin(struct executive *x, const struct record_keyset *k, const struct apdu *a,
		 const u8 *challenge, u8 *cryptogram)
{
	struct scp03_keyset keys = { .len = k->len };
	int rc;

	memcpy(keys.enc, k->enc, sizeof(keys.enc));
	memcpy(keys.mac, k->mac, sizeof(keys.mac));
	x->scp.mac_len = a->len;
	rc = scp03_begin(&x->scp, &keys, a->data, challenge, cryptogram);
	memzero_explicit(&keys, sizeof(keys));
	return rc;
}

u8 channel_scp03_options(void)
{
	return SCP03_I_R_MAC | SCP03_I_R_ENCRYPTION | (pseudo_random ? SCP03_I_PSEUDO_RANDOM : 0);
}

static void put_answer(struct executive *x, const u8 *challenge, const u8 *cryptogram, u32 sequence,
		       struct apdu_response *r)
{
	const u8 n = x->scp.mac_len;
	u8 mode = channel_scp03_options();
	const u8 counter[] = { sequence >> 16, sequence >> 8, sequence };

	if (n == SCP03_CHALLENGE_MAX)
		mode |= SCP03_I_S16;
	apdu_put(r, x->sm->uid, DIVERSIFICATION_SIZE);
	apdu_put_byte(r, x->kvn);
	apdu_put_byte(r, SCP03_ID);
	apdu_put_byte(r, mode);
	apdu_put(r, challenge, n);
	apdu_put(r, cryptogram, n);
	if (pseudo_random)
		apdu_put(r, counter, sizeof(counter));
}

u16 channel_initialize_update(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	u8 challenge[SCP03_CHALLENGE_MAX], cryptogram[SCP03_CHALLENGE_MAX];
	const struct record_keyset *k;
	u32 sequence = 0;
	u16 sw;

	channel_close(x);
	if (a->p2)
		return SW_P1P2;
	if (a->len != SCP03_CHALLENGE_MAX / 2 && a->len != SCP03_CHALLENGE_MAX)
		return SW_LENGTH;
	k = keyset_find(x->sm->record, a->p1);
	if (!k)
		return SW_REFERENCE;
	x->kvn = k->kvn;
	sw = may_try(x, k);
	if (sw == SW_OK)
		sw = make_challenge(x, x->kvn, challenge, a->len, &sequence);
	if (sw != SW_OK)
		return sw;
	/* the record may be another one now */
	if (begin(x, keyset_find(x->sm->record, x->kvn), a, challenge, cryptogram))
		return SW_FAILED;
	x->keysets = x->sm->keysets_changed;
	x->initiated = true;
	put_answer(x, challenge, cryptogram, sequence, r);
	return SW_OK;
}

/* Writes down how often authentication has failed. */
static u16 count_failures(struct executive *x, u8 failures)
{
	struct record *next = executive_copy(x);

	if (!next)
		return SW_FAILED;
	keyset_find(next, x->kvn)->failures = failures;
	return executive_commit(x, next);
}

static u16 tell_failure(struct executive *x, u8 failures)
{
	struct secmod *sm = x->sm;
	const struct record_keyset *k = keyset_find(sm->record, x->kvn);
	u64 left = sm->record->policy.keyset_tries - failures;
	u64 delay = (u64)NSEC_PER_SEC << min(failures - 1, DELAY_DOUBLINGS);

	sm->keyset_wait[slot_of(sm->record, k)] = ktime_get_boottime_ns() + delay;
	refuse(&sm->why, -EKEYREJECTED, "keyset %02X: authentication failed, %llu tries are left",
	       x->kvn, left);
	return left <= 15 ? SW_TRIES | left : SW_WRONG_KEY;
}

static u16 open_channel(struct executive *x)
{
	const struct record_keyset *k;
	u16 sw = count_failures(x, 0);

	if (sw != SW_OK)
		return sw;
	k = keyset_find(x->sm->record, x->kvn);
	x->dek_len = k->len;
	memcpy(x->dek, k->dek, sizeof(x->dek));
	x->channel = key_channel(key_role(x->kvn));
	return SW_OK;
}

u16 channel_external_authenticate(struct executive *x, const struct apdu *a,
				  struct apdu_response *r)
{
	struct apdu command = *a;
	u8 failures;
	u16 sw;
	int rc;

	if (!x->initiated || a->p2) {
		sw = x->initiated ? SW_P1P2 : SW_CONDITIONS;
		channel_close(x);
		return sw;
	}
	x->initiated = false;
	failures = keyset_find(x->sm->record, x->kvn)->failures;
	sw = count_failures(x, failures + 1);
	if (sw == SW_OK) {
		rc = scp03_authenticate(&x->scp, &command);
		if (!rc)
			sw = open_channel(x);
		else if (rc == -EBADMSG || rc == -EKEYREJECTED)
			sw = tell_failure(x, failures + 1);
		else
			sw = SW_FAILED;
	}
	if (sw != SW_OK)
		channel_close(x);
	return sw;
}
