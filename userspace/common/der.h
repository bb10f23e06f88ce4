/* SPDX-License-Identifier: MIT */
/*
 * Is this DER? OpenSSL's decoder also takes BER, and keeps the encoding of some
 * parts (names, certificates) as it came, so that re-encoding does not tell.
 */
#ifndef SECMOD_COMMON_DER_H
#define SECMOD_COMMON_DER_H

#include <stddef.h>

#include "common/error.h"

/*
 * Exactly one element of @len bytes, definite shortest lengths (X.690, 10.1), shortest
 * INTEGERs (8.3.2), BOOLEAN 0 or 255 (11.1), strings not constructed (10.2), unused bits
 * zero (11.2.1), in all elements not wrapped into an OCTET STRING. @what names
 * the object in the text. Returns 0 or -EPROTO.
 */
int der_check(const unsigned char *der, size_t len, const char *what,
	      struct error *e);

#endif
