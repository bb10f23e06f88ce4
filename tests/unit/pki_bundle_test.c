// SPDX-License-Identifier: MIT
/* Personalization bundles: good for one module, one key, one attempt. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/secmod.h>

#include "certs.h"
#include "common/wire.h"

static struct certs w, other;

static int make_world(void **state)
{
	(void)state;
	certs_make(&w, "manufacturer");
	certs_make(&other, "manufacturer");
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	certs_free(&w);
	certs_free(&other);
	return 0;
}

static struct wire_bundle *new_bundle(void)
{
	struct wire_bundle *b = wire_bundle_new();
	struct error e;

	ASN1_OBJECT_free(b->tbs->type);
	b->tbs->type = pki_oid(PKI_ARC_MSG, SECMOD_MSG_BUNDLE);
	b->tbs->version = 1;
	b->tbs->epoch = CERTS_EPOCH;
	b->tbs->time = time(NULL);
	b->tbs->policy->keyset_tries = 3;
	wire_set_octets(b->tbs->uid, certs_uid, 16);
	wire_set_octets(b->tbs->module_nonce, certs_nonce, 32);
	wire_set_octets(b->tbs->salt, certs_salt, 32);
	wire_set_cert(&b->tbs->module, w.module);
	X509_up_ref(w.central);
	sk_X509_push(b->tbs->central, w.central);
	assert_int_equal(pki_bundle_sign(b, w.signer_key, &e), 0);
	return b;
}

static void bundle_refused(struct wire_bundle *b, EVP_PKEY *sign_with, int err,
			   const char *text)
{
	const struct pki_bundle_expect x = {
		.uid = certs_uid,
		.module_nonce = certs_nonce,
		.salt = certs_salt,
		.epoch = CERTS_EPOCH,
		.module_key = w.module_key,
		.signer = w.signer,
		.when = time(NULL),
	};
	struct error e = { "" };
	int ret;

	if (sign_with)
		assert_int_equal(pki_bundle_sign(b, sign_with, &e), 0);
	ret = pki_bundle_check(b, &x, &e);
	if (ret != err || !strstr(e.text, text))
		fail_msg("returned %d '%s' instead of %d '%s'", ret, e.text,
			 err, text);
	wire_bundle_free(b);
}

static void bundles_are_bound(void **state)
{
	static const uint8_t zeros[32];
	struct wire_bundle *b, *back;
	unsigned char *der = NULL;
	struct error e;
	int len;

	(void)state;
	b = new_bundle();
	len = i2d_wire_bundle(b, &der);
	assert_int_equal(wire_bundle_decode(der, len, &back, &e), 0);
	OPENSSL_free(der);
	bundle_refused(back, NULL, 0, "");
	bundle_refused(b, NULL, 0, "");
	bundle_refused(new_bundle(), other.signer_key, -EKEYREJECTED,
		       "signature");
	b = new_bundle();
	wire_set_octets(b->tbs->uid, zeros, 16);
	bundle_refused(b, NULL, -EKEYREJECTED, "signature");
	b = new_bundle();
	wire_set_octets(b->tbs->uid, zeros, 16);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "another module");
	b = new_bundle();
	b->tbs->epoch++;
	bundle_refused(b, w.signer_key, -ESTALE, "epoch");
	b = new_bundle();
	wire_set_octets(b->tbs->module_nonce, zeros, 32);
	bundle_refused(b, w.signer_key, -ESTALE, "nonce");
	b = new_bundle();
	wire_set_octets(b->tbs->salt, zeros, 32);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "salt");
	b = new_bundle();
	wire_set_cert(&b->tbs->module, w.central);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "another role");
	b = new_bundle();
	X509_free(sk_X509_pop(b->tbs->central));
	X509_up_ref(w.unit);
	sk_X509_push(b->tbs->central, w.unit);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "another role");
}

/* The bundle is right, the certificate in it is not: each is bound by itself. */
static void module_certificates_are_bound(void **state)
{
	static const uint8_t zeros[32];
	const struct pki_request good = {
		.role = PKI_ROLE_MODULE,
		.serial = CERTS_SERIAL,
		.uid = certs_uid,
		.nonce = certs_nonce,
		.salt = certs_salt,
		.epoch = CERTS_EPOCH,
		.days = 5,
	};
	struct pki_request bad[] = { good, good, good, good };
	struct wire_bundle *b;
	struct error e;
	X509 *cert;
	size_t i;

	(void)state;
	bad[0].uid = zeros;
	bad[1].nonce = zeros;
	bad[2].salt = zeros;
	bad[3].epoch++;
	for (i = 0; i < 4; i++) {
		assert_int_equal(pki_issue(&bad[i], w.module_key, w.signer,
					   w.signer_key, &cert, &e),
				 0);
		b = new_bundle();
		wire_set_cert(&b->tbs->module, cert);
		X509_free(cert);
		bundle_refused(b, w.signer_key, -EKEYREJECTED,
			       i ? "another nonce, salt or epoch" :
				   "names another module");
	}
	b = new_bundle();
	ASN1_OBJECT_free(b->tbs->type);
	b->tbs->type = pki_oid(PKI_ARC_MSG, 2);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "another kind");
}

static void module_certificate_over_another_key(void **state)
{
	struct wire_bundle *b = new_bundle();
	X509 *cert = certs_issue(PKI_ROLE_MODULE, w.leaf_key, w.signer,
				 w.signer_key, 10);

	(void)state;
	wire_set_cert(&b->tbs->module, cert);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "not the key");
	X509_free(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bundles_are_bound),
		cmocka_unit_test(module_certificates_are_bound),
		cmocka_unit_test(module_certificate_over_another_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pki_bundle", tests, make_world,
					   free_world);
}
