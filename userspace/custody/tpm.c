// SPDX-License-Identifier: MIT
/* A TPM whose storage key holds our objects: sessions, loading, use under a policy. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "custody/custody.h"
#include "hsm/tpm_key.h"

static const TPMT_SYM_DEF aes_cfb = {
	.algorithm = TPM2_ALG_AES,
	.keyBits.aes = 128,
	.mode.aes = TPM2_ALG_CFB,
};

void custody_flush(struct custody_tpm *t, ESYS_TR *object)
{
	if (*object != ESYS_TR_NONE)
		Esys_FlushContext(t->esys, *object);
	*object = ESYS_TR_NONE;
}

static int make_storage(struct custody_tpm *t, struct error *e)
{
	static const TPM2B_SENSITIVE_CREATE no_auth;
	static const TPML_PCR_SELECTION no_pcrs;
	static const TPM2B_DATA no_data;
	TPM2B_PUBLIC *pub = NULL;
	TSS2_RC rc;
	int ret;

	rc = Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
				ESYS_TR_NONE, ESYS_TR_NONE, &no_auth,
				&custody_storage_template, &no_data, &no_pcrs,
				&t->storage, &pub, NULL, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS) {
		t->storage = ESYS_TR_NONE;
		return tpm_esys_error(rc, "making the storage key", e);
	}
	t->public = *pub;
	Esys_Free(pub);
	ret = custody_check_storage(&t->public, e);
	return ret ? ret : custody_name(&t->public, &t->name, e);
}

int custody_tpm_open(const char *tcti, struct custody_tpm *t, struct error *e)
{
	int ret;

	memset(t, 0, sizeof(*t));
	t->storage = ESYS_TR_NONE;
	ret = tpm_esys_open(tcti, &t->esys, e);
	if (!ret)
		ret = make_storage(t, e);
	if (ret)
		custody_tpm_close(t);
	return ret;
}

void custody_tpm_close(struct custody_tpm *t)
{
	if (t->esys)
		custody_flush(t, &t->storage);
	tpm_esys_close(&t->esys);
}

int custody_tpm_is(const struct custody_tpm *t, const TPM2B_NAME *name,
		   struct error *e)
{
	if (t->name.size == name->size &&
	    !memcmp(t->name.name, name->name, name->size))
		return 0;
	return error_set(
		e, ESTALE,
		"this is another TPM, or its owner was cleared: its storage key is not the one of before");
}

int custody_session(struct custody_tpm *t, TPM2_SE kind, ESYS_TR *session,
		    struct error *e)
{
	TPMA_SESSION flags = TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT |
			     TPMA_SESSION_CONTINUESESSION;
	TSS2_RC rc;

	*session = ESYS_TR_NONE;
	rc = Esys_StartAuthSession(t->esys, t->storage, ESYS_TR_NONE,
				   ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   NULL, kind, &aes_cfb, TPM2_ALG_SHA256,
				   session);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_TRSess_SetAttributes(t->esys, *session, flags, 0xff);
	return rc == TSS2_RC_SUCCESS ?
		       0 :
		       tpm_esys_error(rc, "starting a session", e);
}

int custody_load(struct custody_tpm *t, const struct custody_object *o,
		 ESYS_TR *object, struct error *e)
{
	char what[64];
	TSS2_RC rc;

	*object = ESYS_TR_NONE;
	rc = Esys_Load(t->esys, t->storage, ESYS_TR_PASSWORD, ESYS_TR_NONE,
		       ESYS_TR_NONE, &o->private, &o->public, object);
	if (rc == TSS2_RC_SUCCESS)
		return 0;
	*object = ESYS_TR_NONE;
	snprintf(what, sizeof(what), "loading %s %u",
		 custody_kind_name(o->kind), o->version);
	return tpm_esys_error(rc, what, e);
}

/* The TPM checks the authority's signature and gives a ticket for it. */
static TSS2_RC verify(struct custody_tpm *t, const TPM2B_PUBLIC *authority,
		      const uint8_t *policy, const TPM2B_NONCE *ref,
		      const uint8_t *sig, TPMT_TK_VERIFIED **ticket)
{
	uint8_t data[CUSTODY_DIGEST_SIZE + sizeof(TPM2B_NONCE)];
	TPMT_SIGNATURE s = { .sigAlg = TPM2_ALG_ECDSA };
	TPM2B_DIGEST digest = { .size = CUSTODY_DIGEST_SIZE };
	ESYS_TR key = ESYS_TR_NONE;
	TSS2_RC rc;

	memcpy(data, policy, CUSTODY_DIGEST_SIZE);
	memcpy(data + CUSTODY_DIGEST_SIZE, ref->buffer, ref->size);
	if (!EVP_Digest(data, CUSTODY_DIGEST_SIZE + ref->size, digest.buffer,
			NULL, EVP_sha256(), NULL))
		return TSS2_ESYS_RC_GENERAL_FAILURE;
	s.signature.ecdsa.hash = TPM2_ALG_SHA256;
	s.signature.ecdsa.signatureR.size = CUSTODY_SIGNATURE_SIZE / 2;
	s.signature.ecdsa.signatureS.size = CUSTODY_SIGNATURE_SIZE / 2;
	memcpy(s.signature.ecdsa.signatureR.buffer, sig,
	       CUSTODY_SIGNATURE_SIZE / 2);
	memcpy(s.signature.ecdsa.signatureS.buffer,
	       sig + CUSTODY_SIGNATURE_SIZE / 2, CUSTODY_SIGNATURE_SIZE / 2);
	rc = Esys_LoadExternal(t->esys, ESYS_TR_NONE, ESYS_TR_NONE,
			       ESYS_TR_NONE, NULL, authority, ESYS_TR_RH_OWNER,
			       &key);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_VerifySignature(t->esys, key, ESYS_TR_NONE,
					  ESYS_TR_NONE, ESYS_TR_NONE, &digest,
					  &s, ticket);
	if (key != ESYS_TR_NONE)
		Esys_FlushContext(t->esys, key);
	return rc;
}

/* The commands whose policy the authority has approved. */
static TSS2_RC fulfil(struct custody_tpm *t, const struct custody_object *o,
		      const TPM2B_NAME *object, const TPM2B_NAME *storage,
		      enum custody_right right, ESYS_TR session)
{
	TSS2_RC rc;

	if (right == CUSTODY_EXPORT)
		return Esys_PolicyDuplicationSelect(t->esys, session,
						    ESYS_TR_NONE, ESYS_TR_NONE,
						    ESYS_TR_NONE, object,
						    storage, TPM2_YES);
	rc = Esys_PolicySecret(t->esys, t->storage, session, ESYS_TR_PASSWORD,
			       ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0,
			       NULL, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	return Esys_PolicyCommandCode(t->esys, session, ESYS_TR_NONE,
				      ESYS_TR_NONE, ESYS_TR_NONE,
				      custody_command(o->kind));
}

static TSS2_RC authorize(struct custody_tpm *t, const TPM2B_PUBLIC *authority,
			 const TPM2B_NAME *authority_name,
			 const struct custody_object *o, const uint8_t *policy,
			 const uint8_t *sig, ESYS_TR session)
{
	TPM2B_DIGEST approved = { .size = CUSTODY_DIGEST_SIZE };
	TPMT_TK_VERIFIED *ticket = NULL;
	TPM2B_NONCE ref;
	TSS2_RC rc;

	memcpy(approved.buffer, policy, CUSTODY_DIGEST_SIZE);
	custody_reference(o->kind, o->version, &ref);
	rc = verify(t, authority, policy, &ref, sig, &ticket);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_PolicyAuthorize(t->esys, session, ESYS_TR_NONE,
					  ESYS_TR_NONE, ESYS_TR_NONE, &approved,
					  &ref, authority_name, ticket);
	Esys_Free(ticket);
	return rc;
}

int custody_authorize(struct custody_tpm *t, EVP_PKEY *authority,
		      const struct custody_object *o, const TPM2B_NAME *storage,
		      enum custody_right right,
		      const struct custody_approvals *a, ESYS_TR *session,
		      struct error *e)
{
	TPM2B_NAME object, authority_name;
	uint8_t policy[CUSTODY_DIGEST_SIZE];
	TPM2B_PUBLIC pub;
	TSS2_RC rc;
	int ret;

	*session = ESYS_TR_NONE;
	ret = custody_authority_public(authority, &pub, e);
	if (!ret)
		ret = custody_name(&pub, &authority_name, e);
	if (!ret)
		ret = custody_name(&o->public, &object, e);
	if (!ret)
		ret = custody_policy(o, storage, right, policy, e);
	if (!ret)
		ret = custody_session(t, TPM2_SE_POLICY, session, e);
	if (ret)
		return ret;
	rc = fulfil(t, o, &object, storage, right, *session);
	if (rc == TSS2_RC_SUCCESS)
		rc = authorize(t, &pub, &authority_name, o, policy,
			       a->signature[right], *session);
	if (rc == TSS2_RC_SUCCESS)
		return 0;
	custody_flush(t, session);
	return tpm_esys_error(rc, "proving the authority's approval", e);
}

/* Loads @o and opens the session in which it may be used. */
static int begin_use(struct custody_tpm *t, EVP_PKEY *authority,
		     const struct custody_object *o,
		     const struct custody_approvals *a, ESYS_TR *object,
		     ESYS_TR *session, struct error *e)
{
	int ret;

	*session = *object = ESYS_TR_NONE;
	ret = custody_check_approval(authority, o, &t->name, CUSTODY_USE, a, e);
	if (!ret)
		ret = custody_load(t, o, object, e);
	if (!ret)
		ret = custody_authorize(t, authority, o, &t->name, CUSTODY_USE,
					a, session, e);
	return ret;
}

int custody_unseal(struct custody_tpm *t, EVP_PKEY *authority,
		   const struct custody_object *o,
		   const struct custody_approvals *a, uint8_t *out,
		   struct error *e)
{
	TPM2B_SENSITIVE_DATA *data = NULL;
	ESYS_TR object, session;
	TSS2_RC rc;
	int ret;

	ret = begin_use(t, authority, o, a, &object, &session, e);
	if (!ret) {
		rc = Esys_Unseal(t->esys, object, session, ESYS_TR_NONE,
				 ESYS_TR_NONE, &data);
		if (rc != TSS2_RC_SUCCESS)
			ret = tpm_esys_error(rc, "unsealing a block", e);
		else if (data->size != CUSTODY_BLOCK_SIZE)
			ret = error_set(e, EBADMSG,
					"a block has %d bytes instead of %d",
					data->size, CUSTODY_BLOCK_SIZE);
		else
			memcpy(out, data->buffer, CUSTODY_BLOCK_SIZE);
		if (data)
			OPENSSL_cleanse(data, sizeof(*data));
		Esys_Free(data);
	}
	custody_flush(t, &session);
	custody_flush(t, &object);
	return ret;
}

static int put_coordinate(uint8_t out[32], const TPM2B_ECC_PARAMETER *in)
{
	if (in->size > 32)
		return -EBADMSG;
	memset(out, 0, 32 - in->size);
	memcpy(out + 32 - in->size, in->buffer, in->size);
	return 0;
}

int custody_agree(struct custody_tpm *t, EVP_PKEY *authority,
		  const struct custody_object *o,
		  const struct custody_approvals *a, const uint8_t point[65],
		  uint8_t z[32], struct error *e)
{
	TPM2B_ECC_POINT in = { .point.x.size = 32, .point.y.size = 32 };
	TPM2B_ECC_POINT *out = NULL;
	ESYS_TR object, session;
	TSS2_RC rc;
	int ret;

	memcpy(in.point.x.buffer, point + 1, 32);
	memcpy(in.point.y.buffer, point + 33, 32);
	ret = begin_use(t, authority, o, a, &object, &session, e);
	if (!ret) {
		rc = Esys_ECDH_ZGen(t->esys, object, session, ESYS_TR_NONE,
				    ESYS_TR_NONE, &in, &out);
		if (rc != TSS2_RC_SUCCESS)
			ret = tpm_esys_error(rc, "using the recovery key", e);
		else if (put_coordinate(z, &out->point.x))
			ret = error_set(e, EBADMSG, "no point of P-256");
		if (out)
			OPENSSL_cleanse(out, sizeof(*out));
		Esys_Free(out);
	}
	custody_flush(t, &session);
	custody_flush(t, &object);
	return ret;
}
