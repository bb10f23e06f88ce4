// SPDX-License-Identifier: MIT
/* The provider as a part of a program of the project. */
#include <errno.h>

#include <openssl/provider.h>

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
