// SPDX-License-Identifier: MIT
/* Commands to the executive that are made to fail. */
#include <string.h>

#include "world.h"

/*
 * Before
 */
static void open_replacement(void)
{
	find_master();
	open_keyset(KRK);
}

static void open_transport(void)
{
	open_keyset(KDC);
}

static void open_master(void)
{
	find_master();
	open_keyset(w.master);
}

static void select_domain(void)
{
	find_master(); /* does so */
}

static void without_application(void)
{
	struct error e;

	open_master();
	if (gp_delete_application(&w.card, purse, sizeof(purse), &e))
		open_master(); /* there was none */
}

static void with_application(void)
{
	struct error e;

	open_master();
	gp_install(&w.card, purse, sizeof(purse), &e);
	must(gp_personalize(&w.card, purse, sizeof(purse), &e), &e);
}

/*
 * Calls
 */
static int say_select(struct error *e)
{
	struct gp_response r;

	return gp_select(&w.card, NULL, 0, &r, e);
}

static int get_certificates(struct error *e)
{
	struct gp_response r;

	return gp_get_data(&w.card, 0xbf21, &r, e);
}

static int open_as_master(struct error *e)
{
	const struct gp_keyset k = keys_of(w.master);

	return gp_scp03_open(&w.card, &k, w.master, GP_LEVEL_FULL, e);
}

static int replace_master(struct error *e)
{
	const uint8_t old = w.master, new = old == MK ? MK + 1 : MK;
	const struct gp_keyset k = keys_of(new);

	return gp_put_keyset(&w.card, old, new, &k, e);
}

static int delete_txn(struct error *e)
{
	return gp_delete_key(&w.card, TXN, e);
}

static int install(struct error *e)
{
	return gp_install(&w.card, purse, sizeof(purse), e);
}

/* A group of data that differs each time, and a key. */
static int store(struct error *e)
{
	static const uint8_t key[17] = { SECMOD_USE_MAC | SECMOD_USE_ENCRYPT };
	static struct gp_groups g;
	static uint8_t data[100];
	int rc;

	data[0]++;
	g.len = 0;
	rc = gp_data_group(&w.card, GROUP, data, sizeof(data), &g, e);
	rc = rc ?: gp_data_group(&w.card, SECRET, key, sizeof(key), &g, e);
	return rc ?: gp_store_data(&w.card, &g, e);
}

static int delete_application(struct error *e)
{
	return gp_delete_application(&w.card, purse, sizeof(purse), e);
}

static int secure(struct error *e)
{
	struct gp_response r;

	return gp_set_status(&w.card, GP_SECURED, NULL, 0, &r, e);
}

/* See docs/executive.md: UID, epoch, challenge, nonce */
static int reset(struct error *e)
{
	static uint8_t order[16 + 8 + 32 + 32];
	struct gp_response r;
	struct gp_status s;
	size_t i;
	int rc;

	memcpy(order, w.uid, sizeof(w.uid));
	rc = gp_status(&w.card, &s, e);
	for (i = 0; i < 8; i++)
		order[16 + i] = (uint8_t)(s.epoch >> (56 - 8 * i));
	rc = rc ?: gp_get_challenge(&w.card, order + 24, 32, e);
	return rc ?: gp_set_status(&w.card, 0x7f, order, sizeof(order), &r, e);
}

static void with_key(void)
{
	struct error e;

	with_application();
	must(store(&e), &e);
}

const struct trial trials[] = {
	{ "SELECT", 0xa4, 0, 0, open_file, say_select },
	{ "GET_DATA", 0xca, 0, 0, select_domain, get_certificates },
	{ "INITIALIZE_UPDATE", 0x50, 0, 0, select_domain, open_as_master },
	{ "EXTERNAL_AUTHENTICATE", 0x82, 0, 0, select_domain, open_as_master },
	{ "PERFORM_SECURITY_OPERATION", 0x2a, 0, 0, select_domain, scp11a },
	{ "MUTUAL_AUTHENTICATE", 0x82, 0, 0, select_domain, scp11a },
	{ "PUT_KEY", 0xd8, 1, 0, open_replacement, replace_master },
	{ "PUT_KEY_transaction", 0xd8, 1, 0, open_central, put_new_txn },
	{ "DELETE_transaction", 0xe4, 1, 0, put_txn, delete_txn },
	{ "INSTALL", 0xe6, 1, 0, without_application, install },
	{ "STORE_DATA", 0xe2, 1, 0, with_application, store },
	{ "USE_KEY", 0, 0, 0, with_key, use_key },
	{ "DELETE_application", 0xe4, 1, 0, with_application,
	  delete_application },
	{ "SEAL", 0, 0, 0, put_txn, seal_messages },
	{ "OPEN", 0, 0, 0, put_txn, open_messages },
	{ "KEYS", 0, 0, 0, put_txn, list_keys },
	{ "SET_STATUS", 0xf0, 1, 1, open_transport, secure },
	{ "SET_STATUS_reset", 0xf0, 1, 1, open_central, reset },
};
const size_t trials_count = sizeof(trials) / sizeof(trials[0]);
