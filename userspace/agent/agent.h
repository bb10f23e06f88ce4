/* SPDX-License-Identifier: MIT */
/*
 * The agent: what its files share. It relays; a compromised agent can refuse
 * service and see what it relays, it cannot obtain a key.
 *
 *   applications --unix socket--> apps -> pending -> link --TLS--> central system
 *                                                     |
 *                                  /dev/secmodN ---> module
 *                                  /dev/secmodN <--- relay: the central system's APDUs
 */
#ifndef SECMOD_AGENT_AGENT_H
#define SECMOD_AGENT_AGENT_H

#include <sys/queue.h>

#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/acceptor.h"
#include "common/error.h"
#include "common/stream.h"

#define AGENT_SOCKET "unix:/run/secmod-agent/agent.sock"

struct options {
	const char *device, *connect, *listen, *user, *group;
	const char *key, *cert, *central; /* software key */
	int software, status, check_only, foreground, verbose, seal;
	const char *retry; /* "MIN,MAX" */
	int retry_min_ms, retry_max_ms, answer_s;
};

/* What a connection needs, as the module has it now. */
struct identity {
	X509 *cert, *signer;
	STACK_OF(X509) *central; /* the only servers there are (A4) */
	EVP_PKEY *key;
};
void identity_clear(struct identity *id);

struct agent {
	struct event_base *base;
	const struct options *options;
	struct module *module;
	struct link *link;
	struct apps *apps;
	struct pending *pending;
	struct relay *relay;
	struct seal *seal; /* NULL: transactions go as they are */
	int failed;
	char status_path[256];
};

/* module.c: the security module, or files in its place */
/* Opens the device, or nothing for software keys. */
int module_open(struct agent *a, struct error *e);
/* Starts watching its state: tells link_identity() of each change. */
int module_start(struct agent *a, struct error *e);
const char *module_state(const struct module *m);
void module_close(struct module *m);

/* link.c: the connection to the central system */
int link_new(struct agent *a, struct error *e);
/*
 * The module's state has changed: the connection is dropped at once. With @id, which
 * is taken over, a new one is made; NULL: there is no key to make one with.
 */
void link_identity(struct link *l, struct identity *id);
/* -ENOTCONN when there is no connection now. */
int link_send(struct link *l, const struct message *m);
int link_up(const struct link *l);
/* Something waits to be written. */
int link_unsent(const struct link *l);
const char *link_state(const struct link *l);
const char *link_last_error(const struct link *l);
const char *link_server(const struct link *l); /* fingerprint */
void link_free(struct link *l);

/* relay.c: one conversation at a time of the central system with the module */
int relay_new(struct agent *a, struct error *e);
/* -ENOENT when @m is none of its messages. */
int relay_message(struct relay *r, const struct message *m);
/* The module owes a response. */
int relay_busy(const struct relay *r);
/* The connection is gone: so is the conversation. */
void relay_drop(struct relay *r);
void relay_free(struct relay *r);

/* seal.c: transactions under a key of the module's kernel */
int seal_new(struct agent *a, struct error *e);
/* The connection is up. */
void seal_up(struct seal *s);
/* The key is gone, or the central system does not know it: another one is asked for. */
void seal_lost(struct seal *s);
/* -EAGAIN: later, when there is a key. */
int seal_send(struct seal *s, const struct message *transaction);
/* -ENOENT when @m is none of its messages. */
int seal_message(struct seal *s, const struct message *m);
void seal_free(struct seal *s);

/* connector.c: connecting in a thread, since resolving and connecting block */
struct connector;
/* @fd is the callee's, or -errno. Not called after connector_free(). */
typedef void (*connector_fn)(void *arg, int fd, const struct error *e);
int connector_start(struct event_base *base, const char *endpoint,
		    int timeout_ms, connector_fn fn, void *arg,
		    struct connector **out, struct error *e);
void connector_free(struct connector *c);

/* pending.c: transactions without a reply yet, bounded */
struct app;
int pending_new(struct agent *a, struct error *e);
/* Takes over @m. Each gets exactly one transaction_reply(). */
void pending_add(struct pending *p, struct app *owner, struct message *m);
void pending_reply(struct pending *p, struct message *m);
/* The connection is up: everything is sent (again), with the ids it has. */
void pending_send_all(struct pending *p);
/* Nobody waits any more; they are sent all the same. */
void pending_forget(struct pending *p, struct app *owner);
int pending_count(const struct pending *p);
void pending_free(struct pending *p);

/* apps.c: the local socket */
int apps_new(struct agent *a, struct listener *l, struct error *e);
/* One of its transactions has an answer. */
void app_reply(struct app *app, const struct message *m);
void apps_free(struct apps *apps);

/* status.c: "--status" */
/* Writes the status file; where that fails, service goes on. */
void status_write(const struct agent *a);
int status_print(const struct options *o, struct error *e);

#endif
