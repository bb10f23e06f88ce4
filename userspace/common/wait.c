// SPDX-License-Identifier: MIT
/* Waiting for a descriptor until a moment, and for the order to stop. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "common/process.h"
#include "common/wait.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t wait_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? WAIT_FOREVER : now_ms() + timeout_ms;
}

int64_t wait_slice(int64_t deadline, int ms)
{
	int64_t slice = now_ms() + ms;

	return slice < deadline ? slice : deadline;
}

/* Rounded up, so that the wait does not end just before the deadline. */
static struct timespec *time_left(int64_t deadline, struct timespec *ts)
{
	int64_t left;

	if (deadline == WAIT_FOREVER)
		return NULL;
	left = deadline - now_ms();
	if (left < 0)
		left = 0;
	ts->tv_sec = left / 1000;
	ts->tv_nsec = left % 1000 * 1000000;
	return ts;
}

/*
 * The stop signals are blocked while process_stop is looked at, and let in by
 * ppoll() alone: otherwise one that comes in between would be slept over.
 */
int wait_fd(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	sigset_t block, old;
	struct timespec ts;
	int n, err;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	pthread_sigmask(SIG_BLOCK, &block, &old);
	do {
		n = process_stop ? -1 :
				   ppoll(&p, 1, time_left(deadline, &ts), &old);
		err = process_stop ? EINTR : errno;
	} while (n < 0 && err == EINTR && !process_stop);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (n < 0)
		return -err;
	return n ? 0 : -ETIMEDOUT;
}

int wait_write(int fd, const void *data, size_t len, int64_t deadline)
{
	const char *p = data;
	ssize_t n;
	int ret;

	while (len) {
		n = write(fd, p, len);
		if (n >= 0) {
			p += n;
			len -= n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		ret = wait_fd(fd, POLLOUT, deadline);
		if (ret)
			return ret;
	}
	return 0;
}
