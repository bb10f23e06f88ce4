// SPDX-License-Identifier: MIT
/* The provider as a part of a program of the project. */
#include <errno.h>

#include <openssl/provider.h>
#include <openssl/store.h>

#include "provider/provider.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static int loaded;
static struct error load_error;

/* default first: naming any provider turns off its loading by itself */
static void load(void)
{
	if (!OSSL_PROVIDER_load(NULL, "default")) {
		error_set_ssl(&load_error, ENOENT,
			      "cannot load OpenSSL's default provider");
		return;
	}
	if (!OSSL_PROVIDER_add_builtin(NULL, PROVIDER_NAME,
				       OSSL_provider_init) ||
	    !OSSL_PROVIDER_load(NULL, PROVIDER_NAME)) {
		error_set_ssl(&load_error, ENOENT,
			      "cannot load provider '" PROVIDER_NAME "'");
		return;
	}
	loaded = 1;
}

int provider_load(struct error *e)
{
	if (!CRYPTO_THREAD_run_once(&once, load))
		return error_set(e, ENOMEM, "cannot load providers");
	if (!loaded)
		return error_set(e, ENOENT, "%s", load_error.text);
	return 0;
}

int provider_open_key(const char *uri, EVP_PKEY **key, struct error *e)
{
	OSSL_STORE_CTX *store;
	OSSL_STORE_INFO *info = NULL;
	int rc = provider_load(e);

	*key = NULL;
	if (rc)
		return rc;
	store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
	if (store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1)
		info = OSSL_STORE_load(store);
	if (info)
		*key = OSSL_STORE_INFO_get1_PKEY(info);
	OSSL_STORE_INFO_free(info);
	if (!*key)
		rc = error_set_ssl(e, ENOKEY, "cannot open key '%s'", uri);
	OSSL_STORE_close(store);
	return rc;
}
