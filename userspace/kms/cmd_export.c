// SPDX-License-Identifier: MIT
/*
 * The commands "approve" (the authority's officer) and "export" (the custodian): a
 * key leaves the TPM by TPM2_Duplicate, to the storage key it was approved for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "hsm/tpm_key.h"
#include "kms/kms.h"
#include "pki/pki.h"

#define INNER_KEY_SIZE 16

static int approve(const struct kms *k, const struct options *o,
		   const struct custody_object *object, struct error *e)
{
	struct custody_approvals a;
	EVP_PKEY *key = NULL;
	char text[128];
	struct hsm h;
	int ret;

	ret = hsm_find(k, o->to, &h, e);
	if (!ret && o->public_only && object->kind != CUSTODY_RECOVERY)
		ret = error_set(e, EINVAL, "only a key pair has a public half");
	if (!ret)
		ret = approvals_load(k, object, o->to, &a, e);
	if (!ret)
		ret = kms_authority_key(k, o->key, &key, e);
	if (!ret && (o->public_only || object->kind == CUSTODY_RECOVERY))
		ret = custody_approve(key, object, &h.name, CUSTODY_PUBLIC, &a,
				      e);
	if (!ret && !o->public_only)
		ret = custody_approve(key, object, &h.name, CUSTODY_USE, &a, e);
	if (!ret && !o->public_only && strcmp(o->to, KMS_HERE))
		ret = custody_approve(key, object, &h.name, CUSTODY_EXPORT, &a,
				      e);
	EVP_PKEY_free(key);
	if (ret)
		return ret;
	snprintf(text, sizeof(text), "%s %u%s", custody_kind_name(object->kind),
		 object->version, o->public_only ? ", public half" : "");
	ret = audit(k, "approve", text, o->to, e);
	if (!ret)
		ret = approvals_store(k, object, o->to, &a, e);
	if (!ret)
		printf("%s is approved for %s\n", text, o->to);
	return ret;
}

static TSS2_RC duplicate_to(struct custody_tpm *t, ESYS_TR object,
			    const struct hsm *h, ESYS_TR session,
			    const TPM2B_DATA *inner, struct custody_export *x)
{
	static const TPMT_SYM_DEF_OBJECT aes_cfb = {
		.algorithm = TPM2_ALG_AES,
		.keyBits.aes = 8 * INNER_KEY_SIZE,
		.mode.aes = TPM2_ALG_CFB,
	};
	TPM2B_ENCRYPTED_SECRET *seed = NULL;
	TPM2B_PRIVATE *duplicate = NULL;
	TPM2B_DATA *no_key = NULL;
	ESYS_TR parent = ESYS_TR_NONE;
	TSS2_RC rc;

	rc = Esys_LoadExternal(t->esys, ESYS_TR_NONE, ESYS_TR_NONE,
			       ESYS_TR_NONE, NULL, &h->storage,
			       ESYS_TR_RH_OWNER, &parent);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_Duplicate(t->esys, object, parent, session,
				    ESYS_TR_NONE, ESYS_TR_NONE, inner, &aes_cfb,
				    &no_key, &duplicate, &seed);
	if (rc == TSS2_RC_SUCCESS) {
		x->object.private = *duplicate;
		x->seed = *seed;
	}
	if (parent != ESYS_TR_NONE)
		Esys_FlushContext(t->esys, parent);
	Esys_Free(no_key);
	Esys_Free(duplicate);
	Esys_Free(seed);
	return rc;
}

/* The inner wrapper's key goes by way of the endorsement key: two keys of HSM 1's TPM
 * are needed to take the object in. */
static int duplicate(const struct kms *k, const struct custody_object *object,
		     const struct hsm *h, struct custody_export *x,
		     struct error *e)
{
	TPM2B_DATA inner = { .size = INNER_KEY_SIZE };
	ESYS_TR handle = ESYS_TR_NONE, session = ESYS_TR_NONE;
	struct custody_tpm t;
	TSS2_RC rc;
	int ret = kms_tpm(k, &t, e);

	if (ret)
		return ret;
	if (RAND_priv_bytes(inner.buffer, inner.size) != 1)
		ret = error_set_ssl(e, EIO, "there are no random numbers");
	if (!ret)
		ret = custody_load(&t, object, &handle, e);
	if (!ret)
		ret = custody_authorize(&t, k->authority, object, &h->name,
					CUSTODY_EXPORT, &x->approvals, &session,
					e);
	if (!ret) {
		rc = duplicate_to(&t, handle, h, session, &inner, x);
		if (rc != TSS2_RC_SUCCESS)
			ret = tpm_esys_error(rc, "duplicating", e);
	}
	if (!ret)
		ret = custody_credential_make(&h->ek, &h->storage, inner.buffer,
					      inner.size, &x->inner, e);
	OPENSSL_cleanse(&inner, sizeof(inner));
	custody_flush(&t, &session);
	custody_flush(&t, &handle);
	custody_tpm_close(&t);
	return ret;
}

static int prepare(const struct kms *k, const struct options *o,
		   const struct custody_object *object, const struct hsm *h,
		   struct custody_export *x, struct error *e)
{
	enum custody_right right = o->public_only ? CUSTODY_PUBLIC :
						    CUSTODY_EXPORT;
	int ret;

	x->object = *object;
	x->object.private.size = 0;
	snprintf(x->hsm, sizeof(x->hsm), "%s", h->label);
	ret = approvals_load(k, object, h->label, &x->approvals, e);
	if (!ret)
		ret = custody_check_approval(k->authority, object, &h->name,
					     right, &x->approvals, e);
	if (ret || o->public_only)
		return ret;
	return duplicate(k, object, h, x, e);
}

static int export(const struct kms *k, const struct options *o,
		  const struct custody_object *object, struct error *e)
{
	struct custody_export x = { 0 };
	char text[128];
	struct hsm h;
	int ret;

	if (!strcmp(o->to, KMS_HERE))
		return error_set(e, EINVAL, "it is here already");
	ret = hsm_find(k, o->to, &h, e);
	if (!ret)
		ret = prepare(k, o, object, &h, &x, e);
	if (ret)
		return ret;
	snprintf(text, sizeof(text), "%s %u%s", custody_kind_name(object->kind),
		 object->version, o->public_only ? ", public half" : "");
	ret = audit(k, "export", text, h.label, e);
	return ret ? ret :
		     custody_write(o->out, custody_export_document(&x), e);
}

static int with_key(const struct options *o, char **words,
		    int (*act)(const struct kms *k, const struct options *o,
			       const struct custody_object *object,
			       struct error *e),
		    struct error *e)
{
	struct custody_object object;
	struct kms k;
	int ret = kms_open(o->dir, &k, e);

	if (ret)
		return ret;
	ret = keys_parse(&k, words, &object, e);
	if (!ret)
		ret = act(&k, o, &object, e);
	kms_close(&k);
	return ret;
}

int cmd_approve(const struct options *o, int argc, char **argv, struct error *e)
{
	(void)argc;
	return with_key(o, argv, approve, e);
}

int cmd_export(const struct options *o, int argc, char **argv, struct error *e)
{
	(void)argc;
	return with_key(o, argv, export, e);
}
