// SPDX-License-Identifier: MIT
/* Booking: one commit for all transactions of a turn of the event loop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "central/server.h"
#include "common/log.h"
#include "common/transaction.h"

#define BATCH_MAX 512

static void fill_entry(struct store_entry *entry, const struct booking *b)
{
	const struct wire_transaction *t = b->request->u.transaction;
	const struct member *who = &b->conn->member;

	memset(entry, 0, sizeof(*entry));
	memcpy(entry->uid, who->uid, sizeof(entry->uid));
	memcpy(entry->fingerprint, who->fingerprint,
	       sizeof(entry->fingerprint));
	memcpy(entry->id, ASN1_STRING_get0_data(t->id), sizeof(entry->id));
	entry->payload = ASN1_STRING_get0_data(t->payload);
	entry->payload_len = ASN1_STRING_length(t->payload);
}

/* -errno only when the store failed: then nothing of the batch is booked. */
static int book_one(struct server *s, struct booking *b, struct error *e)
{
	struct store *store = s->admission.store;
	struct store_entry entry;
	int replayed, r;

	if (!b->conn)
		return 0;
	/*
	 * Inside the write transaction: once "module disable" has returned,
	 * nothing of that module is booked any more.
	 */
	r = admit_still(store, &b->conn->member, time(NULL), e);
	if (store_trouble(r))
		return r;
	if (r) {
		conn_refuse(b->conn, -r, e->text);
		return 0;
	}
	fill_entry(&entry, b);
	r = store_book(store, &entry, &replayed, e);
	if (r == -EEXIST) {
		log_warn("module %s: %s", b->conn->member.serial, e->text);
		b->reply = transaction_reply(b->request, TRANSACTION_CONFLICT,
					     entry.row, e->text);
		return 0;
	}
	if (r)
		return r;
	log_debug("module %s: row %lld%s", b->conn->member.serial,
		  (long long)entry.row, replayed ? " (again)" : "");
	b->reply = transaction_reply(b->request, TRANSACTION_BOOKED, entry.row,
				     "");
	return 0;
}

static int book_all(struct server *s, struct error *e)
{
	struct store *store = s->admission.store;
	struct booking *b;
	int r = store_begin(store, e);

	if (r)
		return r;
	STAILQ_FOREACH(b, &s->batch, link)
	{
		r = book_one(s, b, e);
		if (r) {
			store_rollback(store);
			return r;
		}
	}
	return store_commit(store, e);
}

static void finish(struct booking *b, const struct error *failed)
{
	if (b->conn && failed)
		conn_refuse(b->conn, EAGAIN,
			    "the ledger cannot be written now, try again");
	else if (b->conn && b->reply && b->sealed)
		tkeys_reply(b->conn, b->sealed, b->reply);
	else if (b->conn && b->reply)
		stream_send(b->conn->stream, b->reply);
	message_free(b->request);
	message_free(b->reply);
	free(b);
}

void book_flush(struct server *s)
{
	struct error e, *failed = NULL;
	struct booking *b;

	if (STAILQ_EMPTY(&s->batch))
		return;
	if (book_all(s, &e)) {
		log_warn("nothing booked: %s", e.text);
		failed = &e;
	}
	while ((b = STAILQ_FIRST(&s->batch))) {
		STAILQ_REMOVE_HEAD(&s->batch, link);
		s->n_batch--;
		finish(b, failed);
	}
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	book_flush(arg);
}

int book_init(struct server *s, struct error *e)
{
	STAILQ_INIT(&s->batch);
	s->turn = event_new(s->base, -1, 0, on_turn, s);
	return s->turn ? 0 : error_set(e, ENOMEM, "out of memory");
}

void book_add(struct conn *c, struct message *m, uint32_t sealed)
{
	struct booking *b = calloc(1, sizeof(*b));
	struct server *s = c->server;

	if (!b) {
		message_free(m);
		conn_refuse(c, EAGAIN, "out of memory, try again");
		return;
	}
	b->conn = c;
	b->request = m;
	b->sealed = sealed;
	STAILQ_INSERT_TAIL(&s->batch, b, link);
	/* runs behind the events that are ready already: they join the batch */
	if (++s->n_batch == 1)
		event_active(s->turn, 0, 0);
	if (s->n_batch >= BATCH_MAX)
		book_flush(s);
}

void book_forget(struct conn *c)
{
	struct booking *b;

	STAILQ_FOREACH(b, &c->server->batch, link)
	if (b->conn == c)
		b->conn = NULL;
}
