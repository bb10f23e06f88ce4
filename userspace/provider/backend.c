// SPDX-License-Identifier: MIT
/* The table of backends. */
#include <errno.h>
#include <string.h>

#include "provider/provider.h"

#define BACKENDS_MAX 8

/* Filled before threads start, see provider_register_backend(). */
static const struct key_backend *backends[BACKENDS_MAX + 1] = {
	&secmod_backend,
};

static int has_scheme(const char *uri, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncmp(uri, scheme, len) == 0 && uri[len] == ':';
}

int provider_register_backend(const struct key_backend *backend)
{
	for (size_t i = 0; i < BACKENDS_MAX; i++) {
		if (!backends[i]) {
			backends[i] = backend;
			return 0;
		}
		if (strcmp(backends[i]->scheme, backend->scheme) == 0)
			return -EEXIST;
	}
	return -ENOSPC;
}

const struct key_backend *backend_find(const char *uri)
{
	for (size_t i = 0; backends[i]; i++)
		if (has_scheme(uri, backends[i]->scheme))
			return backends[i];
	return NULL;
}

const struct key_backend *backend_at(size_t i)
{
	return backends[i];
}
