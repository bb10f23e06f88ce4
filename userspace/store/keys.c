// SPDX-License-Identifier: MIT
/* Cryptograms, key versions, transaction keys, resets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"
#include "store/keys.h"

int store_cryptogram_add(struct store *s, const uint8_t uid[STORE_UID_SIZE],
			 const uint8_t *cms, size_t len, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_CRYPTOGRAM_ADD, e);

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	sqlite3_bind_int64(st, 2, store_now());
	store_bind_blob(st, 3, cms, len);
	return store_run(s, st, "add a cryptogram to", e);
}

/* The one blob of @uid, in malloc()ed memory; *@out NULL when there is none. */
static int get_blob(struct store *s, enum store_query q, const uint8_t *uid,
		    uint8_t **out, size_t *len, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, q, e);
	int r;

	*out = NULL;
	if (!st)
		return -EIO;
	store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	r = store_next(s, st, "read", e);
	if (r <= 0)
		return r;
	*len = (size_t)sqlite3_column_bytes(st, 0);
	*out = malloc(*len + 1);
	if (*out)
		memcpy(*out, sqlite3_column_blob(st, 0), *len);
	sqlite3_reset(st);
	return *out ? 0 : error_set(e, ENOMEM, "out of memory");
}

int store_cryptogram(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		     uint8_t **cms, size_t *len, struct error *e)
{
	int r = get_blob(s, Q_CRYPTOGRAM, uid, cms, len, e);

	return r || *cms ? r :
			   error_set(e, ENOENT,
				     "no cryptogram is stored for the module: "
				     "its keys were not issued here");
}

int store_identity_set(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		       const uint8_t *der, size_t len, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_IDENTITY_SET, e);

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	store_bind_blob(st, 2, der, len);
	return store_run(s, st, "add an identity certificate to", e);
}

int store_identity(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		   uint8_t **der, size_t *len, struct error *e)
{
	int r = get_blob(s, Q_IDENTITY, uid, der, len, e);

	return r || *der ? r :
			   error_set(e, ENOENT,
				     "the module's identity certificate is not "
				     "known: 'module identity FILE'");
}

static int keyset_seen(struct store *s, const uint8_t *uid,
		       const struct store_keyset *k, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_KEYSET_SEEN, e);

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	sqlite3_bind_int(st, 2, k->kvn);
	store_bind_blob(st, 3, k->kcv, sizeof(k->kcv));
	sqlite3_bind_int64(st, 4, store_now());
	return store_run(s, st, "record a keyset in", e);
}

static int replace_keysets(struct store *s, const uint8_t *uid,
			   const struct store_keyset *keysets, size_t n,
			   struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_KEYSET_FORGET, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	r = store_run(s, st, "record keysets in", e);
	for (size_t i = 0; !r && i < n; i++)
		r = keyset_seen(s, uid, &keysets[i], e);
	return r;
}

int store_keysets_seen(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		       const struct store_keyset *keysets, size_t n,
		       struct error *e)
{
	int own = !s->in_transaction, r = own ? store_begin(s, e) : 0;

	if (r)
		return r;
	r = replace_keysets(s, uid, keysets, n, e);
	if (!own)
		return r;
	if (!r)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

int store_keysets(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		  store_keyset_fn fn, void *arg, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_KEYSETS, e);
	struct store_keyset k;
	int r = 0;

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	while (store_row(s, st, &r, e)) {
		k.kvn = sqlite3_column_int(st, 0);
		k.asked = sqlite3_column_int64(st, 2);
		r = store_get_blob(st, 1, k.kcv, sizeof(k.kcv)) ?: fn(arg, &k);
	}
	return r;
}

int store_tkey_add(struct store *s, struct store_tkey *k, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_TKEY_ADD, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, k->uid, STORE_UID_SIZE);
	sqlite3_bind_int(st, 2, k->kvn);
	sqlite3_bind_int64(st, 3, k->lifetime);
	sqlite3_bind_int64(st, 4, k->messages);
	sqlite3_bind_int64(st, 5, store_now());
	r = store_run(s, st, "record a transaction key in", e);
	k->id = (uint32_t)sqlite3_last_insert_rowid(s->db);
	return r;
}

/* The key before it is not opened with any more. */
static int replace_older(struct store *s, const struct store_tkey *k,
			 struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_TKEY_REPLACE, e);

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, k->uid, STORE_UID_SIZE);
	sqlite3_bind_int(st, 2, k->kvn);
	sqlite3_bind_int64(st, 3, k->id);
	sqlite3_bind_int64(st, 4, store_now());
	return store_run(s, st, "record a transaction key in", e);
}

int store_tkey_set(struct store *s, const struct store_tkey *k,
		   const char *state, const char *cause, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_TKEY_SET, e);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, k->id);
	store_bind_text(st, 2, state);
	store_bind_text(st, 3, cause);
	sqlite3_bind_int64(st, 4, store_now());
	r = store_run(s, st, "record a transaction key in", e);
	if (!r && !strcmp(state, "issued"))
		r = replace_older(s, k, e);
	return r;
}

int store_tkeys(struct store *s, const uint8_t *uid, store_tkey_fn fn,
		void *arg, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_TKEYS, e);
	struct store_tkey k;
	int r = 0;

	if (!st)
		return -EIO;
	if (uid)
		store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	while (store_row(s, st, &r, e)) {
		memset(&k, 0, sizeof(k));
		k.id = (uint32_t)sqlite3_column_int64(st, 0);
		store_get_text(st, 2, k.serial, sizeof(k.serial));
		k.kvn = sqlite3_column_int(st, 3);
		k.lifetime = sqlite3_column_int64(st, 4);
		k.messages = sqlite3_column_int64(st, 5);
		store_get_text(st, 6, k.state, sizeof(k.state));
		store_get_text(st, 7, k.cause, sizeof(k.cause));
		k.issued = sqlite3_column_int64(st, 8);
		k.changed = sqlite3_column_int64(st, 9);
		r = store_get_blob(st, 1, k.uid, sizeof(k.uid)) ?: fn(arg, &k);
	}
	return r;
}

int store_reset_add(struct store *s, struct store_reset *r, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_RESET_ADD, e);
	int rc;

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, r->uid, STORE_UID_SIZE);
	sqlite3_bind_int64(st, 2, r->epoch);
	store_bind_blob(st, 3, r->nonce, sizeof(r->nonce));
	store_bind_text(st, 4, r->reason);
	sqlite3_bind_int64(st, 5, store_now());
	rc = store_run(s, st, "record a reset in", e);
	r->entry = sqlite3_last_insert_rowid(s->db);
	return rc;
}

int store_reset_set(struct store *s, const struct store_reset *r,
		    const char *state, const char *cause, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_RESET_SET, e);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, r->entry);
	store_bind_text(st, 2, state);
	store_bind_text(st, 3, cause);
	store_bind_blob(st, 4, r->proof ? (const void *)r->proof : "",
			r->proof_len);
	sqlite3_bind_int64(st, 5, store_now());
	return store_run(s, st, "record a reset in", e);
}

static int read_reset(sqlite3_stmt *st, struct store_reset *r)
{
	memset(r, 0, sizeof(*r));
	r->entry = sqlite3_column_int64(st, 0);
	store_get_text(st, 2, r->serial, sizeof(r->serial));
	r->epoch = sqlite3_column_int64(st, 3);
	store_get_text(st, 5, r->reason, sizeof(r->reason));
	r->ordered = sqlite3_column_int64(st, 6);
	store_get_text(st, 7, r->state, sizeof(r->state));
	store_get_text(st, 8, r->cause, sizeof(r->cause));
	r->proof = sqlite3_column_blob(st, 9);
	r->proof_len = (size_t)sqlite3_column_bytes(st, 9);
	r->changed = sqlite3_column_int64(st, 10);
	return store_get_blob(st, 1, r->uid, sizeof(r->uid)) ?:
		       store_get_blob(st, 4, r->nonce, sizeof(r->nonce));
}

int store_resets(struct store *s, const uint8_t *uid, store_reset_fn fn,
		 void *arg, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_RESETS, e);
	struct store_reset reset;
	int r = 0;

	if (!st)
		return -EIO;
	if (uid)
		store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	while (store_row(s, st, &r, e))
		r = read_reset(st, &reset) ?: fn(arg, &reset);
	return r;
}
