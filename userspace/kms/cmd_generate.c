// SPDX-License-Identifier: MIT
/* The commands "generate" and "list": blocks and key pairs, made in the TPM (B2). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "hsm/tpm_key.h"
#include "kms/kms.h"
#include "pki/pki.h"

/* The TPM's random numbers and the kernel's: it takes both to be foreseen. */
static int draw(struct custody_tpm *t, ESYS_TR session, uint8_t *out,
		struct error *e)
{
	TPM2B_DIGEST *random = NULL;
	TSS2_RC rc;
	size_t i;

	rc = Esys_GetRandom(t->esys, session, ESYS_TR_NONE, ESYS_TR_NONE,
			    CUSTODY_BLOCK_SIZE, &random);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_esys_error(rc, "drawing a random number", e);
	if (random->size == CUSTODY_BLOCK_SIZE &&
	    RAND_priv_bytes(out, CUSTODY_BLOCK_SIZE) == 1)
		for (i = 0; i < CUSTODY_BLOCK_SIZE; i++)
			out[i] ^= random->buffer[i];
	else
		rc = TSS2_ESYS_RC_GENERAL_FAILURE;
	OPENSSL_cleanse(random, sizeof(*random));
	Esys_Free(random);
	return rc == TSS2_RC_SUCCESS ?
		       0 :
		       error_set_ssl(e, EIO, "there are no random numbers");
}

static int create(struct custody_tpm *t, ESYS_TR session,
		  TPM2B_SENSITIVE_CREATE *sensitive,
		  const TPM2B_PUBLIC *template, struct custody_object *o,
		  struct error *e)
{
	static const TPML_PCR_SELECTION no_pcrs;
	static const TPM2B_DATA no_data;
	TPM2B_PRIVATE *priv = NULL;
	TPM2B_PUBLIC *pub = NULL;
	TSS2_RC rc;

	rc = Esys_Create(t->esys, t->storage, ESYS_TR_PASSWORD, session,
			 ESYS_TR_NONE, sensitive, template, &no_data, &no_pcrs,
			 &priv, &pub, NULL, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_esys_error(rc, "making the key", e);
	o->private = *priv;
	o->public = *pub;
	Esys_Free(priv);
	Esys_Free(pub);
	return 0;
}

static int make_with(struct custody_tpm *t, ESYS_TR session,
		     const TPM2B_PUBLIC *template, struct custody_object *o,
		     struct error *e)
{
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPM2B_SENSITIVE_DATA *data = &sensitive.sensitive.data;
	int ret = 0;

	if (o->kind != CUSTODY_RECOVERY) {
		data->size = CUSTODY_BLOCK_SIZE;
		ret = draw(t, session, data->buffer, e);
		if (!ret)
			ret = custody_block_kcv(data->buffer, o->kcv, e);
	}
	if (!ret)
		ret = create(t, session, &sensitive, template, o, e);
	OPENSSL_cleanse(&sensitive, sizeof(sensitive));
	if (!ret && o->kind == CUSTODY_RECOVERY)
		ret = custody_pair_kcv(&o->public, o->kcv, e);
	return ret;
}

static int make(const struct kms *k, struct custody_object *o, struct error *e)
{
	struct custody_tpm t;
	TPM2B_PUBLIC template;
	ESYS_TR session;
	int ret;

	ret = custody_object_template(o->kind, o->version, k->authority,
				      &template, e);
	if (!ret)
		ret = kms_tpm(k, &t, e);
	if (ret)
		return ret;
	ret = custody_session(&t, TPM2_SE_HMAC, &session, e);
	if (!ret)
		ret = make_with(&t, session, &template, o, e);
	custody_flush(&t, &session);
	custody_tpm_close(&t);
	return ret ? ret : custody_check_object(o, k->authority, e);
}

static void describe(const struct custody_object *o, char text[64])
{
	char kcv[2 * CUSTODY_KCV_SIZE + 1];

	pki_hex(o->kcv, sizeof(o->kcv), kcv);
	snprintf(text, 64, "%s %u, check value %s", custody_kind_name(o->kind),
		 o->version, kcv);
}

/* The log first: a key that is there was announced there. */
int cmd_generate(const struct options *o, int argc, char **argv,
		 struct error *e)
{
	struct custody_object made = { 0 };
	char text[64];
	struct kms k;
	int ret;

	(void)argc;
	ret = custody_kind_parse(argv[0], &made.kind, e);
	if (!ret)
		ret = kms_open(o->dir, &k, e);
	if (ret)
		return ret;
	made.version = keys_latest(&k, made.kind) + 1;
	ret = make(&k, &made, e);
	describe(&made, text);
	if (!ret)
		ret = audit(&k, "generate", argv[0], text, e);
	if (!ret)
		ret = keys_store(&k, &made, e);
	if (!ret)
		printf("%s\n", text);
	kms_close(&k);
	return ret;
}

static int list_one(const struct kms *k, enum custody_kind kind,
		    unsigned int version, json_t *all, struct error *e)
{
	char kcv[2 * CUSTODY_KCV_SIZE + 1], text[64];
	struct custody_object o;
	int ret = keys_load(k, kind, version, &o, e);

	if (ret)
		return ret;
	describe(&o, text);
	pki_hex(o.kcv, sizeof(o.kcv), kcv);
	if (all)
		json_array_append_new(all, json_pack("{s:s,s:i,s:s}", "kind",
						     custody_kind_name(kind),
						     "version", (int)version,
						     "kcv", kcv));
	else
		printf("%s\n", text);
	return 0;
}

int cmd_list(const struct options *o, int argc, char **argv, struct error *e)
{
	json_t *all = o->json ? json_array() : NULL;
	unsigned int version, latest;
	struct kms k;
	int kind, ret;

	(void)argc;
	(void)argv;
	ret = kms_open(o->dir, &k, e);
	for (kind = 0; !ret && kind < CUSTODY_KINDS; kind++) {
		latest = keys_latest(&k, kind);
		for (version = 1; !ret && version <= latest; version++)
			ret = list_one(&k, kind, version, all, e);
	}
	if (!ret && all) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_decref(all);
	kms_close(&k);
	return ret;
}
