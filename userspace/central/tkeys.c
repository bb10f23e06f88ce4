// SPDX-License-Identifier: MIT
/*
 * Transaction keys: a module's agent asks for one, the key process makes it and puts it into
 * the module over SCP11a, and opens and seals transactions with it. What is here
 * is never a key.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "central/server.h"
#include "common/log.h"
#include "common/transaction.h"
#include "keyring/keyring.h"
#include "store/keys.h"

struct tkey_order {
	struct conn *conn;
	struct store_tkey key;
	struct event *answered;
	int fd;
};

static void answer(struct conn *c, const struct store_tkey *k, int status,
		   const char *text)
{
	struct message *m = message_new(MSG_KEY_ANSWER);
	char cut[200];

	if (!m)
		return;
	snprintf(cut, sizeof(cut), "%s", text);
	m->u.key_answer->kvn = (uint64_t)k->kvn;
	m->u.key_answer->status = (uint64_t)status;
	m->u.key_answer->id = k->id;
	m->u.key_answer->lifetime = (uint64_t)k->lifetime;
	m->u.key_answer->messages = (uint64_t)k->messages;
	if (!wire_set_text(m->u.key_answer->text, cut))
		stream_send(c->stream, m);
	message_free(m);
}

static void order_free(struct tkey_order *o)
{
	o->conn->order = NULL;
	if (o->answered)
		event_free(o->answered);
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

static void conclude(struct tkey_order *o, int r, const char *text)
{
	struct store *store = o->conn->server->admission.store;
	struct error e;

	if (store_tkey_set(store, &o->key, r ? "failed" : "issued",
			   r ? text : "", &e))
		log_warn("%s", e.text);
	if (r)
		log_warn("module %s: transaction key %u: %s",
			 o->conn->member.serial, o->key.id, text);
	else
		log_info("module %s: transaction key %u, version %02x, for "
			 "%lld s and %lld messages",
			 o->conn->member.serial, o->key.id, o->key.kvn,
			 (long long)o->key.lifetime,
			 (long long)o->key.messages);
	answer(o->conn, &o->key, r ? -r : 0, r ? text : "");
	order_free(o);
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	static struct session_answer a;
	struct tkey_order *o = arg;

	(void)what;
	if (recv(fd, &a, sizeof(a), MSG_DONTWAIT) != sizeof(a))
		conclude(o, -EPIPE, "the key process has given up");
	else
		conclude(o, a.status, a.status ? a.e.text : "");
}

static int begin(struct tkey_order *o, struct error *e)
{
	struct server *s = o->conn->server;
	struct session_request q = { .kind = SESSION_KEY,
				     .kvn = (uint8_t)o->key.kvn };
	int r = store_tkey_add(s->admission.store, &o->key, e);

	if (r)
		return r;
	o->fd = session_start(o->conn, e);
	if (o->fd < 0)
		return o->fd;
	q.id = o->key.id;
	q.lifetime = (uint32_t)o->key.lifetime;
	q.messages = (uint64_t)o->key.messages;
	o->answered = event_new(s->base, o->fd, EV_READ, on_answer, o);
	if (!o->answered || event_add(o->answered, NULL) ||
	    send(o->fd, &q, sizeof(q), MSG_NOSIGNAL) != sizeof(q))
		return error_set(e, ENOMEM, "out of memory");
	return 0;
}

void tkeys_request(struct conn *c, const struct message *m)
{
	const struct options *opt = c->server->options;
	struct tkey_order *o;
	struct error e;
	int r;

	if (c->order)
		return; /* its answer is under way */
	o = calloc(1, sizeof(*o));
	if (!o)
		return;
	o->conn = c;
	o->fd = -1;
	c->order = o;
	memcpy(o->key.uid, c->member.uid, sizeof(o->key.uid));
	o->key.kvn = (int)m->u.key_request->kvn;
	o->key.lifetime = opt->key_lifetime_s;
	o->key.messages = opt->key_messages;
	r = begin(o, &e);
	if (r)
		conclude(o, r, e.text);
}

void tkeys_forget(struct conn *c)
{
	struct error e;

	if (!c->order)
		return;
	store_tkey_set(c->server->admission.store, &c->order->key, "failed",
		       "the connection ended", &e);
	order_free(c->order);
}

static struct message *make_transaction(const ASN1_OCTET_STRING *id,
					const uint8_t *text, size_t len)
{
	struct message *m = message_new(MSG_TRANSACTION);

	if (m &&
	    (wire_set_octets(m->u.transaction->id, ASN1_STRING_get0_data(id),
			     ASN1_STRING_length(id)) ||
	     wire_set_octets(m->u.transaction->payload, text, len))) {
		message_free(m);
		return NULL;
	}
	return m;
}

/* What it was sealed with is gone: the agent gets a new key and seals it again. */
static void ask_again(struct conn *c, const ASN1_OCTET_STRING *id,
		      const char *why)
{
	struct message *request = make_transaction(id, NULL, 0);
	struct message *reply =
		request ? transaction_reply(request, TRANSACTION_KEY, 0, why) :
			  NULL;

	if (reply)
		stream_send(c->stream, reply);
	message_free(reply);
	message_free(request);
}

void tkeys_open(struct conn *c, const struct message *m)
{
	const struct wire_sealed_transaction *t = m->u.sealed_transaction;
	const uint8_t *sealed = ASN1_STRING_get0_data(t->sealed), *text;
	size_t len = (size_t)ASN1_STRING_length(t->sealed);
	struct message *plain;
	struct error e;
	size_t text_len;
	int r = keyproc_open(c->member.uid, ASN1_STRING_get0_data(t->id),
			     sealed, len, &text, &text_len, &e);

	if (r == -ENOKEY || r == -EKEYEXPIRED) {
		ask_again(c, t->id, e.text);
		return;
	}
	if (r) {
		conn_refuse(c, -r, e.text);
		return;
	}
	plain = make_transaction(t->id, text, text_len);
	if (plain)
		book_add(c, plain, keyring_id(sealed, len));
	else
		conn_refuse(c, EAGAIN, "out of memory, try again");
}

void tkeys_reply(struct conn *c, uint32_t id, const struct message *reply)
{
	const ASN1_OCTET_STRING *tid = reply->u.transaction_reply->id;
	struct message *m = message_new(MSG_SEALED_REPLY);
	unsigned char *der = NULL;
	const uint8_t *sealed;
	struct error e = { "out of memory" };
	size_t sealed_len;
	int len = message_encode(reply, &der), r = -ENOMEM;

	if (m && len > 0)
		r = keyproc_seal(id, ASN1_STRING_get0_data(tid), der,
				 (size_t)len, &sealed, &sealed_len, &e);
	if (!r)
		r = wire_set_octets(m->u.sealed_reply->id,
				    ASN1_STRING_get0_data(tid),
				    ASN1_STRING_length(tid)) ||
		    wire_set_octets(m->u.sealed_reply->sealed, sealed,
				    sealed_len);
	/* booked it is: the agent asks again under another key, and is told the row */
	if (r)
		log_warn("module %s: %s", c->member.serial, e.text);
	else
		stream_send(c->stream, m);
	OPENSSL_free(der);
	message_free(m);
}
