// SPDX-License-Identifier: MIT
/* The applications of the terminal: they send transactions over a local socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "common/log.h"

#define APPS_MAX 64
#define IN_FLIGHT_MAX 16 /* of one application; then it is not read */
#define LIMIT_MS 10000
#define OUTPUT_MAX (4 * WIRE_MAX)

struct app {
	TAILQ_ENTRY(app) link;
	struct apps *apps;
	struct stream *stream;
	int in_flight;
};

struct apps {
	struct agent *agent;
	struct acceptor *acceptor;
	TAILQ_HEAD(, app) list;
	int count;
};

static void app_free(struct app *app)
{
	struct apps *apps = app->apps;

	pending_forget(apps->agent->pending, app);
	TAILQ_REMOVE(&apps->list, app, link);
	apps->count--;
	acceptor_hold(apps->acceptor, 0);
	stream_free(app->stream);
	free(app);
}

void app_reply(struct app *app, const struct message *m)
{
	if (app->in_flight)
		app->in_flight--;
	stream_send(app->stream, m);
	stream_hold(app->stream, app->in_flight >= IN_FLIGHT_MAX);
}

static void on_message(void *arg, struct message *m)
{
	struct app *app = arg;
	char text[96];

	if (m->type == MSG_TRANSACTION) {
		if (++app->in_flight >= IN_FLIGHT_MAX)
			stream_hold(app->stream, 1);
		pending_add(app->apps->agent->pending, app, m);
		return;
	}
	snprintf(text, sizeof(text), "message %s does not belong here",
		 message_name(m->type));
	message_free(m);
	log_warn("an application was refused: %s", text);
	stream_end(app->stream, EPROTO, text);
}

static void on_closed(void *arg, int reason, const struct error *why)
{
	if (reason != -ECONNRESET)
		log_warn("an application: %s", why->text);
	app_free(arg);
}

static const struct stream_ops ops = {
	.message = on_message,
	.closed = on_closed,
};

static void on_accept(void *arg, int fd, const char *peer)
{
	static const struct stream_limits limits = {
		.message_ms = LIMIT_MS,
		.output_max = OUTPUT_MAX,
	};
	struct app *app = calloc(1, sizeof(*app));
	struct apps *apps = arg;
	struct error e;

	(void)peer;
	if (!app) {
		evutil_closesocket(fd);
		return;
	}
	app->apps = apps;
	if (stream_new(apps->agent->base, fd, NULL, 0, &limits, &ops, app,
		       &app->stream, &e)) {
		log_warn("an application was refused: %s", e.text);
		free(app);
		return;
	}
	TAILQ_INSERT_TAIL(&apps->list, app, link);
	if (++apps->count >= APPS_MAX) {
		log_warn("%d applications: others wait until one leaves",
			 apps->count);
		acceptor_hold(apps->acceptor, 1);
	}
}

int apps_new(struct agent *a, struct listener *l, struct error *e)
{
	struct apps *apps = calloc(1, sizeof(*apps));

	if (!apps)
		return error_set(e, ENOMEM, "out of memory");
	a->apps = apps;
	apps->agent = a;
	TAILQ_INIT(&apps->list);
	return acceptor_new(a->base, l, on_accept, apps, &apps->acceptor, e);
}

void apps_free(struct apps *apps)
{
	struct app *app;

	if (!apps)
		return;
	while ((app = TAILQ_FIRST(&apps->list)))
		app_free(app);
	acceptor_free(apps->acceptor);
	free(apps);
}
