// SPDX-License-Identifier: MIT
/* Endpoints: every kind that can be had here, and what a serial line has to survive. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/endpoint.h"
#include "common/process.h"
#include "line.h"

#define LONG_MS 20000

/* listener_accept() in a thread */
struct accepting {
	struct listener *l;
	struct error e;
	pthread_t thread;
	int fd;
};

static void *accept_in_thread(void *arg)
{
	struct accepting *a = arg;

	a->fd = listener_accept(a->l, &a->e);
	return NULL;
}

static void start_accepting(struct accepting *a, struct listener *l)
{
	a->l = l;
	assert_int_equal(pthread_create(&a->thread, NULL, accept_in_thread, a),
			 0);
}

static int end_accepting(struct accepting *a)
{
	pthread_join(a->thread, NULL);
	if (a->fd < 0)
		fail_msg("%s", a->e.text);
	return a->fd;
}

static void expect_bytes(int fd, const char *text)
{
	struct pollfd p = { fd, POLLIN, 0 };
	size_t len = strlen(text), at = 0;
	char got[64];
	ssize_t n;

	while (at < len) {
		assert_int_equal(poll(&p, 1, LONG_MS), 1);
		n = read(fd, got + at, len - at);
		assert_true(n > 0);
		at += n;
	}
	assert_memory_equal(got, text, len);
}

static void talk(int a, int b)
{
	assert_int_equal(write(a, "to b", 4), 4);
	expect_bytes(b, "to b");
	assert_int_equal(write(b, "to a", 4), 4);
	expect_bytes(a, "to a");
}

static struct listener *must_listen(const char *spec)
{
	struct listener *l;
	struct error e;

	if (endpoint_listen(spec, &l, &e))
		fail_msg("%s", e.text);
	return l;
}

static int must_connect(const char *spec)
{
	struct error e;
	int fd = endpoint_connect(spec, LONG_MS, &e);

	if (fd < 0)
		fail_msg("%s", e.text);
	return fd;
}

static void connect_and_talk(const char *spec)
{
	struct listener *l = must_listen(spec);
	struct accepting a = { 0 };
	int fd, peer;

	start_accepting(&a, l);
	fd = must_connect(listener_name(l));
	peer = end_accepting(&a);
	talk(fd, peer);
	close(fd);
	close(peer);
	listener_close(l);
}

static void tcp_v4(void **state)
{
	(void)state;
	connect_and_talk("tcp:127.0.0.1:0");
}

/* Where the machine has no such sockets, the error has to say so. */
static void connect_or_be_told(const char *spec)
{
	struct listener *l;
	struct error e;

	if (endpoint_listen(spec, &l, &e)) {
		assert_non_null(strstr(e.text, spec));
		return;
	}
	listener_close(l);
	connect_and_talk(spec);
}

static void tcp_v6(void **state)
{
	(void)state;
	connect_or_be_told("tcp:[::1]:0");
}

static void vsock_loopback(void **state)
{
	(void)state;
	connect_or_be_told("vsock:local:0");
}

static void unix_socket(void **state)
{
	char spec[64], dir[] = "/tmp/endpoint.XXXXXX";
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(spec, sizeof(spec), "unix:%s/s", dir);
	connect_and_talk(spec);
	assert_int_equal(stat(spec + 5, &st), -1); /* removed at the end */
	rmdir(dir);
}

static void stale_unix_socket_is_replaced(void **state)
{
	char spec[64], dir[] = "/tmp/endpoint.XXXXXX";
	struct listener *l, *second;
	struct error e;
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(spec, sizeof(spec), "unix:%s/s", dir);
	pid = fork();
	if (!pid) {
		/* ends as if killed */
		_exit(endpoint_listen(spec, &l, &e) ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(access(spec + 5, F_OK), 0);
	l = must_listen(spec);
	/* one that is alive is left alone */
	assert_int_equal(endpoint_listen(spec, &second, &e), -EADDRINUSE);
	assert_int_equal(access(spec + 5, F_OK), 0);
	listener_close(l);
	rmdir(dir);
}

static void malformed_endpoints_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"tcp",
		"tcp:",
		"tcp:host",
		"tcp:host:",
		"tcp::80",
		"tcp:::1:80",
		"unix:",
		"vsock:1",
		"vsock:x:1",
		"vsock:1:",
		"vsock:1:2x",
		"vsock::1",
		"serial:",
		"serial:,9600",
		"serial:/d,0",
		"serial:/d,9600x",
		"serial:/d,12345",
		"http://x:1",
		"Tcp:127.0.0.1:1",
		"vsock:4294967296:1",
	};
	struct listener *l;
	struct error e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (endpoint_connect(bad[i], 100, &e) != -EINVAL)
			fail_msg("connect '%s': %s", bad[i], e.text);
		if (endpoint_listen(bad[i], &l, &e) != -EINVAL)
			fail_msg("listen '%s': %s", bad[i], e.text);
		assert_null(l);
		assert_non_null(strstr(e.text, bad[i]));
	}
}

static void nobody_listens(void **state)
{
	struct listener *l = must_listen("tcp:127.0.0.1:0");
	char spec[64];
	struct error e;

	(void)state;
	snprintf(spec, sizeof(spec), "%s", listener_name(l));
	listener_close(l);
	assert_int_equal(endpoint_connect(spec, LONG_MS, &e), -ECONNREFUSED);
	assert_non_null(strstr(e.text, spec));
}

/* --- serial lines --- */

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

static void serial_pair(struct line *line, struct listener *l, int *client,
			int *server)
{
	struct accepting a = { 0 };

	start_accepting(&a, l);
	*client = must_connect(line->a);
	*server = end_accepting(&a);
}

static void serial_connects(void **state)
{
	struct line *line = *state;
	struct listener *l = must_listen(line->b);
	int client, server;

	assert_true(listener_is_line(l));
	serial_pair(line, l, &client, &server);
	talk(client, server);
	close(client);
	close(server);
	listener_close(l);
}

/* Every byte value, both ways: nothing is taken for a control character. */
static void serial_is_raw(void **state)
{
	struct line *line = *state;
	struct listener *l = must_listen(line->b);
	unsigned char all[256], got[256];
	struct pollfd p = { .events = POLLIN };
	struct termios t;
	int client, server, i;
	size_t at = 0;
	ssize_t n;

	serial_pair(line, l, &client, &server);
	tcgetattr(client, &t);
	assert_int_equal(t.c_cflag & HUPCL, 0);
	assert_int_equal(t.c_cflag & CLOCAL, CLOCAL);
	assert_int_equal(t.c_lflag & (ICANON | ECHO | ISIG), 0);
	for (i = 0; i < 256; i++)
		all[i] = i;
	assert_int_equal(write(client, all, 256), 256);
	p.fd = server;
	while (at < 256) {
		assert_int_equal(poll(&p, 1, LONG_MS), 1);
		n = read(server, got + at, 256 - at);
		assert_true(n > 0);
		at += n;
	}
	assert_memory_equal(got, all, 256);
	close(client);
	close(server);
	listener_close(l);
}

/* The client was there first: it asks again each second. */
static void server_starts_late(void **state)
{
	struct line *line = *state;
	struct accepting a = { 0 };
	struct listener *l;
	pid_t pid = fork();
	int status, fd;

	if (!pid) {
		struct error e;

		fd = endpoint_connect(line->a, LONG_MS, &e);
		_exit(fd >= 0 && write(fd, "x", 1) == 1 ? 0 : 1);
	}
	/* its first request is on the line, and lost when the server sets it up */
	l = must_listen(line->b);
	start_accepting(&a, l);
	fd = end_accepting(&a);
	expect_bytes(fd, "x");
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(fd);
	listener_close(l);
}

static void garbage_is_skipped(void **state)
{
	/* a TLS alert, half a preamble, a whole one with a wrong check */
	static const char noise[] = "\x15\x03\x03\0\2\2\x14~SM?1234"
				    "~SM?12345678abcd~~~SM\0\0\0\0~S";
	struct line *line = *state;
	struct listener *l = must_listen(line->b);
	int client, server, i;

	for (i = 0; i < 3; i++) {
		line_inject(line, 1, noise, sizeof(noise) - 1);
		line_inject(line, 0, noise, sizeof(noise) - 1);
		serial_pair(line, l, &client, &server);
		talk(client, server);
		close(client);
		close(server);
	}
	listener_close(l);
}

/*
 * A client that was killed says nothing. Its bytes are still on the line, and the
 * server may be anywhere in them.
 */
static void killed_client_does_no_harm(void **state)
{
	struct line *line = *state;
	struct listener *l = must_listen(line->b);
	struct accepting a = { 0 };
	int server, client, fd;
	pid_t pid;

	start_accepting(&a, l);
	pid = fork();
	if (!pid) {
		struct error e;

		fd = endpoint_connect(line->a, LONG_MS, &e);
		if (fd < 0 || write(fd, "\x17\x03\x03\x40", 4) != 4)
			_exit(1);
		pause();
		_exit(1);
	}
	server = end_accepting(&a);
	expect_bytes(server, "\x17\x03\x03\x40");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(server);
	serial_pair(line, l, &client, &server);
	talk(client, server);
	close(client);
	close(server);
	listener_close(l);
}

static void line_has_one_user(void **state)
{
	struct line *line = *state;
	struct listener *l = must_listen(line->b), *second;
	struct error e;

	assert_int_equal(endpoint_listen(line->b, &second, &e), -EWOULDBLOCK);
	assert_non_null(strstr(e.text, "another process"));
	listener_close(l);
	l = must_listen(line->b);
	listener_close(l);
}

static void silent_line_times_out(void **state)
{
	struct line *line = *state;
	struct error e;

	assert_int_equal(endpoint_connect(line->a, 1500, &e), -ETIMEDOUT);
	assert_non_null(strstr(e.text, "cable"));
}

/* Requests of the past are answered, but only the latest answer counts. */
static void old_answers_do_not_count(void **state)
{
	struct line *line = *state;
	struct accepting a = { 0 };
	struct pollfd p = { .events = POLLIN };
	unsigned char request[16], old[16];
	struct listener *l;
	int client, server;
	size_t at = 0;
	pid_t pid;

	/* catch a real request, of a client that goes away */
	pid = fork();
	if (!pid) {
		struct error e;

		_exit(endpoint_connect(line->a, 1500, &e) < 0 ? 0 : 1);
	}
	p.fd = line->slave[1];
	while (at < sizeof(request)) {
		assert_int_equal(poll(&p, 1, LONG_MS), 1);
		at += read(p.fd, request + at, sizeof(request) - at);
	}
	waitpid(pid, NULL, 0);
	assert_memory_equal(request, "~SM?", 4);
	memcpy(old, request, sizeof(old));
	/* the server sees it again and again, before and within the next session */
	l = must_listen(line->b);
	start_accepting(&a, l);
	line_inject(line, 1, old, sizeof(old));
	line_inject(line, 1, old, sizeof(old));
	client = must_connect(line->a);
	server = end_accepting(&a);
	talk(client, server);
	close(client);
	close(server);
	listener_close(l);
}

static void stop_ends_the_wait(void **state)
{
	struct listener *l = must_listen("tcp:127.0.0.1:0");
	struct error e;

	(void)state;
	process_on_stop();
	/* pending when the wait begins: it must not be slept over */
	raise(SIGTERM);
	assert_int_equal(listener_accept(l, &e), -EINTR);
	process_stop = 0;
	listener_close(l);
}

int main(void)
{
#define LINE(f) cmocka_unit_test_setup_teardown(f, with_line, without_line)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_v4),
		cmocka_unit_test(tcp_v6),
		cmocka_unit_test(unix_socket),
		cmocka_unit_test(stale_unix_socket_is_replaced),
		cmocka_unit_test(vsock_loopback),
		cmocka_unit_test(malformed_endpoints_are_refused),
		cmocka_unit_test(nobody_listens),
		LINE(serial_connects),
		LINE(serial_is_raw),
		LINE(server_starts_late),
		LINE(garbage_is_skipped),
		LINE(killed_client_does_no_harm),
		LINE(line_has_one_user),
		LINE(silent_line_times_out),
		LINE(old_answers_do_not_count),
		cmocka_unit_test(stop_ends_the_wait),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
