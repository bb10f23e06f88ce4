// SPDX-License-Identifier: MIT
/* secmod keys: the transaction keys, and what is left of them. */
#include <errno.h>
#include <stdio.h>

#include "secmod/cli.h"

static const char *state_of(const struct secmod_txn_key *k)
{
	static const char *const names[] = {
		[SECMOD_TXN_READY] = "ready",
		[SECMOD_TXN_FORMER] = "replaced",
		[SECMOD_TXN_ENDED] = "ended",
	};

	return k->state < sizeof(names) / sizeof(names[0]) ? names[k->state] :
							     "unknown";
}

static const char *directions_of(const struct secmod_txn_key *k)
{
	switch (k->directions) {
	case SECMOD_TXN_SEALS:
		return "seal";
	case SECMOD_TXN_OPENS:
		return "open";
	}
	return "seal, open";
}

static int print_json(const struct secmod_txn_key *keys,
		      const struct secmod_keys *all, struct error *e)
{
	json_t *array = json_array();
	char kvn[8], id[16];
	unsigned int i;
	int rc = 0;

	for (i = 0; rc == 0 && i < all->count; i++) {
		snprintf(kvn, sizeof(kvn), "%02x", keys[i].kvn);
		snprintf(id, sizeof(id), "%08x", keys[i].id);
		rc = json_array_append_new(
			array,
			json_pack("{ss ss ss sb sb sI sI}", "kvn", kvn, "id",
				  id, "state", state_of(&keys[i]), "seals",
				  keys[i].directions & SECMOD_TXN_SEALS,
				  "opens",
				  keys[i].directions & SECMOD_TXN_OPENS,
				  "seconds", (json_int_t)keys[i].seconds,
				  "messages", (json_int_t)keys[i].messages));
	}
	if (rc) {
		json_decref(array);
		return error_set(e, ENOMEM, "out of memory");
	}
	return cli_print_json(
		json_pack("{so sI sI sI}", "transaction_keys", array,
			  "max_keys", (json_int_t)all->max_keys, "max_lifetime",
			  (json_int_t)all->max_lifetime, "max_messages",
			  (json_int_t)all->max_messages),
		e);
}

static void print_line(const struct cli *c, const struct secmod_txn_key *k)
{
	if (k->state == SECMOD_TXN_ENDED)
		cli_step(c, "%02x   %08x  %-10s  ended", k->kvn, k->id,
			 directions_of(k));
	else
		cli_step(c, "%02x   %08x  %-10s  %-8s  %u s, %llu messages",
			 k->kvn, k->id, directions_of(k), state_of(k),
			 k->seconds, (unsigned long long)k->messages);
}

int cmd_keys(struct cli *c, int argc, char **argv, struct error *e)
{
	struct secmod_txn_key keys[SECMOD_TXN_KEYS_MAX];
	struct secmod_keys all;
	unsigned int i;
	int rc = cli_parse(c, argc, argv, NULL, 0, 0, NULL);

	if (rc == 0)
		rc = cli_open(c, e);
	if (rc)
		return rc;
	rc = secmod_txn_keys(c->m, keys, &all);
	if (rc)
		return cli_refused(c, rc, "transaction keys", e);
	if (c->json)
		return print_json(keys, &all, e);
	if (!all.count)
		cli_step(
			c,
			"no transaction keys: the central system installs them");
	else
		cli_step(c, "KVN  id        directions  state     left");
	for (i = 0; i < all.count; i++)
		print_line(c, &keys[i]);
	return 0;
}
