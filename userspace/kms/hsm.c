// SPDX-License-Identifier: MIT
/* hsm/: the HSMs that keys may go to, and the authority's word for their storage keys. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/kms.h"
#include "pki/pki.h"

#define TYPE "secmod kms hsm"
#define STATEMENT_MAX 128

static int hsm_path(const struct kms *k, const char *label, char **path,
		    struct error *e)
{
	int ret = custody_check_label(label, e);

	return ret ? ret : kms_path(k, path, e, "hsm/%s.json", label);
}

static int parse(const json_t *doc, struct hsm *h, struct error *e)
{
	int ret;

	ret = custody_get_public(doc, "storage", &h->storage, e);
	if (!ret)
		ret = custody_get_public(doc, "ek", &h->ek, e);
	if (!ret)
		ret = custody_get(doc, "challenge", h->challenge,
				  sizeof(h->challenge), sizeof(h->challenge),
				  NULL, e);
	h->certified = custody_text(doc, "certificate") != NULL;
	if (!ret && h->certified)
		ret = custody_get(doc, "certificate", h->signature,
				  sizeof(h->signature), sizeof(h->signature),
				  NULL, e);
	return ret ? ret : custody_name(&h->storage, &h->name, e);
}

int hsm_load(const struct kms *k, const char *label, struct hsm *h,
	     struct error *e)
{
	json_t *doc = NULL;
	char *path;
	int ret;

	memset(h, 0, sizeof(*h));
	ret = hsm_path(k, label, &path, e);
	if (ret)
		return ret;
	snprintf(h->label, sizeof(h->label), "%s", label);
	ret = custody_read(path, TYPE, &doc, e);
	if (ret == -ENOENT)
		error_set(
			e, ENOENT,
			"there is no HSM '%s': it is refused until \"enroll\" and \"certify\"",
			label);
	free(path);
	if (!ret)
		ret = parse(doc, h, e);
	json_decref(doc);
	return ret;
}

int hsm_store(const struct kms *k, const struct hsm *h, struct error *e)
{
	json_t *doc;
	char *path;
	int ret = hsm_path(k, h->label, &path, e);

	if (ret)
		return ret;
	doc = custody_document(TYPE);
	custody_put_public(doc, "storage", &h->storage);
	custody_put_public(doc, "ek", &h->ek);
	custody_put(doc, "challenge", h->challenge, sizeof(h->challenge));
	if (h->certified)
		custody_put(doc, "certificate", h->signature,
			    sizeof(h->signature));
	ret = custody_write(path, doc, e);
	free(path);
	return ret;
}

/* No policy of a TPM begins so: the signature is of no use as an approval. */
static size_t statement(const struct hsm *h, char out[STATEMENT_MAX])
{
	int n = snprintf(out, STATEMENT_MAX,
			 "secmod storage key of HSM %s: ", h->label);

	memcpy(out + n, h->name.name, h->name.size);
	return n + h->name.size;
}

int hsm_certify(struct hsm *h, EVP_PKEY *authority, struct error *e)
{
	char text[STATEMENT_MAX];
	size_t len = statement(h, text);
	int ret = pki_sign_raw(authority, text, len, h->signature, e);

	h->certified = !ret;
	return ret;
}

int hsm_check_certified(const struct kms *k, const struct hsm *h,
			struct error *e)
{
	char text[STATEMENT_MAX];
	size_t len = statement(h, text);
	int ret = custody_check_storage(&h->storage, e);

	if (ret)
		return ret;
	if (!h->certified ||
	    pki_verify_raw(k->authority, text, len, h->signature, NULL))
		return error_set(
			e, EKEYREJECTED,
			"the storage key of HSM '%s' is not certified by the authority",
			h->label);
	return 0;
}

int hsm_find(const struct kms *k, const char *label, struct hsm *h,
	     struct error *e)
{
	int ret;

	if (!strcmp(label, KMS_HERE)) {
		memset(h, 0, sizeof(*h));
		strcpy(h->label, KMS_HERE);
		h->storage = k->storage;
		h->name = k->storage_name;
		return 0;
	}
	ret = hsm_load(k, label, h, e);
	return ret ? ret : hsm_check_certified(k, h, e);
}
