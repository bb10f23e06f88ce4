/* SPDX-License-Identifier: MIT */
/* Certificates and bundles of tests/vectors in memory, and who checks their signatures. */
#ifndef TESTS_UNIT_VECTOR_H
#define TESTS_UNIT_VECTOR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/cert.h"

/* Octets right behind which nothing may be touched. */
struct vector {
	u8 *data;
	size_t len;
};

struct vector vector_new(const void *data, size_t len);
struct vector vector_from_hex(const char *hex);
void vector_free(struct vector *v);
/* Exactly @len octets. */
void vector_read(const char *hex, u8 *out, size_t len);

/* A verify callback of struct cert_verifier: ECDSA by OpenSSL. */
int vector_verify(void *ctx, const u8 point[CERT_POINT_SIZE], const void *data,
		  size_t len, const u8 sig[SECMOD_SIG_SIZE]);

/*
 * One test per row of a table of vectors, named as the row is; @test finds the row
 * in its *state.
 */
#define VECTOR_ROWS(rows, test) \
	vector_run(#rows, rows, sizeof((rows)[0]), ARRAY_SIZE(rows), test)
int vector_run(const char *group, const void *rows, size_t size, size_t count,
	       CMUnitTestFunction test);

#endif
