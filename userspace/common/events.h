/* SPDX-License-Identifier: MIT */
/* Journals of events: a JSON object a line, with the time it was written. */
#ifndef SECMOD_COMMON_EVENTS_H
#define SECMOD_COMMON_EVENTS_H

#include <jansson.h>

#include "common/error.h"

/* To the journal @name in @dir. Takes over @event (NULL: out of memory). */
int events_append(const char *dir, const char *name, json_t *event,
		  struct error *e);
/* Calls @fn for each; lines that are no JSON are skipped with a warning. */
int events_each(const char *dir, const char *name,
		int (*fn)(void *arg, json_t *event), void *arg,
		struct error *e);

#endif
