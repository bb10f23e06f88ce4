// SPDX-License-Identifier: MIT
/*
 * Endorsement keys (TCG EK Credential Profile 2.5, templates L-1 and L-2), and
 * credentials: a secret that one TPM gives away while one certain key is in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>

#include "custody/custody.h"
#include "hsm/tpm_key.h"
#include "pki/tpm.h"

#define EK_ATTRIBUTES                                                    \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |                \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY | \
	 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)
#define EK_SYMMETRIC                                           \
	{                                                      \
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, \
		.mode.aes = TPM2_ALG_CFB,                      \
	}
/* PolicySecret(TPM_RH_ENDORSEMENT) */
#define EK_POLICY                       \
	{                               \
		.size = 32, .buffer = { \
			0x83,           \
			0x71,           \
			0x97,           \
			0x67,           \
			0x44,           \
			0x84,           \
			0xb3,           \
			0xf8,           \
			0x1a,           \
			0x90,           \
			0xcc,           \
			0x8d,           \
			0x46,           \
			0xa5,           \
			0xd7,           \
			0x24,           \
			0xfd,           \
			0x52,           \
			0xd7,           \
			0x6e,           \
			0x06,           \
			0x52,           \
			0x0b,           \
			0x64,           \
			0xf2,           \
			0xa1,           \
			0xda,           \
			0x1b,           \
			0x33,           \
			0x14,           \
			0x69,           \
			0xaa            \
		}                       \
	}

static const TPM2B_PUBLIC ek_rsa = {
	.publicArea = {
		.type = TPM2_ALG_RSA,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = EK_ATTRIBUTES,
		.authPolicy = EK_POLICY,
		.parameters.rsaDetail = {
			.symmetric = EK_SYMMETRIC,
			.scheme.scheme = TPM2_ALG_NULL,
			.keyBits = 2048,
		},
		.unique.rsa.size = 256,
	},
};

static const TPM2B_PUBLIC ek_ecc = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = EK_ATTRIBUTES,
		.authPolicy = EK_POLICY,
		.parameters.eccDetail = {
			.symmetric = EK_SYMMETRIC,
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc = { .x.size = 32, .y.size = 32 },
	},
};

static int make_ek(struct custody_tpm *t, const TPM2B_PUBLIC *template,
		   ESYS_TR *ek, TPM2B_PUBLIC *public, struct error *e)
{
	static const TPM2B_SENSITIVE_CREATE no_auth;
	static const TPML_PCR_SELECTION no_pcrs;
	static const TPM2B_DATA no_data;
	TPM2B_PUBLIC *pub = NULL;
	TSS2_RC rc;

	*ek = ESYS_TR_NONE;
	rc = Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT,
				ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
				&no_auth, template, &no_data, &no_pcrs, ek,
				&pub, NULL, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS) {
		*ek = ESYS_TR_NONE;
		return tpm_esys_error(rc, "making the endorsement key", e);
	}
	*public = *pub;
	Esys_Free(pub);
	return 0;
}

static int is_rsa(const uint8_t *der, size_t len)
{
	X509 *cert = d2i_X509(NULL, &der, len);
	int rsa = cert && EVP_PKEY_is_a(X509_get0_pubkey(cert), "RSA");

	X509_free(cert);
	return rsa;
}

int custody_ek_read(struct custody_tpm *t, struct custody_ek *ek,
		    struct error *e)
{
	ESYS_TR handle;
	int ret;

	memset(ek, 0, sizeof(*ek));
	ret = tpm_ek_certificate(t->esys, &ek->certificate,
				 &ek->certificate_len, e);
	if (ret)
		return ret;
	ret = make_ek(t,
		      is_rsa(ek->certificate, ek->certificate_len) ? &ek_rsa :
								     &ek_ecc,
		      &handle, &ek->public, e);
	custody_flush(t, &handle);
	if (ret)
		custody_ek_free(ek);
	return ret;
}

void custody_ek_free(struct custody_ek *ek)
{
	free(ek->certificate);
	ek->certificate = NULL;
}

static size_t marshal(const TPM2B_PUBLIC *pub, uint8_t *out, size_t size)
{
	size_t len = 0;

	return Tss2_MU_TPMT_PUBLIC_Marshal(&pub->publicArea, out, size, &len) ==
			       TSS2_RC_SUCCESS ?
		       len :
		       0;
}

int custody_credential_make(const TPM2B_PUBLIC *ek, const TPM2B_PUBLIC *storage,
			    const uint8_t *data, size_t len,
			    struct custody_credential *out, struct error *e)
{
	uint8_t ek_area[sizeof(TPMT_PUBLIC)], area[sizeof(TPMT_PUBLIC)];
	uint8_t blob[256], enc[512];
	size_t blob_len, enc_len, at = 0, ek_len, area_len;
	int ret;

	ek_len = marshal(ek, ek_area, sizeof(ek_area));
	area_len = marshal(storage, area, sizeof(area));
	if (!ek_len || !area_len)
		return error_set(e, EBADMSG, "no public area");
	ret = tpm_make_credential(ek_area, ek_len, area, area_len, data, len,
				  blob, &blob_len, enc, &enc_len, e);
	if (ret)
		return ret;
	memset(out, 0, sizeof(*out));
	if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(blob, blob_len, &at,
					      &out->blob) != TSS2_RC_SUCCESS)
		return error_set(e, EBADMSG, "no credential");
	at = 0;
	if (Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(
		    enc, enc_len, &at, &out->secret) != TSS2_RC_SUCCESS)
		return error_set(e, EBADMSG, "no encrypted seed");
	return 0;
}

/* The endorsement key is used by policy: PolicySecret(endorsement hierarchy). */
static TSS2_RC activate(struct custody_tpm *t, ESYS_TR ek, ESYS_TR session,
			const struct custody_credential *c, TPM2B_DIGEST **out)
{
	TSS2_RC rc;

	rc = Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, session,
			       ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
			       NULL, NULL, NULL, 0, NULL, NULL);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_ActivateCredential(t->esys, t->storage, ek,
					     ESYS_TR_PASSWORD, session,
					     ESYS_TR_NONE, &c->blob, &c->secret,
					     out);
	return rc;
}

int custody_credential_open(struct custody_tpm *t, const TPM2B_PUBLIC *ek,
			    const struct custody_credential *c,
			    TPM2B_DIGEST *out, struct error *e)
{
	ESYS_TR handle = ESYS_TR_NONE, session = ESYS_TR_NONE;
	TPM2B_DIGEST *secret = NULL;
	TPM2B_PUBLIC public;
	TSS2_RC rc;
	int ret;

	ret = custody_session(t, TPM2_SE_POLICY, &session, e);
	if (!ret)
		ret = make_ek(t,
			      ek->publicArea.type == TPM2_ALG_RSA ? &ek_rsa :
								    &ek_ecc,
			      &handle, &public, e);
	if (!ret) {
		rc = activate(t, handle, session, c, &secret);
		if (rc == TSS2_RC_SUCCESS)
			*out = *secret;
		else
			ret = tpm_esys_error(rc, "opening a credential", e);
		if (secret)
			OPENSSL_cleanse(secret, sizeof(*secret));
		Esys_Free(secret);
	}
	custody_flush(t, &handle);
	custody_flush(t, &session);
	return ret;
}
