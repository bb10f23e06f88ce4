// SPDX-License-Identifier: MIT
/* Endpoints: which backend serves which, and what they have in common. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint_backend.h"
#include "common/wait.h"

static const struct endpoint_backend *const backends[] = {
	&endpoint_tcp,
	&endpoint_unix,
	&endpoint_vsock,
	&endpoint_serial,
};

static const struct endpoint_backend *find_backend(const char *spec,
						   const char **rest)
{
	const struct endpoint_backend *b;
	size_t i, len;

	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		b = backends[i];
		len = strlen(b->scheme);
		if (!strncmp(spec, b->scheme, len) && spec[len] == ':') {
			*rest = spec + len + 1;
			return b;
		}
	}
	return NULL;
}

static int unknown_scheme(const char *spec, struct error *e)
{
	return error_set(
		e, EINVAL,
		"endpoint '%s' is none of tcp:host:port, unix:/path, vsock:cid:port, serial:/dev/tty[,speed]",
		spec);
}

int endpoint_connect(const char *spec, int timeout_ms, struct error *e)
{
	const struct endpoint_backend *b;
	const char *rest;

	b = find_backend(spec, &rest);
	if (!b)
		return unknown_scheme(spec, e);
	return b->connect(spec, rest, wait_deadline(timeout_ms), e);
}

int endpoint_no_peer(const char *spec, int err, struct error *e)
{
	return error_set(e, err, "cannot connect to '%s': %s", spec,
			 strerror(err));
}

int endpoint_listen(const char *spec, struct listener **out, struct error *e)
{
	const struct endpoint_backend *b;
	struct listener *l;
	const char *rest;
	int ret;

	*out = NULL;
	b = find_backend(spec, &rest);
	if (!b)
		return unknown_scheme(spec, e);
	l = calloc(1, sizeof(*l));
	if (!l)
		return error_set(e, ENOMEM, "out of memory");
	l->backend = b;
	l->fd = -1;
	ret = listener_rename(l, "%s", spec);
	if (!ret)
		ret = b->listen(l, rest, e);
	if (ret) {
		if (l->fd >= 0)
			close(l->fd);
		free(l->name);
		free(l);
		return ret;
	}
	*out = l;
	return 0;
}

int listener_rename(struct listener *l, const char *fmt, ...)
{
	va_list args;
	char *name;
	int len;

	va_start(args, fmt);
	len = vasprintf(&name, fmt, args);
	va_end(args);
	if (len < 0)
		return -ENOMEM;
	free(l->name);
	l->name = name;
	return 0;
}

const char *listener_name(const struct listener *l)
{
	return l->name;
}

int listener_fd(const struct listener *l)
{
	return l->fd;
}

int listener_is_line(const struct listener *l)
{
	return l->backend == &endpoint_serial;
}

int listener_accept(struct listener *l, struct error *e)
{
	return l->backend->accept(l, e);
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	if (l->backend->close)
		l->backend->close(l);
	if (l->fd >= 0)
		close(l->fd);
	free(l->name);
	free(l);
}
