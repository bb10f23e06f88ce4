/* SPDX-License-Identifier: MIT */
/* What the files of the store share: the statement table and binding by type. */
#ifndef SECMOD_STORE_INTERNAL_H
#define SECMOD_STORE_INTERNAL_H

#include <stdio.h>

#include <sqlite3.h>

#include "store/store.h"

enum store_query {
	Q_BEGIN,
	Q_COMMIT,
	Q_ROLLBACK,
	Q_VERSION,
	Q_SIGNER_ADD,
	Q_SIGNER_DER,
	Q_SIGNER_FIND,
	Q_SIGNER_SWITCH,
	Q_SIGNERS,
	Q_MODULE_ADD,
	Q_MODULE_FIND_UID,
	Q_MODULE_FIND_SERIAL,
	Q_MODULE_SWITCH,
	Q_MODULE_SEEN,
	Q_MODULES,
	Q_CERT_ADD,
	Q_CERT_DER,
	Q_CERT_DISABLE,
	Q_CERT_ENABLE,
	Q_STANDING,
	Q_BOOK,
	Q_BOOKED,
	Q_LEDGER,
	Q_LEDGER_OF,
	Q_AUDIT_ADD,
	Q_AUDITS,
	Q_CRYPTOGRAM_ADD,
	Q_CRYPTOGRAM,
	Q_KEYSET_SEEN,
	Q_KEYSET_FORGET,
	Q_KEYSETS,
	Q_CAMPAIGN_START,
	Q_CAMPAIGN_PLAN,
	Q_CAMPAIGN_FIND,
	Q_CAMPAIGN_LAST,
	Q_CAMPAIGN_STEP,
	Q_CAMPAIGN_MODULES,
	Q_CAMPAIGN_END,
	Q_TKEY_ADD,
	Q_TKEY_SET,
	Q_TKEY_REPLACE,
	Q_TKEYS,
	Q_RESET_ADD,
	Q_RESET_SET,
	Q_RESETS,
	Q_IDENTITY_SET,
	Q_IDENTITY,
	Q_COUNT
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *q[Q_COUNT];
	int in_transaction;
	char path[512];
};

/* store.c */
/* The database's own words about "cannot @doing '<path>'" */
int store_failed(struct store *s, const char *doing, struct error *e);
/* A prepared statement, reset and without bindings. NULL with a text. */
sqlite3_stmt *store_stmt(struct store *s, enum store_query q, struct error *e);
/* Runs a statement that gives no rows, resets it. */
int store_run(struct store *s, sqlite3_stmt *st, const char *doing,
	      struct error *e);
/* Next row: 1, end: 0 (reset), or -errno (reset). */
int store_next(struct store *s, sqlite3_stmt *st, const char *doing,
	       struct error *e);
/* Next row, as long as *@r is 0: 1. Else 0, reset, and *@r is how it ended. */
int store_row(struct store *s, sqlite3_stmt *st, int *r, struct error *e);
void store_bind_blob(sqlite3_stmt *st, int at, const void *data, size_t len);
void store_bind_text(sqlite3_stmt *st, int at, const char *text);
/* Copies a column, cut to fit and terminated. */
void store_get_text(sqlite3_stmt *st, int col, char *out, size_t size);
int store_get_blob(sqlite3_stmt *st, int col, void *out, size_t size);
/* enabled, reason, changed from @col on */
void store_get_switch(sqlite3_stmt *st, int col, struct store_switch *sw);
int64_t store_now(void);

/* schema.c */
int store_migrate(struct store *s, struct error *e);

#endif
