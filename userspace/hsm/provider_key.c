// SPDX-License-Identifier: MIT
/* Keys that sign elsewhere: through the project's OpenSSL provider, built in. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/store.h>

#include "hsm/backend.h"
#include "hsm/tpm_key.h"
#include "provider/backend.h"

/*
 * OSSL_STORE tries a file of the URI's name as well, and complains of that
 * first. The provider's own reasons carry a text.
 */
static int store_failed(const char *uri, struct error *e)
{
	char reason[256] = "the provider did not open it";
	const char *data;
	int flags;

	while (ERR_get_error_all(NULL, NULL, NULL, &data, &flags))
		if (flags & ERR_TXT_STRING && *data &&
		    !strstr(data, "calling stat("))
			snprintf(reason, sizeof(reason), "%s", data);
	return error_set(e, ENOKEY, "cannot open key '%s': %s", uri, reason);
}

static EVP_PKEY *load_key(const char *uri)
{
	OSSL_STORE_INFO *info;
	OSSL_STORE_CTX *store;
	EVP_PKEY *key = NULL;

	store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
	if (!store)
		return NULL;
	OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	info = OSSL_STORE_load(store);
	if (info)
		key = OSSL_STORE_INFO_get1_PKEY(info);
	OSSL_STORE_INFO_free(info);
	OSSL_STORE_close(store);
	return key;
}

int hsm_open_provider_key(const char *uri, EVP_PKEY **key, struct error *e)
{
	int ret;

	ret = provider_register_backend(&tpm_key_backend);
	if (ret && ret != -EEXIST)
		return error_set(e, -ret, "cannot register TPM keys: %s",
				 strerror(-ret));
	ret = provider_load(e);
	if (ret)
		return ret;
	ERR_clear_error();
	*key = load_key(uri);
	return *key ? 0 : store_failed(uri, e);
}

const struct hsm_backend hsm_secmod = {
	.scheme = "secmod",
	.open = hsm_open_provider_key,
};

const struct hsm_backend hsm_tpm = {
	.scheme = "tpm",
	.open = hsm_open_provider_key,
	.create = tpm_key_create,
};
