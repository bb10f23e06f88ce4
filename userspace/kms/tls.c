// SPDX-License-Identifier: MIT
/*
 * The server's key and certificate for TLS. The certificate says nothing: each side
 * has a copy of the other's, so no chain is needed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "hsm/hsm.h"
#include "kms/kms.h"
#include "pki/pki.h"

#define DAYS 7305 /* twenty years */

static int fill(X509 *cert, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(cert);
	uint8_t serial[8];
	uint64_t number;

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return 0;
	memcpy(&number, serial, sizeof(number));
	return X509_set_version(cert, X509_VERSION_3) &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), number) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					  (const unsigned char *)"secmod-kms",
					  -1, -1, 0) &&
	       X509_set_issuer_name(cert, name) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -300) &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), DAYS, 0, NULL) &&
	       X509_set_pubkey(cert, key) && X509_sign(cert, key, EVP_sha256());
}

int tls_create(const struct kms *k, struct error *e)
{
	char *uri = NULL, *pem = NULL, *dir = realpath(k->dir, NULL);
	EVP_PKEY *key = NULL;
	X509 *cert = X509_new();
	int ret = 0;

	if (!dir || !cert || asprintf(&uri, "file:%s/tls.key", dir) < 0)
		ret = error_set(e, ENOMEM, "out of memory");
	if (!ret)
		ret = kms_path(k, &pem, e, "tls.pem");
	if (!ret)
		ret = hsm_create_key(uri, &key, e);
	if (!ret && !fill(cert, key))
		ret = error_set_ssl(e, EIO, "cannot make a certificate");
	if (!ret)
		ret = pki_write_cert(pem, cert, e);
	X509_free(cert);
	EVP_PKEY_free(key);
	free(dir);
	free(uri);
	free(pem);
	return ret;
}

int tls_open(const struct kms *k, SSL_CTX **ctx, struct error *e)
{
	char *uri = NULL, *pem = NULL;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int ret = 0;

	*ctx = NULL;
	if (asprintf(&uri, "file:%s/tls.key", k->dir) < 0)
		ret = error_set(e, ENOMEM, "out of memory");
	if (!ret)
		ret = kms_path(k, &pem, e, "tls.pem");
	if (!ret)
		ret = pki_read_cert(pem, &cert, e);
	if (!ret)
		ret = hsm_open_key(uri, &key, e);
	if (!ret) {
		*ctx = channel_ctx(1, cert, key, NULL, e);
		ret = *ctx ? 0 : -EIO;
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	free(uri);
	free(pem);
	return ret;
}
