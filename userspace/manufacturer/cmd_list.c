// SPDX-License-Identifier: MIT
/* The commands "list" and "release": the register of modules. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "manufacturer/manufacturer.h"

static const char *get(json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text ? text : "";
}

static int print_event(void *arg, json_t *event)
{
	time_t t = json_integer_value(json_object_get(event, "time"));
	char when[32] = "";
	struct tm tm;

	(void)arg;
	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%-20s %-8s %-16s %-32s %s\n", when, get(event, "event"),
	       get(event, "serial"), get(event, "uid"),
	       *get(event, "reason") ? get(event, "reason") :
				       get(event, "fingerprint"));
	return 0;
}

static int collect(void *arg, json_t *event)
{
	return json_array_append(arg, event) ? -ENOMEM : 0;
}

static int print_json(const struct options *o, struct error *e)
{
	json_t *list = json_array();
	int ret;

	ret = list ? register_each(o->dir, collect, list, e) : -ENOMEM;
	if (!ret && json_dumpf(list, stdout, JSON_INDENT(2)))
		ret = error_set(e, EIO, "cannot write the list");
	if (!ret)
		putchar('\n');
	json_decref(list);
	return ret;
}

int cmd_list(const struct options *o, int argc, char **argv, struct error *e)
{
	(void)argc;
	(void)argv;
	if (o->json)
		return print_json(o, e);
	printf("%-20s %-8s %-16s %-32s %s\n", "TIME", "EVENT", "SERIAL", "UID",
	       "FINGERPRINT OR REASON");
	return register_each(o->dir, print_event, NULL, e);
}

int cmd_release(const struct options *o, int argc, char **argv, struct error *e)
{
	(void)argc;
	return register_release(o->dir, argv[0], e);
}
