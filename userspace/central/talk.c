// SPDX-License-Identifier: MIT
/*
 * Conversations with the security executives of connected modules. The server passes
 * APDUs on and reads none: the keys are in the process at the other end of the
 * descriptor.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "central/server.h"
#include "common/log.h"
#include "common/relay.h"

#define TALKS_MAX 8 /* of a module, waiting ones too */
#define ANSWER_S 60 /* for a module to open, and for each response */
#define SILENCE_S 60 /* for the other end to ask something */
#define FRAME_HEAD 2

enum phase { WAITING, OPENING, ASKING, ASKED };

struct talk {
	TAILQ_ENTRY(talk) link;
	struct conn *conn;
	struct bufferevent *bev;
	struct event *timer;
	enum phase phase;
	uint32_t id;
};

static void on_drained(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_free(bev);
}

static void on_drain_event(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	on_drained(bev, arg);
}

/* Freed when the other end has read all of it, or is gone. */
static void drain(struct bufferevent *bev)
{
	struct timeval limit = { SILENCE_S, 0 };

	bufferevent_disable(bev, EV_READ);
	bufferevent_setwatermark(bev, EV_WRITE, 0, 0);
	bufferevent_setcb(bev, NULL, on_drained, on_drain_event, NULL);
	bufferevent_set_timeouts(bev, NULL, &limit);
	if (!evbuffer_get_length(bufferevent_get_output(bev)))
		bufferevent_free(bev);
	else
		bufferevent_enable(bev, EV_WRITE);
}

void talk_refuse(struct bufferevent *bev, int errnum, const char *why)
{
	evbuffer_add_printf(bufferevent_get_output(bev), "error %d %s\n",
			    errnum, why);
	drain(bev);
}

static void put_frame(struct talk *t, const void *data, size_t len)
{
	struct evbuffer *out = bufferevent_get_output(t->bev);
	uint8_t head[FRAME_HEAD] = { len >> 8, len };

	evbuffer_add(out, head, sizeof(head));
	evbuffer_add(out, data, len);
}

static void arm(struct talk *t, int seconds)
{
	struct timeval tv = { seconds, 0 };

	event_add(t->timer, &tv);
}

static int send_number(struct talk *t, int type)
{
	struct message *m = message_new(type);
	int r = -ENOMEM;

	if (m) {
		if (type == MSG_RELAY_OPEN)
			m->u.relay_open->conversation = t->id;
		else
			m->u.relay_close->conversation = t->id;
		r = stream_send(t->conn->stream, m);
	}
	message_free(m);
	return r;
}

static void open_first(struct conn *c)
{
	struct talk *t = TAILQ_FIRST(&c->talks);

	if (!t || t->phase != WAITING)
		return;
	t->phase = OPENING;
	t->id = ++c->server->last_talk;
	arm(t, ANSWER_S);
	send_number(t, MSG_RELAY_OPEN);
}

/* @why NULL: the other end knows, for it has gone. */
static void finish(struct talk *t, int errnum, const char *why)
{
	struct conn *c = t->conn;

	if (t->phase != WAITING && !c->refused)
		send_number(t, MSG_RELAY_CLOSE);
	TAILQ_REMOVE(&c->talks, t, link);
	if (why && t->phase >= ASKING) {
		put_frame(t, "", 0);
		put_frame(t, why, strlen(why));
		drain(t->bev);
	} else if (why) {
		talk_refuse(t->bev, errnum, why);
	} else {
		bufferevent_free(t->bev);
	}
	event_free(t->timer);
	free(t);
}

static void end(struct talk *t, int errnum, const char *why)
{
	struct conn *c = t->conn;

	finish(t, errnum, why);
	if (!c->refused)
		open_first(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct talk *t = arg;

	(void)fd;
	(void)what;
	end(t, ETIMEDOUT,
	    t->phase == ASKING ? "nothing was asked for too long" :
				 "the module does not answer in time");
}

static int send_command(struct talk *t, const uint8_t *data, size_t len)
{
	struct message *m = message_new(MSG_RELAY_COMMAND);
	int r = -ENOMEM;

	if (m && !wire_set_octets(m->u.relay_command->command, data, len)) {
		m->u.relay_command->conversation = t->id;
		r = stream_send(t->conn->stream, m);
	}
	message_free(m);
	return r;
}

/* The other end asks one thing at a time: what comes early waits in the buffer. */
static void take_command(struct talk *t)
{
	struct evbuffer *in = bufferevent_get_input(t->bev);
	uint8_t head[FRAME_HEAD];
	size_t len;

	if (t->phase != ASKING ||
	    evbuffer_copyout(in, head, FRAME_HEAD) < FRAME_HEAD)
		return;
	len = head[0] << 8 | head[1];
	if (!len || len > RELAY_COMMAND_MAX) {
		end(t, EMSGSIZE, "a command has 1 to 4105 bytes");
		return;
	}
	if (evbuffer_get_length(in) < FRAME_HEAD + len)
		return;
	if (send_command(t, evbuffer_pullup(in, FRAME_HEAD + len) + FRAME_HEAD,
			 len)) {
		end(t, ENOMEM, "the command cannot be sent");
		return;
	}
	evbuffer_drain(in, FRAME_HEAD + len);
	t->phase = ASKED;
	arm(t, ANSWER_S);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	take_command(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		end(arg, 0, NULL);
}

static void opened(struct talk *t)
{
	evbuffer_add_printf(bufferevent_get_output(t->bev), "ok\n");
	t->phase = ASKING;
	arm(t, SILENCE_S);
	take_command(t);
}

int talk_response(struct conn *c, const struct message *m)
{
	const struct wire_relay_response *r = m->u.relay_response;
	struct talk *t = TAILQ_FIRST(&c->talks);
	const uint8_t *data = ASN1_STRING_get0_data(r->response);
	size_t len = ASN1_STRING_length(r->response);
	char why[256];

	/* of a conversation that was given up here meanwhile */
	if (r->conversation <= c->server->last_talk &&
	    (!t || t->id != r->conversation))
		return 0;
	if (!t || t->phase == WAITING || t->phase == ASKING)
		return -EPROTO;
	if (r->status) {
		snprintf(why, sizeof(why), "the agent: %.*s", (int)len, data);
		for (char *p = why; *p; p++)
			if (*p < 0x20 || *p == 0x7f)
				*p = '?';
		end(t, r->status, why);
		return 0;
	}
	if (t->phase == OPENING) {
		opened(t);
		return 0;
	}
	put_frame(t, data, len);
	t->phase = ASKING;
	arm(t, SILENCE_S);
	take_command(t);
	return 0;
}

void talk_start(struct conn *c, struct bufferevent *bev)
{
	struct talk *t, *other;
	int n = 0;

	TAILQ_FOREACH(other, &c->talks, link)
	n++;
	t = n < TALKS_MAX ? calloc(1, sizeof(*t)) : NULL;
	if (t)
		t->timer = evtimer_new(c->server->base, on_timer, t);
	if (!t || !t->timer) {
		free(t);
		talk_refuse(bev, EBUSY,
			    "too many conversations wait for this module");
		return;
	}
	t->conn = c;
	t->bev = bev;
	bufferevent_setcb(bev, on_read, NULL, on_event, t);
	bufferevent_setwatermark(bev, EV_READ, 0,
				 FRAME_HEAD + RELAY_COMMAND_MAX);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	TAILQ_INSERT_TAIL(&c->talks, t, link);
	open_first(c);
}

void talk_forget(struct conn *c, const char *why)
{
	struct talk *t;

	while ((t = TAILQ_FIRST(&c->talks)))
		finish(t, ENOTCONN, why);
}
