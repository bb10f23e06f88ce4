/* SPDX-License-Identifier: MIT */
/* Between the files of the HSM: one backend per scheme of key URIs. */
#ifndef SECMOD_HSM_BACKEND_H
#define SECMOD_HSM_BACKEND_H

#include "hsm/hsm.h"

/* @create NULL: keys of this scheme are not made by us. */
struct hsm_backend {
	const char *scheme;
	int (*open)(const char *uri, EVP_PKEY **key, struct error *e);
	int (*create)(const char *uri, struct error *e);
};

extern const struct hsm_backend hsm_file, hsm_tpm, hsm_secmod;

/* provider_key.c: a key of the OpenSSL provider, by its URI */
int hsm_open_provider_key(const char *uri, EVP_PKEY **key, struct error *e);

#endif
