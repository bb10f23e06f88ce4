// SPDX-License-Identifier: MIT
/* What state the module is in, and waiting for another. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libsecmod/handle.h"

int secmod_info(struct secmod *m, struct secmod_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return secmod_call(m, SECMOD_IOC_INFO, info);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Waits for the next change of state; 0, -ETIMEDOUT or another -errno. */
static int wait_change(struct secmod *m, long long deadline)
{
	struct pollfd p = { .fd = m->fd, .events = POLLIN | POLLPRI };
	long long left = -1;
	int n;

	if (deadline >= 0) {
		left = deadline - now_ms();
		if (left < 0)
			left = 0;
	}
	n = poll(&p, 1, (int)left);
	if (n < 0)
		return secmod_fail(m, errno, "waiting: %s", strerror(errno));
	if (n == 0)
		return secmod_fail(m, ETIMEDOUT,
				   "the state did not change in time");
	if (p.revents & (POLLERR | POLLHUP | POLLNVAL))
		return secmod_fail(m, ENODEV, "%s", secmod_error_text(ENODEV));
	return 0;
}

int secmod_wait(struct secmod *m, unsigned int states, int timeout_ms)
{
	long long deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct secmod_info info;
	int rc;

	for (;;) {
		rc = secmod_info(m, &info);
		if (rc < 0)
			return rc;
		if (info.state < 32 && states & 1u << info.state)
			return (int)info.state;
		rc = wait_change(m, deadline);
		if (rc < 0)
			return rc;
	}
}

int secmod_attach(struct secmod *m, int fd)
{
	struct secmod_attach a = { .size = sizeof(a), .fd = fd };

	return secmod_call(m, SECMOD_IOC_ATTACH, &a);
}

int secmod_attach_file(struct secmod *m, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int rc;

	if (fd < 0)
		return secmod_fail(m, errno, "cannot open vault '%s': %s", path,
				   strerror(errno));
	rc = secmod_attach(m, fd);
	close(fd);
	return rc;
}

int secmod_detach(struct secmod *m)
{
	struct secmod_detach d = { .size = sizeof(d) };

	return secmod_call(m, SECMOD_IOC_DETACH, &d);
}
