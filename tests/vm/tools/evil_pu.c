// SPDX-License-Identifier: MIT
/*
 * A personalization unit that attacks, for tests.
 *
 * usage: evil_pu --list
 *        evil_pu --dir UNIT --manufacturer DIR [--evil CASE]
 *                [--record FILE] [--replay FILE] ENDPOINT
 *
 * Serves one module: prints "accepted" or "refused: REASON" (of the module), exits 0
 * for either and 1 when the protocol broke.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/secmod.h>
#include <openssl/rand.h>

#include "common/channel.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "common/process.h"
#include "hsm/hsm.h"
#include "pki/peer.h"
#include "pki/tpm.h"
#include "evil_pu/evil_pu.h"

#define MESSAGE_MS 60000

static struct error err;

static void must(int ret)
{
	if (ret)
		fatal("%s", err.text);
}

static void *must_have(void *p)
{
	if (!p)
		fatal("out of memory");
	return p;
}

EVP_PKEY *evil_key(void)
{
	return must_have(EVP_EC_gen("P-256"));
}

void evil_sign(X509 *cert, EVP_PKEY *key)
{
	if (X509_sign(cert, key, EVP_sha256()) <= 0)
		fatal("cannot sign a certificate");
}

X509 *evil_issue(enum pki_role role, const char *name, EVP_PKEY *key,
		 X509 *issuer, EVP_PKEY *issuer_key)
{
	static const uint8_t zeros[32];
	int names_module = role == PKI_ROLE_IDENTITY || role == PKI_ROLE_MODULE;
	struct pki_request req = {
		.role = role,
		.common_name = name,
		.serial = names_module ? "evil" : NULL,
		.uid = names_module ? zeros : NULL,
		.nonce = role == PKI_ROLE_MODULE ? zeros : NULL,
		.salt = role == PKI_ROLE_MODULE ? zeros : NULL,
		.days = 30,
	};
	X509 *cert;

	must(pki_issue(&req, key, issuer, issuer_key, &cert, &err));
	return cert;
}

static const struct evil_case *const tables[] = {
	evil_bundle_cases,
	evil_signer_cases,
	evil_certs_cases,
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const struct evil_case *find_case(const char *name)
{
	const struct evil_case *c;
	size_t i;

	for (i = 0; i < TABLES; i++)
		for (c = tables[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	fatal("there is no case '%s', see --list", name);
}

static void list_cases(void)
{
	const struct evil_case *c;
	size_t i;

	for (i = 0; i < TABLES; i++)
		for (c = tables[i]; c->name; c++)
			printf("%s\t%s\n", c->name, c->what);
}

static X509 *read_cert(const char *dir, const char *name)
{
	char path[512];
	X509 *cert;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	must(pki_read_cert(path, &cert, &err));
	return cert;
}

static void open_world(struct evil *e, const char *unit, const char *maker)
{
	e->root = read_cert(maker, "root.pem");
	e->true_signer = read_cert(unit, "signer.pem");
	must(hsm_open_remembered(maker, &e->root_key, &err));
	must(hsm_open_remembered(unit, &e->unit_key, &err));
	e->key = e->unit_key;
	e->signer = must_have(X509_dup(e->true_signer));
}

static int accept_any(void *arg, X509 *leaf, STACK_OF(X509) *sent,
		      struct error *e)
{
	(void)arg;
	(void)leaf;
	(void)sent;
	(void)e;
	return 0;
}

/* TLS as a good unit has it: what is spoiled is for the module to find. */
static struct channel *accept_module(struct evil *e, const char *endpoint)
{
	struct listener *l;
	struct channel *ch;
	SSL_CTX *ctx;
	int fd;

	must(pki_unit_ctx("secmod-pu", e->true_signer, e->unit_key, &ctx,
			  &err));
	must(endpoint_listen(endpoint, &l, &err));
	log_info("listening on %s", listener_name(l));
	fd = listener_accept(l, &err);
	if (fd < 0)
		fatal("%s", err.text);
	must(channel_open(fd, 1, ctx, accept_any, NULL, MESSAGE_MS, &ch, &err));
	listener_close(l);
	SSL_CTX_free(ctx);
	return ch;
}

static void copy(void *out, const ASN1_OCTET_STRING *in, size_t len)
{
	memcpy(out, ASN1_STRING_get0_data(in), len);
}

static void take_request(struct evil *e, struct channel *ch)
{
	struct message *m;

	must(channel_expect(ch, MSG_PERSO_REQUEST, &m, &err));
	copy(e->uid, m->u.perso_request->uid, sizeof(e->uid));
	e->epoch = m->u.perso_request->epoch;
	if (pki_get_serial(m->u.perso_request->identity, e->serial,
			   sizeof(e->serial)))
		fatal("the identity certificate has no serial number");
	message_free(m);
}

static void send_offer(struct evil *e, struct channel *ch)
{
	struct message *m = must_have(message_new(MSG_PERSO_OFFER));
	struct wire_perso_offer *o = m->u.perso_offer;

	RAND_bytes(e->salt, sizeof(e->salt));
	RAND_bytes(e->nonce, sizeof(e->nonce));
	wire_set_octets(o->salt, e->salt, sizeof(e->salt));
	wire_set_octets(o->nonce, e->nonce, sizeof(e->nonce));
	wire_set_cert(&o->signer, e->signer);
	must(channel_send(ch, m, &err));
	message_free(m);
}

/* Prints what the module says at the end, by PersoDone or by Error. */
static void print_result(int ret, struct message *m)
{
	if (ret == -EREMOTEIO)
		printf("refused: %s\n", err.text);
	else if (ret)
		fatal("%s", err.text);
	else if (m->type != MSG_PERSO_DONE)
		fatal("%s came", message_name(m->type));
	else if (m->u.perso_done->accepted)
		printf("accepted\n");
	else
		printf("refused: %s\n", wire_text(m->u.perso_done->reason));
	message_free(m);
}

static void take_result(struct channel *ch)
{
	struct message *m;
	int ret = channel_recv(ch, &m, &err);

	print_result(ret, m);
}

/* Returns 0 when the module refused the offer: no key comes then. */
static int take_key(struct evil *e, struct channel *ch)
{
	const struct wire_module_key *k;
	struct message *m;
	int ret = channel_recv(ch, &m, &err);

	if (ret || m->type == MSG_PERSO_DONE) {
		print_result(ret, m);
		return 0;
	}
	if (m->type != MSG_MODULE_KEY)
		fatal("%s came", message_name(m->type));
	k = m->u.module_key;
	copy(e->module_nonce, k->module_nonce, sizeof(e->module_nonce));
	must(tpm_public_key(ASN1_STRING_get0_data(k->public_area),
			    ASN1_STRING_length(k->public_area), &e->module_key,
			    NULL, &err));
	message_free(m);
	return 1;
}

static X509 *make_module(struct evil *e, const struct evil_case *c)
{
	struct pki_request req = {
		.role = PKI_ROLE_MODULE,
		.common_name = "module",
		.serial = e->serial,
		.uid = e->uid,
		.nonce = e->module_nonce,
		.salt = e->salt,
		.epoch = e->epoch,
		.days = 30,
	};
	X509 *cert;

	if (c->request)
		c->request(e, &req);
	must(pki_issue(&req, e->module_key, e->signer, e->key, &cert, &err));
	if (c->module) {
		c->module(e, cert);
		evil_sign(cert, e->key);
	}
	return cert;
}

static X509 *make_central(struct evil *e, const struct evil_case *c)
{
	EVP_PKEY *key = evil_key();
	X509 *cert;

	cert = evil_issue(PKI_ROLE_CENTRAL, "central", key, e->signer, e->key);
	EVP_PKEY_free(key);
	if (c->central)
		c->central(e, cert);
	return cert;
}

static void make_bundle(struct evil *e, const struct evil_case *c)
{
	struct wire_tbs_bundle *tbs;
	int n;

	e->bundle = must_have(wire_bundle_new());
	tbs = e->bundle->tbs;
	ASN1_OBJECT_free(tbs->type);
	tbs->type = must_have(pki_oid(PKI_ARC_MSG, SECMOD_MSG_BUNDLE));
	tbs->version = 1;
	tbs->epoch = e->epoch;
	tbs->time = time(NULL);
	*tbs->policy = (struct wire_policy){ 16, 86400, 1000, 10 };
	wire_set_octets(tbs->uid, e->uid, sizeof(e->uid));
	wire_set_octets(tbs->module_nonce, e->module_nonce,
			sizeof(e->module_nonce));
	wire_set_octets(tbs->salt, e->salt, sizeof(e->salt));
	X509_free(tbs->module);
	tbs->module = make_module(e, c);
	sk_X509_push(tbs->central, make_central(e, c));
	if (c->tbs)
		c->tbs(e, tbs);
	must(pki_bundle_sign(e->bundle, c->sign_with ? c->sign_with(e) : e->key,
			     &err));
	n = i2d_wire_bundle(e->bundle, &e->der);
	if (n <= 0)
		fatal("cannot encode the bundle");
	e->len = n;
	if (c->der)
		c->der(e);
}

static void record(const struct evil *e, const char *path)
{
	FILE *f = path ? fopen(path, "we") : NULL;

	if (path && (!f || fwrite(e->der, e->len, 1, f) != 1 || fclose(f)))
		fatal("cannot write '%s': %s", path, strerror(errno));
}

static void send_bundle(const struct evil *e, struct channel *ch)
{
	struct message *m = must_have(message_new(MSG_PERSO_BUNDLE));

	wire_set_octets(m->u.perso_bundle->bundle, e->der, e->len);
	must(channel_send(ch, m, &err));
	message_free(m);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "manufacturer", required_argument, NULL, 'm' },
		{ "evil", required_argument, NULL, 'e' },
		{ "record", required_argument, NULL, 'r' },
		{ "replay", required_argument, NULL, 'p' },
		{ "list", no_argument, NULL, 'l' },
		{ 0 },
	};
	const char *value[128] = { ['e'] = "none" };
	const struct evil_case *c;
	struct evil e = { 0 };
	struct channel *ch;
	int letter;

	log_init("evil_pu", 0);
	while ((letter = getopt_long(argc, argv, "", options, NULL)) > 0)
		value[letter & 127] = optarg ? optarg : "";
	if (value['l']) {
		list_cases();
		return 0;
	}
	if (optind != argc - 1 || !value['d'] || !value['m'])
		fatal("usage: evil_pu --dir UNIT --manufacturer DIR [--evil CASE] ENDPOINT");
	setvbuf(stdout, NULL, _IOLBF, 0);
	process_harden();
	e.replay = value['p'];
	c = find_case(e.replay ? "replay" : value['e']);
	open_world(&e, value['d'], value['m']);
	ch = accept_module(&e, argv[optind]);
	take_request(&e, ch);
	if (c->signer)
		c->signer(&e);
	send_offer(&e, ch);
	if (take_key(&e, ch)) {
		make_bundle(&e, c);
		record(&e, value['r']);
		send_bundle(&e, ch);
		take_result(ch);
	}
	channel_close(ch);
	return 0;
}
