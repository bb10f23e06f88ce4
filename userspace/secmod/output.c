// SPDX-License-Identifier: MIT
/* Forms of output. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki/pki.h"
#include "secmod/cli.h"

#define HEX_MAX 1024 /* bytes */

void cli_step(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->json || c->quiet)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

int cli_print_json(json_t *object, struct error *e)
{
	int rc = -1;

	if (object)
		rc = json_dumpf(object, stdout,
				JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(object);
	if (rc)
		return error_set(e, ENOMEM, "cannot print JSON: out of memory");
	putchar('\n');
	return 0;
}

json_t *json_hex(const uint8_t *data, size_t len)
{
	char hex[2 * HEX_MAX + 1];

	if (len > HEX_MAX)
		return NULL;
	pki_hex(data, len, hex);
	return json_string(hex);
}

void format_time(time_t t, char out[32])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, 32, "@%lld", (long long)t);
}
