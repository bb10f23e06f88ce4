// SPDX-License-Identifier: GPL-2.0-only
/* B6 carried out at the key management server: "secmod-kms serve" and HSM 1. */
#include "hsm1_module.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/channel.h"
#include "common/endpoint.h"
#include "pki/pki.h"

static struct hsm1_world world;
static struct hsm1 *hsm1;
static const uint8_t uid[16] = { 0xab, 1, 2, 3 };
static EVP_PKEY *key, *other_key;
static X509 *cert, *other_cert;

static void must(int rc, const struct error *e)
{
	if (rc)
		fail_msg("%d: %s", rc, e->text);
}

static void refused(int rc, const char *text, const struct error *e)
{
	if (!rc || !strstr(e->text, text))
		fail_msg("%d: '%s' instead of '%s'", rc, e->text, text);
}

/* what secmod-central does: the module is the argument, the server is one */
static struct hsm1_kms kms;
static uint8_t last_point[65];

static int over_the_network(void *arg, unsigned int version,
			    const uint8_t whose[16], const uint8_t point[65],
			    struct hsm1_credential *out, struct error *e)
{
	struct module *m = arg;

	m->asked++;
	memcpy(last_point, point, sizeof(last_point));
	return hsm1_kms_recover(&kms, version, whose, point, out, e);
}

static struct hsm1_ops ops = { .store = module_store,
			       .recover = over_the_network };

static int replace(struct module *m, struct hsm1_result *r, struct error *e)
{
	static const struct hsm1_versions newest;
	int rc;

	ops.arg = m;
	module_plug(m);
	rc = hsm1_replace(hsm1, uid, m->ours, m->cryptogram, m->cryptogram_len,
			  &newest, &ops, r, e);
	module_unplug(m);
	return rc;
}

static void issued(struct module *m)
{
	static const struct hsm1_versions v = { 1, 1, 2 };
	struct gp_keyset transport;
	struct hsm1_result r;
	struct error e;

	module_new(m, &world, uid, &transport);
	ops.arg = m;
	module_plug(m);
	must(hsm1_issue(hsm1, uid, m->ours, &transport, &v, &ops, &r, &e), &e);
	module_unplug(m);
	assert_int_equal(r.recovery, 2);
}

static void end(struct program *server)
{
	program_stop(server);
	X509_free(kms.server);
}

static void not_without_approval(void **state)
{
	struct program server;
	struct hsm1_result r;
	struct module m;
	struct error e;

	(void)state;
	issued(&m);
	hsm1_world_serve(&world, &server, cert, 0, &kms);
	kms.cert = cert;
	kms.key = key;
	refused(replace(&m, &r, &e), "has not approved its use", &e);
	assert_int_equal(m.card.opened, 1);
	end(&server);
}

static void replaced(void **state)
{
	struct gp_keyset mk;
	struct program server;
	struct hsm1_result r;
	struct module m;
	struct error e;

	(void)state;
	issued(&m);
	hsm1_world_serve(&world, &server, cert, 1, &kms);
	kms.cert = cert;
	kms.key = key;
	must(replace(&m, &r, &e), &e);
	hsm1_expected(world.master[2], "MK", 0x39, uid, 16, &mk);
	assert_memory_equal(soft_find(&m.card, 0x39)->keys.dek, mk.dek, 32);
	assert_null(soft_find(&m.card, 0x38));
	program_expect(&server, "listening");
	end(&server);
}

/* What went over the line is a credential: without HSM 1's TPM it does not open. */
static void for_hsm1_only(void **state)
{
	struct custody_credential c = { 0 };
	struct hsm1_credential got;
	struct program server;
	struct custody_tpm t;
	TPM2B_DIGEST opened;
	struct error e;

	(void)state;
	hsm1_world_serve(&world, &server, cert, 1, &kms);
	kms.cert = cert;
	kms.key = key;
	must(hsm1_kms_recover(&kms, 2, uid, last_point, &got, &e), &e);
	memcpy(c.blob.credential, got.blob, got.blob_len);
	memcpy(c.secret.secret, got.secret, got.secret_len);
	c.blob.size = got.blob_len;
	c.secret.size = got.secret_len;
	must(custody_tpm_open(world.kms_tpm.tcti, &t, &e), &e);
	assert_true(custody_credential_open(&t, &world.ek, &c, &opened, &e) <
		    0);
	custody_tpm_close(&t);
	/* the control: HSM 1's does */
	must(custody_tpm_open(world.tpm.tcti, &t, &e), &e);
	must(custody_credential_open(&t, &world.ek, &c, &opened, &e), &e);
	assert_int_equal(opened.size, 32);
	custody_tpm_close(&t);
	kms.hsm = "nobody";
	refused(hsm1_kms_recover(&kms, 2, uid, last_point, &got, &e),
		"no HSM 'nobody'", &e);
	kms.hsm = "here";
	refused(hsm1_kms_recover(&kms, 2, uid, last_point, &got, &e),
		"no HSM 1", &e);
	kms.hsm = "hsm1";
	refused(hsm1_kms_recover(&kms, 7, uid, last_point, &got, &e),
		"no recovery 7", &e);
	last_point[40] ^= 1;
	refused(hsm1_kms_recover(&kms, 2, uid, last_point, &got, &e),
		"using the recovery key", &e);
	end(&server);
}

static void strangers_are_refused(void **state)
{
	struct hsm1_credential got;
	struct program server;
	struct error e;
	X509 *right;

	(void)state;
	hsm1_world_serve(&world, &server, cert, 1, &kms);
	kms.cert = other_cert;
	kms.key = other_key;
	refused(hsm1_kms_recover(&kms, 2, uid, last_point, &got, &e),
		"none of those that may ask", &e);
	kms.cert = cert;
	kms.key = key;
	right = kms.server;
	kms.server = other_cert;
	refused(hsm1_kms_recover(&kms, 2, uid, last_point, &got, &e),
		"has another certificate", &e);
	kms.server = right;
	end(&server);
}

static int anybody(void *arg, X509 *leaf, STACK_OF(X509) *sent, struct error *e)
{
	(void)arg;
	(void)leaf;
	(void)sent;
	(void)e;
	return 0;
}

static int ask(struct channel *ch, struct message **reply, struct error *e)
{
	struct message *m = message_new(MSG_RECOVER_REQUEST);
	struct wire_recover_request *q = m->u.recover_request;
	int ret;

	q->version = 1;
	q->recovery = 2;
	wire_set_text(q->hsm, "hsm1");
	wire_set_octets(q->uid, uid, sizeof(uid));
	wire_set_octets(q->point, last_point, 65);
	ret = channel_send(ch, m, e);
	message_free(m);
	return ret ? ret : channel_expect(ch, MSG_CREDENTIAL, reply, e);
}

/* Whoever may ask cannot keep the server to himself by asking on and on. */
static void one_request_a_turn(void **state)
{
	struct program server;
	struct message *m = NULL;
	struct channel *ch;
	struct error e;
	SSL_CTX *ctx;

	(void)state;
	hsm1_world_serve(&world, &server, cert, 1, &kms);
	ctx = channel_ctx(0, cert, key, NULL, &e);
	must(channel_open(endpoint_connect(kms.endpoint, 30000, &e), 0, ctx,
			  anybody, NULL, 30000, &ch, &e),
	     &e);
	must(ask(ch, &m, &e), &e);
	message_free(m);
	m = NULL;
	assert_int_not_equal(ask(ch, &m, &e), 0);
	message_free(m);
	channel_close(ch);
	SSL_CTX_free(ctx);
	end(&server);
}

static void make(EVP_PKEY **k, X509 **c)
{
	static const struct pki_request q = { .role = PKI_ROLE_MANUFACTURER,
					      .common_name = "client",
					      .days = 2 };
	struct error e;

	*k = EVP_EC_gen("P-256");
	must(pki_issue(&q, *k, NULL, *k, c, &e), &e);
}

static int start(void **state)
{
	struct error e;

	(void)state;
	hsm1_world_make(&world);
	make(&key, &cert);
	make(&other_key, &other_cert);
	must(hsm1_start(world.site, NULL, &hsm1, &e), &e);
	hsm1_world_learn(&world);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	hsm1_stop(hsm1);
	hsm1_world_end(&world);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	X509_free(cert);
	X509_free(other_cert);
	return 0;
}

#define CASE(name, function)                     \
	{                                        \
		name, function, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("B6 the KMS uses the recovery key when it is approved only",
		     not_without_approval),
		CASE("B6 B7 B8 replacement carried out at the KMS over the network",
		     replaced),
		CASE("B6 one request a connection: then it is the next one's turn",
		     one_request_a_turn),
		CASE("B6 what the KMS sends is for HSM 1's TPM only",
		     for_hsm1_only),
		CASE("B6 neither side speaks with a stranger",
		     strangers_are_refused),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
