// SPDX-License-Identifier: MIT
/*
 * The connection to the central system: made with the module's key, to no server
 * but those whose certificates the module got at its personalization (A4).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "common/channel.h"
#include "common/log.h"
#include "common/transaction.h"
#include "pki/pki.h"

#define CONNECT_MS 10000
#define LIMIT_MS 10000
#define OUTPUT_MAX (16 * WIRE_MAX)
#define PROVEN_S 10 /* a connection that held so long was good */

struct link {
	struct agent *agent;
	struct identity id; /* id.key NULL: none */
	struct connector *connector;
	struct stream *stream;
	struct event *retry;
	int up, proven;
	int delay_ms; /* before the next attempt */
	time_t since;
	char server[65], last_error[512];
};

static void connect_now(struct link *l);

/* Doubled each time; spread, so that a fleet does not come back in step. */
static void retry_later(struct link *l)
{
	const struct options *o = l->agent->options;
	uint32_t random = 0;
	struct timeval tv;
	int ms;

	evutil_secure_rng_get_bytes(&random, sizeof(random));
	ms = l->delay_ms - l->delay_ms / 4 + random % (l->delay_ms / 2 + 1);
	tv = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	l->delay_ms *= 2;
	if (l->delay_ms > o->retry_max_ms)
		l->delay_ms = o->retry_max_ms;
	event_add(l->retry, &tv);
	log_debug("next attempt in %d ms", ms);
}

static void drop(struct link *l)
{
	connector_free(l->connector);
	l->connector = NULL;
	stream_free(l->stream);
	l->stream = NULL;
	event_del(l->retry);
	l->up = 0;
	relay_drop(l->agent->relay);
}

static void lost(struct link *l, const char *text)
{
	log_warn("%s: %s", l->agent->options->connect, text);
	snprintf(l->last_error, sizeof(l->last_error), "%s", text);
	if (l->up && (l->proven || time(NULL) - l->since >= PROVEN_S))
		l->delay_ms = l->agent->options->retry_min_ms;
	drop(l);
	retry_later(l);
	status_write(l->agent);
}

static int is_stored(const struct identity *id, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(id->central); i++)
		if (!X509_cmp(cert, sk_X509_value(id->central, i)))
			return 1;
	return 0;
}

static int check_server(struct link *l, X509 *cert, struct error *e)
{
	if (!cert)
		return error_set(e, EKEYREJECTED,
				 "the server has no certificate");
	pki_fingerprint(cert, l->server);
	if (!is_stored(&l->id, cert))
		return error_set(e, EKEYREJECTED,
				 "foreign central system: certificate %.16s is "
				 "none of those stored in the module",
				 l->server);
	return pki_check(cert, PKI_ROLE_CENTRAL, l->id.signer, time(NULL), e);
}

static void on_open(void *arg)
{
	X509 *cert;
	struct link *l = arg;
	struct error e;
	int r;

	cert = SSL_get0_peer_certificate(stream_ssl(l->stream));
	r = check_server(l, cert, &e);
	if (r) {
		lost(l, e.text);
		return;
	}
	l->up = 1;
	l->proven = 0;
	l->since = time(NULL);
	log_info("connected to %s, server certificate %s",
		 l->agent->options->connect, l->server);
	if (l->agent->seal)
		seal_up(l->agent->seal);
	pending_send_all(l->agent->pending);
	status_write(l->agent);
}

/* Replies, sealed or not: 1 when @m was one, and is taken over. */
static int take_reply(struct link *l, struct message *m)
{
	struct seal *seal = l->agent->seal;

	if (seal && !seal_message(seal, m)) {
		message_free(m);
	} else if (m->type == MSG_TRANSACTION_REPLY && seal) {
		/* in the clear it has one thing to say */
		if (m->u.transaction_reply->status == TRANSACTION_KEY)
			seal_lost(seal);
		message_free(m);
	} else if (m->type == MSG_TRANSACTION_REPLY) {
		pending_reply(l->agent->pending, m);
	} else {
		return 0;
	}
	l->proven = 1;
	l->last_error[0] = '\0';
	return 1;
}

static void on_message(void *arg, struct message *m)
{
	struct link *l = arg;
	char text[320];

	if (!l->up) {
		message_free(m);
		return;
	}
	if (take_reply(l, m))
		return;
	if (!relay_message(l->agent->relay, m)) {
		message_free(m);
		return;
	}
	if (m->type == MSG_ERROR)
		snprintf(text, sizeof(text), "the central system refused: %s",
			 wire_text(m->u.error->text));
	else
		snprintf(text, sizeof(text), "unexpected message %s",
			 message_name(m->type));
	message_free(m);
	lost(l, text);
}

static void on_closed(void *arg, int reason, const struct error *why)
{
	(void)reason;
	lost(arg, why->text);
}

static const struct stream_ops ops = {
	.open = on_open,
	.message = on_message,
	.closed = on_closed,
};

static SSL *make_ssl(struct link *l, struct error *e)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	SSL_CTX *ctx = NULL;
	SSL *ssl = NULL;

	error_set(e, ENOMEM, "out of memory");
	if (chain && sk_X509_push(chain, l->id.signer))
		ctx = channel_ctx(0, l->id.cert, l->id.key, chain, e);
	if (ctx)
		ssl = SSL_new(ctx);
	if (ssl)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_free(ctx);
	sk_X509_free(chain);
	return ssl;
}

static void on_connected(void *arg, int fd, const struct error *why)
{
	static const struct stream_limits limits = {
		.handshake_ms = LIMIT_MS,
		.message_ms = LIMIT_MS,
		.output_max = OUTPUT_MAX,
	};
	struct link *l = arg;
	struct error e;
	SSL *ssl;

	connector_free(l->connector);
	l->connector = NULL;
	if (fd < 0) {
		lost(l, why->text);
		return;
	}
	ssl = make_ssl(l, &e);
	if (!ssl)
		evutil_closesocket(fd);
	else if (!stream_new(l->agent->base, fd, ssl, 0, &limits, &ops, l,
			     &l->stream, &e))
		return;
	l->stream = NULL;
	lost(l, e.text);
}

static void connect_now(struct link *l)
{
	struct error e;

	if (connector_start(l->agent->base, l->agent->options->connect,
			    CONNECT_MS, on_connected, l, &l->connector, &e))
		lost(l, e.text);
	status_write(l->agent);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connect_now(arg);
}

void link_identity(struct link *l, struct identity *id)
{
	if (l->up)
		log_info("%s: dropped, the module's state has changed",
			 l->agent->options->connect);
	drop(l);
	identity_clear(&l->id);
	l->delay_ms = l->agent->options->retry_min_ms;
	if (id) {
		l->id = *id;
		*id = (struct identity){ 0 };
		connect_now(l);
	} else {
		status_write(l->agent);
	}
}

int link_send(struct link *l, const struct message *m)
{
	return l->up ? stream_send(l->stream, m) : -ENOTCONN;
}

int link_unsent(const struct link *l)
{
	return l->up && stream_unsent(l->stream);
}

int link_up(const struct link *l)
{
	return l->up;
}

const char *link_state(const struct link *l)
{
	if (!l->id.key)
		return "waiting for the module";
	if (l->up)
		return "connected";
	return l->connector || l->stream ? "connecting" : "waiting to retry";
}

const char *link_last_error(const struct link *l)
{
	return l->last_error;
}

const char *link_server(const struct link *l)
{
	return l->up ? l->server : "";
}

int link_new(struct agent *a, struct error *e)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return error_set(e, ENOMEM, "out of memory");
	a->link = l;
	l->agent = a;
	l->retry = evtimer_new(a->base, on_retry, l);
	return l->retry ? 0 : error_set(e, ENOMEM, "out of memory");
}

void link_free(struct link *l)
{
	if (!l)
		return;
	if (l->retry) {
		drop(l);
		event_free(l->retry);
	}
	identity_clear(&l->id);
	free(l);
}
