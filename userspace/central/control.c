// SPDX-License-Identifier: MIT
/*
 * The local socket of the running server, for the commands of the same directory. A
 * client sends one line:
 *   relay UID	the descriptor becomes a conversation with this module (talk.c)
 *   session UID	"ok" comes with a descriptor: requests to the key process,
 *		which speaks with this module (session.c)
 *   connected	"ok", then the UID of each connected module, a line each
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "central/server.h"
#include "common/log.h"

#define CLIENTS_MAX 128
#define LINE_MAX_LEN 80
#define LINE_S 10

struct client { /* until its line is read */
	TAILQ_ENTRY(client) link;
	struct server *server;
	struct bufferevent *bev;
};

/* Its descriptor goes to somebody else, who calls back from now on. */
static struct bufferevent *detach(struct client *c)
{
	struct bufferevent *bev = c->bev;
	struct server *s = c->server;

	TAILQ_REMOVE(&s->clients, c, link);
	if (--s->n_clients < CLIENTS_MAX)
		acceptor_hold(s->control, 0);
	free(c);
	bufferevent_set_timeouts(bev, NULL, NULL);
	return bev;
}

static struct conn *find_conn(struct server *s, const char *uid)
{
	struct conn *c;

	TAILQ_FOREACH(c, &s->conns, link)
	if (c->admitted && !c->refused && !strcmp(c->member.uid_text, uid))
		return c;
	return NULL;
}

static void do_relay(struct client *c, const char *uid)
{
	struct conn *conn = find_conn(c->server, uid);
	struct bufferevent *bev = detach(c);

	if (conn)
		talk_start(conn, bev);
	else
		talk_refuse(bev, ENOTCONN, "the module is not connected");
}

static int send_fd(int socket, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { (char *)"ok\n", 3 };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(socket, &m, MSG_NOSIGNAL) == 3 ? 0 : -errno;
}

static void do_session(struct client *c, const char *uid)
{
	struct conn *conn = find_conn(c->server, uid);
	struct bufferevent *bev = detach(c);
	struct error e;
	int fd = conn ? session_start(conn, &e) :
			error_set(&e, ENOTCONN, "the module is not connected");

	if (fd < 0) {
		talk_refuse(bev, -fd, e.text);
		return;
	}
	send_fd(bufferevent_getfd(bev), fd);
	close(fd);
	bufferevent_free(bev);
}

static void do_connected(struct client *c, const char *unused)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	struct server *s = c->server;
	struct conn *conn;

	(void)unused;
	evbuffer_add_printf(out, "ok\n");
	TAILQ_FOREACH(conn, &s->conns, link)
	if (conn->admitted && !conn->refused)
		evbuffer_add_printf(out, "%s\n", conn->member.uid_text);
	/* an empty line: that was all */
	evbuffer_add_printf(out, "\n");
}

static const struct {
	const char *name;
	void (*run)(struct client *c, const char *arg);
} requests[] = {
	{ "relay ", do_relay },
	{ "session ", do_session },
	{ "connected", do_connected },
};

static void on_line(struct bufferevent *bev, void *arg)
{
	size_t len;
	char *line = evbuffer_readln(bufferevent_get_input(bev), &len,
				     EVBUFFER_EOL_LF);
	struct client *c = arg;

	if (!line) {
		if (evbuffer_get_length(bufferevent_get_input(bev)) >=
		    LINE_MAX_LEN)
			talk_refuse(detach(c), EMSGSIZE,
				    "the line is too long");
		return;
	}
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		size_t n = strlen(requests[i].name);

		if (!strncmp(line, requests[i].name, n)) {
			requests[i].run(c, line + n);
			free(line);
			return;
		}
	}
	free(line);
	talk_refuse(detach(c), EINVAL, "this request is not known");
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		bufferevent_free(detach(arg));
}

static void on_accept(void *arg, int fd, const char *peer)
{
	struct timeval limit = { LINE_S, 0 };
	struct server *s = arg;
	struct client *c = calloc(1, sizeof(*c));

	(void)peer;
	evutil_make_socket_nonblocking(fd);
	if (c)
		c->bev = bufferevent_socket_new(s->base, fd,
						BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		log_warn("a command was refused: out of memory");
		free(c);
		evutil_closesocket(fd);
		return;
	}
	c->server = s;
	TAILQ_INSERT_TAIL(&s->clients, c, link);
	if (++s->n_clients >= CLIENTS_MAX)
		acceptor_hold(s->control, 1);
	bufferevent_setcb(c->bev, on_line, NULL, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, LINE_MAX_LEN);
	bufferevent_set_timeouts(c->bev, &limit, &limit);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

int control_init(struct server *s, struct listener *l, struct error *e)
{
	TAILQ_INIT(&s->clients);
	return acceptor_new(s->base, l, on_accept, s, &s->control, e);
}

void control_free(struct server *s)
{
	struct client *c;

	if (!s->control)
		return;
	while ((c = TAILQ_FIRST(&s->clients)))
		bufferevent_free(detach(c));
	acceptor_free(s->control);
}
