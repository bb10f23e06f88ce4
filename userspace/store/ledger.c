// SPDX-License-Identifier: MIT
/* The ledger of transactions and the log of administration: both only grow. */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

static int read_entry(sqlite3_stmt *st, struct store_entry *out)
{
	int r;

	memset(out, 0, sizeof(*out));
	out->row = sqlite3_column_int64(st, 0);
	out->time = sqlite3_column_int64(st, 1);
	store_get_text(st, 4, out->fingerprint, sizeof(out->fingerprint));
	out->payload = sqlite3_column_blob(st, 5);
	out->payload_len = sqlite3_column_bytes(st, 5);
	r = store_get_blob(st, 2, out->uid, sizeof(out->uid));
	return r ? r : store_get_blob(st, 3, out->id, sizeof(out->id));
}

/* 1: this id is booked, and @entry has its row; 0: it is new */
static int find_booked(struct store *s, struct store_entry *entry,
		       struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_BOOKED, e);
	struct store_entry old;
	int r;

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, entry->uid, sizeof(entry->uid));
	store_bind_blob(st, 2, entry->id, sizeof(entry->id));
	r = store_next(s, st, "read", e);
	if (r != 1)
		return r;
	r = read_entry(st, &old);
	if (!r && (old.payload_len != entry->payload_len ||
		   (old.payload_len &&
		    memcmp(old.payload, entry->payload, old.payload_len))))
		r = error_set(e, EEXIST,
			      "the transaction id was used before with another "
			      "payload (row %lld)",
			      (long long)old.row);
	entry->row = old.row;
	entry->time = old.time;
	sqlite3_reset(st);
	return r ? r : 1;
}

static int insert(struct store *s, struct store_entry *entry, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_BOOK, e);
	int r;

	if (!st)
		return -EIO;
	entry->time = store_now();
	sqlite3_bind_int64(st, 1, entry->time);
	store_bind_blob(st, 2, entry->uid, sizeof(entry->uid));
	store_bind_blob(st, 3, entry->id, sizeof(entry->id));
	store_bind_text(st, 4, entry->fingerprint);
	store_bind_blob(st, 5, entry->payload, entry->payload_len);
	r = store_run(s, st, "book into", e);
	if (!r)
		entry->row = sqlite3_last_insert_rowid(s->db);
	return r;
}

static int book_locked(struct store *s, struct store_entry *entry,
		       int *replayed, struct error *e)
{
	int r = find_booked(s, entry, e);

	*replayed = r == 1;
	return r ? (r < 0 ? r : 0) : insert(s, entry, e);
}

int store_book(struct store *s, struct store_entry *entry, int *replayed,
	       struct error *e)
{
	int r;

	if (s->in_transaction)
		return book_locked(s, entry, replayed, e);
	r = store_begin(s, e);
	if (r)
		return r;
	r = book_locked(s, entry, replayed, e);
	if (!r)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

int store_ledger(struct store *s, const uint8_t *uid, int64_t after,
		 store_entry_fn fn, void *arg, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, uid ? Q_LEDGER_OF : Q_LEDGER, e);
	struct store_entry entry;
	int r = 0;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, after);
	if (uid)
		store_bind_blob(st, 2, uid, STORE_UID_SIZE);
	while (store_row(s, st, &r, e))
		r = read_entry(st, &entry) ?: fn(arg, &entry);
	return r;
}

int store_audit_add(struct store *s, const struct store_audit *a,
		    struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_AUDIT_ADD, e);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, store_now());
	store_bind_text(st, 2, a->actor);
	store_bind_text(st, 3, a->action);
	store_bind_text(st, 4, a->object);
	store_bind_text(st, 5, a->detail);
	return store_run(s, st, "write the audit log of", e);
}

int store_audits(struct store *s, store_audit_fn fn, void *arg, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_AUDITS, e);
	struct store_audit a;
	int r = 0;

	if (!st)
		return -EIO;
	while (store_row(s, st, &r, e)) {
		a.row = sqlite3_column_int64(st, 0);
		a.time = sqlite3_column_int64(st, 1);
		a.actor = (const char *)sqlite3_column_text(st, 2);
		a.action = (const char *)sqlite3_column_text(st, 3);
		a.object = (const char *)sqlite3_column_text(st, 4);
		a.detail = (const char *)sqlite3_column_text(st, 5);
		r = fn(arg, &a);
	}
	return r;
}
