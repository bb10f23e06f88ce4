// SPDX-License-Identifier: MIT
/* The command "key": transaction keys that were issued; their revocation. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "central/access.h"
#include "keyring/keyring.h"
#include "pki/pki.h"

static int append(void *arg, const struct store_tkey *k)
{
	char uid[2 * STORE_UID_SIZE + 1];

	pki_hex(k->uid, sizeof(k->uid), uid);
	return json_array_append_new(
		       arg,
		       json_pack("{s:I,s:s,s:s,s:i,s:I,s:I,s:s,s:s,s:I,s:I}",
				 "id", (json_int_t)k->id, "uid", uid, "serial",
				 k->serial, "kvn", k->kvn, "lifetime",
				 (json_int_t)k->lifetime, "messages",
				 (json_int_t)k->messages, "state", k->state,
				 "cause", k->cause, "issued",
				 (json_int_t)k->issued, "changed",
				 (json_int_t)k->changed)) ?
		       -ENOMEM :
		       0;
}

static int print_key(void *arg, const struct store_tkey *k)
{
	char when[32];

	(void)arg;
	print_time(k->issued, when);
	printf("%8u %-16s %02x %-20s %8lld %10lld %-8s %s\n", k->id, k->serial,
	       k->kvn, when, (long long)k->lifetime, (long long)k->messages,
	       k->state, k->cause);
	return 0;
}

int cmd_key_list(const struct options *o, int argc, char **argv,
		 struct error *e)
{
	json_t *list = o->json ? json_array() : NULL;
	struct store_module m;
	struct site s;
	int r = site_open(&s, o->dir, e);

	(void)argc;
	(void)argv;
	if (!r && o->module)
		r = store_module_find(s.store, o->module, &m, e);
	if (!r && !o->json)
		printf("%8s %-16s %-2s %-20s %8s %10s %s\n", "ID", "SERIAL",
		       "V", "ISSUED", "SECONDS", "MESSAGES", "STATE");
	if (!r)
		r = store_tkeys(s.store, o->module ? m.uid : NULL,
				o->json ? append : print_key, list, e);
	site_close(&s);
	if (o->json && !r)
		return print_json(list, e);
	json_decref(list);
	return r;
}

#define KEYS_MAX 64
struct issued {
	struct store_tkey keys[KEYS_MAX];
	size_t n;
};

static int collect(void *arg, const struct store_tkey *k)
{
	struct issued *list = arg;

	if (!strcmp(k->state, "issued") && list->n < KEYS_MAX)
		list->keys[list->n++] = *k;
	return 0;
}

/* In the key process at once; in the module as well, if it does what it is told. */
static int revoke_one(const char *dir, const char *uid,
		      const struct store_tkey *k, struct error *e)
{
	static struct session_answer a;
	struct session_request q = { .kind = SESSION_REVOKE,
				     .kvn = (uint8_t)k->kvn };
	int fd = client_session(dir, uid, e), r;

	if (fd < 0)
		return fd;
	r = session_ask(fd, &q, &a, e);
	close(fd);
	return r == -ENOENT ? 0 : r; /* expired there */
}

static int record(struct store *s, const struct store_tkey *k, const char *uid,
		  const char *reason, struct error *e)
{
	int r = store_begin(s, e);

	if (!r)
		r = store_tkey_set(s, k, "revoked", reason, e);
	if (!r)
		r = audit(s, "key revoke", uid, reason, e);
	return r ? r : store_commit(s, e);
}

int cmd_key_revoke(const struct options *o, int argc, char **argv,
		   struct error *e)
{
	static struct issued list;
	char uid[2 * STORE_UID_SIZE + 1];
	struct store_module m;
	struct site s = { 0 };
	int r = need_reason(o, 0, e);

	(void)argc;
	if (!r)
		r = site_open(&s, o->dir, e);
	if (!r)
		r = store_module_find(s.store, argv[0], &m, e);
	if (!r)
		r = store_tkeys(s.store, m.uid, collect, &list, e);
	if (!r && !list.n)
		r = error_set(e, ENOENT, "module %s has no transaction key",
			      m.serial);
	pki_hex(m.uid, sizeof(m.uid), uid);
	for (size_t i = 0; !r && i < list.n; i++) {
		r = revoke_one(o->dir, uid, &list.keys[i], e);
		if (!r)
			r = record(s.store, &list.keys[i], uid, o->reason, e);
		if (!r)
			printf("key %u of module %s is revoked\n",
			       list.keys[i].id, m.serial);
	}
	site_close(&s);
	return r;
}
