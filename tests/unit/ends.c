// SPDX-License-Identifier: MIT
/* Both ends of a channel in one test. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "ends.h"
#include "pki/peer.h"

struct certs w, other;

int ends_make_world(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	certs_make(&w, "manufacturer");
	certs_make(&other, "manufacturer");
	return 0;
}

int ends_free_world(void **state)
{
	(void)state;
	certs_free(&w);
	certs_free(&other);
	return 0;
}

SSL_CTX *unit_ctx(struct certs *c)
{
	struct error e;
	SSL_CTX *ctx;

	assert_int_equal(
		pki_unit_ctx("unit", c->signer, c->signer_key, &ctx, &e), 0);
	return ctx;
}

SSL_CTX *client_ctx(struct certs *c)
{
	struct error e;
	SSL_CTX *ctx = channel_ctx(0, c ? c->identity : NULL,
				   c ? c->identity_key : NULL, NULL, &e);

	assert_non_null(ctx);
	return ctx;
}

void *ends_run(void *p)
{
	struct end *end = p;

	end->ret = channel_open(end->fd, end->server, end->ctx, end->check,
				end->arg, end->timeout_ms, &end->ch, &end->e);
	if (!end->ret && end->part)
		end->ret = end->part(end, &end->e);
	channel_close(end->ch);
	return NULL;
}

/* Runs both ends on a socket pair: a unit of @unit, a module of @module. */
void ends_run_pair(struct end *server, struct end *client)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	server->fd = pair[0];
	server->server = 1;
	client->fd = pair[1];
	if (!server->timeout_ms)
		server->timeout_ms = LONG_MS;
	if (!client->timeout_ms)
		client->timeout_ms = LONG_MS;
	pthread_create(&server->thread, NULL, ends_run, server);
	pthread_create(&client->thread, NULL, ends_run, client);
	pthread_join(server->thread, NULL);
	pthread_join(client->thread, NULL);
	SSL_CTX_free(server->ctx);
	SSL_CTX_free(client->ctx);
}

void ends_good(struct end *server, struct end *client)
{
	*server = (struct end){ .ctx = unit_ctx(&w),
				.check = pki_peer_identity,
				.arg = w.root };
	*client = (struct end){ .ctx = client_ctx(&w),
				.check = pki_peer_unit,
				.arg = w.root };
}

static struct message *new_activation(const char *secret)
{
	struct message *m = message_new(MSG_ACTIVATION);

	wire_set_octets(m->u.activation->secret, secret, strlen(secret));
	return m;
}

int send_activation(struct channel *ch, const char *secret, struct error *e)
{
	struct message *m = new_activation(secret);
	int ret = channel_send(ch, m, e);

	message_free(m);
	return ret;
}

int ping(struct end *end, struct error *e)
{
	struct message *m;
	int ret = send_activation(end->ch, "ping", e);

	if (!ret)
		ret = channel_expect(end->ch, MSG_ACTIVATION, &m, e);
	if (!ret) {
		if (memcmp(ASN1_STRING_get0_data(m->u.activation->secret),
			   "pong", 4))
			ret = -EINVAL;
		message_free(m);
	}
	return ret;
}

int pong(struct end *end, struct error *e)
{
	struct message *m;
	int ret = channel_expect(end->ch, MSG_ACTIVATION, &m, e);

	if (ret)
		return ret;
	message_free(m);
	return send_activation(end->ch, "pong", e);
}

void ended_well(const struct end *end)
{
	if (end->ret)
		fail_msg("%d: %s", end->ret, end->e.text);
}

void ended_with(const struct end *end, int err, const char *text)
{
	if (end->ret != err || !strstr(end->e.text, text))
		fail_msg("%d '%s' instead of %d '%s'", end->ret, end->e.text,
			 err, text);
}
