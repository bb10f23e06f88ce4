// SPDX-License-Identifier: MIT
/*
 * TPM2_MakeCredential in software (TPM 2.0 Library, Part 1, 24; the seed: seed.c):
 * a secret that only the TPM with this endorsement key returns, and only when the
 * identity key with this name is in it.
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "pki/tpm_parse.h"

#define SEED_SIZE TPM_SEED_SIZE
#define SYM_KEY_SIZE 16
#define SECRET_MAX 32 /* TPM2B_DIGEST of the EK's nameAlg */

uint8_t *tpm_put_2b(uint8_t *p, const void *data, size_t len)
{
	p[0] = len >> 8;
	p[1] = len;
	memcpy(p + 2, data, len);
	return p + 2 + len;
}

int tpm_derive(const char *kdf_name, OSSL_PARAM *params, uint8_t *out,
	       size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, kdf_name, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int ok = ctx && EVP_KDF_derive(ctx, out, len, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

/* KDFa: SP 800-108 in counter mode with HMAC (Part 1, 11.4.10.2) */
static int kdfa(const uint8_t key[SEED_SIZE], const char *label,
		const uint8_t *context, size_t context_len, uint8_t *out,
		size_t len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_MODE, (char *)"counter",
				       0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_MAC, (char *)"HMAC", 0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256",
				       0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)key,
					SEED_SIZE),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (void *)label,
					strlen(label)),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (void *)context,
					context_len),
		OSSL_PARAM_END,
	};

	return tpm_derive("KBKDF", params, out, len);
}

static int cfb_encrypt(const uint8_t key[SYM_KEY_SIZE], uint8_t *data, int len)
{
	static const uint8_t zero_iv[16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, ok;

	ok = ctx &&
	     EVP_EncryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key,
				zero_iv) &&
	     EVP_EncryptUpdate(ctx, data, &n, data, len) && n == len;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

/* Part 1, 24.4 and 24.5: encIdentity, outerHMAC over it and the name */
static int protect(const uint8_t seed[SEED_SIZE], const uint8_t *name,
		   size_t name_len, const uint8_t *secret, size_t secret_len,
		   uint8_t blob[256], size_t *blob_len)
{
	uint8_t sym[SYM_KEY_SIZE], mac_key[TPM_DIGEST_SIZE];
	uint8_t mac[TPM_DIGEST_SIZE], covered[2 + SECRET_MAX + 64];
	uint8_t body[2 + TPM_DIGEST_SIZE + 2 + SECRET_MAX], *end;
	size_t enc_len = 2 + secret_len;
	int ok;

	tpm_put_2b(covered, secret, secret_len);
	ok = kdfa(seed, "STORAGE", name, name_len, sym, sizeof(sym)) &&
	     cfb_encrypt(sym, covered, enc_len) &&
	     kdfa(seed, "INTEGRITY", NULL, 0, mac_key, sizeof(mac_key));
	memcpy(covered + enc_len, name, name_len);
	ok = ok && EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, mac_key,
			     sizeof(mac_key), covered, enc_len + name_len, mac,
			     sizeof(mac), NULL);
	if (ok) {
		end = tpm_put_2b(body, mac, sizeof(mac));
		memcpy(end, covered, enc_len);
		*blob_len = tpm_put_2b(blob, body, end + enc_len - body) - blob;
	}
	OPENSSL_cleanse(sym, sizeof(sym));
	OPENSSL_cleanse(mac_key, sizeof(mac_key));
	OPENSSL_cleanse(covered, sizeof(covered));
	return ok;
}

int tpm_make_credential(const uint8_t *ek_pub, size_t ek_len,
			const uint8_t *identity_pub, size_t identity_len,
			const uint8_t *secret, size_t secret_len,
			uint8_t blob[256], size_t *blob_len, uint8_t enc[512],
			size_t *enc_len, struct error *e)
{
	uint8_t name[2 + TPM_DIGEST_SIZE] = { 0, TPM2_ALG_SHA256 };
	uint8_t seed[SEED_SIZE];
	EVP_PKEY *ek;
	int ok, ret;

	if (!secret_len || secret_len > SECRET_MAX)
		return error_set(e, EINVAL, "a credential has 1 to %d bytes",
				 SECRET_MAX);
	ret = tpm_endorsement_key(ek_pub, ek_len, &ek, e);
	if (ret)
		return ret;
	tpm_name_digest(identity_pub, identity_len, name + 2);
	ok = tpm_make_seed(ek, seed, enc, enc_len) &&
	     protect(seed, name, sizeof(name), secret, secret_len, blob,
		     blob_len);
	OPENSSL_cleanse(seed, sizeof(seed));
	EVP_PKEY_free(ek);
	return ok ? 0 : error_set_ssl(e, EIO, "cannot make a credential");
}
