// SPDX-License-Identifier: MIT
/* One request: carried out, answered. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "hsm1/internal.h"
#include "pki/pki.h"

static int do_import(struct procedure *p, struct error *e)
{
	return vault_import(p->vault, (const char *)p->m.data, p->m.len,
			    (char *)p->r.data, e);
}

static json_t *describe(const struct custody_object *o)
{
	char kcv[2 * CUSTODY_KCV_SIZE + 1];

	pki_hex(o->kcv, sizeof(o->kcv), kcv);
	return json_pack("{s:s,s:i,s:s,s:b}", "kind",
			 custody_kind_name(o->kind), "version", (int)o->version,
			 "kcv", kcv, "whole", o->private.size != 0);
}

static int do_status(struct procedure *p, struct error *e)
{
	const struct sandbox *s = p->sandbox;
	json_t *keys = json_array(), *all;
	int in_kernel = 0;
	size_t i;

	pthread_mutex_lock(&p->vault->lock);
	for (i = 0; i < p->vault->count; i++) {
		json_array_append_new(keys,
				      describe(&p->vault->keys[i].object));
		in_kernel |= p->vault->keys[i].cmac != NULL;
	}
	pthread_mutex_unlock(&p->vault->lock);
	all = json_pack("{s:o,s:b,s:b,s:b,s:b,s:s,s:i}", "keys", keys,
			"memory_locked", s->memory_locked, "network_namespace",
			s->network_namespace, "system_calls_limited",
			s->system_calls, "local_sockets", s->local_sockets,
			"cmac", in_kernel ? "kernel" : "OpenSSL", "process",
			(int)getpid());
	p->r.len = all ? json_dumpb(all, (char *)p->r.data,
				    sizeof(p->r.data) - 1, JSON_INDENT(2)) :
			 0;
	json_decref(all);
	return p->r.len && p->r.len < sizeof(p->r.data) ?
		       0 :
		       error_set(e, ENOMEM, "out of memory");
}

static int master_keyset(struct procedure *p, struct hsm1_key *block,
			 struct gp_keyset *keys, struct error *e)
{
	int ret = vault_find(p->vault, CUSTODY_MASTER, p->m.versions.master,
			     block, e);

	return ret ? ret :
		     derive_keyset(block, p->m.uid, HSM1_UID_SIZE, keys,
				   &p->r.result.master, e);
}

static int do_expect(struct procedure *p, struct error *e)
{
	struct gp_keyset keys;
	struct hsm1_key block;
	int ret = master_keyset(p, &block, &keys, e);

	gp_keyset_wipe(&keys);
	OPENSSL_cleanse(&block, sizeof(block));
	return ret;
}

static void explain(struct procedure *p, const struct custody_object *o)
{
	const struct hsm1_keyset *k = &p->r.result.master;
	char *text = (char *)p->r.data, label[DERIVE_LABEL_MAX];
	char kcv[2 * CUSTODY_KCV_SIZE + 1], uid[2 * HSM1_UID_SIZE + 1];
	size_t size = sizeof(p->r.data), n;

	pki_hex(o->kcv, sizeof(o->kcv), kcv);
	pki_hex(p->m.uid, HSM1_UID_SIZE, uid);
	n = snprintf(
		text, size,
		"function  SP 800-108, counter mode (5.1), CMAC with AES-256; counter "
		"before the data, counter and length of 32 bits\n"
		"key       master block %u, check value %s\n"
		"context   UID %s\n"
		"length    256 bits\n"
		"KVN       %02X = 38 + (%u - 1) mod 8\n",
		o->version, kcv, uid, k->kvn, o->version);
	for (int i = 0; i < KEYS; i++) {
		derive_label(CUSTODY_MASTER, k->kvn, i, label);
		pki_hex(k->kcv[i], GP_KCV_SIZE, kcv);
		n += snprintf(text + n, size - n,
			      "label     \"%s\"   result: check value %s\n",
			      label, kcv);
	}
}

static int do_explain(struct procedure *p, struct error *e)
{
	struct gp_keyset keys;
	struct hsm1_key block;
	int ret = master_keyset(p, &block, &keys, e);

	if (!ret)
		explain(p, &block.object);
	gp_keyset_wipe(&keys);
	OPENSSL_cleanse(&block, sizeof(block));
	return ret;
}

static int (*const operations[HSM1_OPS])(struct procedure *p,
					 struct error *e) = {
	[HSM1_IMPORT] = do_import,	[HSM1_STATUS] = do_status,
	[HSM1_ISSUE] = procedure_issue, [HSM1_REPLACE] = procedure_replace,
	[HSM1_EXPECT] = do_expect,	[HSM1_EXPLAIN] = do_explain,
};

void procedure_run(struct procedure *p)
{
	struct error e = { "" };
	int ret = -EINVAL;

	if (p->m.op < HSM1_OPS && p->m.len <= sizeof(p->m.data))
		ret = operations[p->m.op](p, &e);
	p->r.word = HSM1_DONE;
	p->r.status = ret;
	p->r.e = e;
	message_send(p->answer, &p->r, sizeof(p->r), NULL, 0);
	close(p->answer);
	if (p->relay >= 0)
		close(p->relay);
}
