// SPDX-License-Identifier: MIT
/* Channels: TLS 1.3 with the project's checks, and messages in it. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ends.h"
#include "pki/peer.h"

static int expect_tls13(struct end *end, struct error *e)
{
	SSL *ssl = channel_ssl(end->ch);

	if (SSL_version(ssl) != TLS1_3_VERSION)
		return error_set(e, EPROTO, "version %s", SSL_get_version(ssl));
	if (X509_cmp(channel_peer(end->ch), w.identity))
		return error_set(e, EPROTO, "another peer");
	return pong(end, e);
}

static void messages_pass(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	server.part = expect_tls13;
	client.part = ping;
	ends_run_pair(&server, &client);
	ended_well(&server);
	ended_well(&client);
}

static int big(struct end *end, struct error *e)
{
	struct message *m = message_new(MSG_TRANSACTION);
	static char payload[32768];
	int ret;

	wire_set_octets(m->u.transaction->id, payload, 16);
	wire_set_octets(m->u.transaction->payload, payload, sizeof(payload));
	ret = channel_send(end->ch, m, e);
	message_free(m);
	return ret ? ret : ping(end, e);
}

static int take_big(struct end *end, struct error *e)
{
	struct message *m;
	int ret = channel_expect(end->ch, MSG_TRANSACTION, &m, e);

	message_free(m);
	return ret ? ret : pong(end, e);
}

static void largest_message_passes(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	server.part = take_big;
	client.part = big;
	ends_run_pair(&server, &client);
	ended_well(&server);
	ended_well(&client);
}

/* A28: who the peer is decides, and it is told why not */
static void client_of_another_manufacturer_is_refused(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	SSL_CTX_free(client.ctx);
	client.ctx = client_ctx(&other);
	client.part = ping;
	ends_run_pair(&server, &client);
	ended_with(&server, -EKEYREJECTED, "issuer");
	ended_with(&client, -EREMOTEIO, "the peer refused: identity");
}

static void server_of_another_manufacturer_is_refused(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	SSL_CTX_free(server.ctx);
	server.ctx = unit_ctx(&other);
	server.part = pong;
	ends_run_pair(&server, &client);
	ended_with(&client, -EKEYREJECTED, "issuer");
	ended_with(&server, -EREMOTEIO, "the peer refused: signer");
}

static void module_certificate_is_no_identity(void **state)
{
	struct end server, client;
	struct error e;

	(void)state;
	ends_good(&server, &client);
	SSL_CTX_free(client.ctx);
	client.ctx = channel_ctx(0, w.module, w.module_key, NULL, &e);
	client.part = ping;
	ends_run_pair(&server, &client);
	ended_with(&server, -EKEYREJECTED, "identity certificate 'module'");
}

static void unit_without_its_signer_is_refused(void **state)
{
	struct end server, client;
	struct error e;

	(void)state;
	ends_good(&server, &client);
	SSL_CTX_free(server.ctx);
	server.ctx = channel_ctx(1, w.unit, w.leaf_key, NULL, &e);
	server.part = pong;
	ends_run_pair(&server, &client);
	ended_with(&client, -EKEYREJECTED, "sent 0 certificates");
}

static void missing_client_certificate_is_refused(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	SSL_CTX_free(client.ctx);
	client.ctx = client_ctx(NULL);
	client.part = ping;
	ends_run_pair(&server, &client);
	ended_with(&server, -EPROTO, "peer did not return a certificate");
	assert_true(client.ret < 0);
}

static void server_may_ask_for_none(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	server.check = NULL;
	server.part = pong;
	SSL_CTX_free(client.ctx);
	client.ctx = client_ctx(NULL);
	client.part = ping;
	ends_run_pair(&server, &client);
	ended_well(&server);
	ended_well(&client);
}

static void client_has_to_check(void **state)
{
	SSL_CTX *ctx = client_ctx(&w);
	struct channel *ch;
	struct error e;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(channel_open(pair[0], 0, ctx, NULL, NULL, 100, &ch,
				      &e),
			 -EINVAL);
	assert_int_equal(write(pair[0], "", 1), -1); /* closed */
	close(pair[1]);
	SSL_CTX_free(ctx);
}

/* A certificate without its key: TLS itself refuses, before any check of ours. */
static void possession_is_proved(void **state)
{
	struct error e;

	(void)state;
	assert_null(channel_ctx(0, w.identity, w.module_key, NULL, &e));
	assert_null(channel_ctx(1, NULL, NULL, NULL, &e));
}

static SSL_CTX *other_version(int version)
{
	SSL_CTX *ctx = client_ctx(&w);

	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(ctx, version);
	return ctx;
}

static void tls_1_2_is_refused(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	SSL_CTX_free(client.ctx);
	client.ctx = other_version(TLS1_2_VERSION);
	ends_run_pair(&server, &client);
	ended_with(&server, -EPROTO, "unsupported protocol");
}

/* Writes raw bytes into TLS: frames that channel_send() would not make. */
static const void *raw_data;
static size_t raw_len;

static int send_raw(struct end *end, struct error *e)
{
	struct message *m;

	if (SSL_write(channel_ssl(end->ch), raw_data, raw_len) <= 0)
		return -EIO;
	return channel_recv(end->ch, &m, e);
}

static int receive(struct end *end, struct error *e)
{
	struct message *m;
	int ret = channel_recv(end->ch, &m, e);
	struct error second;

	if (!ret)
		message_free(m);
	else if (channel_recv(end->ch, &m, &second) != -EPIPE ||
		 send_activation(end->ch, "x", &second) != -EPIPE)
		return error_set(e, EINVAL, "the channel lives on");
	return ret;
}

static void bad_frame(const void *data, size_t len, const char *text)
{
	struct end server, client;

	ends_good(&server, &client);
	raw_data = data;
	raw_len = len;
	client.part = send_raw;
	server.part = receive;
	ends_run_pair(&server, &client);
	ended_with(&server, -EPROTO, text);
	ended_with(&client, -EREMOTEIO, text);
}

static void bad_frames_are_answered_with_a_reason(void **state)
{
	(void)state;
	bad_frame("\0\0\0\0", 4, "0 bytes");
	bad_frame("\0\1\0\1", 4, "65537 bytes");
	bad_frame("\xff\xff\xff\xff", 4, "4294967295 bytes");
	bad_frame("\0\0\0\2\xa6\0", 6, "unknown message");
	bad_frame("\0\0\0\3\xa0\x81\0", 7, "leading zero");
	bad_frame("\0\0\0\2\xa0\0", 6, "schema");
}

static int send_too_much(struct end *end, struct error *e)
{
	char text[66];

	memset(text, 'x', 65);
	text[65] = 0;
	if (send_activation(end->ch, text, e) != -EMSGSIZE)
		return error_set(e, EINVAL, "it was sent");
	return ping(end, e);
}

static void what_breaks_the_schema_is_not_sent(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	server.part = pong;
	client.part = send_too_much;
	ends_run_pair(&server, &client);
	ended_well(&server);
	ended_well(&client);
}

static int expect_credential(struct end *end, struct error *e)
{
	struct message *m;

	return channel_expect(end->ch, MSG_CREDENTIAL, &m, e);
}

static void unexpected_type_is_answered(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	server.part = expect_credential;
	client.part = ping;
	ends_run_pair(&server, &client);
	ended_with(&server, -EPROTO, "Activation came where Credential");
	ended_with(&client, -EREMOTEIO, "Activation came where Credential");
}

static int refuse_long(struct end *end, struct error *e)
{
	char text[512];

	(void)e;
	memset(text, 'x', sizeof(text));
	memcpy(text, "no:\n", 4);
	text[sizeof(text) - 1] = 0;
	channel_refuse(end->ch, 13, text);
	return 0;
}

static void refusals_fit_the_schema(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	server.part = refuse_long;
	client.part = receive;
	ends_run_pair(&server, &client);
	ended_well(&server);
	ended_with(&client, -EREMOTEIO, "the peer refused: no:?xxx");
}

static void closing_is_told(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	client.part = receive;
	ends_run_pair(&server, &client);
	ended_well(&server);
	ended_with(&client, -ECONNRESET, "closed");
}

static int vanish(struct end *end, struct error *e)
{
	(void)e;
	SSL_write(channel_ssl(end->ch), "\0\0\1\0abc", 7);
	shutdown(end->fd, SHUT_RDWR);
	return 0;
}

static void truncation_is_told(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	server.part = vanish;
	client.part = receive;
	ends_run_pair(&server, &client);
	ended_with(&client, -ECONNRESET, "broke");
}

static void silent_peer_times_out(void **state)
{
	SSL_CTX *ctx = unit_ctx(&w);
	struct channel *ch;
	struct error e;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(channel_open(pair[0], 1, ctx, pki_peer_identity,
				      w.root, 200, &ch, &e),
			 -ETIMEDOUT);
	close(pair[1]);
	SSL_CTX_free(ctx);
}

static int trickle(struct end *end, struct error *e)
{
	struct pollfd p = { end->fd, POLLIN, 0 };

	(void)e;
	/* a byte now and then does not extend the time of a message */
	while (!poll(&p, 1, 50))
		if (SSL_write(channel_ssl(end->ch), "\0", 1) <= 0)
			break;
	return 0;
}

static void time_is_per_message_not_per_byte(void **state)
{
	struct end server, client;

	(void)state;
	ends_good(&server, &client);
	server.part = receive;
	server.timeout_ms = 1000;
	client.part = trickle;
	ends_run_pair(&server, &client);
	assert_true(server.ret == -ETIMEDOUT || server.ret == -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_pass),
		cmocka_unit_test(largest_message_passes),
		cmocka_unit_test(client_of_another_manufacturer_is_refused),
		cmocka_unit_test(server_of_another_manufacturer_is_refused),
		cmocka_unit_test(module_certificate_is_no_identity),
		cmocka_unit_test(unit_without_its_signer_is_refused),
		cmocka_unit_test(missing_client_certificate_is_refused),
		cmocka_unit_test(server_may_ask_for_none),
		cmocka_unit_test(client_has_to_check),
		cmocka_unit_test(possession_is_proved),
		cmocka_unit_test(tls_1_2_is_refused),
		cmocka_unit_test(bad_frames_are_answered_with_a_reason),
		cmocka_unit_test(what_breaks_the_schema_is_not_sent),
		cmocka_unit_test(unexpected_type_is_answered),
		cmocka_unit_test(refusals_fit_the_schema),
		cmocka_unit_test(closing_is_told),
		cmocka_unit_test(truncation_is_told),
		cmocka_unit_test(silent_peer_times_out),
		cmocka_unit_test(time_is_per_message_not_per_byte),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("channel", tests, ends_make_world,
					   ends_free_world);
}
