// SPDX-License-Identifier: MIT
/* The other end of the running server's local socket: see control.c. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "central/central.h"
#include "common/endpoint.h"
#include "common/relay.h"
#include "common/wait.h"

#define CONNECT_MS 5000
#define ANSWER_MS 120000 /* others may talk with the module before */

/* A connection on which @request was sent, or -errno. */
static int connect_and_send(const char *dir, const char *request,
			    struct error *e)
{
	struct site site = { .dir = dir };
	char path[SITE_PATH_MAX], spec[SITE_PATH_MAX + 8];
	int fd, r = site_path(&site, "central.sock", path, e);

	if (r)
		return r;
	snprintf(spec, sizeof(spec), "unix:%s", path);
	fd = endpoint_connect(spec, CONNECT_MS, e);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return error_set(e, -fd,
				 "no server runs on '%s'; start "
				 "'secmod-central serve'",
				 dir);
	if (fd < 0)
		return fd;
	r = wait_write(fd, request, strlen(request), wait_deadline(ANSWER_MS));
	if (!r)
		return fd;
	close(fd);
	return error_set(e, -r, "the server does not answer: %s", strerror(-r));
}

/* The same, answered with "ok". */
static int request_fd(const char *dir, const char *request, struct error *e)
{
	int fd = connect_and_send(dir, request, e);
	int r = fd < 0 ? fd : relay_opened(fd, e);

	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	return r;
}

/* The descriptor that comes with "ok"; else the rest of the line is read. */
static int receive_fd(int fd, struct error *e)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char first;
	struct iovec part = { &first, 1 };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int got, r = wait_fd(fd, POLLIN, wait_deadline(ANSWER_MS));

	if (r || recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_PEEK) != 1)
		return error_set(e, r ? -r : EPIPE,
				 "the server does not answer");
	r = relay_opened(fd, e);
	if (r)
		return r;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return error_set(e, EPROTO, "the server sent no descriptor");
	memcpy(&got, CMSG_DATA(c), sizeof(got));
	return got;
}

int client_session(const char *dir, const char *uid, struct error *e)
{
	char request[64];
	int r, fd;

	snprintf(request, sizeof(request), "session %s\n", uid);
	fd = connect_and_send(dir, request, e);
	if (fd < 0)
		return fd;
	r = receive_fd(fd, e);
	close(fd);
	return r;
}

int client_relay(const char *dir, const char *uid, struct error *e)
{
	char request[64];

	snprintf(request, sizeof(request), "relay %s\n", uid);
	return request_fd(dir, request, e);
}

int client_connected(const char *dir, int (*fn)(void *arg, const char *uid),
		     void *arg, struct error *e)
{
	int64_t deadline = wait_deadline(ANSWER_MS);
	char line[RELAY_LINE_MAX];
	int r, fd = request_fd(dir, "connected\n", e);

	if (fd < 0)
		return fd;
	for (;;) {
		r = relay_line(fd, line, sizeof(line), deadline);
		if (r)
			error_set(e, -r, "the server does not answer: %s",
				  strerror(-r));
		if (r || !line[0])
			break;
		r = fn(arg, line);
		if (r)
			break;
	}
	close(fd);
	return r;
}
