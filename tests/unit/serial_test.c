// SPDX-License-Identifier: MIT
/* Channels on a serial line: what becomes of a session when one side dies in it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/endpoint.h"
#include "ends.h"
#include "line.h"
#include "pki/peer.h"

struct line_server {
	struct listener *l;
	struct certs *certs;
	int sessions; /* to be served well */
	int tries;
	int status;
	pthread_t thread;
};

/* As the units do it: what fails ends the session, not the program. */
static void *serve_line(void *p)
{
	struct line_server *s = p;
	SSL_CTX *ctx = unit_ctx(s->certs);
	struct error e;
	int fd;

	while (s->sessions) {
		struct end end = { .server = 1,
				   .ctx = ctx,
				   .check = pki_peer_identity,
				   .arg = s->certs->root,
				   .timeout_ms = LONG_MS,
				   .part = pong };

		fd = listener_accept(s->l, &e);
		if (fd < 0) {
			s->status = fd;
			break;
		}
		end.fd = fd;
		s->tries++;
		ends_run(&end);
		if (!end.ret)
			s->sessions--;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

static void start_line_server(struct line_server *s, struct line *line,
			      int sessions)
{
	struct error e;

	*s = (struct line_server){ .certs = &w, .sessions = sessions };
	if (endpoint_listen(line->b, &s->l, &e))
		fail_msg("%s", e.text);
	pthread_create(&s->thread, NULL, serve_line, s);
}

static void end_line_server(struct line_server *s)
{
	pthread_join(s->thread, NULL);
	listener_close(s->l);
	assert_int_equal(s->status, 0);
}

static int connect_line(struct line *line)
{
	struct error e;
	int fd = endpoint_connect(line->a, LONG_MS, &e);

	if (fd < 0)
		fail_msg("%s", e.text);
	return fd;
}

static struct end line_client(struct line *line)
{
	return (struct end){ .fd = connect_line(line),
			     .ctx = client_ctx(&w),
			     .check = pki_peer_unit,
			     .arg = w.root,
			     .timeout_ms = LONG_MS,
			     .part = ping };
}

static void good_session(struct line *line)
{
	struct end client = line_client(line);

	ends_run(&client);
	SSL_CTX_free(client.ctx);
	ended_well(&client);
}

static int with_line(void **state)
{
	static struct line l;

	line_start(&l);
	*state = &l;
	return 0;
}

static int without_line(void **state)
{
	line_stop(*state);
	return 0;
}

static void sessions_follow_each_other_on_a_line(void **state)
{
	struct line_server s;
	int i;

	start_line_server(&s, *state, 3);
	for (i = 0; i < 3; i++)
		good_session(*state);
	end_line_server(&s);
	assert_int_equal(s.tries, 3);
}

/*
 * A client that goes in the middle of a session, without a goodbye: on the line that is
 * all there is of a kill. No fork() here: the server's thread may hold a lock.
 */
static void killed_session(struct line *line, int within_a_record)
{
	struct end client = line_client(line);
	struct channel *ch;

	assert_int_equal(channel_open(client.fd, 0, client.ctx, client.check,
				      client.arg, LONG_MS, &ch, &client.e),
			 0);
	/* a header that promises more than ever comes */
	if (within_a_record)
		assert_int_equal(write(client.fd, "\x17\x03\x03\0\x40xyz", 8),
				 8);
	SSL_set_quiet_shutdown(channel_ssl(ch), 1);
	channel_close(ch);
	SSL_CTX_free(client.ctx);
}

/* Far quicker than the time limit: the server takes the request for a bad record. */
static void client_killed_between_records(void **state)
{
	struct line_server s;

	start_line_server(&s, *state, 1);
	killed_session(*state, 0);
	good_session(*state);
	end_line_server(&s);
	assert_int_equal(s.tries, 2);
}

static void client_killed_within_a_record(void **state)
{
	struct line_server s;

	start_line_server(&s, *state, 1);
	killed_session(*state, 1);
	good_session(*state);
	end_line_server(&s);
	assert_int_equal(s.tries, 2);
}

/* The server restarts: the client's session ends, its next one works. */
static void server_restarted_within_a_session(void **state)
{
	struct line *line = *state;
	struct line_server s;
	struct end client;
	int told[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (!pid) {
		struct listener *l;
		struct error e;
		struct channel *ch;
		int fd;

		if (endpoint_listen(line->b, &l, &e))
			_exit(1);
		if (write(told[1], "", 1) != 1)
			_exit(1);
		fd = listener_accept(l, &e);
		channel_open(fd, 1, unit_ctx(&w), pki_peer_identity, w.root,
			     LONG_MS, &ch, &e);
		_exit(0); /* without a goodbye */
	}
	assert_int_equal(read(told[0], &byte, 1), 1);
	client = line_client(line);
	client.timeout_ms = 3000;
	assert_int_equal(channel_open(client.fd, 0, client.ctx, client.check,
				      client.arg, client.timeout_ms, &client.ch,
				      &client.e),
			 0);
	waitpid(pid, &status, 0);
	start_line_server(&s, line, 1);
	assert_int_equal(ping(&client, &client.e), -ETIMEDOUT);
	channel_close(client.ch);
	SSL_CTX_free(client.ctx);
	good_session(line);
	end_line_server(&s);
	close(told[0]);
	close(told[1]);
}

static void garbage_before_and_between_sessions(void **state)
{
	static const char noise[] = "AT+GMR\r\n\xff\0\0\x16\x03\x01\2\0\1~SM";
	struct line_server s;

	start_line_server(&s, *state, 2);
	line_inject(*state, 1, noise, sizeof(noise) - 1);
	line_inject(*state, 0, noise, sizeof(noise) - 1);
	good_session(*state);
	line_inject(*state, 1, noise, sizeof(noise) - 1);
	line_inject(*state, 0, noise, sizeof(noise) - 1);
	good_session(*state);
	end_line_server(&s);
}

/* Noise within a session breaks it, loudly and on both sides. */
static void garbage_within_a_session_ends_it(void **state)
{
	struct line *line = *state;
	struct line_server s;
	struct end client;

	start_line_server(&s, line, 1);
	client = line_client(line);
	assert_int_equal(channel_open(client.fd, 0, client.ctx, client.check,
				      client.arg, LONG_MS, &client.ch,
				      &client.e),
			 0);
	line_inject(line, 1, "noise", 5);
	assert_int_equal(ping(&client, &client.e), -EPROTO);
	channel_close(client.ch);
	SSL_CTX_free(client.ctx);
	good_session(line);
	end_line_server(&s);
	assert_int_equal(s.tries, 2);
}

int main(void)
{
#define LINE(f) cmocka_unit_test_setup_teardown(f, with_line, without_line)
	const struct CMUnitTest tests[] = {
		LINE(sessions_follow_each_other_on_a_line),
		LINE(client_killed_between_records),
		LINE(client_killed_within_a_record),
		LINE(server_restarted_within_a_session),
		LINE(garbage_before_and_between_sessions),
		LINE(garbage_within_a_session_ends_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("serial", tests, ends_make_world,
					   ends_free_world);
}
