// SPDX-License-Identifier: MIT
/*
 * The bare command sequence: TPM2_Sign with an empty password to /dev/tpm0, and
 * nothing around it. What a key in the TPM costs at least, without any protection.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* methods: the way that adds least */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>

#include "load.h"

#define DIGEST 32
#define AT_HANDLE 10
#define AT_DIGEST 29
#define AT_R 18 /* size of r in the answer: header, size, two algorithms */

static const char command_template[] =
	"\x80\x02\0\0\0\x49\0\0\x01\x5d" /* header: TPM2_Sign */
	"\0\0\0\0" /* the key */
	"\0\0\0\x09\x40\0\0\x09\0\0\0\0\0" /* empty password */
	"\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"\0\x18\0\x0b" /* ECDSA, SHA-256 */
	"\x80\x24\x40\0\0\x07\0"; /* no ticket; its last zero is the string's */

static int device = -1;
static uint32_t key_handle;

static BIGNUM *integer(const unsigned char **at, const unsigned char *end)
{
	size_t len;
	BIGNUM *n;

	if (end - *at < 2)
		return NULL;
	len = (size_t)((*at)[0] << 8 | (*at)[1]);
	if ((size_t)(end - *at) < 2 + len)
		return NULL;
	n = BN_bin2bn(*at + 2, (int)len, NULL);
	*at += 2 + len;
	return n;
}

static ECDSA_SIG *parse(const unsigned char *answer, ssize_t len)
{
	const unsigned char *at = answer + AT_R, *end = answer + len;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r, *s;

	if (len < AT_R || memcmp(answer + 6, "\0\0\0", 4) != 0)
		die("the TPM refuses TPM2_Sign", NULL);
	r = integer(&at, end);
	s = integer(&at, end);
	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1)
		die("no signature in the answer", NULL);
	return sig;
}

static ECDSA_SIG *raw_sign(const unsigned char *digest, int len,
			   const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
	unsigned char command[sizeof(command_template)], answer[512];
	ssize_t got;

	(void)kinv, (void)r, (void)key;
	if (len != DIGEST)
		return NULL;
	memcpy(command, command_template, sizeof(command));
	for (int i = 0; i < 4; i++)
		command[AT_HANDLE + i] =
			(unsigned char)(key_handle >> (24 - 8 * i));
	memcpy(command + AT_DIGEST, digest, DIGEST);
	if (write(device, command, sizeof(command)) != sizeof(command))
		die("cannot write to", "/dev/tpm0");
	got = read(device, answer, sizeof(answer));
	return parse(answer, got);
}

EVP_PKEY *raw_key(uint32_t handle, X509 *cert)
{
	EC_KEY_METHOD *method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
	int (*der)(int, const unsigned char *, int, unsigned char *,
		   unsigned int *, const BIGNUM *, const BIGNUM *, EC_KEY *);
	int (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **);
	EC_KEY *ec = EC_KEY_dup(EVP_PKEY_get0_EC_KEY(X509_get0_pubkey(cert)));
	EVP_PKEY *key = EVP_PKEY_new();

	device = open("/dev/tpm0", O_RDWR | O_CLOEXEC);
	if (device < 0)
		die("cannot open", "/dev/tpm0");
	key_handle = handle;
	EC_KEY_METHOD_get_sign(method, &der, &setup, NULL);
	EC_KEY_METHOD_set_sign(method, der, setup, raw_sign);
	if (!ec || EC_KEY_set_method(ec, method) != 1 ||
	    EVP_PKEY_assign_EC_KEY(key, ec) != 1)
		die("no key over", "/dev/tpm0");
	return key;
}
