// SPDX-License-Identifier: MIT
/* Keys by URI: of a provider, of an engine, or bare. */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines: tpm2-pkcs11 has no other way in Debian 12 */
#include <stdlib.h>
#include <string.h>

#include <openssl/engine.h>
#include <openssl/pem.h>
#include <openssl/store.h>

#include "load.h"

X509 *load_certificate(const char *path)
{
	BIO *file = BIO_new_file(path, "r");
	X509 *cert = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;

	if (!cert)
		die("no certificate in", path);
	BIO_free(file);
	return cert;
}

/* ID:KEY */
static EVP_PKEY *engine_key(const char *spec)
{
	size_t len = strcspn(spec, ":");
	char *id = strndup(spec, len);
	EVP_PKEY *key;
	ENGINE *e;

	ENGINE_load_builtin_engines();
	e = ENGINE_by_id(id);
	if (!e || !ENGINE_init(e))
		die("no such engine", id);
	key = ENGINE_load_private_key(e, spec + len + 1, NULL, NULL);
	free(id);
	return key;
}

static EVP_PKEY *store_key(const struct load *l)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(l->uri, NULL, l->propq, NULL,
						   NULL, NULL, NULL, NULL);
	EVP_PKEY *key = NULL;

	while (store && !key && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		key = info ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return key;
}

EVP_PKEY *load_key(const struct load *l, X509 *cert)
{
	EVP_PKEY *key;

	if (!strncmp(l->uri, "raw:", 4))
		key = raw_key((uint32_t)strtoul(l->uri + 4, NULL, 0), cert);
	else if (!strncmp(l->uri, "engine:", 7))
		key = engine_key(l->uri + 7);
	else
		key = store_key(l);
	if (!key)
		die("no key at", l->uri);
	return key;
}
