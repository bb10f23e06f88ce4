/* SPDX-License-Identifier: MIT */
/* The running server: its connections and what is about to be booked. */
#ifndef SECMOD_CENTRAL_SERVER_H
#define SECMOD_CENTRAL_SERVER_H

#include <sys/queue.h>

#include <event2/event.h>

#include "central/central.h"
#include "common/acceptor.h"
#include "common/stream.h"

struct server;

struct conn {
	TAILQ_ENTRY(conn) link;
	struct server *server;
	struct stream *stream;
	struct member member; /* when admitted */
	int admitted, refused;
	char peer[96];
};

struct booking {
	STAILQ_ENTRY(booking) link;
	struct conn *conn; /* NULL: it has gone, nobody waits */
	struct message *request;
	struct message *reply;
};

struct server {
	struct event_base *base;
	struct admission admission;
	const struct options *options;
	SSL_CTX *tls;
	struct acceptor *acceptor;
	TAILQ_HEAD(, conn) conns;
	int n_conns;
	int64_t store_version; /* at the last sweep */
	int failed; /* the loop ended because of an error */
	/* book.c */
	STAILQ_HEAD(, booking) batch;
	int n_batch;
	struct event *turn;
};

/* conn.c */
void conn_accept(void *server, int fd, const char *peer);
/* Tells the peer and the log why; conn_free() follows when the peer has read it. */
void conn_refuse(struct conn *c, int errnum, const char *text);
void conn_free(struct conn *c);
/* Ends the connections of those who were disabled meanwhile or have expired. */
void conn_sweep(struct server *s);

/*
 * book.c: transactions are booked in one commit per turn of the event loop: all that
 * came in it share the wait for the disk. No reply goes out before the commit.
 */
int book_init(struct server *s, struct error *e);
/* Takes over @m, a Transaction. */
void book_add(struct conn *c, struct message *m);
/* The connection is gone; its transactions are booked all the same. */
void book_forget(struct conn *c);
/* Books what is waiting, now. */
void book_flush(struct server *s);

#endif
