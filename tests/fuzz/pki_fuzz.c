// SPDX-License-Identifier: MIT
/*
 * pki/check.c and kernel/cert.c on the same certificate, under the issuers of
 * tests/vectors; signatures are always right. Userspace asks for more than the kernel
 * does, so whatever it lets pass, the kernel has to take too: a PU would otherwise
 * certify what no module accepts.
 */
#include <errno.h>

#include <openssl/ecdsa.h>

#include "fuzz.h"
#include "kernel/cert.h"
#include "pki/pki.h"
#include "tests/vectors/chunks.inc"

static int is_scalar(const BIGNUM *n)
{
	return !BN_is_negative(n) && BN_num_bits(n) <= 256;
}

/* Right when it is a signature at all: two numbers of 256 bits, in DER. */
int X509_verify(X509 *cert, EVP_PKEY *key)
{
	const ASN1_BIT_STRING *bits;
	const unsigned char *p;
	unsigned char *der = NULL;
	ECDSA_SIG *sig;
	int len, again, ok;

	CHECK(key);
	X509_get0_signature(&bits, NULL, cert);
	len = ASN1_STRING_length(bits);
	p = ASN1_STRING_get0_data(bits);
	sig = d2i_ECDSA_SIG(NULL, &p, len);
	again = sig ? i2d_ECDSA_SIG(sig, &der) : -1;
	ok = again == len && !(bits->flags & 7) && /* unused bits */
	     !memcmp(der, ASN1_STRING_get0_data(bits), (size_t)len) &&
	     is_scalar(ECDSA_SIG_get0_r(sig)) &&
	     is_scalar(ECDSA_SIG_get0_s(sig));
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return ok;
}

static int accept_signature(void *ctx, const u8 point[CERT_POINT_SIZE],
			    const void *data, size_t len,
			    const u8 sig[SECMOD_SIG_SIZE])
{
	(void)ctx, (void)point, (void)data, (void)len, (void)sig;
	return 0;
}

struct issuer {
	X509 *x509;
	struct cert cert;
	u8 *der;
};

static struct issuer root, unit;

static void read_issuer(struct issuer *i, const char *hex)
{
	size_t len = strlen(hex) / 2, n;
	const unsigned char *p;
	unsigned int octet;
	struct refusal why;

	i->der = malloc(len);
	CHECK(i->der);
	for (n = 0; n < len; n++) {
		CHECK(sscanf(hex + 2 * n, "%2x", &octet) == 1);
		i->der[n] = (u8)octet;
	}
	p = i->der;
	i->x509 = d2i_X509(NULL, &p, (long)len);
	CHECK(i->x509);
	CHECK(!cert_parse(&i->cert, i->der, len, "issuer", &why));
}

static void same_fields(X509 *x509, const struct cert *c)
{
	uint8_t uid[16], value[32];
	char serial[33];
	uint64_t epoch;

	if (!pki_get_uid(x509, uid))
		CHECK(c->has_uid && !memcmp(uid, c->uid, sizeof(uid)));
	if (!pki_get_serial(x509, serial, sizeof(serial)))
		CHECK(!strcmp(serial, c->serial));
	if (!pki_get_nonce(x509, value))
		CHECK(c->has_nonce && !memcmp(value, c->nonce, sizeof(value)));
	if (!pki_get_salt(x509, value))
		CHECK(c->has_salt && !memcmp(value, c->salt, sizeof(value)));
	if (!pki_get_epoch(x509, &epoch))
		CHECK(c->has_epoch && c->epoch == epoch);
}

static void check_role(X509 *x509, const u8 *der, size_t len, int role,
		       const struct issuer *issuer)
{
	struct refusal why = { 0 };
	const struct cert_verifier v = { accept_signature, NULL, NOW, &why };
	struct error e = { "" };
	struct cert c;
	int ret;

	ret = pki_check(x509, role, issuer->x509, NOW, &e);
	CHECK(!ret || ret == -EKEYREJECTED || ret == -EKEYEXPIRED);
	CHECK(!ret == !e.text[0]);
	CHECK(strnlen(e.text, sizeof(e.text)) < sizeof(e.text));
	if (ret)
		return;
	if (cert_parse(&c, der, len, "certificate", &why)) {
		/* OpenSSL takes sets of names that are empty or have two */
		CHECK(strstr(why.text, "its subject is malformed"));
		return;
	}
	CHECK(!cert_check(&c, &issuer->cert, (u8)role, "certificate", &v));
	same_fields(x509, &c);
}

/* @der is what userspace would hand on: whatever it came as, that is DER. */
static void check_roles(X509 *x509, const u8 *der, size_t len)
{
	struct refusal why = { 0 };
	struct issuer self = { .x509 = x509 };
	int role;

	for (role = 1; role <= SECMOD_ROLE_RECOVERY; role++) {
		check_role(x509, der, len, role, &root);
		check_role(x509, der, len, role, &unit);
	}
	if (cert_parse(&self.cert, der, len, "root", &why))
		memset(&self.cert, 0, sizeof(self.cert));
	check_role(x509, der, len, 0, &self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *p = data;
	unsigned char *der = NULL;
	X509 *x509;
	int len;

	if (!root.x509) {
		read_issuer(&root, CERT_ROOT);
		read_issuer(&unit, CERT_PU);
	}
	x509 = d2i_X509(NULL, &p, (long)size);
	len = x509 ? i2d_X509(x509, &der) : -1;
	if (len > 0)
		check_roles(x509, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x509);
	return 0;
}
