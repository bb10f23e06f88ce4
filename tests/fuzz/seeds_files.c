// SPDX-License-Identifier: MIT
/* Seeds of the fuzzers whose input is a file, a line, a name. */
#include <openssl/pem.h>

#include "hsm/tpm_key.h"
#include "provider/keyref.h"
#include "seeds.h"
#include "tests/vectors/chunks.inc"

static void seed_bio(const char *fuzzer, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	CHECK(len > 0);
	seed(fuzzer, data, (size_t)len);
	BIO_free(bio);
}

static void seed_text(const char *fuzzer, const char *text)
{
	seed(fuzzer, text, strlen(text));
}

static void put_cert(BIO *bio, const char *hex)
{
	struct output o = { .len = 0 };

	put_hex(&o, hex);
	CHECK(PEM_write_bio(bio, "CERTIFICATE", "", o.data, (long)o.len) > 0);
}

static void seeds_pem(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());

	put_cert(bio, CERT_PU);
	put_cert(bio, CERT_ROOT);
	seed_bio("pem", bio);
	bio = BIO_new(BIO_s_mem());
	CHECK(X509_REQ_set_pubkey(req, key) &&
	      X509_REQ_sign(req, key, EVP_sha256()) > 0 &&
	      PEM_write_bio_X509_REQ(bio, req));
	seed_bio("pem", bio);
	bio = BIO_new(BIO_s_mem());
	CHECK(PEM_write_bio_PUBKEY(bio, key));
	seed_bio("pem", bio);
	bio = BIO_new(BIO_s_mem());
	CHECK(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL,
					    NULL));
	seed_bio("keyfile", bio);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
}

static void seeds_keyref(void)
{
	static const char *const uris[] = {
		"secmod:module", "secmod:identity?device=/dev/secmod1"
	};
	char *name, *header;
	unsigned char *der;
	size_t i;
	long len;
	BIO *bio;

	for (i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		bio = BIO_new(BIO_s_mem());
		CHECK(!keyref_write(bio, uris[i]) &&
		      PEM_read_bio(bio, &name, &header, &der, &len));
		seed("keyref", der, (size_t)len);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
		BIO_free(bio);
	}
}

/* Tokens of serial_fuzz.c: noise, request, confirm; cut and changed ones before. */
static void seeds_serial(void)
{
	static const uint8_t lines[][6] = {
		{ 0x01, 0x09, 0x10, 'T', 0, 0 },
		{ 0x02, 0x07, 0x01, 0x09, 0x20, 0x16 },
		{ 0x41, 0x03, 0x05, 0x80, 0x49, 0x41 },
	};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		seed("serial", lines[i], sizeof(lines[i]));
	seed_text("serial", "/dev/ttyS0,115200");
}

#define EVENT(event, serial, uid)                                           \
	"{\"event\":\"" event "\",\"serial\":\"" serial "\",\"uid\":\"" uid \
	"\",\"ek\":\"ek-1\",\"time\":1}\n"
#define UID_1 "00112233445566778899aabbccddeeff"
#define UID_2 "ffeeddccbbaa99887766554433221100"

/* Where a limit is: names that just fit. */
static void seeds_at_limits(void)
{
	char text[1024];

	snprintf(text, sizeof(text), "tpm:0x81000100?tcti=%0*d&auth=%0*d",
		 TPM_KEY_TCTI_MAX - 1, 0, TPM_KEY_PATH_MAX - 1, 0);
	seed_text("keyfile", text);
	snprintf(text, sizeof(text), "%0*d\n",
		 (int)sizeof(((TPM2B_AUTH *)0)->buffer), 0);
	seed_text("keyfile", text);
}

void seeds_files(void)
{
	seeds_at_limits();
	seeds_pem();
	seeds_keyref();
	seeds_serial();
	seed_text("keyfile",
		  "tpm:0x81000100?tcti=swtpm:path=/run/x.sock&auth=/etc/pw");
	seed_text("keyfile", "password\n");
	seed_text("register", "\x01" EVENT("issued", "SN-1", UID_1));
	seed_text("register", "\x01" EVENT("issued", "SN-1", UID_2)
				      EVENT("released", "SN-1", UID_2));
	seed_text("register", "\x01" EVENT("issued", "SN-2", UID_1)
				      EVENT("issued", "SN-3", UID_2));
	seed("rc", "\x01\x5d\x00\x00\x09\x8e\x40", 7);
	seed("rc", "\x01\x4e\x00\x00\x01\x49\x40", 7);
}
