/* SPDX-License-Identifier: MIT */
/* Takes connections from a listening socket inside an event loop. */
#ifndef SECMOD_COMMON_ACCEPTOR_H
#define SECMOD_COMMON_ACCEPTOR_H

#include <event2/event.h>

#include "common/endpoint.h"

struct acceptor;

/* @fd is the callee's. @peer: where it comes from, for the log. */
typedef void (*acceptor_fn)(void *arg, int fd, const char *peer);

/* Borrows @listener, which must not be a line. */
int acceptor_new(struct event_base *base, struct listener *listener,
		 acceptor_fn fn, void *arg, struct acceptor **out,
		 struct error *e);
/* @on: peers wait in the backlog; 0: go on. */
void acceptor_hold(struct acceptor *a, int on);
void acceptor_free(struct acceptor *a);

#endif
