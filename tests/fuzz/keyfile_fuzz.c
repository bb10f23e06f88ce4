// SPDX-License-Identifier: MIT
/* hsm/: key URIs, the file with a password, keys in PEM. */
#include <errno.h>
#include <stdio.h>

#include "fuzz.h"
#include "hsm/hsm.h"
#include "hsm/tpm_key.h"

static void uri(const char *text)
{
	struct tpm_key_uri *u = malloc(sizeof(*u));
	struct error e = { "" };
	int ret;

	CHECK(u);
	ret = tpm_key_parse(text, u, &e);
	CHECK(!ret || ret == -EINVAL);
	if (!ret) {
		CHECK(u->handle >> 24 == 0x81);
		CHECK(strlen(u->tcti) < sizeof(u->tcti));
		CHECK(strlen(u->auth) < sizeof(u->auth));
	}
	free(u);
}

static void password(const uint8_t *data, size_t size)
{
	struct tpm_key_uri u = { .handle = 0x81000000 };
	size_t want = size && data[size - 1] == '\n' ? size - 1 : size;
	TPM2B_AUTH *auth = malloc(sizeof(*auth));
	struct error e;

	CHECK(auth);
	snprintf(u.auth, sizeof(u.auth), "%s", input_file(data, size));
	if (!tpm_key_read_auth(&u, auth, &e)) {
		CHECK(auth->size == want);
		CHECK(!want || !memcmp(auth->buffer, data, want));
		CHECK(want <= sizeof(auth->buffer));
	} else {
		CHECK(want > sizeof(auth->buffer) || memchr(data, '\n', want));
	}
	free(auth);
}

static void key(const uint8_t *data, size_t size)
{
	char name[64];
	struct error e = { "" };
	EVP_PKEY *pkey = NULL;
	int ret;

	snprintf(name, sizeof(name), "file:%s", input_file(data, size));
	ret = hsm_open_key(name, &pkey, &e);
	CHECK(!ret == !!pkey);
	CHECK(!ret || ret == -EBADMSG || ret == -EINVAL);
	EVP_PKEY_free(pkey);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	CHECK(text);
	uri(text);
	free(text);
	password(data, size);
	if (size > 20 && data[0] == '-')
		key(data, size);
	return 0;
}
