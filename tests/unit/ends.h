/* SPDX-License-Identifier: MIT */
/* Both ends of a channel in one test: a unit and a module, each in a thread. */
#ifndef TESTS_UNIT_ENDS_H
#define TESTS_UNIT_ENDS_H

#include <pthread.h>

#include "certs.h"
#include "common/channel.h"

#define LONG_MS 20000

extern struct certs w, other; /* the world, and one of another manufacturer */

/* cmocka: the group's fixtures */
int ends_make_world(void **state);
int ends_free_world(void **state);

SSL_CTX *unit_ctx(struct certs *c);
/* @c NULL: without a certificate */
SSL_CTX *client_ctx(struct certs *c);

/* One end of a connection, in a thread: opens the channel, then does its part. */
struct end {
	int fd, server, timeout_ms, ret;
	SSL_CTX *ctx;
	channel_check_fn check;
	void *arg;
	int (*part)(struct end *end, struct error *e);
	struct channel *ch;
	struct error e;
	pthread_t thread;
};

/* Opens, does its part, closes; for pthread_create(). */
void *ends_run(void *end);
/* Both on a socket pair; frees their contexts. */
void ends_run_pair(struct end *server, struct end *client);
/* A unit and a module that trust each other. */
void ends_good(struct end *server, struct end *client);

int send_activation(struct channel *ch, const char *secret, struct error *e);
/* Parts: one sends an Activation, the other answers. */
int ping(struct end *end, struct error *e);
int pong(struct end *end, struct error *e);

void ended_well(const struct end *end);
void ended_with(const struct end *end, int err, const char *text);

#endif
