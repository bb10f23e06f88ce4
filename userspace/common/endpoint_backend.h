/* SPDX-License-Identifier: MIT */
/* Between the files of the endpoints: one backend per kind. */
#ifndef SECMOD_COMMON_ENDPOINT_BACKEND_H
#define SECMOD_COMMON_ENDPOINT_BACKEND_H

#include <stdint.h>

#include "common/endpoint.h"

/*
 * @rest is the endpoint without its scheme, @spec the whole for messages.
 * accept() returns a descriptor, or -errno; close() undoes what listen() did
 * beside opening @l->fd.
 */
struct endpoint_backend {
	const char *scheme;
	int (*connect)(const char *spec, const char *rest, int64_t deadline,
		       struct error *e);
	int (*listen)(struct listener *l, const char *rest, struct error *e);
	int (*accept)(struct listener *l, struct error *e);
	void (*close)(struct listener *l);
};

struct listener {
	const struct endpoint_backend *backend;
	char *name; /* the endpoint in full */
	int fd;
};

extern const struct endpoint_backend endpoint_tcp, endpoint_unix,
	endpoint_vsock, endpoint_serial;

/* Replaces the name, for instance when the port is known. */
int listener_rename(struct listener *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* accept() of the socket kinds */
int listener_accept_socket(struct listener *l, struct error *e);
int endpoint_no_peer(const char *spec, int err, struct error *e);

#endif
