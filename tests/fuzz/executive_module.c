// SPDX-License-Identifier: MIT
/* The module in memory: what the driver gives the executive, and what it checks in turn. */
#include "executive_module.h"

#include "fuzz.h"
#include "tests/vectors/cert.h"

struct secmod module;
u64 now;
unsigned int commits;
bool forbidden;

/*
 * What the driver gives the executive
 */
u64 ktime_get_boottime_ns(void)
{
	return now += NSEC_PER_SEC;
}

/* Large, and one is given back for each that is taken: kept, and not cleared again. */
static struct record *spare;

struct record *record_alloc(void)
{
	struct record *r = spare ? spare : calloc(1, sizeof(*r));

	spare = NULL;
	return r;
}

void record_free(struct record *r)
{
	free(spare);
	spare = r;
}

int secmod_tpm_begin(struct secmod *sm)
{
	(void)sm;
	return 0;
}

void secmod_tpm_end(struct secmod *sm)
{
	(void)sm;
}

static int believe(void *ctx, const u8 point[CERT_POINT_SIZE], const void *data,
		   size_t len, const u8 sig[SECMOD_SIG_SIZE])
{
	(void)ctx;
	(void)point;
	(void)data;
	(void)len;
	(void)sig;
	return 0;
}

struct cert_verifier secmod_verifier(struct secmod *sm)
{
	return (struct cert_verifier){ believe, NULL, 1800000000, &sm->why };
}

int secmod_agree(struct secmod *sm, const struct t2_point *peer,
		 u8 x[T2_COORD_SIZE])
{
	(void)sm;
	memcpy(x, peer->x, T2_COORD_SIZE);
	return 0;
}

u32 acting;

/* What each channel may change: docs/executive.md. */
static void check_change(const struct record *old, const struct record *new)
{
	const bool loading = acting == CHANNEL_TRANSPORT;

	for (size_t i = 0; i < RECORD_KEYSETS; i++) {
		const struct record_keyset *a = &old->keysets[i],
					   *b = &new->keysets[i];
		const enum key_role role = key_role(b->kvn ? b->kvn : a->kvn);

		if (a->kvn == b->kvn && !memcmp(a->enc, b->enc, 3 * KEY_LEN))
			continue;
		CHECK((loading && (!a->kvn || role == KEY_TRANSPORT)) ||
		      (acting == CHANNEL_REPLACEMENT && role == KEY_MASTER &&
		       a->kvn && b->kvn) ||
		      (acting == CHANNEL_MASTER && role == KEY_TRANSPORT &&
		       !b->kvn) ||
		      (acting == CHANNEL_CENTRAL && role == KEY_TRANSPORT &&
		       b->kvn));
	}
	CHECK(loading || acting == CHANNEL_MASTER ||
	      (old->secured == new->secured && old->apps.len == new->apps.len &&
	       !memcmp(old->apps.data, new->apps.data, old->apps.len)));
}

int secmod_vault_commit(struct secmod *sm, struct record *next)
{
	CHECK(!forbidden);
	check_change(sm->record, next);
	record_free(sm->record);
	sm->record = next;
	sm->vault_counter++;
	commits++;
	return 0;
}

int secmod_reset(struct secmod *sm, struct secmod_reset *arg,
		 const u8 *checking, size_t checking_len, const u8 *identity,
		 size_t identity_len, void *file)
{
	(void)checking;
	(void)checking_len;
	(void)identity;
	(void)identity_len;
	(void)file;
	CHECK(!forbidden && acting == CHANNEL_CENTRAL);
	sm->generation++;
	executive_follow_all(sm);
	sm->state = SECMOD_STATE_PERSONALIZATION;
	arg->public_len = arg->attest_len = arg->nv_public_len = 8;
	return 0;
}

static u64 txn_keys; /* bit of KVN */

int txn_install(struct secmod *sm, const struct txn_params *p)
{
	CHECK(!forbidden && sm->state == SECMOD_STATE_OPERATING);
	CHECK(acting == CHANNEL_CENTRAL);
	CHECK(p->kvn >= 0x40 && p->kvn <= 0x5f && p->key_len <= TXN_KEY_SIZE);
	txn_keys |= 1ull << (p->kvn & 0x3f);
	return 0;
}

int txn_delete(struct secmod *sm, u8 kvn)
{
	const u64 bit = 1ull << (kvn & 0x3f);

	CHECK(!forbidden && sm->record && acting == CHANNEL_CENTRAL);
	if (!(txn_keys & bit))
		return -ENOENT;
	txn_keys &= ~bit;
	return 0;
}

struct record_cert signer;

void find_signer(void)
{
	const struct cert_vector *v = cert_good;

	while (v->role != SECMOD_ROLE_CENTRAL || !v->issuer)
		v++;
	for (const char *hex = v->issuer; *hex; hex += 2) {
		unsigned int byte;

		CHECK(sscanf(hex, "%2x", &byte) == 1);
		signer.der[signer.len++] = (u8)byte;
	}
}
