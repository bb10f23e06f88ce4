// SPDX-License-Identifier: MIT
/* What the listing commands print with. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "central/central.h"

void print_time(int64_t when, char out[32])
{
	time_t t = when;
	struct tm tm;

	if (!when || !gmtime_r(&t, &tm))
		snprintf(out, 32, "-");
	else
		strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

int print_json(json_t *value, struct error *e)
{
	int r = value ? json_dumpf(value, stdout, JSON_INDENT(2)) : -1;

	json_decref(value);
	if (r)
		return error_set(e, ENOMEM, "cannot write JSON");
	putchar('\n');
	return 0;
}
