/* SPDX-License-Identifier: GPL-2.0-only */
/* Vectors in memory of their exact size, so that KASAN sees a read beyond. */
#ifndef TESTS_KUNIT_VECTOR_H
#define TESTS_KUNIT_VECTOR_H

#include <kunit/test.h>

#include "kernel/cert.h"

struct vector {
	u8 *data;
	size_t len;
};

/* Freed with the test. */
struct vector vector_copy(struct kunit *test, const void *data, size_t len);
struct vector vector_from_hex(struct kunit *test, const char *hex);
void vector_read(struct kunit *test, const char *hex, u8 *out, size_t len);

/* A verify callback that remembers what it was asked. */
struct recorder {
	int answer;
	int asked;
	u8 point[CERT_POINT_SIZE];
	const void *data;
	size_t len;
	u8 sig[SECMOD_SIG_SIZE];
};

int recorder_verify(void *ctx, const u8 point[CERT_POINT_SIZE],
		    const void *data, size_t len,
		    const u8 sig[SECMOD_SIG_SIZE]);

#endif
