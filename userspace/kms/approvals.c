// SPDX-License-Identifier: MIT
/* approvals/: what the authority has approved of a key, for each HSM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kms/kms.h"

#define TYPE "secmod kms approvals"

static int approvals_path(const struct kms *k, const struct custody_object *o,
			  const char *label, char **path, struct error *e)
{
	return kms_path(k, path, e, "approvals/%s-%u-%s.json",
			custody_kind_name(o->kind), o->version, label);
}

int approvals_load(const struct kms *k, const struct custody_object *o,
		   const char *label, struct custody_approvals *a,
		   struct error *e)
{
	json_t *doc = NULL;
	char *path;
	int ret = approvals_path(k, o, label, &path, e);

	if (ret)
		return ret;
	memset(a, 0, sizeof(*a));
	ret = custody_read(path, TYPE, &doc, e);
	free(path);
	if (ret == -ENOENT) /* nothing is approved yet */
		return 0;
	if (!ret)
		ret = custody_get_approvals(doc, a, e);
	json_decref(doc);
	return ret;
}

int approvals_store(const struct kms *k, const struct custody_object *o,
		    const char *label, const struct custody_approvals *a,
		    struct error *e)
{
	json_t *doc;
	char *path;
	int ret = approvals_path(k, o, label, &path, e);

	if (ret)
		return ret;
	doc = custody_document(TYPE);
	custody_put_approvals(doc, a);
	ret = custody_write(path, doc, e);
	free(path);
	return ret;
}
