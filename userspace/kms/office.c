// SPDX-License-Identifier: MIT
/* The directory of the key management server. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "hsm/hsm.h"
#include "kms/kms.h"
#include "pki/pki.h"
#include "pki/request.h"

#define TYPE "secmod kms"
#define SPKI_MAX 256

int kms_path(const struct kms *k, char **path, struct error *e,
	     const char *format, ...)
{
	char *name = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&name, format, args);
	va_end(args);
	if (n >= 0)
		n = asprintf(path, "%s/%s", k->dir, name);
	if (n < 0)
		*path = NULL;
	free(name);
	return n < 0 ? error_set(e, ENOMEM, "out of memory") : 0;
}

static int make_directories(const char *dir, struct error *e)
{
	static const char *const names[] = { "", "/keys", "/hsm",
					     "/approvals" };
	char path[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (snprintf(path, sizeof(path), "%s%s", dir, names[i]) >=
		    (int)sizeof(path))
			return error_set(e, ENAMETOOLONG, "'%s' is too long",
					 dir);
		if (mkdir(path, 0700) && errno != EEXIST)
			return error_set(e, errno, "cannot make '%s': %s", path,
					 strerror(errno));
	}
	return 0;
}

static int write_office(const struct kms *k, EVP_PKEY *authority,
			const struct custody_tpm *t, struct error *e)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(authority, &der);
	json_t *doc = custody_document(TYPE);
	char *path;
	int ret;

	json_object_set_new(doc, "tcti", json_string(k->tcti));
	if (len > 0)
		custody_put(doc, "authority", der, len);
	custody_put_public(doc, "storage", &t->public);
	OPENSSL_free(der);
	ret = kms_path(k, &path, e, "kms.json");
	if (ret) {
		json_decref(doc);
		return ret;
	}
	ret = custody_write(path, doc, e);
	free(path);
	return ret;
}

int kms_create(const char *dir, const char *tcti, const char *authority,
	       struct error *e)
{
	struct kms k = { .dir = dir, .lock = -1 };
	EVP_PKEY *key = NULL;
	struct custody_tpm t;
	char *path = NULL;
	int ret;

	snprintf(k.tcti, sizeof(k.tcti), "%s", tcti);
	ret = pki_read_public(authority, &key, e);
	if (!ret)
		ret = make_directories(dir, e);
	if (!ret)
		ret = kms_path(&k, &path, e, "kms.json");
	if (!ret && !access(path, F_OK))
		ret = error_set(e, EEXIST,
				"'%s' is there already: choose another --dir",
				path);
	if (!ret)
		ret = custody_tpm_open(tcti, &t, e);
	if (!ret) {
		ret = write_office(&k, key, &t, e);
		if (!ret)
			ret = tls_create(&k, e);
		custody_tpm_close(&t);
	}
	free(path);
	EVP_PKEY_free(key);
	return ret;
}

static int read_office(struct kms *k, const json_t *doc, struct error *e)
{
	const char *tcti = custody_text(doc, "tcti");
	uint8_t spki[SPKI_MAX];
	const uint8_t *p = spki;
	size_t len;
	int ret;

	snprintf(k->tcti, sizeof(k->tcti), "%s", tcti ? tcti : "");
	ret = custody_get(doc, "authority", spki, 1, sizeof(spki), &len, e);
	if (!ret)
		ret = custody_get_public(doc, "storage", &k->storage, e);
	if (!ret)
		ret = custody_name(&k->storage, &k->storage_name, e);
	if (ret)
		return ret;
	k->authority = d2i_PUBKEY(NULL, &p, len);
	return k->authority ? 0 :
			      error_set_ssl(e, EBADMSG,
					    "'authority' is no public key");
}

static int lock_directory(struct kms *k, struct error *e)
{
	k->lock = open(k->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->lock < 0 || flock(k->lock, LOCK_EX))
		return error_set(e, errno, "cannot lock '%s': %s%s", k->dir,
				 strerror(errno),
				 errno == ENOENT ?
					 ": \"secmod-kms init\" makes it" :
					 "");
	return 0;
}

int kms_open(const char *dir, struct kms *k, struct error *e)
{
	char *path = NULL;
	json_t *doc = NULL;
	int ret;

	memset(k, 0, sizeof(*k));
	k->dir = dir;
	ret = lock_directory(k, e);
	if (!ret)
		ret = kms_path(k, &path, e, "kms.json");
	if (!ret)
		ret = custody_read(path, TYPE, &doc, e);
	if (!ret)
		ret = read_office(k, doc, e);
	json_decref(doc);
	free(path);
	if (ret)
		kms_close(k);
	return ret;
}

void kms_close(struct kms *k)
{
	EVP_PKEY_free(k->authority);
	k->authority = NULL;
	if (k->lock >= 0)
		close(k->lock);
	k->lock = -1;
}

int kms_tpm(const struct kms *k, struct custody_tpm *t, struct error *e)
{
	int ret = custody_tpm_open(k->tcti, t, e);

	if (ret)
		return ret;
	ret = custody_tpm_is(t, &k->storage_name, e);
	if (ret)
		custody_tpm_close(t);
	return ret;
}

int kms_authority_key(const struct kms *k, const char *uri, EVP_PKEY **key,
		      struct error *e)
{
	int ret;

	*key = NULL;
	if (!uri)
		return error_set(e, EINVAL,
				 "give the authority's key: --key URI");
	ret = hsm_open_key(uri, key, e);
	if (!ret && EVP_PKEY_eq(*key, k->authority) != 1) {
		EVP_PKEY_free(*key);
		*key = NULL;
		ret = error_set(e, EKEYREJECTED,
				"'%s' is not the key of this authority", uri);
	}
	return ret;
}
