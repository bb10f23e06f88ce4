// SPDX-License-Identifier: MIT
/* Journals of JSON objects. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/events.h"
#include "common/journal.h"
#include "common/log.h"

struct walk {
	const char *name;
	int (*fn)(void *arg, json_t *event);
	void *arg;
	int number;
};

static int walk_line(void *arg, const char *line)
{
	struct walk *w = arg;
	json_error_t why;
	json_t *event;
	int ret;

	w->number++;
	event = json_loads(line, 0, &why);
	if (!event) {
		log_warn("%s, line %d: %s", w->name, w->number, why.text);
		return 0;
	}
	ret = w->fn(w->arg, event);
	json_decref(event);
	return ret;
}

int events_each(const char *dir, const char *name,
		int (*fn)(void *arg, json_t *event), void *arg, struct error *e)
{
	struct walk w = { .name = name, .fn = fn, .arg = arg };
	char *path;
	int ret;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return error_set(e, ENOMEM, "out of memory");
	ret = journal_each(path, walk_line, &w, e);
	free(path);
	return ret;
}

int events_append(const char *dir, const char *name, json_t *event,
		  struct error *e)
{
	char *path = NULL, *line = NULL;
	int ret;

	if (event &&
	    !json_object_set_new(event, "time", json_integer(time(NULL))))
		line = json_dumps(event, JSON_COMPACT);
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	ret = path && line ? journal_append(path, line, e) :
			     error_set(e, ENOMEM, "out of memory");
	json_decref(event);
	free(line);
	free(path);
	return ret;
}
