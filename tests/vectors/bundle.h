/* SPDX-License-Identifier: MIT */
/*
 * Fixed bundles, as hexadecimal, and what the driver has to say of each when the
 * session is that of MODULE_UID, MODULE_NONCE ... and CERT_PU is the signer.
 */
#ifndef TESTS_VECTORS_BUNDLE_H
#define TESTS_VECTORS_BUNDLE_H

#include "kernel/bundle.h"
#include "tests/vectors/chunks.inc"

struct bundle_vector {
	const char *name;
	const char *reason; /* NULL: good */
	int error;
	const char *der;
};

static const struct bundle_vector bundle_good[] = {
#include "tests/vectors/bundle_good.inc"
};

/* Refused by the parser. */
static const struct bundle_vector bundle_malformed[] = {
#include "tests/vectors/bundle_malformed.inc"
};

/* Well formed, and not the answer to the session. */
static const struct bundle_vector bundle_refused[] = {
#include "tests/vectors/bundle_refused.inc"
};

/* The same, in a session whose nonce, salt and epoch are 0. */
static const struct bundle_vector bundle_zero[] = {
#include "tests/vectors/bundle_zero.inc"
};

#endif
