// SPDX-License-Identifier: MIT
/* Which endorsement keys are genuine. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "pki/ek.h"
#include "pki/pki.h"
#include "pki/tpm.h"

#define OID_EK_CERTIFICATE "2.23.133.8.1" /* tcg-kp-EKCertificate */
#define DIGEST_HEX 64

struct allowed {
	char digest[DIGEST_HEX + 1];
	char serial[33]; /* "": any */
};

struct ek_policy {
	X509_STORE *store; /* NULL: no CA */
	struct allowed *allowed;
	size_t allowed_count;
};

static int add_ca_file(X509_STORE *store, const char *path, struct error *e)
{
	STACK_OF(X509) *certs;
	int i, ret, ok = 1;

	ret = pki_read_chain(path, &certs, e);
	if (ret)
		return ret;
	for (i = 0; ok && i < sk_X509_num(certs); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(certs, i));
	sk_X509_pop_free(certs, X509_free);
	return ok ? 0 :
		    error_set_ssl(e, EINVAL, "cannot use the CA in '%s'", path);
}

/* PARTIAL_CHAIN: a vendor's intermediate CA may be all an administrator trusts. */
static int open_store(struct ek_policy *p, const char *const *ca_files,
		      struct error *e)
{
	int ret = 0;

	if (!ca_files[0])
		return 0;
	p->store = X509_STORE_new();
	if (!p->store ||
	    !X509_STORE_set_flags(p->store, X509_V_FLAG_PARTIAL_CHAIN))
		return error_set_ssl(e, ENOMEM, "cannot set up CAs");
	for (; !ret && *ca_files; ca_files++)
		ret = add_ca_file(p->store, *ca_files, e);
	return ret;
}

/* "<64 hex digits> [serial number]"; empty lines and # are skipped. */
static int take_line(struct ek_policy *p, char *line)
{
	struct allowed *grown, a = { 0 };
	char *digest, *serial, *save, *c;

	line[strcspn(line, "#\n")] = 0;
	digest = strtok_r(line, " \t", &save);
	if (!digest)
		return 0;
	serial = strtok_r(NULL, " \t", &save);
	for (c = digest; *c; c++)
		*c = tolower((unsigned char)*c);
	if (strlen(digest) != DIGEST_HEX ||
	    strspn(digest, "0123456789abcdef") != DIGEST_HEX ||
	    (serial && !pki_serial_valid(serial)))
		return -EINVAL;
	strcpy(a.digest, digest);
	if (serial)
		strcpy(a.serial, serial);
	grown = reallocarray(p->allowed, p->allowed_count + 1, sizeof(a));
	if (!grown)
		return -ENOMEM;
	p->allowed = grown;
	p->allowed[p->allowed_count++] = a;
	return 0;
}

static int read_allowed(struct ek_policy *p, const char *path, struct error *e)
{
	char line[256];
	int ret = 0, number = 0;
	FILE *f;

	if (!path)
		return 0;
	f = fopen(path, "re");
	if (!f)
		return error_set(e, errno, "cannot open '%s': %s", path,
				 strerror(errno));
	while (!ret && fgets(line, sizeof(line), f)) {
		number++;
		ret = take_line(p, line);
	}
	fclose(f);
	if (ret)
		return error_set(
			e, -ret,
			"'%s', line %d: not SHA-256 in hex and, if any, a serial number",
			path, number);
	return 0;
}

int ek_policy_new(const char *const *ca_files, const char *allow_file,
		  struct ek_policy **out, struct error *e)
{
	struct ek_policy *p = calloc(1, sizeof(*p));
	int ret;

	*out = NULL;
	if (!p)
		return error_set(e, ENOMEM, "out of memory");
	ret = open_store(p, ca_files, e);
	if (!ret)
		ret = read_allowed(p, allow_file, e);
	if (ret)
		ek_policy_free(p);
	else
		*out = p;
	return ret;
}

void ek_policy_free(struct ek_policy *p)
{
	if (!p)
		return;
	X509_STORE_free(p->store);
	free(p->allowed);
	free(p);
}

static int key_digest(EVP_PKEY *key, char hex[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE], *der = NULL;
	int len, ok;

	len = i2d_PUBKEY(key, &der);
	ok = len > 0 && EVP_Digest(der, len, digest, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	if (!ok)
		return -EIO;
	pki_hex(digest, DIGEST_HEX / 2, hex);
	return 0;
}

int ek_digest(const uint8_t *ek_public, size_t ek_public_len, char digest[65],
	      struct error *e)
{
	EVP_PKEY *ek;
	int ret = tpm_endorsement_key(ek_public, ek_public_len, &ek, e);

	digest[0] = 0;
	if (ret)
		return ret;
	if (key_digest(ek, digest))
		ret = error_set_ssl(e, EIO, "cannot hash");
	EVP_PKEY_free(ek);
	return ret;
}

static const struct allowed *find_allowed(const struct ek_policy *p,
					  const char *digest)
{
	size_t i;

	for (i = 0; i < p->allowed_count; i++)
		if (!strcmp(p->allowed[i].digest, digest))
			return &p->allowed[i];
	return NULL;
}

/*
 * A CA may issue other certificates as well: without this usage a key in
 * software could pass for a TPM's (TCG EK Credential Profile, 3.2).
 */
static int is_ek_certificate(X509 *cert)
{
	ASN1_OBJECT *want = OBJ_txt2obj(OID_EK_CERTIFICATE, 1);
	EXTENDED_KEY_USAGE *eku;
	int i, found = 0;

	eku = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	for (i = 0; want && i < sk_ASN1_OBJECT_num(eku); i++)
		found |= !OBJ_cmp(sk_ASN1_OBJECT_value(eku, i), want);
	EXTENDED_KEY_USAGE_free(eku);
	ASN1_OBJECT_free(want);
	return found;
}

/* EK certificates have critical subjectAltName and extended key usage: OpenSSL
 * knows both, so no critical extension needs to be waved through. */
static int verify_chain(const struct ek_policy *p, X509 *cert, struct error *e)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int ok, why = X509_V_ERR_OUT_OF_MEM;

	ok = ctx && X509_STORE_CTX_init(ctx, p->store, cert, NULL) &&
	     X509_verify_cert(ctx) == 1;
	if (ctx)
		why = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	if (ok)
		return 0;
	return error_set(
		e, EKEYREJECTED,
		"the endorsement key's certificate does not verify: %s",
		X509_verify_cert_error_string(why));
}

static int check_certificate(const struct ek_policy *p, EVP_PKEY *ek,
			     const uint8_t *der, size_t len, struct error *e)
{
	const uint8_t *end = der;
	X509 *cert;
	int ret;

	cert = d2i_X509(NULL, &end, len);
	if (!cert || end != der + len) {
		X509_free(cert);
		return error_set_ssl(
			e, EKEYREJECTED,
			"the endorsement key's certificate is malformed");
	}
	ret = pki_check_key(cert, ek, "the endorsement key", e);
	if (!ret && !is_ek_certificate(cert))
		ret = error_set(
			e, EKEYREJECTED,
			"the certificate is not for an endorsement key (extended key usage)");
	if (!ret)
		ret = verify_chain(p, cert, e);
	X509_free(cert);
	return ret;
}

int ek_check(const struct ek_policy *p, const uint8_t *ek_public,
	     size_t ek_public_len, const uint8_t *cert, size_t cert_len,
	     const char *serial, char digest[65], struct error *e)
{
	const struct allowed *a;
	EVP_PKEY *ek;
	int ret;

	digest[0] = 0;
	ret = tpm_endorsement_key(ek_public, ek_public_len, &ek, e);
	if (ret)
		return ret;
	if (key_digest(ek, digest))
		ret = error_set_ssl(e, EIO, "cannot hash");
	a = ret ? NULL : find_allowed(p, digest);
	if (a && *a->serial && strcmp(a->serial, serial))
		ret = error_set(
			e, EKEYREJECTED,
			"the endorsement key %s is allowed for serial number '%s' only",
			digest, a->serial);
	else if (!ret && !a && p->store && cert_len)
		ret = check_certificate(p, ek, cert, cert_len, e);
	else if (!ret && !a)
		ret = error_set(
			e, EKEYREJECTED,
			"the endorsement key %s has no certificate of a CA given and is not in the list",
			digest);
	EVP_PKEY_free(ek);
	return ret;
}
