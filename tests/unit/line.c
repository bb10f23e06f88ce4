// SPDX-License-Identifier: MIT
/* A serial line between two ptys. */
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "line.h"

static void pass_on(int from, int to)
{
	char data[256];
	ssize_t n = read(from, data, sizeof(data)), at, k;

	for (at = 0; at < n; at += k) {
		k = write(to, data + at, n - at);
		if (k <= 0)
			return;
	}
}

static void *run(void *arg)
{
	struct line *l = arg;
	struct pollfd p[3] = { { l->master[0], POLLIN, 0 },
			       { l->master[1], POLLIN, 0 },
			       { l->wake[0], POLLIN, 0 } };

	for (;;) {
		poll(p, 3, -1);
		if (p[0].revents & POLLIN)
			pass_on(l->master[0], l->master[1]);
		if (p[1].revents & POLLIN)
			pass_on(l->master[1], l->master[0]);
		if (p[2].revents)
			return NULL;
	}
}

void line_start(struct line *l)
{
	char *names[2] = { l->a, l->b }, path[56];
	struct termios raw;
	int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(openpty(&l->master[i], &l->slave[i], path,
					 NULL, NULL),
				 0);
		/* what is there before the endpoint sets the line up */
		tcgetattr(l->slave[i], &raw);
		cfmakeraw(&raw);
		tcsetattr(l->slave[i], TCSANOW, &raw);
		sprintf(names[i], "serial:%s", path);
	}
	assert_int_equal(pipe(l->wake), 0);
	assert_int_equal(pthread_create(&l->thread, NULL, run, l), 0);
}

void line_stop(struct line *l)
{
	int i;

	close(l->wake[1]);
	pthread_join(l->thread, NULL);
	close(l->wake[0]);
	for (i = 0; i < 2; i++) {
		close(l->slave[i]);
		close(l->master[i]);
	}
}

void line_inject(struct line *l, int end, const void *data, size_t len)
{
	assert_int_equal(write(l->master[end], data, len), len);
}
