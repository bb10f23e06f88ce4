// SPDX-License-Identifier: MIT
/* pki/: certificates, chains, requests and public keys that people hand over as files. */
#include <errno.h>

#include "fuzz.h"
#include "pki/request.h"

/* Else no changed request gets further than its signature. */
int X509_REQ_verify(X509_REQ *req, EVP_PKEY *key)
{
	CHECK(req && key);
	return 1;
}

static void key(int (*read)(const char *, EVP_PKEY **, struct error *),
		const char *path)
{
	struct error e = { "" };
	EVP_PKEY *pkey = NULL;
	int ret = read(path, &pkey, &e);

	CHECK(!ret == !!pkey && !ret == !e.text[0]);
	if (pkey)
		CHECK(EVP_PKEY_get_bits(pkey) == 256);
	EVP_PKEY_free(pkey);
}

static void chain(const char *path)
{
	STACK_OF(X509) *certs = NULL;
	struct error e = { "" };
	int i, ret = pki_read_chain(path, &certs, &e);
	char name[64], fingerprint[65];

	CHECK(!ret == !!certs && !ret == !e.text[0]);
	for (i = 0; i < sk_X509_num(certs); i++) {
		pki_describe(sk_X509_value(certs, i), name, sizeof(name));
		CHECK(strlen(name) < sizeof(name));
		pki_fingerprint(sk_X509_value(certs, i), fingerprint);
		CHECK(strlen(fingerprint) == 64);
	}
	sk_X509_pop_free(certs, X509_free);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = input_file(data, size);

	key(pki_read_csr, path);
	key(pki_read_public, path);
	chain(path);
	return 0;
}
