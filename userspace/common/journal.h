/* SPDX-License-Identifier: MIT */
/*
 * Append-only files of one line per event. A line is on the disk when
 * journal_append() returns; one cut by a crash is closed by the next append, so that
 * it spoils no other.
 */
#ifndef SECMOD_COMMON_JOURNAL_H
#define SECMOD_COMMON_JOURNAL_H

#include "common/error.h"

/* @line without its newline. Makes the file (0600) when there is none. */
int journal_append(const char *path, const char *line, struct error *e);

/* Called for each line; anything but 0 ends the walk and is returned. */
typedef int (*journal_line_fn)(void *arg, const char *line);
/* 0 as well when there is no file yet. */
int journal_each(const char *path, journal_line_fn fn, void *arg,
		 struct error *e);

#endif
