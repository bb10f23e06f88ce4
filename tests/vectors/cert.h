/* SPDX-License-Identifier: MIT */
/* Fixed certificates, as hexadecimal, and what the driver has to say of each. */
#ifndef TESTS_VECTORS_CERT_H
#define TESTS_VECTORS_CERT_H

#include "kernel/cert.h"
#include "tests/vectors/chunks.inc"

struct cert_vector {
	const char *name;
	const char *reason; /* what follows the certificate's name, NULL: good */
	int error;
	u8 role; /* it is checked for */
	u64 now;
	const char *issuer; /* NULL: is not checked, only parsed */
	const char *der;
};

static const struct cert_vector cert_good[] = {
#include "tests/vectors/cert_good.inc"
};

/* Refused by the parser. */
static const struct cert_vector cert_malformed[] = {
#include "tests/vectors/cert_malformed.inc"
};

/* Well formed, and refused by the check of a link of the chain. */
static const struct cert_vector cert_refused[] = {
#include "tests/vectors/cert_refused.inc"
};

#endif
