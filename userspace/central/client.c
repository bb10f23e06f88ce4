// SPDX-License-Identifier: MIT
/* The other end of the running server's local socket: see control.c. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "central/central.h"
#include "common/endpoint.h"
#include "common/wait.h"

#define CONNECT_MS 5000
#define ANSWER_MS 120000 /* others may talk with the module before */
#define LINE_MAX_LEN 600

/* Byte by byte: what follows the line is no line. */
static int read_line(int fd, char line[LINE_MAX_LEN], int64_t deadline)
{
	size_t n = 0;
	ssize_t got;
	int r;

	while (n < LINE_MAX_LEN - 1) {
		r = wait_fd(fd, POLLIN, deadline);
		if (r)
			return r;
		got = read(fd, line + n, 1);
		if (got == 0)
			return -ECONNRESET;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (got == 1 && line[n++] == '\n') {
			line[n - 1] = '\0';
			return 0;
		}
	}
	return -EPROTO;
}

static int ask(int fd, const char *request, struct error *e)
{
	int64_t deadline = wait_deadline(ANSWER_MS);
	char line[LINE_MAX_LEN] = "";
	int r = wait_write(fd, request, strlen(request), deadline), code = 0;
	int at = 0;

	if (!r)
		r = read_line(fd, line, deadline);
	if (r)
		return error_set(e, -r, "the server does not answer: %s",
				 strerror(-r));
	if (!strcmp(line, "ok"))
		return 0;
	if (sscanf(line, "error %d %n", &code, &at) < 1 || !at)
		return error_set(e, EPROTO, "the server answers '%.80s'", line);
	return error_set(e, EREMOTEIO, "%s", line + at);
}

/* A connection on which @request was answered with "ok", or -errno. */
static int request_fd(const char *dir, const char *request, struct error *e)
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
	r = ask(fd, request, e);
	if (!r)
		return fd;
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
	char line[LINE_MAX_LEN];
	int r, fd = request_fd(dir, "connected\n", e);

	if (fd < 0)
		return fd;
	for (;;) {
		r = read_line(fd, line, deadline);
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
