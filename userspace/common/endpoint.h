/* SPDX-License-Identifier: MIT */
/*
 * Endpoints, written one way everywhere:
 *   tcp:host:port  tcp:[v6]:port  unix:/path  vsock:cid:port
 *   serial:/dev/ttyS0[,115200]    (raw 8N1; any character device)
 *
 * tcp:*:port listens on all addresses, vsock:*:port on all context ids.
 *
 * A serial line has no connections of its own: the client sends a preamble with a random
 * connection id until the server echoes it; everything else on the line is
 * skipped, so that a peer that died in the middle of a session does no harm. The
 * protocol is in docs/protocol/transport.md.
 *
 * The descriptors are non-blocking; channel_open() is what they are made for.
 */
#ifndef SECMOD_COMMON_ENDPOINT_H
#define SECMOD_COMMON_ENDPOINT_H

#include "common/error.h"

struct listener;

/* Returns a connected descriptor (close-on-exec) or -errno. @timeout_ms bounds it. */
int endpoint_connect(const char *spec, int timeout_ms, struct error *e);
/* tcp port 0 takes a free one: listener_name() tells the endpoint in full. */
int endpoint_listen(const char *spec, struct listener **out, struct error *e);
const char *listener_name(const struct listener *l);
/* The descriptor to poll; for a serial line the line itself. */
int listener_fd(const struct listener *l);
/* Waits for one peer; returns its descriptor (caller closes) or -errno (-EINTR on a signal). */
int listener_accept(struct listener *l, struct error *e);
/* @spec is of a kind that serves one peer at a time (a serial line). */
int listener_is_line(const struct listener *l);
void listener_close(struct listener *l);

#endif
