// SPDX-License-Identifier: MIT
/* Private keys by URI: which backend opens which. */
#include <errno.h>
#include <string.h>

#include "hsm/backend.h"

static const struct hsm_backend *const backends[] = {
	&hsm_file,
	&hsm_tpm,
	&hsm_secmod,
};

static const struct hsm_backend *find_backend(const char *uri)
{
	size_t i, len;

	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		len = strlen(backends[i]->scheme);
		if (!strncmp(uri, backends[i]->scheme, len) && uri[len] == ':')
			return backends[i];
	}
	return NULL;
}

static int unknown_scheme(const char *uri, struct error *e)
{
	return error_set(
		e, EINVAL,
		"key '%s' is none of file:/path, tpm:0x81..., secmod:identity, secmod:module",
		uri);
}

int hsm_open_key(const char *uri, EVP_PKEY **key, struct error *e)
{
	const struct hsm_backend *b = find_backend(uri);

	*key = NULL;
	return b ? b->open(uri, key, e) : unknown_scheme(uri, e);
}

int hsm_create_key(const char *uri, EVP_PKEY **key, struct error *e)
{
	const struct hsm_backend *b = find_backend(uri);
	int ret;

	*key = NULL;
	if (!b)
		return unknown_scheme(uri, e);
	if (!b->create)
		return error_set(e, EOPNOTSUPP,
				 "key '%s' is made by the driver, not by us",
				 uri);
	ret = b->create(uri, e);
	return ret ? ret : b->open(uri, key, e);
}
