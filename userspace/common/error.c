// SPDX-License-Identifier: MIT
/* The one error text of an operation. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "common/error.h"

/* By way of a copy: callers put the text they got into the one they give. */
static void error_format(struct error *e, const char *fmt, va_list args)
{
	struct error fresh;

	if (!e)
		return;
	vsnprintf(fresh.text, sizeof(fresh.text), fmt, args);
	memcpy(e->text, fresh.text, strlen(fresh.text) + 1);
}

int error_set(struct error *e, int errnum, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_format(e, fmt, args);
	va_end(args);
	return -errnum;
}

/* The oldest entry is where it went wrong; the later ones only pass it on. */
static void error_append_ssl(struct error *e)
{
	const char *data = NULL, *reason;
	size_t len = strlen(e->text);
	int flags = 0;
	unsigned long code;

	code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
	if (!code)
		return;
	reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) :
					  ERR_reason_error_string(code);
	if (!(flags & ERR_TXT_STRING) || !data)
		data = "";
	snprintf(e->text + len, sizeof(e->text) - len, ": %s%s%s",
		 reason ? reason : "unknown reason", *data ? ": " : "", data);
}

int error_set_ssl(struct error *e, int errnum, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_format(e, fmt, args);
	va_end(args);
	if (e)
		error_append_ssl(e);
	ERR_clear_error();
	return -errnum;
}
