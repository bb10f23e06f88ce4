// SPDX-License-Identifier: MIT
/* Packets between HSM 1 and the process that started it, with descriptors. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hsm1/internal.h"

#define FDS_MAX 2

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

int message_send(int fd, const void *data, size_t len, const int *fds,
		 int count)
{
	struct iovec part = { (void *)data, len };
	union control control = { .space = { 0 } };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	if (count) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	do {
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

static void take_fds(struct msghdr *m, int *fds, int count)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int got[FDS_MAX], n, i;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(got, CMSG_DATA(c), n * sizeof(int));
	for (i = 0; i < n; i++)
		if (i < count)
			fds[i] = got[i];
		else
			close(got[i]);
}

int message_recv(int fd, void *data, size_t len, int *fds, int count)
{
	struct iovec part = { data, len };
	union control control;
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;
	int i;

	for (i = 0; i < count; i++)
		fds[i] = -1;
	do {
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take_fds(&m, fds, count);
	if (!n)
		return -ECONNRESET;
	return (size_t)n == len ? 0 : -EPROTO;
}
