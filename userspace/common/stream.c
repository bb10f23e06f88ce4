// SPDX-License-Identifier: MIT
/* Message streams on libevent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>

#include "common/stream.h"

#define HEADER 4
#define LINGER_MS 2000 /* for the peer to read the Error and to close */

enum phase { HANDSHAKE, OPEN, ENDING, LINGERING, CLOSED };

struct stream {
	struct bufferevent *bev;
	struct event *timer;
	SSL *ssl;
	struct stream_limits limits;
	const struct stream_ops *ops;
	void *arg;
	enum phase phase;
	int in_frame; /* the timer runs for an incomplete message */
	int held, full; /* reasons not to read: the owner's, the output's */
	int busy, freed; /* calls on the stack; freed inside one of them */
};

static void stream_release(struct stream *s)
{
	if (s->busy || !s->freed)
		return;
	event_free(s->timer);
	bufferevent_free(s->bev);
	free(s);
}

static void arm(struct stream *s, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (ms)
		event_add(s->timer, &tv);
	else
		event_del(s->timer);
}

static void closed(struct stream *s, int reason, const struct error *why)
{
	if (s->phase == CLOSED || s->freed)
		return;
	s->phase = CLOSED;
	event_del(s->timer);
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	s->ops->closed(s->arg, reason, why);
}

/* Half-closes; what the peer still sends is read and dropped, lest the kernel
 * answers it with a reset that makes the peer lose the Error. */
static void linger(struct stream *s)
{
	s->phase = LINGERING;
	if (s->ssl)
		SSL_shutdown(s->ssl);
	ERR_clear_error();
	shutdown(bufferevent_getfd(s->bev), SHUT_WR);
	arm(s, LINGER_MS);
	bufferevent_enable(s->bev, EV_READ);
}

/* The schema allows no control characters, and texts may quote a peer's. */
struct message *stream_error_message(int errnum, const char *text)
{
	struct message *m = message_new(MSG_ERROR);
	char cut[256];

	snprintf(cut, sizeof(cut), "%s", text);
	for (char *p = cut; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (m && wire_set_text(m->u.error->text, cut)) {
		message_free(m);
		return NULL;
	}
	if (m)
		m->u.error->code = errnum;
	return m;
}

static int put(struct stream *s, const struct message *m)
{
	struct evbuffer *out = bufferevent_get_output(s->bev);
	unsigned char *der, header[HEADER];
	int len = message_encode(m, &der);

	if (len < 0)
		return len;
	for (int i = 0; i < HEADER; i++)
		header[i] = (unsigned int)len >> (24 - 8 * i);
	if (evbuffer_expand(out, HEADER + len) ||
	    evbuffer_add(out, header, HEADER) || evbuffer_add(out, der, len))
		len = -ENOMEM;
	OPENSSL_free(der);
	return len < 0 ? len : 0;
}

/* Reading stops while the owner or a full output asks for it. */
static void update_reading(struct stream *s)
{
	if (s->held || s->full)
		bufferevent_disable(s->bev, EV_READ);
	else
		bufferevent_enable(s->bev, EV_READ);
}

int stream_send(struct stream *s, const struct message *m)
{
	int r;

	if (s->phase > OPEN || s->freed)
		return -EPIPE;
	r = put(s, m);
	if (evbuffer_get_length(bufferevent_get_output(s->bev)) >
	    s->limits.output_max) {
		s->full = 1;
		update_reading(s);
	}
	return r;
}

void stream_end(struct stream *s, int errnum, const char *text)
{
	struct message *m = NULL;
	int up = s->phase == OPEN;

	if (s->phase >= ENDING || s->freed)
		return;
	s->phase = ENDING;
	bufferevent_disable(s->bev, EV_READ);
	if (text && up)
		m = stream_error_message(errnum, text);
	if (m)
		put(s, m);
	message_free(m);
	arm(s, LINGER_MS);
	/* with nothing to write there is no write callback: let the timer come */
	if (!up || !evbuffer_get_length(bufferevent_get_output(s->bev)))
		event_active(s->timer, EV_TIMEOUT, 0);
}

static void fail(struct stream *s, const char *text)
{
	struct error e;

	if (s->phase == OPEN) {
		stream_end(s, EPROTO, text);
		return;
	}
	error_set(&e, EPROTO, "%s", text);
	closed(s, -EPROTO, &e);
}

/* 1: a message was delivered; 0: wait for more */
static int take_frame(struct stream *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	size_t have = evbuffer_get_length(in), len;
	unsigned char header[HEADER];
	struct message *m;
	struct error e;
	int r;

	if (have < HEADER)
		return 0;
	evbuffer_copyout(in, header, HEADER);
	len = (size_t)header[0] << 24 | header[1] << 16 | header[2] << 8 |
	      header[3];
	if (!len || len > WIRE_MAX) {
		error_set(&e, EPROTO,
			  "a message of %zu bytes; 1 to %d are allowed", len,
			  WIRE_MAX);
		fail(s, e.text);
		return 0;
	}
	if (have < HEADER + len)
		return 0;
	evbuffer_drain(in, HEADER);
	r = message_decode(evbuffer_pullup(in, len), len, &m, &e);
	evbuffer_drain(in, len);
	if (r) {
		fail(s, e.text);
		return 0;
	}
	s->in_frame = 0;
	s->ops->message(s->arg, m);
	return 1;
}

/* The limit of a message counts from its first byte and is not renewed by more. */
static void watch(struct stream *s)
{
	int partial = evbuffer_get_length(bufferevent_get_input(s->bev)) > 0;

	if (s->held || s->full)
		arm(s, 0);
	else if (!partial)
		arm(s, s->limits.idle_ms);
	else if (!s->in_frame)
		arm(s, s->limits.message_ms);
	s->in_frame = partial && !s->held && !s->full;
}

static void deliver(struct stream *s)
{
	s->busy++;
	while (s->phase == OPEN && !s->freed && !s->held && !s->full &&
	       take_frame(s))
		;
	if (s->phase == OPEN && !s->freed)
		watch(s);
	s->busy--;
	stream_release(s);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct stream *s = arg;

	if (s->phase == OPEN)
		deliver(s);
	else if (s->phase == LINGERING)
		evbuffer_drain(in, evbuffer_get_length(in));
}

static void on_write(struct bufferevent *bev, void *arg)
{
	size_t unsent = evbuffer_get_length(bufferevent_get_output(bev));
	struct stream *s = arg;

	if (s->phase == ENDING && !unsent) {
		linger(s);
	} else if (s->phase == OPEN && s->full &&
		   unsent <= s->limits.output_max / 2) {
		s->full = 0;
		update_reading(s);
		deliver(s);
	}
}

static void reason_of(struct stream *s, short what, struct error *e)
{
	unsigned long code = bufferevent_get_openssl_error(s->bev);
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	const char *doing = s->phase == HANDSHAKE ? "TLS handshake failed" :
						    "connection broken";

	if (s->phase >= ENDING)
		error_set(e, EPROTO, "ended here");
	else if (what & BEV_EVENT_TIMEOUT)
		error_set(e, ETIMEDOUT, "the peer takes no data");
	else if (reason)
		error_set(e, EPROTO, "%s: %s", doing, reason);
	else if (what & BEV_EVENT_ERROR && errno)
		error_set(e, EPROTO, "%s: %s", doing, strerror(errno));
	else
		error_set(e, EPROTO, "%s: the peer closed it", doing);
	ERR_clear_error();
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct stream *s = arg;
	struct error e;

	(void)bev;
	s->busy++;
	if (what & BEV_EVENT_CONNECTED) {
		if (s->phase == HANDSHAKE) {
			s->phase = OPEN;
			watch(s);
			s->ops->open(s->arg);
		}
	} else if (s->phase == OPEN && what & BEV_EVENT_EOF) {
		error_set(&e, ECONNRESET, "closed by the peer");
		closed(s, -ECONNRESET, &e);
	} else {
		reason_of(s, what, &e);
		closed(s, -EPROTO, &e);
	}
	s->busy--;
	stream_release(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	struct error e;

	(void)fd;
	if (what & EV_READ) { /* from stream_hold() */
		deliver(s);
		return;
	}
	s->busy++;
	if (s->phase == OPEN) {
		stream_end(s, ETIMEDOUT,
			   s->in_frame ? "the message took too long" :
					 "no message for too long");
	} else if (s->phase == ENDING &&
		   !evbuffer_get_length(bufferevent_get_output(s->bev))) {
		linger(s);
	} else {
		error_set(&e, ETIMEDOUT,
			  s->phase == HANDSHAKE ?
				  "the TLS handshake took too long" :
				  "ended here");
		closed(s, -ETIMEDOUT, &e);
	}
	s->busy--;
	stream_release(s);
}

static struct bufferevent *make_bev(struct event_base *base, int fd, SSL *ssl,
				    int server)
{
	if (!ssl)
		return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	return bufferevent_openssl_socket_new(
		base, fd, ssl,
		server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING,
		BEV_OPT_CLOSE_ON_FREE);
}

static void start(struct stream *s, SSL *ssl)
{
	struct timeval write_limit = { s->limits.message_ms / 1000, 0 };

	bufferevent_setcb(s->bev, on_read, on_write, on_event, s);
	bufferevent_setwatermark(s->bev, EV_READ, 0, HEADER + WIRE_MAX);
	bufferevent_setwatermark(s->bev, EV_WRITE, s->limits.output_max / 2, 0);
	bufferevent_set_timeouts(s->bev, NULL, &write_limit);
	bufferevent_enable(s->bev, EV_READ | EV_WRITE);
	arm(s, ssl ? s->limits.handshake_ms : s->limits.idle_ms);
}

int stream_new(struct event_base *base, int fd, SSL *ssl, int server,
	       const struct stream_limits *limits, const struct stream_ops *ops,
	       void *arg, struct stream **out, struct error *e)
{
	struct stream *s = calloc(1, sizeof(*s));

	evutil_make_socket_nonblocking(fd);
	if (s)
		s->timer = evtimer_new(base, on_timer, s);
	if (s && s->timer)
		s->bev = make_bev(base, fd, ssl, server);
	if (!s || !s->bev) {
		if (s && s->timer)
			event_free(s->timer);
		else
			SSL_free(ssl); /* libevent never had it */
		free(s);
		close(fd);
		return error_set(e, ENOMEM, "out of memory for a connection");
	}
	s->ssl = ssl;
	s->limits = *limits;
	s->ops = ops;
	s->arg = arg;
	s->phase = ssl ? HANDSHAKE : OPEN;
	*out = s;
	start(s, ssl);
	return 0;
}

SSL *stream_ssl(struct stream *s)
{
	return s->ssl;
}

size_t stream_unsent(const struct stream *s)
{
	return evbuffer_get_length(bufferevent_get_output(s->bev));
}

void stream_hold(struct stream *s, int on)
{
	if (s->held == on || s->phase > OPEN || s->freed)
		return;
	s->held = on;
	update_reading(s);
	if (!on)
		event_active(s->timer, EV_READ, 0);
}

void stream_free(struct stream *s)
{
	if (!s || s->freed)
		return;
	s->freed = 1;
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	stream_release(s);
}
