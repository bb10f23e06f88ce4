// SPDX-License-Identifier: MIT
/* The commands "ledger" and "audit": what was booked, who administered. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "central/central.h"
#include "pki/pki.h"

/* One array, printed as it is read: a ledger may be longer than memory. */
static int print_element(int *n, json_t *j)
{
	int r;

	fputs((*n)++ ? ",\n" : "[\n", stdout);
	r = j ? json_dumpf(j, stdout, JSON_COMPACT) : -1;
	json_decref(j);
	return r ? -ENOMEM : 0;
}

static void end_array(int n)
{
	puts(n ? "\n]" : "[]");
}

static int entry_json(void *arg, const struct store_entry *entry)
{
	char uid[2 * STORE_UID_SIZE + 1], id[2 * STORE_ID_SIZE + 1];
	char *payload = malloc(2 * entry->payload_len + 1);
	json_t *j = NULL;

	if (!payload)
		return -ENOMEM;
	pki_hex(entry->uid, sizeof(entry->uid), uid);
	pki_hex(entry->id, sizeof(entry->id), id);
	pki_hex(entry->payload, entry->payload_len, payload);
	j = json_pack("{s:I,s:I,s:s,s:s,s:s,s:s}", "row",
		      (json_int_t)entry->row, "time", (json_int_t)entry->time,
		      "module", uid, "id", id, "certificate",
		      entry->fingerprint, "payload", payload);
	free(payload);
	return print_element(arg, j);
}

static int entry_text(void *arg, const struct store_entry *entry)
{
	char uid[2 * STORE_UID_SIZE + 1], id[2 * STORE_ID_SIZE + 1], when[32];

	(void)arg;
	pki_hex(entry->uid, sizeof(entry->uid), uid);
	pki_hex(entry->id, sizeof(entry->id), id);
	print_time(entry->time, when);
	printf("%8lld %s %s %s %6zu bytes, certificate %.16s\n",
	       (long long)entry->row, when, uid, id, entry->payload_len,
	       entry->fingerprint);
	return 0;
}

int cmd_ledger(const struct options *o, int argc, char **argv, struct error *e)
{
	struct store_module m;
	struct site s;
	int n = 0, r = site_open(&s, o->dir, e);

	(void)argc;
	(void)argv;
	if (r)
		return r;
	if (o->module)
		r = store_module_find(s.store, o->module, &m, e);
	if (!r)
		r = store_ledger(s.store, o->module ? m.uid : NULL, 0,
				 o->json ? entry_json : entry_text, &n, e);
	if (o->json && !r)
		end_array(n);
	site_close(&s);
	return r;
}

static int audit_json(void *arg, const struct store_audit *a)
{
	json_t *j = json_pack("{s:I,s:I,s:s,s:s,s:s,s:s}", "row",
			      (json_int_t)a->row, "time", (json_int_t)a->time,
			      "actor", a->actor, "action", a->action, "object",
			      a->object, "detail", a->detail);

	return print_element(arg, j);
}

static int audit_text(void *arg, const struct store_audit *a)
{
	char when[32];

	(void)arg;
	print_time(a->time, when);
	printf("%6lld %s %s: %s %s (%s)\n", (long long)a->row, when, a->actor,
	       a->action, a->object, a->detail);
	return 0;
}

int cmd_audit(const struct options *o, int argc, char **argv, struct error *e)
{
	struct site s;
	int n = 0, r = site_open(&s, o->dir, e);

	(void)argc;
	(void)argv;
	if (r)
		return r;
	r = store_audits(s.store, o->json ? audit_json : audit_text, &n, e);
	if (o->json && !r)
		end_array(n);
	site_close(&s);
	return r;
}
