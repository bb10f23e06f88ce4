// SPDX-License-Identifier: MIT
/* The command "serve": opens, drops privileges, runs the event loop. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "central/server.h"
#include "common/channel.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/process.h"

#define SWEEP_S 1

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct server *s = arg;

	(void)what;
	if (sig == SIGCHLD) {
		log_warn("the key process has ended: stopping");
		s->failed = 1;
	}
	event_base_loopbreak(s->base);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_sweep(arg);
}

static int add_events(struct server *s, struct event *events[], size_t n,
		      struct error *e)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGCHLD };
	struct timeval second = { SWEEP_S, 0 };
	size_t i;

	for (i = 0; i < n; i++) {
		if (i < sizeof(signals) / sizeof(signals[0]))
			events[i] =
				evsignal_new(s->base, signals[i], on_signal, s);
		else
			events[i] =
				event_new(s->base, -1, EV_PERSIST, on_sweep, s);
		if (!events[i] ||
		    event_add(events[i], i == n - 1 ? &second : NULL))
			return error_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static int loop(struct server *s, struct listener *l, struct listener *local,
		struct error *e)
{
	struct event *events[4] = { NULL };
	struct conn *c;
	int r = book_init(s, e);

	if (!r)
		r = acceptor_new(s->base, l, conn_accept, s, &s->acceptor, e);
	if (!r)
		r = control_init(s, local, e);
	if (!r)
		r = add_events(s, events, 4, e);
	/* what happened before there was a handler */
	if (!r && waitpid(-1, NULL, WNOHANG) > 0)
		r = error_set(e, EPIPE, "the key process has ended");
	if (!r) {
		log_info("listening on %s", listener_name(l));
		notify_manager("READY=1");
		event_base_dispatch(s->base);
		notify_manager("STOPPING=1");
		book_flush(s);
		if (s->failed)
			r = error_set(e, EPIPE, "stopped without the key");
	}
	while ((c = TAILQ_FIRST(&s->conns)))
		conn_free(c);
	for (size_t i = 0; i < 4; i++)
		if (events[i])
			event_free(events[i]);
	if (s->turn)
		event_free(s->turn);
	control_free(s);
	acceptor_free(s->acceptor);
	return r;
}

static SSL_CTX *make_tls(struct site *site, EVP_PKEY *key, struct error *e)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	SSL_CTX *ctx = NULL;

	error_set(e, ENOMEM, "out of memory");
	if (chain && sk_X509_push(chain, site->signer))
		ctx = channel_ctx(1, site->cert, key, chain, e);
	sk_X509_free(chain);
	return ctx;
}

/* A descriptor for each connection, and some for the rest. */
static void raise_limit(int connections)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (limit.rlim_cur < (rlim_t)connections + 64) {
		limit.rlim_cur = connections + 64;
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* For the owner alone: whoever reaches it speaks to modules in our name. */
static int listen_locally(const struct site *site, struct listener **out,
			  struct error *e)
{
	char path[SITE_PATH_MAX], spec[SITE_PATH_MAX + 8];
	int r = site_path(site, "central.sock", path, e);

	if (r)
		return r;
	snprintf(spec, sizeof(spec), "unix:%s", path);
	return endpoint_listen(spec, out, e);
}

static int run(struct site *site, const struct options *o, EVP_PKEY *key,
	       struct listener *l, struct error *e)
{
	struct listener *local = NULL;
	struct server s = {
		.admission = { .store = site->store,
			       .root = site->root,
			       .register_auto = o->register_auto },
		.options = o,
		.store_version = store_version(site->store),
	};
	int r;

	TAILQ_INIT(&s.conns);
	s.tls = make_tls(site, key, e);
	if (!s.tls)
		return -EINVAL;
	if (o->check_only) {
		printf("configuration OK\n");
		SSL_CTX_free(s.tls);
		return 0;
	}
	/* a write beyond LimitFSIZE= shall fail, not kill */
	signal(SIGXFSZ, SIG_IGN);
	raise_limit(o->max_connections);
	s.base = event_base_new();
	r = s.base ? listen_locally(site, &local, e) :
		     error_set(e, ENOMEM, "out of memory");
	if (!r)
		r = loop(&s, l, local, e);
	listener_close(local);
	if (s.base)
		event_base_free(s.base);
	SSL_CTX_free(s.tls);
	return r;
}

/* The order is the point: key process, socket, then privileges go, then the rest. */
int cmd_serve(const struct options *o, int argc, char **argv, struct error *e)
{
	struct site site = { .dir = o->dir };
	struct listener *l = NULL;
	EVP_PKEY *key = NULL;
	char *uri = NULL;
	int r = site_key_uri(&site, &uri, e);

	(void)argc;
	if (!r)
		r = keyproc_start(uri, o->user, o->dir, &key, e);
	if (!r && !o->check_only)
		r = endpoint_listen(argv[0], &l, e);
	if (!r)
		r = process_drop(o->user, e);
	if (!r)
		r = site_open(&site, o->dir, e);
	if (!r)
		r = site_open_certificate(&site, e);
	if (!r)
		r = run(&site, o, key, l, e);
	listener_close(l);
	EVP_PKEY_free(key);
	site_close(&site);
	free(uri);
	return r;
}
