// SPDX-License-Identifier: MIT
/*
 * The tables of the store and how an older file becomes a newer one: each step is
 * one transaction that ends with the new user_version. Steps are never changed,
 * only added.
 */
#include <errno.h>

#include "store/internal.h"

#define APPLICATION_ID 0x5ec0d001 /* file(1) and we know our files by it */

static const char *const steps[] = {
	/* 1 */
	"CREATE TABLE signers ("
	" fingerprint TEXT PRIMARY KEY CHECK (length(fingerprint) = 64),"
	" name TEXT NOT NULL,"
	" der BLOB NOT NULL,"
	" enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),"
	" reason TEXT NOT NULL,"
	" changed INTEGER NOT NULL,"
	" added INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

	"CREATE TABLE modules ("
	" uid BLOB PRIMARY KEY CHECK (length(uid) = 16),"
	" serial TEXT NOT NULL,"
	" enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),"
	" reason TEXT NOT NULL,"
	" changed INTEGER NOT NULL,"
	" added INTEGER NOT NULL,"
	" fingerprint TEXT NOT NULL DEFAULT '',"
	" epoch INTEGER NOT NULL DEFAULT 0,"
	" first_seen INTEGER NOT NULL DEFAULT 0,"
	" last_seen INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
	"CREATE INDEX modules_serial ON modules (serial);"

	/* every certificate a module came with, for the records */
	"CREATE TABLE certificates ("
	" fingerprint TEXT PRIMARY KEY CHECK (length(fingerprint) = 64),"
	" uid BLOB NOT NULL REFERENCES modules (uid),"
	" signer TEXT NOT NULL REFERENCES signers (fingerprint),"
	" epoch INTEGER NOT NULL,"
	" der BLOB NOT NULL,"
	" first_seen INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

	/* apart from certificates: one may be disabled before it is seen */
	"CREATE TABLE disabled_certificates ("
	" fingerprint TEXT PRIMARY KEY CHECK (length(fingerprint) = 64),"
	" reason TEXT NOT NULL,"
	" changed INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

	"CREATE TABLE ledger ("
	" entry INTEGER PRIMARY KEY AUTOINCREMENT,"
	" time INTEGER NOT NULL,"
	" uid BLOB NOT NULL REFERENCES modules (uid),"
	" id BLOB NOT NULL CHECK (length(id) = 16),"
	" fingerprint TEXT NOT NULL REFERENCES certificates (fingerprint),"
	" payload BLOB NOT NULL,"
	" UNIQUE (uid, id)) STRICT;"

	"CREATE TABLE audit ("
	" entry INTEGER PRIMARY KEY AUTOINCREMENT,"
	" time INTEGER NOT NULL,"
	" actor TEXT NOT NULL,"
	" action TEXT NOT NULL,"
	" object TEXT NOT NULL,"
	" detail TEXT NOT NULL) STRICT;"

	/* what is booked stays as it was booked */
	"CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger"
	" BEGIN SELECT RAISE (ABORT, 'the ledger only grows'); END;"
	"CREATE TRIGGER ledger_delete BEFORE DELETE ON ledger"
	" BEGIN SELECT RAISE (ABORT, 'the ledger only grows'); END;"
	"CREATE TRIGGER audit_update BEFORE UPDATE ON audit"
	" BEGIN SELECT RAISE (ABORT, 'the audit log only grows'); END;"
	"CREATE TRIGGER audit_delete BEFORE DELETE ON audit"
	" BEGIN SELECT RAISE (ABORT, 'the audit log only grows'); END;",

	/* 2: the access server: keysets of modules, campaigns, resets */
	"CREATE TABLE cryptograms ("
	" entry INTEGER PRIMARY KEY AUTOINCREMENT,"
	" uid BLOB NOT NULL REFERENCES modules (uid),"
	" time INTEGER NOT NULL,"
	" cms BLOB NOT NULL) STRICT;"
	"CREATE INDEX cryptograms_uid ON cryptograms (uid);"

	/* as the module said when it was last asked */
	"CREATE TABLE keysets ("
	" uid BLOB NOT NULL REFERENCES modules (uid),"
	" kvn INTEGER NOT NULL,"
	" kcv BLOB NOT NULL,"
	" asked INTEGER NOT NULL,"
	" PRIMARY KEY (uid, kvn)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE campaigns ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" kvn INTEGER NOT NULL,"
	" version INTEGER NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('running', 'done', 'aborted')),"
	" reason TEXT NOT NULL,"
	" started INTEGER NOT NULL,"
	" ended INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX campaigns_running ON campaigns (state)"
	" WHERE state = 'running';"

	"CREATE TABLE campaign_modules ("
	" campaign INTEGER NOT NULL REFERENCES campaigns (id),"
	" uid BLOB NOT NULL REFERENCES modules (uid),"
	" step TEXT NOT NULL CHECK (step IN"
	"  ('planned', 'begun', 'done', 'failed', 'skipped')),"
	" cause TEXT NOT NULL,"
	" tries INTEGER NOT NULL,"
	" changed INTEGER NOT NULL,"
	" PRIMARY KEY (campaign, uid)) STRICT, WITHOUT ROWID;"

	/* the keys themselves are nowhere on a disk */
	"CREATE TABLE transaction_keys ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id < 4294967296),"
	" uid BLOB NOT NULL REFERENCES modules (uid),"
	" kvn INTEGER NOT NULL,"
	" lifetime INTEGER NOT NULL,"
	" messages INTEGER NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN"
	"  ('ordered', 'issued', 'replaced', 'revoked', 'failed')),"
	" cause TEXT NOT NULL,"
	" issued INTEGER NOT NULL,"
	" changed INTEGER NOT NULL) STRICT;"
	"CREATE INDEX transaction_keys_uid ON transaction_keys (uid);"

	"CREATE TABLE resets ("
	" entry INTEGER PRIMARY KEY AUTOINCREMENT,"
	" uid BLOB NOT NULL REFERENCES modules (uid),"
	" epoch INTEGER NOT NULL,"
	" nonce BLOB NOT NULL CHECK (length(nonce) = 32),"
	" reason TEXT NOT NULL,"
	" ordered INTEGER NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN"
	"  ('ordered', 'sent', 'proved', 'failed')),"
	" cause TEXT NOT NULL,"
	" proof BLOB NOT NULL,"
	" changed INTEGER NOT NULL) STRICT;"
	/* what proves an erasure stays */
	"CREATE TRIGGER resets_update BEFORE UPDATE ON resets"
	" WHEN old.state = 'proved'"
	" BEGIN SELECT RAISE (ABORT, 'a proof stays as it is'); END;"
	"CREATE TRIGGER resets_delete BEFORE DELETE ON resets"
	" BEGIN SELECT RAISE (ABORT, 'resets are only added'); END;",

	/* 3: what a proof of erasure is checked with */
	"CREATE TABLE identities ("
	" uid BLOB PRIMARY KEY REFERENCES modules (uid),"
	" der BLOB NOT NULL) STRICT, WITHOUT ROWID;",
};

#define VERSION ((int)(sizeof(steps) / sizeof(steps[0])))

static int pragma(struct store *s, const char *sql, int *value, struct error *e)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) ||
	    sqlite3_step(q) != SQLITE_ROW) {
		int r = store_failed(s, "read the version of", e);

		sqlite3_finalize(q);
		return r;
	}
	*value = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return 0;
}

static int apply(struct store *s, int version, struct error *e)
{
	char sql[80];

	snprintf(sql, sizeof(sql),
		 "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 APPLICATION_ID, version + 1);
	if (sqlite3_exec(s->db, steps[version], NULL, NULL, NULL) ||
	    sqlite3_exec(s->db, sql, NULL, NULL, NULL))
		return store_failed(s, "make the tables of", e);
	return 0;
}

static int read_version(struct store *s, int *version, struct error *e)
{
	int id, r = pragma(s, "PRAGMA application_id", &id, e);

	if (!r)
		r = pragma(s, "PRAGMA user_version", version, e);
	if (r)
		return r;
	if (*version && id != APPLICATION_ID)
		return error_set(e, EINVAL,
				 "'%s' is a database of another program; name "
				 "the central system's directory",
				 s->path);
	if (*version > VERSION)
		return error_set(e, EPROTONOSUPPORT,
				 "'%s' has version %d, made by a newer release "
				 "(this one knows up to %d); use that release",
				 s->path, *version, VERSION);
	return 0;
}

/* Reads it again inside the write lock: two processes may start at once. */
static int migrate_locked(struct store *s, struct error *e)
{
	int version, r = read_version(s, &version, e);

	for (; !r && version < VERSION; version++)
		r = apply(s, version, e);
	return r;
}

int store_migrate(struct store *s, struct error *e)
{
	int version, r = read_version(s, &version, e);

	if (r || version == VERSION)
		return r;
	r = store_begin(s, e);
	if (r)
		return r;
	r = migrate_locked(s, e);
	if (r) {
		store_rollback(s);
		return r;
	}
	return store_commit(s, e);
}
