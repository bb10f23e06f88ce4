// SPDX-License-Identifier: MIT
/* A small world of certificates, and ways to spoil them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certs.h"

const uint8_t certs_uid[16] = { 0xab, 1, 2, 3 };
const uint8_t certs_nonce[32] = { 1, 1, 1, 1 };
const uint8_t certs_salt[32] = { 2, 2, 2, 2 };

EVP_PKEY *certs_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

static X509 *issue_named(enum pki_role role, const char *name, EVP_PKEY *key,
			 X509 *issuer, EVP_PKEY *issuer_key, int days)
{
	int names_module = role == PKI_ROLE_IDENTITY || role == PKI_ROLE_MODULE;
	struct pki_request req = {
		.role = role,
		.common_name = name,
		.serial = names_module ? CERTS_SERIAL : NULL,
		.uid = names_module ? certs_uid : NULL,
		.nonce = role == PKI_ROLE_MODULE ? certs_nonce : NULL,
		.salt = role == PKI_ROLE_MODULE ? certs_salt : NULL,
		.epoch = CERTS_EPOCH,
		.days = days,
	};
	struct error e;
	X509 *cert;

	if (pki_issue(&req, key, issuer, issuer_key, &cert, &e))
		fail_msg("%s", e.text);
	return cert;
}

X509 *certs_issue(enum pki_role role, EVP_PKEY *key, X509 *issuer,
		  EVP_PKEY *issuer_key, int days)
{
	return issue_named(role, pki_role_name(role), key, issuer, issuer_key,
			   days);
}

void certs_make(struct certs *c, const char *name)
{
	memset(c, 0, sizeof(*c));
	c->root_key = certs_key();
	c->signer_key = certs_key();
	c->identity_key = certs_key();
	c->module_key = certs_key();
	c->leaf_key = certs_key();
	c->root = issue_named(PKI_ROLE_MANUFACTURER, name, c->root_key, NULL,
			      c->root_key, 100);
	c->signer = certs_issue(PKI_ROLE_SIGNER, c->signer_key, c->root,
				c->root_key, 50);
	c->identity = certs_issue(PKI_ROLE_IDENTITY, c->identity_key, c->root,
				  c->root_key, 50);
	c->module = certs_issue(PKI_ROLE_MODULE, c->module_key, c->signer,
				c->signer_key, 50);
	c->central = certs_issue(PKI_ROLE_CENTRAL, c->leaf_key, c->signer,
				 c->signer_key, 50);
	c->unit = certs_issue(PKI_ROLE_UNIT_TLS, c->leaf_key, c->signer,
			      c->signer_key, 50);
}

void certs_free(struct certs *c)
{
	EVP_PKEY_free(c->root_key);
	EVP_PKEY_free(c->signer_key);
	EVP_PKEY_free(c->identity_key);
	EVP_PKEY_free(c->module_key);
	EVP_PKEY_free(c->leaf_key);
	X509_free(c->root);
	X509_free(c->signer);
	X509_free(c->identity);
	X509_free(c->module);
	X509_free(c->central);
	X509_free(c->unit);
	memset(c, 0, sizeof(*c));
}

void certs_sign(X509 *cert, EVP_PKEY *issuer_key)
{
	assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
}

void certs_set_ext(X509 *cert, const char *oid, const char *value, int critical)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 0);
	X509_EXTENSION *ext;
	char conf[512];
	int at;

	assert_non_null(obj);
	at = X509_get_ext_by_OBJ(cert, obj, -1);
	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, at));
	if (value) {
		snprintf(conf, sizeof(conf), "%s%s",
			 critical ? "critical," : "", value);
		ext = X509V3_EXT_nconf(NULL, NULL, oid, conf);
		assert_non_null(ext);
		assert_true(X509_add_ext(cert, ext, at));
		X509_EXTENSION_free(ext);
	}
	ASN1_OBJECT_free(obj);
}

char *certs_file(X509 *first, X509 *second)
{
	const char *dir = getenv("TMPDIR");
	char *path;
	FILE *f;
	int fd;

	assert_true(asprintf(&path, "%s/certs.XXXXXX", dir ? dir : "/tmp") > 0);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_true(PEM_write_X509(f, first));
	assert_true(!second || PEM_write_X509(f, second));
	assert_int_equal(fclose(f), 0);
	return path;
}
