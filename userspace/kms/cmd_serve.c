// SPDX-License-Identifier: MIT
/* The command "serve": uses the recovery key for the HSM 1 of access servers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/process.h"
#include "kms/kms.h"
#include "pki/pki.h"

#define MESSAGE_MS 30000 /* clients wait longer than that for their turn */

struct clients {
	X509 *cert[EK_CAS];
	int count;
};

static int is_client(void *arg, X509 *leaf, STACK_OF(X509) *sent,
		     struct error *e)
{
	const struct clients *c = arg;

	(void)sent;
	for (int i = 0; i < c->count; i++)
		if (!X509_cmp(c->cert[i], leaf))
			return 0;
	return error_set(e, EACCES,
			 "this certificate is none of those that may ask");
}

/* The directory is locked for the request, not while a peer is waited for. */
static int one_request(const char *dir, const struct message *m,
		       struct message **reply, struct error *e)
{
	struct kms k;
	int ret = kms_open(dir, &k, e);

	if (ret)
		return ret;
	k.serving = 1;
	ret = recover(&k, m->u.recover_request, reply, e);
	kms_close(&k);
	return ret;
}

/* One request a connection: then it is the next peer's turn. */
static int converse(const char *dir, struct channel *ch, struct error *e)
{
	struct message *m, *reply;
	int ret = channel_expect(ch, MSG_RECOVER_REQUEST, &m, e);

	if (ret)
		return ret == -ECONNRESET ? 0 : ret;
	ret = one_request(dir, m, &reply, e);
	message_free(m);
	if (ret) {
		channel_refuse(ch, -ret, e->text);
		return ret;
	}
	ret = channel_send(ch, reply, e);
	message_free(reply);
	return ret;
}

/* One peer that fails is no reason to stop; only accepting is. */
static int serve_one(struct listener *l, SSL_CTX *ctx, struct clients *clients,
		     const char *dir, struct error *e)
{
	struct channel *ch;
	int fd = listener_accept(l, e), ret;

	if (fd < 0)
		return fd;
	ret = channel_open(fd, 1, ctx, is_client, clients, MESSAGE_MS, &ch, e);
	if (!ret)
		ret = converse(dir, ch, e);
	if (ret)
		log_warn("%s", e->text);
	channel_close(ch);
	return 0;
}

static int serve(const struct options *o, const char *endpoint, SSL_CTX *ctx,
		 struct clients *clients, struct error *e)
{
	struct listener *l;
	int ret = endpoint_listen(endpoint, &l, e);

	if (ret)
		return ret;
	ret = process_drop(o->user, e);
	if (!ret) {
		log_info("listening on %s", listener_name(l));
		notify_manager("READY=1");
	}
	while (!ret && !process_stop)
		ret = serve_one(l, ctx, clients, o->dir, e);
	notify_manager("STOPPING=1");
	listener_close(l);
	return process_stop ? 0 : ret;
}

/* What will be needed is looked at before anybody waits for it. */
static int check(const struct options *o, SSL_CTX **ctx, struct error *e)
{
	struct custody_tpm t;
	struct kms k;
	int ret = kms_open(o->dir, &k, e);

	if (ret)
		return ret;
	ret = audit_each(&k, NULL, NULL, e);
	if (!ret)
		ret = tls_open(&k, ctx, e);
	if (!ret)
		ret = kms_tpm(&k, &t, e);
	if (!ret)
		custody_tpm_close(&t);
	kms_close(&k);
	return ret;
}

int cmd_serve(const struct options *o, int argc, char **argv, struct error *e)
{
	struct clients clients = { .count = 0 };
	SSL_CTX *ctx = NULL;
	int ret = 0;

	(void)argc;
	while (!ret && o->clients[clients.count]) {
		ret = pki_read_cert(o->clients[clients.count],
				    &clients.cert[clients.count], e);
		clients.count += !ret;
	}
	if (!ret)
		ret = check(o, &ctx, e);
	process_on_stop();
	if (!ret)
		ret = serve(o, argv[0], ctx, &clients, e);
	while (clients.count)
		X509_free(clients.cert[--clients.count]);
	SSL_CTX_free(ctx);
	return ret;
}
