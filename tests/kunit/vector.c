// SPDX-License-Identifier: GPL-2.0-only
/* Vectors and the recorder. */
#include "tests/kunit/vector.h"

#include <linux/kernel.h>

struct vector vector_copy(struct kunit *test, const void *data, size_t len)
{
	struct vector v = { .len = len };

	v.data = kunit_kzalloc(test, len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, v.data);
	if (len)
		memcpy(v.data, data, len);
	return v;
}

struct vector vector_from_hex(struct kunit *test, const char *hex)
{
	struct vector v = vector_copy(test, hex, strlen(hex) / 2);

	vector_read(test, hex, v.data, v.len);
	return v;
}

void vector_read(struct kunit *test, const char *hex, u8 *out, size_t len)
{
	KUNIT_ASSERT_EQ(test, strlen(hex), 2 * len);
	KUNIT_ASSERT_EQ(test, hex2bin(out, hex, len), 0);
}

int recorder_verify(void *ctx, const u8 point[CERT_POINT_SIZE],
		    const void *data, size_t len, const u8 sig[SECMOD_SIG_SIZE])
{
	struct recorder *r = ctx;

	r->asked++;
	memcpy(r->point, point, sizeof(r->point));
	r->data = data;
	r->len = len;
	memcpy(r->sig, sig, sizeof(r->sig));
	return r->answer;
}
