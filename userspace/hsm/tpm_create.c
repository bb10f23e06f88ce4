// SPDX-License-Identifier: MIT
/* Makes a signing key in a TPM and puts it at a persistent handle. */
#include <errno.h>

#include <openssl/crypto.h>

#include "hsm/tpm_key.h"

#define SIGN_ATTRIBUTES                                               \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |             \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | \
	 TPMA_OBJECT_SIGN_ENCRYPT)
#define PARENT_ATTRIBUTES                                             \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |             \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | \
	 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_NODA)

static const TPM2B_PUBLIC parent_template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = PARENT_ATTRIBUTES,
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
	},
};

static const TPM2B_PUBLIC sign_template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = SIGN_ATTRIBUTES,
		.parameters.eccDetail = {
			.symmetric.algorithm = TPM2_ALG_NULL,
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
	},
};

static const TPM2B_DATA no_data;
static const TPML_PCR_SELECTION no_pcrs;

/* The storage root of the owner: the same at each call, so nothing to keep. */
static TSS2_RC make_parent(ESYS_CONTEXT *esys, ESYS_TR *parent)
{
	static const TPM2B_SENSITIVE_CREATE no_auth;

	return Esys_CreatePrimary(esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
				  ESYS_TR_NONE, ESYS_TR_NONE, &no_auth,
				  &parent_template, &no_data, &no_pcrs, parent,
				  NULL, NULL, NULL, NULL);
}

static TSS2_RC make_child(ESYS_CONTEXT *esys, ESYS_TR parent,
			  const TPM2B_AUTH *auth, ESYS_TR *child)
{
	TPM2B_SENSITIVE_CREATE sensitive = { .sensitive.userAuth = *auth };
	TPM2B_PUBLIC template = sign_template;
	TPM2B_PRIVATE *priv = NULL;
	TPM2B_PUBLIC *pub = NULL;
	TSS2_RC rc;

	/* What a person typed can be guessed: the TPM counts the failures. */
	if (!auth->size)
		template.publicArea.objectAttributes |= TPMA_OBJECT_NODA;
	rc = Esys_Create(esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			 ESYS_TR_NONE, &sensitive, &template, &no_data,
			 &no_pcrs, &priv, &pub, NULL, NULL, NULL);
	OPENSSL_cleanse(&sensitive, sizeof(sensitive));
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_Load(esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			       ESYS_TR_NONE, priv, pub, child);
	Esys_Free(priv);
	Esys_Free(pub);
	return rc;
}

static void flush(ESYS_CONTEXT *esys, ESYS_TR *object)
{
	if (*object != ESYS_TR_NONE)
		Esys_FlushContext(esys, *object);
	*object = ESYS_TR_NONE;
}

static TSS2_RC make_at(ESYS_CONTEXT *esys, uint32_t handle,
		       const TPM2B_AUTH *auth)
{
	ESYS_TR parent = ESYS_TR_NONE, child = ESYS_TR_NONE;
	ESYS_TR kept = ESYS_TR_NONE;
	TSS2_RC rc;

	rc = make_parent(esys, &parent);
	if (rc == TSS2_RC_SUCCESS)
		rc = make_child(esys, parent, auth, &child);
	flush(esys, &parent);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_EvictControl(esys, ESYS_TR_RH_OWNER, child,
				       ESYS_TR_PASSWORD, ESYS_TR_NONE,
				       ESYS_TR_NONE, handle, &kept);
	flush(esys, &child);
	if (rc == TSS2_RC_SUCCESS)
		Esys_TR_Close(esys, &kept);
	return rc;
}

static int is_occupied(ESYS_CONTEXT *esys, uint32_t handle)
{
	ESYS_TR object;

	if (Esys_TR_FromTPMPublic(esys, handle, ESYS_TR_NONE, ESYS_TR_NONE,
				  ESYS_TR_NONE, &object) != TSS2_RC_SUCCESS)
		return 0;
	Esys_TR_Close(esys, &object);
	return 1;
}

int tpm_key_create(const char *uri, struct error *e)
{
	struct tpm_key_uri u;
	ESYS_CONTEXT *esys;
	TPM2B_AUTH auth;
	TSS2_RC rc;
	int ret;

	ret = tpm_key_parse(uri, &u, e);
	if (!ret)
		ret = tpm_key_read_auth(&u, &auth, e);
	if (ret)
		return ret;
	ret = tpm_esys_open(u.tcti, &esys, e);
	if (!ret && is_occupied(esys, u.handle))
		ret = error_set(
			e, EEXIST,
			"something is at the handle of '%s' already: choose another",
			uri);
	if (!ret) {
		rc = make_at(esys, u.handle, &auth);
		if (rc != TSS2_RC_SUCCESS)
			ret = tpm_esys_error(rc, "making the key", e);
	}
	OPENSSL_cleanse(&auth, sizeof(auth));
	tpm_esys_close(&esys);
	return ret;
}
