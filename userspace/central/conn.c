// SPDX-License-Identifier: MIT
/* One module's connection: who it is, what it may send. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/server.h"
#include "common/log.h"

#define OUTPUT_MAX (2 * WIRE_MAX)

void conn_free(struct conn *c)
{
	struct server *s = c->server;

	book_forget(c);
	tkeys_forget(c);
	talk_forget(c, "the module's connection has ended");
	TAILQ_REMOVE(&s->conns, c, link);
	s->n_conns--;
	acceptor_hold(s->acceptor, 0);
	stream_free(c->stream);
	free(c);
}

static void log_refusal(const struct conn *c, const char *text)
{
	if (c->member.serial[0])
		log_warn("refused module %s (%s) from %s: %s", c->member.serial,
			 c->member.uid_text, c->peer, text);
	else
		log_warn("refused %s: %s", c->peer, text);
}

void conn_refuse(struct conn *c, int errnum, const char *text)
{
	if (c->refused)
		return;
	c->refused = 1;
	talk_forget(c, text);
	log_refusal(c, text);
	stream_end(c->stream, errnum, text);
}

/* A module has one connection: after a broken line the old one only looks alive. */
static void replace_older(struct conn *c)
{
	struct conn *other;

	TAILQ_FOREACH(other, &c->server->conns, link)
	{
		if (other == c || !other->admitted || other->refused ||
		    memcmp(other->member.uid, c->member.uid,
			   sizeof(c->member.uid)))
			continue;
		conn_refuse(other, ESTALE,
			    "a newer connection of this module replaces this");
	}
}

static void on_open(void *arg)
{
	struct conn *c = arg;
	SSL *ssl = stream_ssl(c->stream);
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);
	struct error e;
	int r = admit(&c->server->admission, leaf, sent, time(NULL), &c->member,
		      &e);

	if (store_trouble(r)) {
		log_warn("%s", e.text);
		conn_refuse(c, EAGAIN, "the registry cannot be read now");
		return;
	}
	if (r) {
		conn_refuse(c, -r, e.text);
		return;
	}
	replace_older(c);
	c->admitted = 1;
	log_info("module %s (%s) connected from %s, epoch %lld, "
		 "certificate %.16s, signer %.16s",
		 c->member.serial, c->member.uid_text, c->peer,
		 (long long)c->member.epoch, c->member.fingerprint,
		 c->member.signer);
}

static void on_message(void *arg, struct message *m)
{
	struct conn *c = arg;
	char text[128];

	if (c->refused) {
		message_free(m);
		return;
	}
	if (m->type == MSG_TRANSACTION) {
		if (c->server->options->sealed_only) {
			message_free(m);
			conn_refuse(c, EPROTO, "transactions come sealed here");
			return;
		}
		book_add(c, m, 0);
		return;
	}
	if (m->type == MSG_SEALED_TRANSACTION || m->type == MSG_KEY_REQUEST) {
		if (m->type == MSG_KEY_REQUEST)
			tkeys_request(c, m);
		else
			tkeys_open(c, m);
		message_free(m);
		return;
	}
	if (m->type == MSG_RELAY_RESPONSE && !talk_response(c, m)) {
		message_free(m);
		return;
	}
	if (m->type == MSG_ERROR)
		snprintf(text, sizeof(text), "the module reports an error");
	else
		snprintf(text, sizeof(text), "message %s does not belong here",
			 message_name(m->type));
	message_free(m);
	conn_refuse(c, EPROTO, text);
}

static void on_closed(void *arg, int reason, const struct error *why)
{
	struct conn *c = arg;

	if (c->refused)
		log_debug("%s: closed", c->peer);
	else if (!c->admitted)
		log_warn("refused %s: %s", c->peer, why->text);
	else if (reason == -ECONNRESET)
		log_info("module %s disconnected", c->member.serial);
	else
		log_warn("module %s: %s", c->member.serial, why->text);
	conn_free(c);
}

static const struct stream_ops ops = {
	.open = on_open,
	.message = on_message,
	.closed = on_closed,
};

static SSL *make_ssl(struct server *s)
{
	SSL *ssl = SSL_new(s->tls);

	/* a peer without a certificate gets a reason from admit(), not an alert */
	if (ssl)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return ssl;
}

void conn_accept(void *arg, int fd, const char *peer)
{
	struct server *s = arg;
	struct stream_limits limits = {
		.handshake_ms = s->options->limit_s * 1000,
		.message_ms = s->options->limit_s * 1000,
		.idle_ms = s->options->idle_s * 1000,
		.output_max = OUTPUT_MAX,
	};
	struct conn *c = calloc(1, sizeof(*c));
	SSL *ssl = make_ssl(s);
	struct error e;

	if (!c || !ssl) {
		log_warn("refused %s: out of memory", peer);
		evutil_closesocket(fd);
		SSL_free(ssl);
		free(c);
		return;
	}
	c->server = s;
	TAILQ_INIT(&c->talks);
	snprintf(c->peer, sizeof(c->peer), "%s", peer);
	if (stream_new(s->base, fd, ssl, 1, &limits, &ops, c, &c->stream, &e)) {
		log_warn("refused %s: %s", peer, e.text);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&s->conns, c, link);
	if (++s->n_conns >= s->options->max_connections) {
		log_warn("%d connections: others wait until one ends",
			 s->n_conns);
		acceptor_hold(s->acceptor, 1);
	}
}

void conn_sweep(struct server *s)
{
	int64_t version = store_version(s->admission.store);
	int changed = version != s->store_version;
	time_t now = time(NULL);
	struct error e;
	struct conn *c;
	int r;

	s->store_version = version;
	TAILQ_FOREACH(c, &s->conns, link)
	{
		if (!c->admitted || c->refused ||
		    (!changed && now <= c->member.not_after))
			continue;
		r = admit_still(s->admission.store, &c->member, now, &e);
		if (store_trouble(r))
			log_warn("%s", e.text);
		else if (r)
			conn_refuse(c, -r, e.text);
	}
}
