// SPDX-License-Identifier: MIT
/*
 * Connecting in a thread: the resolver and a peer that does not answer would hold up
 * the loop, and with it the applications and the news of a reset.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "common/endpoint.h"

struct result {
	int fd;
	struct error e;
};

struct job { /* the thread's own: it may outlive the connector */
	char *endpoint;
	int timeout_ms, out;
};

struct connector {
	struct event *done;
	int in;
	connector_fn fn;
	void *arg;
};

static void *work(void *arg)
{
	struct job *job = arg;
	struct result res = { 0 };

	res.fd = endpoint_connect(job->endpoint, job->timeout_ms, &res.e);
	/* nobody reads any more: then nobody wants the descriptor */
	if (write(job->out, &res, sizeof(res)) != sizeof(res) && res.fd >= 0)
		close(res.fd);
	close(job->out);
	free(job->endpoint);
	free(job);
	return NULL;
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct connector *c = arg;
	struct result res = { .fd = -EIO };

	(void)what;
	if (read(fd, &res, sizeof(res)) != sizeof(res))
		error_set(&res.e, EIO, "connecting was given up");
	c->fn(c->arg, res.fd, &res.e);
}

static int start_thread(struct job *job)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, work, job);
	pthread_attr_destroy(&attr);
	return r;
}

int connector_start(struct event_base *base, const char *endpoint,
		    int timeout_ms, connector_fn fn, void *arg,
		    struct connector **out, struct error *e)
{
	struct connector *c = calloc(1, sizeof(*c));
	struct job *job = calloc(1, sizeof(*job));
	int fds[2] = { -1, -1 };

	if (job)
		job->endpoint = strdup(endpoint);
	if (!c || !job || !job->endpoint || pipe2(fds, O_CLOEXEC))
		goto err_free;
	*c = (struct connector){ .in = fds[0], .fn = fn, .arg = arg };
	job->timeout_ms = timeout_ms;
	job->out = fds[1];
	c->done = event_new(base, c->in, EV_READ, on_done, c);
	if (!c->done || event_add(c->done, NULL) || start_thread(job))
		goto err_close;
	*out = c;
	return 0;

err_close:
	if (c->done)
		event_free(c->done);
	close(fds[0]);
	close(fds[1]);
err_free:
	if (job)
		free(job->endpoint);
	free(job);
	free(c);
	return error_set(e, ENOMEM, "out of memory for a connection");
}

void connector_free(struct connector *c)
{
	if (!c)
		return;
	event_free(c->done);
	close(c->in);
	free(c);
}
