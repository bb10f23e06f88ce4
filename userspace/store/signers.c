// SPDX-License-Identifier: MIT
/* Signers: the personalization units whose certificates the central system takes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

int store_signer_add(struct store *s, const struct store_signer *signer,
		     const uint8_t *der, size_t der_len, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_SIGNER_ADD, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_text(st, 1, signer->fingerprint);
	store_bind_text(st, 2, signer->name);
	store_bind_blob(st, 3, der, der_len);
	sqlite3_bind_int64(st, 4, store_now());
	r = store_run(s, st, "add a signer to", e);
	if (r == -EIO &&
	    sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_PRIMARYKEY)
		return error_set(e, EEXIST,
				 "signer %.16s is registered already",
				 signer->fingerprint);
	return r;
}

int store_signer_der(struct store *s, const char *fingerprint, uint8_t **der,
		     size_t *der_len, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_SIGNER_DER, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_text(st, 1, fingerprint);
	r = store_next(s, st, "read", e);
	if (r == 0)
		return error_set(e, ENOENT, "signer %.16s is not registered",
				 fingerprint);
	if (r < 0)
		return r;
	*der_len = sqlite3_column_bytes(st, 0);
	*der = malloc(*der_len);
	if (*der)
		memcpy(*der, sqlite3_column_blob(st, 0), *der_len);
	sqlite3_reset(st);
	return *der ? 0 : error_set(e, ENOMEM, "out of memory");
}

static void read_signer(sqlite3_stmt *st, struct store_signer *out)
{
	memset(out, 0, sizeof(*out));
	store_get_text(st, 0, out->fingerprint, sizeof(out->fingerprint));
	store_get_text(st, 1, out->name, sizeof(out->name));
	store_get_switch(st, 2, &out->sw);
	out->added = sqlite3_column_int64(st, 5);
}

int store_signer_find(struct store *s, const char *which,
		      struct store_signer *out, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_SIGNER_FIND, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_text(st, 1, which);
	r = store_next(s, st, "read", e);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(e, ENOENT,
				 "no signer '%s'; 'signer list' shows them",
				 which);
	read_signer(st, out);
	r = store_next(s, st, "read", e);
	sqlite3_reset(st);
	if (r == 1)
		return error_set(e, ENOTUNIQ,
				 "several signers match '%s'; give more of "
				 "the fingerprint",
				 which);
	return r;
}

int store_signer_switch(struct store *s, const char *fingerprint, int enabled,
			const char *reason, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_SIGNER_SWITCH, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_text(st, 1, fingerprint);
	sqlite3_bind_int(st, 2, enabled);
	store_bind_text(st, 3, reason);
	sqlite3_bind_int64(st, 4, store_now());
	r = store_run(s, st, "change a signer in", e);
	if (!r && !sqlite3_changes(s->db))
		return error_set(e, ENOENT, "signer %.16s is not registered",
				 fingerprint);
	return r;
}

int store_signers(struct store *s, store_signer_fn fn, void *arg,
		  struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_SIGNERS, e);
	struct store_signer signer;
	int r = 0;

	if (!st)
		return -EIO;
	while (store_row(s, st, &r, e)) {
		read_signer(st, &signer);
		r = fn(arg, &signer);
	}
	return r;
}
