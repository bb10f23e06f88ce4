/* SPDX-License-Identifier: GPL-2.0-only */
/* tpm/platform.h over OpenSSL: what a test may steer. */
#ifndef SHIM_T2_OPENSSL_H
#define SHIM_T2_OPENSSL_H

#include "tpm/platform.h"

/*
 * Makes t2_random() yield the same bytes after every call of this function, so that
 * a recorded exchange can be played again. NULL: random again.
 */
void t2_openssl_seed(const char *seed);
/* The next calls of the primitives fail with @err, from the @skip-th on; 0: never. */
void t2_openssl_fail(unsigned int skip, int err);
/* Tells of every random number ('N'), and every agreement: both points and x ('E'). */
void t2_openssl_listen(void (*heard)(char kind, const void *data, size_t len));

/*
 * Watches the keys that the primitives get, the shared secrets they give and what is
 * compared: each has to be wiped with memzero_explicit(), unless it lies in @kept. Returns how many were
 * not since the last call, and watches on (or stops, when @kept is NULL).
 */
struct t2_kept {
	const void *at;
	size_t len;
};

size_t t2_openssl_unwiped(const struct t2_kept *kept, size_t count);

#endif
