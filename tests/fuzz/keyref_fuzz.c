// SPDX-License-Identifier: MIT
/* provider/keyref.c: key reference files, which stand in for private keys. */
#include <errno.h>

#include <openssl/pem.h>

#include "fuzz.h"
#include "provider/keyref.h"

static void round_trip(const uint8_t *data, size_t size, const char *uri)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len;
	int ret;

	CHECK(bio);
	ret = keyref_write(bio, uri);
	if (strlen(uri) > KEYREF_URI_MAX - 3) {
		CHECK(ret == -EINVAL);
	} else {
		CHECK(!ret && PEM_read_bio(bio, &name, &header, &der, &len));
		CHECK(!strcmp(name, KEYREF_LABEL));
		CHECK((size_t)len == size && !memcmp(der, data, size));
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *uri = malloc(KEYREF_URI_MAX + 1);
	uint8_t *copy = malloc(size ? size : 1);
	int ret;

	CHECK(uri && copy);
	memcpy(copy, data, size);
	ret = keyref_parse(copy, size, uri);
	CHECK(!ret || ret == -EBADMSG);
	if (!ret) {
		CHECK(*uri && strlen(uri) <= KEYREF_URI_MAX);
		round_trip(copy, size, uri);
	}
	free(copy);
	free(uri);
	return 0;
}
