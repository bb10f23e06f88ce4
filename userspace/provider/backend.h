/* SPDX-License-Identifier: MIT */
/*
 * Where the provider's keys sign. A backend owns the URIs of one scheme; the
 * backend "secmod:" (the driver) is always there, others are registered by the
 * program that has the provider built in.
 */
#ifndef SECMOD_PROVIDER_BACKEND_H
#define SECMOD_PROVIDER_BACKEND_H

#include <stddef.h>

#include "common/error.h"

#define KEY_POINT_SIZE 65 /* 04 || X || Y of P-256 */
#define KEY_SIGNATURE_SIZE 64 /* r || s */
#define KEY_MESSAGE_MAX 1024 /* of sign_message */

/*
 * Functions return 0 or -errno. A key is opened once and then used by several
 * threads at a time, and by child processes after fork().
 *
 * @scheme: without the colon
 * @open: @uri is the whole URI; @point gets the public key
 * @sign: of a digest, @hash_nid is NID_sha256, NID_sha384 or NID_sha512;
 *	NULL when the backend has only restricted keys
 * @sign_message: restricted keys hash (SHA-256) what they sign themselves; NULL when
 *	there are none
 * @restricted: 1 when this key signs messages only; NULL: none is
 * @close: never called in a child for a key its parent opened, unless that
 *	child frees its copy: must not harm the parent's
 */
struct key_backend {
	const char *scheme;
	int (*open)(const char *uri, void **priv,
		    unsigned char point[KEY_POINT_SIZE], struct error *e);
	int (*sign)(void *priv, int hash_nid, const unsigned char *digest,
		    size_t len, unsigned char sig[KEY_SIGNATURE_SIZE],
		    struct error *e);
	int (*sign_message)(void *priv, const unsigned char *msg, size_t len,
			    unsigned char sig[KEY_SIGNATURE_SIZE],
			    struct error *e);
	int (*restricted)(void *priv);
	void (*close)(void *priv);
};

/* Before provider_load(). -EEXIST: the scheme is taken; -ENOSPC: too many. */
int provider_register_backend(const struct key_backend *backend);

/*
 * Makes the provider, as built into this program, and the default provider
 * available in the default library context. Again is fine.
 */
int provider_load(struct error *e);

#endif
