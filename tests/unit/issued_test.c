// SPDX-License-Identifier: MIT
/*
 * What userspace/pki issues is what the driver accepts, for each role; and the two
 * agree on the vectors.
 */
#include <time.h>

#include <openssl/err.h>

#include "common/wire.h"
#include "pki/pki.h"
#include "tests/vectors/bundle.h"
#include "tests/vectors/cert.h"
#include "vector.h"

#define EPOCH 5

/* Where the two differ: userspace is stricter. */
static const char *const differ[] = {
	"key usage of nine bits",
	"serial number of the first and the last character there may be",
};

static const uint8_t uid[16] = { 0xa1, 2 }, nonce[32] = { 3 }, salt[32] = { 4 };

struct party {
	EVP_PKEY *key;
	X509 *cert;
};

/* A manufacturer, a PU and a module, as made on the day of the test. */
struct site {
	struct party root, identity, signer, module, central, tls;
};

static void issue(struct party *p, const struct party *issuer,
		  struct pki_request req)
{
	struct error e = {};

	p->key = EVP_EC_gen("P-256");
	assert_non_null(p->key);
	req.days = 30;
	if (pki_issue(&req, p->key, issuer ? issuer->cert : NULL,
		      issuer ? issuer->key : p->key, &p->cert, &e))
		fail_msg("%s", e.text);
}

static int setup(void **state)
{
	struct pki_request module = { .role = PKI_ROLE_MODULE,
				      .serial = "T-1",
				      .uid = uid,
				      .nonce = nonce,
				      .salt = salt,
				      .epoch = EPOCH };
	static struct site s;

	issue(&s.root, NULL, (struct pki_request){ .common_name = "Maker" });
	issue(&s.identity, &s.root,
	      (struct pki_request){
		      .role = PKI_ROLE_IDENTITY, .serial = "T-1", .uid = uid });
	issue(&s.signer, &s.root,
	      (struct pki_request){ .role = PKI_ROLE_SIGNER,
				    .common_name = "PU" });
	issue(&s.module, &s.signer, module);
	issue(&s.central, &s.signer,
	      (struct pki_request){ .role = PKI_ROLE_CENTRAL,
				    .common_name = "central" });
	issue(&s.tls, &s.signer,
	      (struct pki_request){ .role = PKI_ROLE_UNIT_TLS,
				    .common_name = "unit" });
	*state = &s;
	return 0;
}

static void forget(struct party *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

static int teardown(void **state)
{
	struct site *s = *state;

	forget(&s->root);
	forget(&s->identity);
	forget(&s->signer);
	forget(&s->module);
	forget(&s->central);
	forget(&s->tls);
	return 0;
}

/* The DER has to outlive the parsed certificate, which points into it. */
static struct vector parse(struct cert *c, X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);
	struct vector v = vector_new(der, len);
	struct refusal why = {};

	OPENSSL_free(der);
	if (cert_parse(c, v.data, v.len, "certificate", &why))
		fail_msg("%s", why.text);
	return v;
}

static void accepted(const struct party *p, const struct party *issuer, u8 role)
{
	struct refusal why = {};
	struct cert_verifier v = { vector_verify, NULL, (u64)time(NULL), &why };
	struct cert c, above;
	struct vector der = parse(&c, p->cert),
		      above_der = parse(&above, issuer->cert);

	if (cert_check(&c, &above, role, "certificate", &v))
		fail_msg("%s", why.text);
	vector_free(&der);
	vector_free(&above_der);
}

static void certificate_of_each_role_is_accepted(void **state)
{
	const struct site *s = *state;

	accepted(&s->root, &s->root, 0);
	accepted(&s->identity, &s->root, SECMOD_ROLE_IDENTITY);
	accepted(&s->signer, &s->root, SECMOD_ROLE_SIGNER);
	accepted(&s->module, &s->signer, SECMOD_ROLE_MODULE);
	accepted(&s->central, &s->signer, SECMOD_ROLE_CENTRAL);
	accepted(&s->tls, &s->signer, SECMOD_ROLE_UNIT_TLS);
}

static struct vector make_bundle(const struct site *s)
{
	struct wire_bundle *b = wire_bundle_new();
	struct wire_tbs_bundle *tbs = b->tbs;
	unsigned char *der = NULL;
	struct error e = {};
	struct vector v;
	int len;

	ASN1_OBJECT_free(tbs->type);
	tbs->type = pki_oid(PKI_ARC_MSG, SECMOD_MSG_BUNDLE);
	tbs->version = 1;
	tbs->epoch = EPOCH;
	tbs->time = time(NULL);
	wire_set_octets(tbs->uid, uid, sizeof(uid));
	wire_set_octets(tbs->module_nonce, nonce, sizeof(nonce));
	wire_set_octets(tbs->salt, salt, sizeof(salt));
	wire_set_cert(&tbs->module, s->module.cert);
	X509_up_ref(s->central.cert);
	sk_X509_push(tbs->central, s->central.cert);
	tbs->policy->max_keys = 16;
	tbs->policy->max_lifetime = 3600;
	tbs->policy->max_messages = INT64_MAX;
	tbs->policy->keyset_tries = 10;
	if (pki_bundle_sign(b, s->signer.key, &e))
		fail_msg("%s", e.text);
	len = i2d_wire_bundle(b, &der);
	v = vector_new(der, len);
	OPENSSL_free(der);
	wire_bundle_free(b);
	return v;
}

static void bundle_is_accepted(void **state)
{
	const struct site *s = *state;
	struct bundle_expect expect = { .epoch = EPOCH };
	struct refusal why = {};
	struct cert_verifier v = { vector_verify, NULL, (u64)time(NULL), &why };
	struct vector der = make_bundle(s), signer_der, module_der;
	struct cert signer, module;
	struct bundle b;
	int rc;

	memcpy(expect.uid, uid, sizeof(uid));
	strcpy(expect.serial, "T-1");
	memcpy(expect.module_nonce, nonce, sizeof(nonce));
	memcpy(expect.salt, salt, sizeof(salt));
	signer_der = parse(&signer, s->signer.cert);
	module_der = parse(&module, s->module.cert);
	memcpy(expect.point, module.point, sizeof(module.point));
	rc = bundle_parse(&b, der.data, der.len, &why);
	if (!rc)
		rc = bundle_check(&b, &expect, &signer, &v);
	if (rc)
		fail_msg("%d: %s", rc, why.text);
	vector_free(&der);
	vector_free(&signer_der);
	vector_free(&module_der);
}

static X509 *to_x509(const char *hex)
{
	struct vector v = vector_from_hex(hex);
	const unsigned char *p = v.data;
	X509 *x = d2i_X509(NULL, &p, v.len);

	vector_free(&v);
	ERR_clear_error();
	return x;
}

/* The verdict of userspace on a vector: what the driver would refuse it must too. */
static void userspace_agrees(void **state)
{
	const struct cert_vector *row = *state;
	X509 *x = to_x509(row->der), *issuer = to_x509(row->issuer);
	struct error e = {};
	bool refused = row->reason;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(differ); i++)
		refused ^= !strcmp(row->name, differ[i]);
	assert_non_null(x);
	assert_non_null(issuer);
	rc = pki_check(x, (enum pki_role)row->role, issuer, (time_t)row->now,
		       &e);
	if (!refused && rc)
		fail_msg("refused: %s", e.text);
	if (refused && !rc)
		fail_msg("accepted");
	X509_free(x);
	X509_free(issuer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificate_of_each_role_is_accepted),
		cmocka_unit_test(bundle_is_accepted),
	};

	return cmocka_run_group_tests_name("issued", tests, setup, teardown) |
	       VECTOR_ROWS(cert_good, userspace_agrees) |
	       VECTOR_ROWS(cert_refused, userspace_agrees);
}
