// SPDX-License-Identifier: MIT
/*
 * Endorsement keys and the seed only their TPM can recover: TCG EK Credential
 * Profile 2.5, templates L-1 (RSA 2048) and L-2 (P-256); TPM 2.0 Library, Part 1,
 * B.10.4 and C.6.3.
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "pki/tpm_parse.h"

#define COORD_SIZE 32
#define RSA_SIZE 256
#define RSA_EXPONENT 65537 /* what 0 in a public area means */

/* KDFe: SP 800-56A one-step with SHA-256 (Part 1, 11.4.10.3) */
static int kdfe(const uint8_t z[COORD_SIZE], const char *label,
		const uint8_t u[COORD_SIZE], const uint8_t v[COORD_SIZE],
		uint8_t out[TPM_SEED_SIZE])
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
	return tpm_derive("SSKDF", params, out, TPM_SEED_SIZE);
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
static int seed_by_ecdh(EVP_PKEY *ek, uint8_t seed[TPM_SEED_SIZE],
			uint8_t enc[512], size_t *enc_len)
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
		end = tpm_put_2b(point, ex, sizeof(ex));
		end = tpm_put_2b(end, ey, sizeof(ey));
		*enc_len = tpm_put_2b(enc, point, end - point) - enc;
	}
	OPENSSL_cleanse(z, sizeof(z));
	EVP_PKEY_free(ephemeral);
	return ok;
}

/* Part 1, B.10.4: RSAES-OAEP with SHA-256, the label with its NUL */
static int seed_by_oaep(EVP_PKEY *ek, uint8_t seed[TPM_SEED_SIZE],
			uint8_t enc[512], size_t *enc_len)
{
	static const char label[] = "IDENTITY";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_ASYM_CIPHER_PARAM_PAD_MODE,
			(char *)OSSL_PKEY_RSA_PAD_MODE_OAEP, 0),
		OSSL_PARAM_construct_utf8_string(
			OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, (char *)"SHA256",
			0),
		OSSL_PARAM_construct_utf8_string(
			OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, (char *)"SHA256",
			0),
		OSSL_PARAM_construct_octet_string(
			OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, (void *)label,
			sizeof(label)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ek, NULL);
	size_t len = RSA_SIZE;
	int ok;

	ok = ctx && RAND_priv_bytes(seed, TPM_SEED_SIZE) == 1 &&
	     EVP_PKEY_encrypt_init_ex(ctx, params) > 0 &&
	     EVP_PKEY_encrypt(ctx, enc + 2, &len, seed, TPM_SEED_SIZE) > 0;
	EVP_PKEY_CTX_free(ctx);
	enc[0] = len >> 8;
	enc[1] = len;
	*enc_len = 2 + len;
	return ok;
}

int tpm_make_seed(EVP_PKEY *ek, uint8_t seed[TPM_SEED_SIZE], uint8_t enc[512],
		  size_t *enc_len)
{
	return EVP_PKEY_is_a(ek, "RSA") ? seed_by_oaep(ek, seed, enc, enc_len) :
					  seed_by_ecdh(ek, seed, enc, enc_len);
}

/* Both templates: a restricted storage key with AES-128-CFB */
static int is_storage_key(const TPMT_PUBLIC *pub,
			  const TPMT_SYM_DEF_OBJECT *sym)
{
	return pub->objectAttributes & TPMA_OBJECT_RESTRICTED &&
	       pub->objectAttributes & TPMA_OBJECT_DECRYPT &&
	       pub->nameAlg == TPM2_ALG_SHA256 &&
	       sym->algorithm == TPM2_ALG_AES && sym->keyBits.aes == 128 &&
	       sym->mode.aes == TPM2_ALG_CFB;
}

static int rsa_key(const TPMT_PUBLIC *pub, EVP_PKEY **key, struct error *e)
{
	BIGNUM *n =
		BN_bin2bn(pub->unique.rsa.buffer, pub->unique.rsa.size, NULL);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	uint8_t modulus[RSA_SIZE];
	uint32_t exponent = RSA_EXPONENT;
	OSSL_PARAM params[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, modulus, sizeof(modulus)),
		OSSL_PARAM_uint32(OSSL_PKEY_PARAM_RSA_E, &exponent),
		OSSL_PARAM_END,
	};
	int ok;

	ok = n && ctx &&
	     BN_bn2nativepad(n, modulus, sizeof(modulus)) == RSA_SIZE &&
	     EVP_PKEY_fromdata_init(ctx) > 0 &&
	     EVP_PKEY_fromdata(ctx, key, EVP_PKEY_PUBLIC_KEY, params) > 0;
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	return ok ? 0 :
		    error_set_ssl(e, EBADMSG, "the endorsement key is no key");
}

int tpm_endorsement_key(const uint8_t *data, size_t len, EVP_PKEY **ek,
			struct error *e)
{
	TPMT_PUBLIC pub;
	int ret;

	*ek = NULL;
	ret = tpm_parse_public(data, len, &pub, e);
	if (ret)
		return ret;
	if (pub.type == TPM2_ALG_ECC &&
	    is_storage_key(&pub, &pub.parameters.eccDetail.symmetric))
		return tpm_require_p256(&pub, "the endorsement key", e) ?:
			       tpm_point_key(&pub, ek, e);
	if (pub.type == TPM2_ALG_RSA &&
	    is_storage_key(&pub, &pub.parameters.rsaDetail.symmetric) &&
	    pub.unique.rsa.size == RSA_SIZE)
		return rsa_key(&pub, ek, e);
	return error_set(
		e, EKEYREJECTED,
		"the endorsement key follows neither template L-1 nor L-2");
}
