// SPDX-License-Identifier: MIT
/* JSON documents: values into and out of them, and their files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tss2/tss2_mu.h>

#include "custody/custody.h"
#include "pki/pki.h"

#define STRUCTURE_MAX 4096

static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash - path + 1) : strdup(".");
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int ret = fd < 0 || fsync(fd) ? -EIO : 0;

	if (fd >= 0)
		close(fd);
	free(dir);
	return ret;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;

	for (; len; text += n, len -= n) {
		n = write(fd, text, len);
		if (n < 0)
			return -errno;
	}
	return fsync(fd) ? -errno : 0;
}

/* A reader finds the old document or the new one, whatever breaks off here. */
static int replace(const char *path, const char *text)
{
	char *temp;
	int fd, ret;

	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temp, O_CLOEXEC);
	ret = fd < 0 ? -errno : write_all(fd, text);
	if (fd >= 0)
		close(fd);
	if (!ret && rename(temp, path))
		ret = -errno;
	if (fd >= 0 && ret)
		unlink(temp);
	free(temp);
	return ret ? ret : sync_directory(path);
}

int custody_write(const char *path, json_t *document, struct error *e)
{
	char *text = document ?
			     json_dumps(document,
					JSON_INDENT(2) | JSON_PRESERVE_ORDER) :
			     NULL;
	int ret = text ? replace(path, text) : -ENOMEM;

	free(text);
	json_decref(document);
	if (ret)
		return error_set(e, -ret, "cannot write '%s': %s", path,
				 strerror(-ret));
	return 0;
}

int custody_read(const char *path, const char *type, json_t **document,
		 struct error *e)
{
	json_error_t why;
	const char *is;
	FILE *f = fopen(path, "re");

	*document = NULL;
	if (!f)
		return error_set(e, errno, "cannot open '%s': %s", path,
				 strerror(errno));
	*document = json_loadf(f, JSON_REJECT_DUPLICATES, &why);
	fclose(f);
	if (!*document)
		return error_set(e, EBADMSG, "'%s', line %d: %s", path,
				 why.line, why.text);
	is = custody_text(*document, "type");
	if (is && !strcmp(is, type))
		return 0;
	json_decref(*document);
	*document = NULL;
	return error_set(e, EBADMSG, "'%s' is no %s", path, type);
}

json_t *custody_document(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

void custody_put(json_t *doc, const char *key, const void *data, size_t len)
{
	char *hex = malloc(2 * len + 1);

	if (hex) {
		pki_hex(data, len, hex);
		json_object_set_new(doc, key, json_string(hex));
	}
	free(hex);
}

const char *custody_text(const json_t *doc, const char *key)
{
	return json_string_value(json_object_get(doc, key));
}

int custody_get(const json_t *doc, const char *key, void *data, size_t min,
		size_t max, size_t *len, struct error *e)
{
	const char *hex = custody_text(doc, key);
	size_t n = hex ? strlen(hex) / 2 : 0;

	if (!hex || strlen(hex) % 2 || n < min || n > max ||
	    pki_unhex(hex, data, n))
		return error_set(e, EBADMSG, "'%s' is missing or malformed",
				 key);
	if (len)
		*len = n;
	return 0;
}

void custody_put_public(json_t *doc, const char *key, const TPM2B_PUBLIC *pub)
{
	uint8_t area[STRUCTURE_MAX];
	size_t len = 0;

	if (Tss2_MU_TPMT_PUBLIC_Marshal(&pub->publicArea, area, sizeof(area),
					&len) == TSS2_RC_SUCCESS)
		custody_put(doc, key, area, len);
}

int custody_get_public(const json_t *doc, const char *key, TPM2B_PUBLIC *pub,
		       struct error *e)
{
	uint8_t area[STRUCTURE_MAX];
	size_t len, at = 0;
	int ret = custody_get(doc, key, area, 1, sizeof(area), &len, e);

	memset(pub, 0, sizeof(*pub));
	if (!ret &&
	    (Tss2_MU_TPMT_PUBLIC_Unmarshal(area, len, &at, &pub->publicArea) !=
		     TSS2_RC_SUCCESS ||
	     at != len))
		ret = error_set(e, EBADMSG, "'%s' is no public area of a TPM",
				key);
	return ret;
}

void custody_put_object(json_t *doc, const struct custody_object *o)
{
	json_object_set_new(doc, "kind",
			    json_string(custody_kind_name(o->kind)));
	json_object_set_new(doc, "version", json_integer(o->version));
	custody_put(doc, "kcv", o->kcv, sizeof(o->kcv));
	custody_put_public(doc, "public", &o->public);
	if (o->private.size)
		custody_put(doc, "private", o->private.buffer, o->private.size);
}

int custody_get_object(const json_t *doc, struct custody_object *o,
		       struct error *e)
{
	json_int_t version =
		json_integer_value(json_object_get(doc, "version"));
	size_t len = 0;
	int ret;

	memset(o, 0, sizeof(*o));
	ret = custody_kind_parse(custody_text(doc, "kind"), &o->kind, e);
	if (!ret && (version < 1 || version > CUSTODY_VERSION_MAX))
		ret = error_set(e, EBADMSG, "'version' is out of bounds");
	o->version = version;
	if (!ret)
		ret = custody_get(doc, "kcv", o->kcv, sizeof(o->kcv),
				  sizeof(o->kcv), NULL, e);
	if (!ret)
		ret = custody_get_public(doc, "public", &o->public, e);
	if (!ret && custody_text(doc, "private"))
		ret = custody_get(doc, "private", o->private.buffer, 1,
				  sizeof(o->private.buffer), &len, e);
	o->private.size = len;
	return ret;
}

void custody_put_approvals(json_t *doc, const struct custody_approvals *a)
{
	json_t *by_right = json_object();

	for (size_t i = 0; i < CUSTODY_RIGHTS; i++)
		if (a->given[i])
			custody_put(by_right, custody_right_name(i),
				    a->signature[i], CUSTODY_SIGNATURE_SIZE);
	json_object_set_new(doc, "approvals", by_right);
}

int custody_get_approvals(const json_t *doc, struct custody_approvals *a,
			  struct error *e)
{
	const json_t *by_right = json_object_get(doc, "approvals");
	int ret = 0;

	memset(a, 0, sizeof(*a));
	for (size_t i = 0; !ret && i < CUSTODY_RIGHTS; i++) {
		a->given[i] = custody_text(by_right, custody_right_name(i)) !=
			      NULL;
		if (a->given[i])
			ret = custody_get(by_right, custody_right_name(i),
					  a->signature[i],
					  CUSTODY_SIGNATURE_SIZE,
					  CUSTODY_SIGNATURE_SIZE, NULL, e);
	}
	return ret;
}

void custody_put_credential(json_t *doc, const struct custody_credential *c)
{
	custody_put(doc, "blob", c->blob.credential, c->blob.size);
	custody_put(doc, "secret", c->secret.secret, c->secret.size);
}

int custody_get_credential(const json_t *doc, struct custody_credential *c,
			   struct error *e)
{
	size_t blob = 0, secret = 0;
	int ret;

	memset(c, 0, sizeof(*c));
	ret = custody_get(doc, "blob", c->blob.credential, 1,
			  sizeof(c->blob.credential), &blob, e);
	if (!ret)
		ret = custody_get(doc, "secret", c->secret.secret, 1,
				  sizeof(c->secret.secret), &secret, e);
	c->blob.size = blob;
	c->secret.size = secret;
	return ret;
}
