// SPDX-License-Identifier: MIT
/*
 * TPM2_MakeCredential in software (TPM 2.0 Library, Part 1, 24, and B.6.3, C.6.3):
 * a secret that only the TPM with this endorsement key returns, and only when the
 * identity key with this name is in it.
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "pki/tpm_parse.h"

#define COORD_SIZE 32
#define SEED_SIZE 32
#define SYM_KEY_SIZE 16
#define SECRET_MAX 32 /* TPM2B_DIGEST of the EK's nameAlg */

/* TPM2B: 16-bit length, then the bytes. Returns where the next one goes. */
static uint8_t *put_2b(uint8_t *p, const void *data, size_t len)
{
	p[0] = len >> 8;
	p[1] = len;
	memcpy(p + 2, data, len);
	return p + 2 + len;
}

static int derive(const char *kdf_name, OSSL_PARAM *params, uint8_t *out,
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

	return derive("KBKDF", params, out, len);
}

/* KDFe: SP 800-56A one-step with SHA-256 (Part 1, 11.4.10.3) */
static int kdfe(const uint8_t z[COORD_SIZE], const char *label,
		const uint8_t u[COORD_SIZE], const uint8_t v[COORD_SIZE],
		uint8_t out[SEED_SIZE])
{
	uint8_t info[64 + 2 * COORD_SIZE];
	size_t label_len = strlen(label) + 1;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256",
				       0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)z,
					COORD_SIZE),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info,
					label_len + 2 * COORD_SIZE),
		OSSL_PARAM_END,
	};

	memcpy(info, label, label_len);
	memcpy(info + label_len, u, COORD_SIZE);
	memcpy(info + label_len + COORD_SIZE, v, COORD_SIZE);
	return derive("SSKDF", params, out, SEED_SIZE);
}

/* Coordinates of a key, padded to full length. */
static int get_point(EVP_PKEY *key, uint8_t x[COORD_SIZE],
		     uint8_t y[COORD_SIZE])
{
	BIGNUM *bx = NULL, *by = NULL;
	int ok;

	ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &bx) &&
	     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &by) &&
	     BN_bn2binpad(bx, x, COORD_SIZE) == COORD_SIZE &&
	     BN_bn2binpad(by, y, COORD_SIZE) == COORD_SIZE;
	BN_free(bx);
	BN_free(by);
	return ok;
}

static int ecdh(EVP_PKEY *own, EVP_PKEY *peer, uint8_t z[COORD_SIZE])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t len = COORD_SIZE;
	int ok;

	ok = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
	     EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
	     EVP_PKEY_derive(ctx, z, &len) > 0 && len == COORD_SIZE;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* Part 1, C.6.3: the seed by one-pass Diffie-Hellman; @enc is the ephemeral point. */
static int make_seed(EVP_PKEY *ek, uint8_t seed[SEED_SIZE], uint8_t enc[512],
		     size_t *enc_len)
{
	uint8_t ex[COORD_SIZE], ey[COORD_SIZE], kx[COORD_SIZE], ky[COORD_SIZE];
	EVP_PKEY *ephemeral = EVP_EC_gen("P-256");
	uint8_t z[COORD_SIZE], point[2 * (2 + COORD_SIZE)];
	uint8_t *end;
	int ok;

	ok = ephemeral && get_point(ephemeral, ex, ey) &&
	     get_point(ek, kx, ky) && ecdh(ephemeral, ek, z) &&
	     kdfe(z, "IDENTITY", ex, kx, seed);
	if (ok) {
		end = put_2b(point, ex, sizeof(ex));
		end = put_2b(end, ey, sizeof(ey));
		*enc_len = put_2b(enc, point, end - point) - enc;
	}
	OPENSSL_cleanse(z, sizeof(z));
	EVP_PKEY_free(ephemeral);
	return ok;
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

	put_2b(covered, secret, secret_len);
	ok = kdfa(seed, "STORAGE", name, name_len, sym, sizeof(sym)) &&
	     cfb_encrypt(sym, covered, enc_len) &&
	     kdfa(seed, "INTEGRITY", NULL, 0, mac_key, sizeof(mac_key));
	memcpy(covered + enc_len, name, name_len);
	ok = ok && EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, mac_key,
			     sizeof(mac_key), covered, enc_len + name_len, mac,
			     sizeof(mac), NULL);
	if (ok) {
		end = put_2b(body, mac, sizeof(mac));
		memcpy(end, covered, enc_len);
		*blob_len = put_2b(blob, body, end + enc_len - body) - blob;
	}
	OPENSSL_cleanse(sym, sizeof(sym));
	OPENSSL_cleanse(mac_key, sizeof(mac_key));
	OPENSSL_cleanse(covered, sizeof(covered));
	return ok;
}

/* TCG EK Credential Profile, template L-2: a restricted P-256 storage key, AES-128-CFB */
static int open_ek(const uint8_t *data, size_t len, EVP_PKEY **ek,
		   struct error *e)
{
	const TPMT_SYM_DEF_OBJECT *sym;
	TPMT_PUBLIC pub;
	int ret;

	*ek = NULL;
	ret = tpm_parse_public(data, len, &pub, e);
	if (!ret)
		ret = tpm_require_p256(&pub, "the endorsement key", e);
	if (ret)
		return ret;
	sym = &pub.parameters.eccDetail.symmetric;
	if (!(pub.objectAttributes & TPMA_OBJECT_RESTRICTED) ||
	    !(pub.objectAttributes & TPMA_OBJECT_DECRYPT) ||
	    sym->algorithm != TPM2_ALG_AES || sym->keyBits.aes != 128 ||
	    sym->mode.aes != TPM2_ALG_CFB)
		return error_set(
			e, EKEYREJECTED,
			"the endorsement key does not follow the template L-2");
	return tpm_point_key(&pub, ek, e);
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
	ret = open_ek(ek_pub, ek_len, &ek, e);
	if (ret)
		return ret;
	tpm_name_digest(identity_pub, identity_len, name + 2);
	ok = make_seed(ek, seed, enc, enc_len) &&
	     protect(seed, name, sizeof(name), secret, secret_len, blob,
		     blob_len);
	OPENSSL_cleanse(seed, sizeof(seed));
	EVP_PKEY_free(ek);
	return ok ? 0 : error_set_ssl(e, EIO, "cannot make a credential");
}
