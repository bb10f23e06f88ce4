// SPDX-License-Identifier: MIT
/* An object on its way to HSM 1, as a document. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "custody/custody.h"

#define TYPE "secmod key export"

json_t *custody_export_document(const struct custody_export *x)
{
	json_t *doc = custody_document(TYPE);

	json_object_set_new(doc, "hsm", json_string(x->hsm));
	custody_put_object(doc, &x->object);
	custody_put_approvals(doc, &x->approvals);
	if (x->object.private.size) {
		custody_put(doc, "seed", x->seed.secret, x->seed.size);
		custody_put_credential(doc, &x->inner);
	}
	return doc;
}

int custody_export_parse(const json_t *doc, struct custody_export *x,
			 struct error *e)
{
	const char *hsm = custody_text(doc, "hsm");
	const char *type = custody_text(doc, "type");
	size_t len = 0;
	int ret;

	memset(x, 0, sizeof(*x));
	if (!type || strcmp(type, TYPE))
		return error_set(e, EBADMSG, "it is no " TYPE);
	ret = custody_check_label(hsm ? hsm : "", e);
	if (ret)
		return ret;
	snprintf(x->hsm, sizeof(x->hsm), "%s", hsm);
	ret = custody_get_object(doc, &x->object, e);
	if (!ret)
		ret = custody_get_approvals(doc, &x->approvals, e);
	if (ret || !x->object.private.size)
		return ret;
	ret = custody_get(doc, "seed", x->seed.secret, 1,
			  sizeof(x->seed.secret), &len, e);
	x->seed.size = len;
	return ret ? ret : custody_get_credential(doc, &x->inner, e);
}
