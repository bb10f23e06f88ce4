// SPDX-License-Identifier: MIT
/* Accepting connections in an event loop, several per wake-up. */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/acceptor.h"
#include "common/log.h"

#define AT_ONCE 16 /* per wake-up, so that open connections get their turn */
#define PAUSE_MS 200 /* after an error that stays, such as EMFILE */

struct acceptor {
	struct event *ready, *again;
	struct listener *listener;
	acceptor_fn fn;
	void *arg;
	int held;
};

static void name_peer(const struct sockaddr_storage *addr, socklen_t len,
		      char *out, size_t size)
{
	char host[64], port[16];

	if (getnameinfo((const struct sockaddr *)addr, len, host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) ||
	    addr->ss_family == AF_UNIX)
		snprintf(out, size, "a local socket");
	else
		snprintf(out, size,
			 addr->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
			 host, port);
}

/* A peer that vanished without a word must not stay for ever. */
static void tune(int fd)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Level-triggered polling would spin on an error that stays. */
static void pause_a_moment(struct acceptor *a, int errnum)
{
	struct timeval tv = { 0, PAUSE_MS * 1000 };

	log_warn("cannot accept on '%s': %s", listener_name(a->listener),
		 strerror(errnum));
	event_del(a->ready);
	event_add(a->again, &tv);
}

static void on_ready(evutil_socket_t lfd, short what, void *arg)
{
	struct acceptor *a = arg;
	char peer[96];

	(void)what;
	for (int i = 0; i < AT_ONCE && !a->held; i++) {
		struct sockaddr_storage addr = { 0 };
		socklen_t len = sizeof(addr);
		int fd = accept4(lfd, (struct sockaddr *)&addr, &len,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno != EAGAIN && errno != ECONNABORTED &&
			    errno != EINTR && errno != EPROTO)
				pause_a_moment(a, errno);
			return;
		}
		tune(fd);
		name_peer(&addr, len, peer, sizeof(peer));
		a->fn(a->arg, fd, peer);
	}
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)fd;
	(void)what;
	if (!a->held)
		event_add(a->ready, NULL);
}

int acceptor_new(struct event_base *base, struct listener *listener,
		 acceptor_fn fn, void *arg, struct acceptor **out,
		 struct error *e)
{
	int fd = listener_fd(listener);
	struct acceptor *a;

	if (listener_is_line(listener))
		return error_set(e, EINVAL,
				 "'%s' serves one peer at a time; listen on "
				 "tcp:, unix: or vsock:",
				 listener_name(listener));
	a = calloc(1, sizeof(*a));
	if (!a)
		return error_set(e, ENOMEM, "out of memory");
	evutil_make_socket_nonblocking(fd);
	a->listener = listener;
	a->fn = fn;
	a->arg = arg;
	a->ready = event_new(base, fd, EV_READ | EV_PERSIST, on_ready, a);
	a->again = evtimer_new(base, on_again, a);
	if (!a->ready || !a->again || event_add(a->ready, NULL)) {
		acceptor_free(a);
		return error_set(e, ENOMEM, "out of memory");
	}
	*out = a;
	return 0;
}

void acceptor_hold(struct acceptor *a, int on)
{
	if (a->held == on)
		return;
	a->held = on;
	event_del(a->again);
	if (on)
		event_del(a->ready);
	else
		event_add(a->ready, NULL);
}

void acceptor_free(struct acceptor *a)
{
	if (!a)
		return;
	if (a->ready)
		event_free(a->ready);
	if (a->again)
		event_free(a->again);
	free(a);
}
