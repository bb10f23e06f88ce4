// SPDX-License-Identifier: MIT
/* HSM 1's directory, and how it becomes known to the key management server. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>

#include "hsm1/site.h"
#include "pki/ek.h"
#include "pki/pki.h"
#include "pki/request.h"

#define TYPE "secmod hsm1"
#define KEY_TYPE "secmod hsm1 key"
#define SPKI_MAX 256

static int site_path(const char *dir, const char *name,
		     char path[SITE_PATH_MAX], struct error *e)
{
	if (snprintf(path, SITE_PATH_MAX, "%s/%s", dir, name) >= SITE_PATH_MAX)
		return error_set(e, ENAMETOOLONG, "'%s' is too long", dir);
	return 0;
}

static int make_directory(const char *dir, const char *name, struct error *e)
{
	char path[SITE_PATH_MAX];
	int ret = site_path(dir, name, path, e);

	if (!ret && mkdir(path, 0700) && errno != EEXIST)
		ret = error_set(e, errno, "cannot make '%s': %s", path,
				strerror(errno));
	return ret;
}

static int write_site(const char *path, const char *tcti, EVP_PKEY *authority,
		      struct error *e)
{
	unsigned char *der = NULL;
	struct custody_tpm t;
	struct custody_ek ek;
	json_t *doc;
	int len, ret = custody_tpm_open(tcti, &t, e);

	if (ret)
		return ret;
	ret = custody_ek_read(&t, &ek, e);
	if (!ret) {
		doc = custody_document(TYPE);
		json_object_set_new(doc, "tcti", json_string(tcti));
		len = i2d_PUBKEY(authority, &der);
		if (len > 0)
			custody_put(doc, "authority", der, len);
		OPENSSL_free(der);
		custody_put_public(doc, "storage", &t.public);
		custody_put_public(doc, "ek", &ek.public);
		ret = custody_write(path, doc, e);
		custody_ek_free(&ek);
	}
	custody_tpm_close(&t);
	return ret;
}

int hsm1_init(const char *dir, const char *tcti, const char *authority,
	      struct error *e)
{
	char path[SITE_PATH_MAX];
	EVP_PKEY *key = NULL;
	int ret = pki_read_public(authority, &key, e);

	if (!ret)
		ret = make_directory(dir, "", e);
	if (!ret)
		ret = make_directory(dir, "keys", e);
	if (!ret)
		ret = site_path(dir, "hsm1.json", path, e);
	if (!ret && !access(path, F_OK))
		ret = error_set(e, EEXIST,
				"'%s' is there already: choose another --dir",
				path);
	if (!ret)
		ret = write_site(path, tcti, key, e);
	EVP_PKEY_free(key);
	return ret;
}

int site_read(const char *dir, struct site *s, struct error *e)
{
	char path[SITE_PATH_MAX];
	uint8_t spki[SPKI_MAX];
	const uint8_t *p = spki;
	const char *tcti;
	json_t *doc = NULL;
	size_t len;
	int ret;

	memset(s, 0, sizeof(*s));
	ret = site_path(dir, "hsm1.json", path, e);
	if (!ret)
		ret = custody_read(path, TYPE, &doc, e);
	if (ret == -ENOENT)
		return error_set(
			e, ENOENT,
			"there is no '%s': \"secmod-hsm1 init\" makes it",
			path);
	if (ret)
		return ret;
	tcti = custody_text(doc, "tcti");
	snprintf(s->tcti, sizeof(s->tcti), "%s", tcti ? tcti : "");
	ret = custody_get(doc, "authority", spki, 1, sizeof(spki), &len, e);
	if (!ret)
		ret = custody_get_public(doc, "storage", &s->storage, e);
	if (!ret)
		ret = custody_get_public(doc, "ek", &s->ek, e);
	if (!ret)
		ret = custody_name(&s->storage, &s->storage_name, e);
	json_decref(doc);
	if (ret)
		return ret;
	s->authority = d2i_PUBKEY(NULL, &p, len);
	return s->authority ?
		       0 :
		       error_set_ssl(e, EBADMSG, "'%s': no public key", path);
}

int site_read_key(const char *dir, const char *name, struct hsm1_key *k,
		  struct error *e)
{
	char path[SITE_PATH_MAX];
	json_t *doc;
	int ret;

	if (snprintf(path, sizeof(path), "%s/keys/%s", dir, name) >=
	    SITE_PATH_MAX)
		return error_set(e, ENAMETOOLONG, "'%s' is too long", name);
	ret = custody_read(path, KEY_TYPE, &doc, e);
	if (ret)
		return ret;
	ret = custody_get_object(doc, &k->object, e);
	if (!ret)
		ret = custody_get_approvals(doc, &k->approvals, e);
	json_decref(doc);
	return ret;
}

int site_write_key(const char *dir, const struct hsm1_key *k, struct error *e)
{
	const struct custody_object *o = &k->object;
	char path[SITE_PATH_MAX];
	json_t *doc;

	if (snprintf(path, sizeof(path), "%s/keys/%s-%u.json", dir,
		     custody_kind_name(o->kind), o->version) >= SITE_PATH_MAX)
		return error_set(e, ENAMETOOLONG, "'%s' is too long", dir);
	doc = custody_document(KEY_TYPE);
	custody_put_object(doc, o);
	custody_put_approvals(doc, &k->approvals);
	return custody_write(path, doc, e);
}

static int open_tpm(const char *dir, struct site *s, struct custody_tpm *t,
		    struct error *e)
{
	int ret = site_read(dir, s, e);

	if (ret)
		return ret;
	ret = custody_tpm_open(s->tcti, t, e);
	if (!ret) {
		ret = custody_tpm_is(t, &s->storage_name, e);
		if (ret)
			custody_tpm_close(t);
	}
	EVP_PKEY_free(s->authority);
	return ret;
}

static int tell_names(const struct site *s, const struct custody_ek *ek,
		      struct hsm1_names *names, struct error *e)
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	size_t len = 0;

	if (s->storage_name.size > sizeof(names->storage) / 2 ||
	    Tss2_MU_TPMT_PUBLIC_Marshal(&ek->public.publicArea, area,
					sizeof(area), &len) != TSS2_RC_SUCCESS)
		return error_set(e, EBADMSG,
				 "the TPM's public areas are malformed");
	pki_hex(s->storage_name.name, s->storage_name.size, names->storage);
	return ek_digest(area, len, names->endorsement, e);
}

int hsm1_request(const char *dir, const char *out, struct hsm1_names *names,
		 struct error *e)
{
	struct custody_tpm t;
	struct custody_ek ek;
	struct site s;
	json_t *doc;
	int ret = open_tpm(dir, &s, &t, e);

	if (ret)
		return ret;
	ret = custody_ek_read(&t, &ek, e);
	custody_tpm_close(&t);
	if (ret)
		return ret;
	ret = tell_names(&s, &ek, names, e);
	if (ret) {
		custody_ek_free(&ek);
		return ret;
	}
	doc = custody_document("secmod hsm1 request");
	custody_put_public(doc, "storage", &t.public);
	custody_put_public(doc, "ek", &ek.public);
	if (ek.certificate)
		custody_put(doc, "ek_certificate", ek.certificate,
			    ek.certificate_len);
	custody_ek_free(&ek);
	return custody_write(out, doc, e);
}

int hsm1_answer(const char *dir, const char *challenge, const char *out,
		struct error *e)
{
	struct custody_credential c;
	struct custody_tpm t;
	TPM2B_DIGEST secret;
	struct site s;
	json_t *doc;
	int ret = custody_read(challenge, "secmod hsm1 challenge", &doc, e);

	if (ret)
		return ret;
	ret = custody_get_credential(doc, &c, e);
	json_decref(doc);
	if (!ret)
		ret = open_tpm(dir, &s, &t, e);
	if (ret)
		return ret;
	ret = custody_credential_open(&t, &s.ek, &c, &secret, e);
	custody_tpm_close(&t);
	if (ret)
		return ret;
	doc = custody_document("secmod hsm1 response");
	custody_put(doc, "answer", secret.buffer, secret.size);
	return custody_write(out, doc, e);
}
