// SPDX-License-Identifier: MIT
/* keys/: what was generated, wrapped by the TPM, a document for each version. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/kms.h"

#define TYPE "secmod kms key"

static int key_path(const struct kms *k, const struct custody_object *o,
		    char **path, struct error *e)
{
	return kms_path(k, path, e, "keys/%s-%u.json",
			custody_kind_name(o->kind), o->version);
}

static int load(const struct kms *k, const char *path,
		const struct custody_object *want, struct custody_object *o,
		struct error *e)
{
	json_t *doc;
	int ret = custody_read(path, TYPE, &doc, e);

	if (ret == -ENOENT)
		return error_set(e, ENOENT, "there is no %s %u: see \"list\"",
				 custody_kind_name(want->kind), want->version);
	if (ret)
		return ret;
	ret = custody_get_object(doc, o, e);
	json_decref(doc);
	if (!ret && (o->kind != want->kind || o->version != want->version))
		ret = error_set(e, EBADMSG, "'%s' holds another key", path);
	return ret ? ret : custody_check_object(o, k->authority, e);
}

int keys_load(const struct kms *k, enum custody_kind kind, unsigned int version,
	      struct custody_object *o, struct error *e)
{
	struct custody_object want = { .kind = kind, .version = version };
	char *path;
	int ret = key_path(k, &want, &path, e);

	if (ret)
		return ret;
	ret = load(k, path, &want, o, e);
	free(path);
	return ret;
}

int keys_store(const struct kms *k, const struct custody_object *o,
	       struct error *e)
{
	json_t *doc = custody_document(TYPE);
	char *path;
	int ret;

	custody_put_object(doc, o);
	ret = key_path(k, o, &path, e);
	if (ret) {
		json_decref(doc);
		return ret;
	}
	ret = custody_write(path, doc, e);
	free(path);
	return ret;
}

unsigned int keys_latest(const struct kms *k, enum custody_kind kind)
{
	unsigned int version, latest = 0;
	char *path, name[32], end[8];
	struct dirent *entry;
	DIR *dir;

	if (kms_path(k, &path, NULL, "keys"))
		return 0;
	dir = opendir(path);
	free(path);
	snprintf(name, sizeof(name), "%s-%%4u.%%5s", custody_kind_name(kind));
	while (dir && (entry = readdir(dir)))
		if (sscanf(entry->d_name, name, &version, end) == 2 &&
		    !strcmp(end, "json") && version > latest)
			latest = version;
	if (dir)
		closedir(dir);
	return latest;
}

int keys_parse(const struct kms *k, char **words, struct custody_object *o,
	       struct error *e)
{
	enum custody_kind kind;
	char *end;
	unsigned long version = strtoul(words[1], &end, 10);
	int ret = custody_kind_parse(words[0], &kind, e);

	if (ret)
		return ret;
	if (*end || !version || version > CUSTODY_VERSION_MAX)
		return error_set(e, EINVAL, "'%s' is no version", words[1]);
	return keys_load(k, kind, version, o, e);
}
