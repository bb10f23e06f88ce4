// SPDX-License-Identifier: MIT
/* kernel/record.c: what a vault's slot holds once decrypted. There is one encoding. */
#include "fuzz.h"
#include "kernel/record.h"

static void check_certs(const struct record *r)
{
	size_t i;

	CHECK(r->checking.len <= SECMOD_CERT_MAX);
	CHECK(r->identity.len <= SECMOD_CERT_MAX);
	CHECK(r->signer.len <= SECMOD_CERT_MAX);
	CHECK(r->module.len <= SECMOD_CERT_MAX);
	for (i = 0; i < ARRAY_SIZE(r->central); i++)
		CHECK(r->central[i].len <= SECMOD_CERT_MAX);
}

static void check_decoded(struct record *r, const u8 *data, size_t size)
{
	u8 *again = malloc(size);
	int len;

	CHECK(again);
	check_certs(r);
	CHECK(r->state == SECMOD_STATE_PERSONALIZATION ||
	      r->state == SECMOD_STATE_OPERATING);
	len = record_encode(r, again, size);
	CHECK(len >= 0 && (size_t)len == size && !memcmp(again, data, size));
	CHECK(record_encode(r, again, size - 1) == -E2BIG);
	record_forget_key(r);
	CHECK(record_encode(r, again, size) > 0);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record *r = malloc(sizeof(*r));
	u8 *copy = malloc(size ? size : 1);
	int rc;

	CHECK(r && copy);
	memcpy(copy, data, size);
	rc = record_decode(r, copy, size);
	CHECK(!rc || rc == -EBADMSG);
	if (!rc)
		check_decoded(r, copy, size);
	free(copy);
	free(r);
	return 0;
}
