// SPDX-License-Identifier: MIT
/* Public areas and other TPM structures: parsed, named, turned into keys. */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "pki/tpm_parse.h"

#define COORD_SIZE 32

int tpm_sha256(const struct tpm_bytes *in, size_t count,
	       uint8_t out[TPM_DIGEST_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t i;
	int ok;

	ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	for (i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(ctx, in[i].data, in[i].len);
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

void tpm_name_digest(const uint8_t *pub, size_t len, uint8_t digest[32])
{
	struct tpm_bytes in = { pub, len };

	/* never equal to a digest, should there be no memory for one */
	if (tpm_sha256(&in, 1, digest))
		memset(digest, 0, TPM_DIGEST_SIZE);
}

int tpm_name_is(const TPM2B_NAME *name, const uint8_t digest[TPM_DIGEST_SIZE])
{
	return name->size == 2 + TPM_DIGEST_SIZE && name->name[0] == 0 &&
	       name->name[1] == TPM2_ALG_SHA256 &&
	       !memcmp(name->name + 2, digest, TPM_DIGEST_SIZE);
}

#define DEFINE_PARSER(name, type, what)                                  \
	int tpm_parse_##name(const uint8_t *data, size_t len, type *out, \
			     struct error *e)                            \
	{                                                                \
		size_t at = 0;                                           \
                                                                         \
		memset(out, 0, sizeof(*out));                            \
		if (Tss2_MU_##type##_Unmarshal(data, len, &at, out) ==   \
			    TSS2_RC_SUCCESS &&                           \
		    at == len)                                           \
			return 0;                                        \
		return error_set(e, EBADMSG,                             \
				 what " is no well-formed " #type);      \
	}

DEFINE_PARSER(public, TPMT_PUBLIC, "the public area")
DEFINE_PARSER(attest, TPMS_ATTEST, "the attestation")
DEFINE_PARSER(creation, TPMS_CREATION_DATA, "the creation data")
DEFINE_PARSER(nv_public, TPMS_NV_PUBLIC, "the public area of the counter")

int tpm_require_p256(const TPMT_PUBLIC *pub, const char *what, struct error *e)
{
	if (pub->type != TPM2_ALG_ECC ||
	    pub->parameters.eccDetail.curveID != TPM2_ECC_NIST_P256)
		return error_set(e, EKEYREJECTED, "%s is not a P-256 key",
				 what);
	if (pub->nameAlg != TPM2_ALG_SHA256)
		return error_set(e, EKEYREJECTED,
				 "%s is not named with SHA-256", what);
	return 0;
}

/* Coordinates come with or without leading zeros. */
static int put_coordinate(uint8_t out[COORD_SIZE],
			  const TPM2B_ECC_PARAMETER *in)
{
	if (in->size > COORD_SIZE)
		return 0;
	memset(out, 0, COORD_SIZE - in->size);
	memcpy(out + COORD_SIZE - in->size, in->buffer, in->size);
	return 1;
}

int tpm_point_key(const TPMT_PUBLIC *pub, EVP_PKEY **key, struct error *e)
{
	uint8_t point[1 + 2 * COORD_SIZE] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
				       (char *)"prime256v1", 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
					sizeof(point)),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx;
	int ok;

	*key = NULL;
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	ok = ctx && put_coordinate(point + 1, &pub->unique.ecc.x) &&
	     put_coordinate(point + 1 + COORD_SIZE, &pub->unique.ecc.y) &&
	     EVP_PKEY_fromdata_init(ctx) > 0 &&
	     EVP_PKEY_fromdata(ctx, key, EVP_PKEY_PUBLIC_KEY, params) > 0;
	EVP_PKEY_CTX_free(ctx);
	if (ok)
		return 0;
	return error_set_ssl(e, EBADMSG,
			     "the public area holds no point of P-256");
}

int tpm_public_key(const uint8_t *data, size_t len, EVP_PKEY **key,
		   uint32_t *attributes, struct error *e)
{
	TPMT_PUBLIC pub;
	int ret;

	*key = NULL;
	ret = tpm_parse_public(data, len, &pub, e);
	if (!ret)
		ret = tpm_require_p256(&pub, "the TPM key", e);
	if (!ret)
		ret = tpm_point_key(&pub, key, e);
	if (!ret && attributes)
		*attributes = pub.objectAttributes;
	return ret;
}

/*
 * Without "restricted" the holder could have it sign a forged attestation;
 * without fixedTPM, fixedParent and sensitiveDataOrigin a copy may be elsewhere.
 */
#define IDENTITY_NEEDS                                              \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |           \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_RESTRICTED | \
	 TPMA_OBJECT_SIGN_ENCRYPT)

int tpm_check_identity(const uint8_t *data, size_t len, struct error *e)
{
	const TPMT_ECC_SCHEME *scheme;
	EVP_PKEY *key;
	TPMT_PUBLIC pub;
	int ret;

	ret = tpm_parse_public(data, len, &pub, e);
	if (!ret)
		ret = tpm_require_p256(&pub, "the identity key", e);
	if (ret)
		return ret;
	if ((pub.objectAttributes & IDENTITY_NEEDS) != IDENTITY_NEEDS ||
	    pub.objectAttributes & TPMA_OBJECT_DECRYPT)
		return error_set(
			e, EKEYREJECTED,
			"the identity key is not a restricted signing key fixed to its TPM (attributes 0x%08x)",
			pub.objectAttributes);
	scheme = &pub.parameters.eccDetail.scheme;
	if (scheme->scheme != TPM2_ALG_ECDSA ||
	    scheme->details.ecdsa.hashAlg != TPM2_ALG_SHA256)
		return error_set(
			e, EKEYREJECTED,
			"the identity key does not sign with ECDSA and SHA-256");
	ret = tpm_point_key(&pub, &key, e);
	EVP_PKEY_free(key);
	return ret;
}
