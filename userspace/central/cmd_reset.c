// SPDX-License-Identifier: MIT
/*
 * The command "reset": orders a module to destroy its key, and keeps the proof that it did
 * (A21). The order is in the store before it is sent: what became of it can be asked
 * for whatever breaks.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/rand.h>

#include "central/central.h"
#include "common/wire.h"
#include "keyring/keyring.h"
#include "pki/pki.h"
#include "pki/tpm.h"
#include "store/keys.h"

enum { TAG_EPOCH = 0x80, TAG_PUBLIC, TAG_ATTEST, TAG_SIGNATURE, TAG_NV };

struct order {
	struct store_module m;
	char uid[2 * STORE_UID_SIZE + 1];
	struct store_reset reset;
	X509 *identity, *module, *signer;
	struct session_answer answer;
};

/*
 * Evidence
 */

/* The value of @tag in a run of objects with lengths of one byte, 81xx or 82xxxx. */
static const uint8_t *field(const struct session_answer *a, uint8_t tag,
			    size_t *len)
{
	const uint8_t *p = a->proof, *end = p + a->proof_len;

	while (end - p >= 2) {
		uint8_t t = *p++;
		size_t n = *p++, more = n > 0x80 ? n - 0x80 : 0;

		if (n == 0x80 || more > 2 || (size_t)(end - p) < more)
			return NULL;
		for (n = more ? 0 : n; more; more--)
			n = n << 8 | *p++;
		if ((size_t)(end - p) < n)
			return NULL;
		*len = n;
		if (t == tag)
			return p;
		p += n;
	}
	return NULL;
}

static int set_field(ASN1_OCTET_STRING *out, const struct session_answer *a,
		     uint8_t tag, struct error *e)
{
	size_t len = 0;
	const uint8_t *p = field(a, tag, &len);

	if (!p)
		return error_set(e, EPROTO,
				 "the module's proof lacks object %02x", tag);
	return wire_set_octets(out, p, len);
}

static int fill(struct wire_erasure_proof *p, const struct order *o,
		struct error *e)
{
	const struct session_answer *a = &o->answer;
	size_t len = 0;
	const uint8_t *epoch = field(a, TAG_EPOCH, &len);
	uint64_t number;
	int r;

	if (!epoch || len != sizeof(number))
		return error_set(e, EPROTO, "the module's proof has no epoch");
	memcpy(&number, epoch, sizeof(number));
	p->version = 1;
	p->epoch = be64toh(number);
	p->module_epoch = o->reset.epoch;
	r = wire_set_octets(p->uid, o->m.uid, sizeof(o->m.uid));
	if (!r)
		r = wire_set_octets(p->nonce, o->reset.nonce,
				    sizeof(o->reset.nonce));
	if (!r)
		r = set_field(p->public_area, a, TAG_PUBLIC, e);
	if (!r)
		r = set_field(p->attest, a, TAG_ATTEST, e);
	if (!r)
		r = set_field(p->signature, a, TAG_SIGNATURE, e);
	if (!r)
		r = set_field(p->nv_public, a, TAG_NV, e);
	if (!r)
		r = wire_set_cert(&p->identity, o->identity) ||
		    wire_set_cert(&p->signer, o->signer) ||
		    wire_set_cert(&p->module, o->module);
	return r;
}

/* Checked as anybody can check it later: from its DER. */
static int make_proof(struct order *o, X509 *root, uint8_t **der, int *len,
		      struct error *e)
{
	struct wire_erasure_proof *p = wire_erasure_proof_new(), *back = NULL;
	int r = p ? fill(p, o, e) : -ENOMEM;

	*der = NULL;
	if (!r) {
		*len = i2d_wire_erasure_proof(p, der);
		r = *len > 0 ? wire_erasure_proof_decode(*der, (size_t)*len,
							 &back, e) :
			       error_set(e, ENOMEM, "out of memory");
	}
	if (!r)
		r = tpm_check_erasure(back, root, e);
	wire_erasure_proof_free(back);
	wire_erasure_proof_free(p);
	return r;
}

/*
 * Order
 */

static int read_identity(struct site *s, struct order *o, struct error *e)
{
	const unsigned char *p;
	uint8_t *der;
	size_t len;
	int r = store_identity(s->store, o->m.uid, &der, &len, e);

	if (r)
		return r;
	p = der;
	o->identity = d2i_X509(NULL, &p, (long)len);
	free(der);
	return o->identity ?
		       0 :
		       error_set_ssl(e, EBADMSG,
				     "the identity certificate is damaged");
}

static int decode(const uint8_t *der, size_t len, X509 **out, struct error *e)
{
	const unsigned char *p = der;

	*out = d2i_X509(NULL, &p, (long)len);
	return *out ? 0 : error_set_ssl(e, EBADMSG, "a damaged certificate");
}

static int read_certificates(struct site *s, struct order *o, struct error *e)
{
	char signer[65];
	uint8_t *der;
	size_t len;
	int r = store_cert_der(s->store, o->m.fingerprint, signer, &der, &len,
			       e);

	if (r)
		return r;
	r = decode(der, len, &o->module, e);
	free(der);
	if (!r)
		r = store_signer_der(s->store, signer, &der, &len, e);
	if (r)
		return r;
	r = decode(der, len, &o->signer, e);
	free(der);
	return r;
}

static int prepare(struct site *s, struct order *o, const char *which,
		   const char *reason, struct error *e)
{
	int r = store_module_find(s->store, which, &o->m, e);

	if (r)
		return r;
	pki_hex(o->m.uid, sizeof(o->m.uid), o->uid);
	if (!o->m.fingerprint[0])
		return error_set(e, ENOENT, "module %s has never connected",
				 o->m.serial);
	r = read_identity(s, o, e);
	if (!r)
		r = read_certificates(s, o, e);
	if (r)
		return r;
	memcpy(o->reset.uid, o->m.uid, sizeof(o->m.uid));
	o->reset.epoch = o->m.epoch;
	snprintf(o->reset.reason, sizeof(o->reset.reason), "%s", reason);
	if (RAND_bytes(o->reset.nonce, sizeof(o->reset.nonce)) != 1)
		return error_set_ssl(e, EIO, "cannot get random bytes");
	return 0;
}

static int record_order(struct site *s, struct order *o, struct error *e)
{
	int r = store_begin(s->store, e);

	if (!r)
		r = store_reset_add(s->store, &o->reset, e);
	if (!r)
		r = audit(s->store, "module reset", o->uid, o->reset.reason, e);
	return r ? r : store_commit(s->store, e);
}

static int send_order(struct site *s, const struct options *opt,
		      struct order *o, struct error *e)
{
	struct session_request q = { .kind = SESSION_RESET,
				     .epoch = (uint64_t)o->reset.epoch };
	int r, fd = client_session(opt->dir, o->uid, e);

	if (fd < 0)
		return fd;
	memcpy(q.nonce, o->reset.nonce, sizeof(q.nonce));
	r = store_reset_set(s->store, &o->reset, "sent", "", e);
	if (!r)
		r = session_ask(fd, &q, &o->answer, e);
	close(fd);
	return r;
}

/* The key is dead: so is its certificate. */
static int record_proof(struct site *s, struct order *o, const uint8_t *der,
			int len, struct error *e)
{
	int r = store_begin(s->store, e);

	o->reset.proof = der;
	o->reset.proof_len = (size_t)len;
	if (!r)
		r = store_reset_set(s->store, &o->reset, "proved", "", e);
	if (!r)
		r = store_cert_switch(s->store, o->m.fingerprint, 0,
				      "its key was destroyed by a reset", e);
	if (!r)
		r = audit(s->store, "erasure proved", o->uid, o->reset.reason,
			  e);
	return r ? r : store_commit(s->store, e);
}

static int record_failure(struct site *s, struct order *o, int r,
			  struct error *e)
{
	struct error ignored;

	store_rollback(s->store);
	store_reset_set(s->store, &o->reset, "failed", e->text, &ignored);
	return error_set(e, -r, "module %s: order %lld: %s", o->m.serial,
			 (long long)o->reset.entry, e->text);
}

static int carry_out(struct site *s, const struct options *opt, struct order *o,
		     struct error *e)
{
	uint8_t *der = NULL;
	int len = 0, r = record_order(s, o, e);

	if (r)
		return r;
	r = send_order(s, opt, o, e);
	if (!r)
		r = make_proof(o, s->root, &der, &len, e);
	if (!r)
		r = record_proof(s, o, der, len, e);
	if (r)
		r = record_failure(s, o, r, e);
	else
		printf("module %s is reset, its key of epoch %lld destroyed; "
		       "proof %lld is stored\n",
		       o->m.serial, (long long)o->reset.epoch,
		       (long long)o->reset.entry);
	OPENSSL_free(der);
	return r;
}

int cmd_reset_order(const struct options *o, int argc, char **argv,
		    struct error *e)
{
	static struct order order;
	struct site s;
	int r = need_reason(o, 0, e);

	(void)argc;
	if (!r)
		r = site_open(&s, o->dir, e);
	if (r)
		return r;
	r = prepare(&s, &order, argv[0], o->reason, e);
	if (!r)
		r = carry_out(&s, o, &order, e);
	X509_free(order.identity);
	X509_free(order.module);
	X509_free(order.signer);
	site_close(&s);
	return r;
}

/*
 * List, proof
 */

static int append(void *arg, const struct store_reset *r)
{
	char uid[2 * STORE_UID_SIZE + 1];

	pki_hex(r->uid, sizeof(r->uid), uid);
	return json_array_append_new(
		       arg, json_pack("{s:I,s:s,s:s,s:I,s:s,s:s,s:s,s:I,s:I}",
				      "order", (json_int_t)r->entry, "uid", uid,
				      "serial", r->serial, "epoch",
				      (json_int_t)r->epoch, "state", r->state,
				      "cause", r->cause, "reason", r->reason,
				      "ordered", (json_int_t)r->ordered,
				      "changed", (json_int_t)r->changed)) ?
		       -ENOMEM :
		       0;
}

static int print_reset(void *arg, const struct store_reset *r)
{
	char when[32];

	(void)arg;
	print_time(r->ordered, when);
	printf("%5lld %-20s %-16s %5lld %-8s %s%s%s\n", (long long)r->entry,
	       when, r->serial, (long long)r->epoch, r->state, r->reason,
	       r->cause[0] ? "; " : "", r->cause);
	return 0;
}

int cmd_reset_list(const struct options *o, int argc, char **argv,
		   struct error *e)
{
	json_t *list = o->json ? json_array() : NULL;
	struct site s;
	int r = site_open(&s, o->dir, e);

	(void)argc;
	(void)argv;
	if (!r && !o->json)
		printf("%5s %-20s %-16s %5s %-8s %s\n", "ORDER", "TIME",
		       "SERIAL", "EPOCH", "STATE", "REASON");
	if (!r)
		r = store_resets(s.store, NULL, o->json ? append : print_reset,
				 list, e);
	site_close(&s);
	if (o->json && !r)
		return print_json(list, e);
	json_decref(list);
	return r;
}

struct wanted {
	long long entry;
	FILE *out;
	int found;
};

static int write_proof(void *arg, const struct store_reset *r)
{
	struct wanted *w = arg;

	if (r->entry != w->entry)
		return 0;
	w->found = !strcmp(r->state, "proved") &&
		   fwrite(r->proof, 1, r->proof_len, w->out) == r->proof_len;
	return 0;
}

int cmd_reset_proof(const struct options *o, int argc, char **argv,
		    struct error *e)
{
	struct wanted w = { .entry = atoll(argv[0]), .out = stdout };
	struct site s;
	int r = site_open(&s, o->dir, e);

	(void)argc;
	if (!r)
		r = store_resets(s.store, NULL, write_proof, &w, e);
	site_close(&s);
	if (!r && (!w.found || fflush(stdout)))
		r = error_set(e, ENOENT, "there is no proof of order '%s'",
			      argv[0]);
	return r;
}
