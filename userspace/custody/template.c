// SPDX-License-Identifier: MIT
/* Public areas of storage keys, blocks and key pairs; what is refused about one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <tss2/tss2_mu.h>

#include "custody/custody.h"
#include "pki/tpm_parse.h"

#define STORAGE_ATTRIBUTES                                            \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |             \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | \
	 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_NODA)
/*
 * Neither userWithAuth nor an administrator by password: all is by policy. With
 * encryptedDuplication the TPM insists on the inner wrapper and on a new parent.
 */
#define OBJECT_ATTRIBUTES                                 \
	(TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_NODA | \
	 TPMA_OBJECT_ENCRYPTEDDUPLICATION)

static const struct {
	uint32_t bit;
	const char *name;
} attribute_names[] = {
	{ TPMA_OBJECT_FIXEDTPM, "fixedTPM" },
	{ TPMA_OBJECT_FIXEDPARENT, "fixedParent" },
	{ TPMA_OBJECT_SENSITIVEDATAORIGIN, "sensitiveDataOrigin" },
	{ TPMA_OBJECT_USERWITHAUTH, "userWithAuth" },
	{ TPMA_OBJECT_ADMINWITHPOLICY, "adminWithPolicy" },
	{ TPMA_OBJECT_NODA, "noDA" },
	{ TPMA_OBJECT_ENCRYPTEDDUPLICATION, "encryptedDuplication" },
	{ TPMA_OBJECT_RESTRICTED, "restricted" },
	{ TPMA_OBJECT_DECRYPT, "decrypt" },
	{ TPMA_OBJECT_SIGN_ENCRYPT, "sign" },
	{ TPMA_OBJECT_STCLEAR, "stClear" },
};

/* unique: another key than the storage root that everybody uses */
const TPM2B_PUBLIC custody_storage_template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = STORAGE_ATTRIBUTES,
		.parameters.eccDetail = {
			.symmetric = {
				.algorithm = TPM2_ALG_AES,
				.keyBits.aes = 128,
				.mode.aes = TPM2_ALG_CFB,
			},
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc.x = { .size = 14, .buffer = "secmod custody" },
	},
};

static int check_attributes(const char *what, uint32_t got, uint32_t want,
			    struct error *e)
{
	size_t i;

	for (i = 0; i < sizeof(attribute_names) / sizeof(attribute_names[0]);
	     i++) {
		uint32_t bit = attribute_names[i].bit;

		if ((got ^ want) & bit)
			return error_set(
				e, EKEYREJECTED,
				"%s is refused: its attribute %s is %s", what,
				attribute_names[i].name,
				got & bit ? "set" : "not set");
	}
	if (got != want)
		return error_set(
			e, EKEYREJECTED,
			"%s is refused: it has other attributes (0x%08x)", what,
			got);
	return 0;
}

int custody_check_storage(const TPM2B_PUBLIC *pub, struct error *e)
{
	const TPMT_PUBLIC *area = &pub->publicArea;
	const TPMT_SYM_DEF_OBJECT *sym = &area->parameters.eccDetail.symmetric;
	int ret = tpm_require_p256(area, "the storage key", e);

	if (!ret)
		ret = check_attributes("the storage key",
				       area->objectAttributes,
				       STORAGE_ATTRIBUTES, e);
	if (ret)
		return ret;
	if (sym->algorithm != TPM2_ALG_AES || sym->mode.aes != TPM2_ALG_CFB ||
	    sym->keyBits.aes < 128)
		return error_set(
			e, EKEYREJECTED,
			"the storage key is refused: it does not protect with AES-CFB");
	return 0;
}

static const TPMT_PUBLIC block_template = {
	.type = TPM2_ALG_KEYEDHASH,
	.nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = OBJECT_ATTRIBUTES,
	.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL,
};

static const TPMT_PUBLIC pair_template = {
	.type = TPM2_ALG_ECC,
	.nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = OBJECT_ATTRIBUTES | TPMA_OBJECT_DECRYPT |
			    TPMA_OBJECT_SENSITIVEDATAORIGIN,
	.parameters.eccDetail = {
		.symmetric.algorithm = TPM2_ALG_NULL,
		.scheme.scheme = TPM2_ALG_NULL,
		.curveID = TPM2_ECC_NIST_P256,
		.kdf.scheme = TPM2_ALG_NULL,
	},
};

int custody_object_template(enum custody_kind kind, unsigned int version,
			    EVP_PKEY *authority, TPM2B_PUBLIC *out,
			    struct error *e)
{
	memset(out, 0, sizeof(*out));
	out->publicArea = kind == CUSTODY_RECOVERY ? pair_template :
						     block_template;
	out->publicArea.authPolicy.size = CUSTODY_DIGEST_SIZE;
	return custody_object_policy(authority, kind, version,
				     out->publicArea.authPolicy.buffer, e);
}

/* All of the area but what is unique of the object, as a TPM would hash it. */
static int same_but_unique(const TPMT_PUBLIC *got, const TPMT_PUBLIC *want)
{
	uint8_t a[sizeof(TPMT_PUBLIC)], b[sizeof(TPMT_PUBLIC)];
	size_t a_len = 0, b_len = 0;
	TPMT_PUBLIC bare = *got;

	memset(&bare.unique, 0, sizeof(bare.unique));
	return Tss2_MU_TPMT_PUBLIC_Marshal(&bare, a, sizeof(a), &a_len) ==
		       TSS2_RC_SUCCESS &&
	       Tss2_MU_TPMT_PUBLIC_Marshal(want, b, sizeof(b), &b_len) ==
		       TSS2_RC_SUCCESS &&
	       a_len == b_len && !memcmp(a, b, a_len);
}

int custody_check_object(const struct custody_object *o, EVP_PKEY *authority,
			 struct error *e)
{
	const TPMT_PUBLIC *got = &o->public.publicArea;
	TPM2B_PUBLIC want;
	char what[64];
	int ret;

	snprintf(what, sizeof(what), "%s %u", custody_kind_name(o->kind),
		 o->version);
	ret = custody_object_template(o->kind, o->version, authority, &want, e);
	if (ret)
		return ret;
	if (got->type != want.publicArea.type)
		return error_set(e, EKEYREJECTED,
				 "%s is refused: it is of another type", what);
	ret = check_attributes(what, got->objectAttributes,
			       want.publicArea.objectAttributes, e);
	if (ret)
		return ret;
	if (got->authPolicy.size != CUSTODY_DIGEST_SIZE ||
	    memcmp(got->authPolicy.buffer, want.publicArea.authPolicy.buffer,
		   CUSTODY_DIGEST_SIZE))
		return error_set(
			e, EKEYREJECTED,
			"%s is refused: it is not under this authority, or of another kind or version",
			what);
	if (!same_but_unique(got, &want.publicArea))
		return error_set(e, EKEYREJECTED,
				 "%s is refused: it has other parameters",
				 what);
	return 0;
}

int custody_public_key(const TPM2B_PUBLIC *pub, EVP_PKEY **key, struct error *e)
{
	*key = NULL;
	return pub->publicArea.type == TPM2_ALG_ECC ?
		       tpm_point_key(&pub->publicArea, key, e) :
		       error_set(e, EKEYREJECTED, "it is no key pair");
}

int custody_name(const TPM2B_PUBLIC *pub, TPM2B_NAME *name, struct error *e)
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	size_t len = 0;

	if (pub->publicArea.nameAlg != TPM2_ALG_SHA256 ||
	    Tss2_MU_TPMT_PUBLIC_Marshal(&pub->publicArea, area, sizeof(area),
					&len) != TSS2_RC_SUCCESS)
		return error_set(e, EBADMSG, "a public area has no name");
	name->size = 2 + TPM_DIGEST_SIZE;
	name->name[0] = TPM2_ALG_SHA256 >> 8;
	name->name[1] = TPM2_ALG_SHA256 & 0xff;
	tpm_name_digest(area, len, name->name + 2);
	return 0;
}

int custody_block_kcv(const uint8_t block[CUSTODY_BLOCK_SIZE],
		      uint8_t kcv[CUSTODY_KCV_SIZE], struct error *e)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t ones[16], out[32];
	int len = 0, ok;

	memset(ones, 1, sizeof(ones));
	ok = ctx &&
	     EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, block, NULL) &&
	     EVP_EncryptUpdate(ctx, out, &len, ones, sizeof(ones)) && len == 16;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return error_set_ssl(e, EIO, "cannot compute a check value");
	memcpy(kcv, out, CUSTODY_KCV_SIZE);
	return 0;
}

int custody_pair_kcv(const TPM2B_PUBLIC *pub, uint8_t kcv[CUSTODY_KCV_SIZE],
		     struct error *e)
{
	TPM2B_NAME name;
	int ret = custody_name(pub, &name, e);

	if (!ret)
		memcpy(kcv, name.name + 2, CUSTODY_KCV_SIZE);
	return ret;
}
