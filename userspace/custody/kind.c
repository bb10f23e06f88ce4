// SPDX-License-Identifier: MIT
/* The kinds of keys, and the names of those who get them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "custody/custody.h"

static const char *const names[CUSTODY_KINDS] = { "master", "replacement",
						  "recovery" };

const char *custody_kind_name(enum custody_kind kind)
{
	return (size_t)kind < CUSTODY_KINDS ? names[kind] : "unknown";
}

int custody_kind_parse(const char *text, enum custody_kind *kind,
		       struct error *e)
{
	for (size_t i = 0; text && i < CUSTODY_KINDS; i++)
		if (!strcmp(text, names[i])) {
			*kind = i;
			return 0;
		}
	return error_set(e, EINVAL,
			 "'%s' is none of master, replacement, recovery",
			 text ? text : "");
}

/* Part of file names. */
int custody_check_label(const char *label, struct error *e)
{
	size_t len = strlen(label);

	if (len && len <= CUSTODY_LABEL_MAX &&
	    strspn(label,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
		    len)
		return 0;
	return error_set(
		e, EINVAL,
		"'%s' is no name of an HSM: 1 to %d letters, digits, - and _",
		label, CUSTODY_LABEL_MAX);
}
