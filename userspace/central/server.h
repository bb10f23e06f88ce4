/* SPDX-License-Identifier: MIT */
/*
 * The running server: its connections, what is about to be booked, conversations
 * with modules.
 */
#ifndef SECMOD_CENTRAL_SERVER_H
#define SECMOD_CENTRAL_SERVER_H

#include <sys/queue.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "central/central.h"
#include "common/acceptor.h"
#include "common/stream.h"

struct server;
struct talk;

struct conn {
	TAILQ_ENTRY(conn) link;
	struct server *server;
	struct stream *stream;
	struct member member; /* when admitted */
	int admitted, refused;
	char peer[96];
	TAILQ_HEAD(, talk) talks; /* with the module; only the first is open */
	struct tkey_order *order; /* a transaction key is being put */
};

struct booking {
	STAILQ_ENTRY(booking) link;
	struct conn *conn; /* NULL: it has gone, nobody waits */
	struct message *request;
	struct message *reply;
	uint32_t sealed; /* the transaction key it came under, 0: none */
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
	/* control.c, talk.c */
	struct acceptor *control;
	TAILQ_HEAD(, client) clients;
	int n_clients;
	uint32_t last_talk;
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
/* Takes over @m, a Transaction; @sealed: the transaction key it came under, or 0. */
void book_add(struct conn *c, struct message *m, uint32_t sealed);
/* The connection is gone; its transactions are booked all the same. */
void book_forget(struct conn *c);
/* Books what is waiting, now. */
void book_flush(struct server *s);

/* control.c: the local socket, over which commands act through the server */
int control_init(struct server *s, struct listener *l, struct error *e);
void control_free(struct server *s);

/*
 * talk.c: a conversation with a module's security executive, in the frames of
 * common/relay.h. Takes over @bev, on which "ok\n" or "error ERRNO TEXT\n" goes ahead
 * of them. Several wait for each other.
 */
void talk_start(struct conn *c, struct bufferevent *bev);
/* A RelayResponse; -EPROTO when nobody asked. */
int talk_response(struct conn *c, const struct message *m);
/* The connection is gone: its conversations are told @why. */
void talk_forget(struct conn *c, const char *why);
/*
 * session.c: a session of the key process with a connected module. Returns the descriptor that
 * takes requests (keyring/keyring.h), or -errno.
 */
int session_start(struct conn *c, struct error *e);

/*
 * tkeys.c: transaction keys (A11). They are made and used in the key process; the
 * store knows of each what it was for.
 */
void tkeys_request(struct conn *c, const struct message *m);
/* A SealedTransaction; books what is in it. */
void tkeys_open(struct conn *c, const struct message *m);
/* Sends @reply as it came, sealed with the key @id. */
void tkeys_reply(struct conn *c, uint32_t id, const struct message *reply);
void tkeys_forget(struct conn *c);

/* Tells @bev, which is taken over, why there is no conversation. */
void talk_refuse(struct bufferevent *bev, int errnum, const char *why);

#endif
