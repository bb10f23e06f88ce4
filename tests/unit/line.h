/* SPDX-License-Identifier: MIT */
/*
 * A serial line between two ptys, in a thread: bytes pass both ways, and a test can
 * put garbage on it or cut it.
 */
#ifndef TESTS_UNIT_LINE_H
#define TESTS_UNIT_LINE_H

#include <pthread.h>
#include <stddef.h>

struct line {
	char a[64], b[64]; /* endpoints of the two ends: serial:/dev/pts/N */
	int master[2],
		slave[2]; /* slaves are held open: the line does not hang up */
	int wake[2];
	pthread_t thread;
};

void line_start(struct line *l);
void line_stop(struct line *l);
/* As if the other end had sent it. @end: 0 to the reader at a, 1 at b. */
void line_inject(struct line *l, int end, const void *data, size_t len);

#endif
