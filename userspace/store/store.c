// SPDX-License-Identifier: MIT
/* Opens the database, prepares statements, begins and commits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/internal.h"

#define BUSY_MS 5000

#define SIGNER_COLUMNS "fingerprint, name, enabled, reason, changed, added"
#define MODULE_COLUMNS                                               \
	"uid, serial, enabled, reason, changed, added, fingerprint," \
	" epoch, first_seen, last_seen"
#define CAMPAIGN_COLUMNS "id, kvn, version, state, reason, started, ended"
#define ENTRY_COLUMNS "entry, time, uid, id, fingerprint, payload"

static const char *const sql[Q_COUNT] = {
	[Q_BEGIN] = "BEGIN IMMEDIATE",
	[Q_COMMIT] = "COMMIT",
	[Q_ROLLBACK] = "ROLLBACK",
	[Q_VERSION] = "PRAGMA data_version",
	[Q_SIGNER_ADD] = "INSERT INTO signers VALUES (?1,?2,?3,1,'',?4,?4)",
	[Q_SIGNER_DER] = "SELECT der FROM signers WHERE fingerprint = ?1",
	[Q_SIGNER_FIND] =
		"SELECT " SIGNER_COLUMNS " FROM signers WHERE name = ?1"
		" OR (length(?1) >= 8"
		" AND substr(fingerprint, 1, length(?1)) = lower(?1)) LIMIT 2",
	[Q_SIGNER_SWITCH] = "UPDATE signers SET enabled = ?2, reason = ?3,"
			    " changed = ?4 WHERE fingerprint = ?1",
	[Q_SIGNERS] = "SELECT " SIGNER_COLUMNS " FROM signers ORDER BY added",
	[Q_MODULE_ADD] = "INSERT INTO modules (uid, serial, enabled, reason,"
			 " changed, added) VALUES (?1,?2,1,'',?3,?3)",
	[Q_MODULE_FIND_UID] = "SELECT " MODULE_COLUMNS
			      " FROM modules WHERE uid = ?1",
	[Q_MODULE_FIND_SERIAL] = "SELECT " MODULE_COLUMNS
				 " FROM modules WHERE serial = ?1 LIMIT 2",
	[Q_MODULE_SWITCH] = "UPDATE modules SET enabled = ?2, reason = ?3,"
			    " changed = ?4 WHERE uid = ?1",
	[Q_MODULE_SEEN] = "UPDATE modules SET fingerprint = ?2, epoch = ?3,"
			  " last_seen = ?4,"
			  " first_seen = iif(first_seen = 0, ?4, first_seen)"
			  " WHERE uid = ?1 AND epoch <= ?3",
	[Q_MODULES] = "SELECT " MODULE_COLUMNS
		      " FROM modules ORDER BY serial, uid",
	[Q_CERT_ADD] = "INSERT INTO certificates VALUES (?1,?2,?3,?4,?5,?6)"
		       " ON CONFLICT DO NOTHING",
	[Q_CERT_DER] = "SELECT signer, der FROM certificates"
		       " WHERE fingerprint = ?1",
	[Q_CERT_DISABLE] =
		"INSERT INTO disabled_certificates VALUES (?1,?2,?3)"
		" ON CONFLICT DO UPDATE SET reason = ?2, changed = ?3",
	[Q_CERT_ENABLE] =
		"DELETE FROM disabled_certificates WHERE fingerprint = ?1",
	[Q_STANDING] =
		"SELECT s.enabled, s.reason, s.changed,"
		" m.enabled, m.reason, m.changed,"
		" d.fingerprint IS NULL, d.reason, d.changed,"
		" s.fingerprint IS NOT NULL, m.uid IS NOT NULL, m.epoch"
		" FROM (SELECT 1) "
		" LEFT JOIN signers s ON s.fingerprint = ?3"
		" LEFT JOIN modules m ON m.uid = ?1"
		" LEFT JOIN disabled_certificates d ON d.fingerprint = ?2",
	[Q_BOOK] = "INSERT INTO ledger (time, uid, id, fingerprint, payload)"
		   " VALUES (?1,?2,?3,?4,?5)",
	[Q_BOOKED] = "SELECT " ENTRY_COLUMNS
		     " FROM ledger WHERE uid = ?1 AND id = ?2",
	[Q_LEDGER] = "SELECT " ENTRY_COLUMNS
		     " FROM ledger WHERE entry > ?1 ORDER BY entry",
	[Q_LEDGER_OF] =
		"SELECT " ENTRY_COLUMNS
		" FROM ledger WHERE entry > ?1 AND uid = ?2 ORDER BY entry",
	[Q_AUDIT_ADD] = "INSERT INTO audit (time, actor, action, object,"
			" detail) VALUES (?1,?2,?3,?4,?5)",
	[Q_AUDITS] = "SELECT entry, time, actor, action, object, detail"
		     " FROM audit ORDER BY entry",
	[Q_CRYPTOGRAM_ADD] =
		"INSERT INTO cryptograms (uid, time, cms) VALUES (?1,?2,?3)",
	[Q_CRYPTOGRAM] = "SELECT cms FROM cryptograms WHERE uid = ?1"
			 " ORDER BY entry DESC LIMIT 1",
	[Q_KEYSET_FORGET] = "DELETE FROM keysets WHERE uid = ?1",
	[Q_KEYSET_SEEN] = "INSERT INTO keysets VALUES (?1,?2,?3,?4)",
	[Q_KEYSETS] = "SELECT kvn, kcv, asked FROM keysets WHERE uid = ?1"
		      " ORDER BY kvn",
	[Q_CAMPAIGN_START] = "INSERT INTO campaigns (kvn, version, state,"
			     " reason, started, ended)"
			     " VALUES (?1,?2,'running','',?3,0)",
	/* whom it cannot concern is told apart at once */
	[Q_CAMPAIGN_PLAN] =
		"INSERT INTO campaign_modules SELECT ?1, uid,"
		" iif(enabled AND uid IN (SELECT uid FROM cryptograms),"
		"  'planned', 'skipped'),"
		" iif(NOT enabled, 'disabled: ' || reason,"
		"  iif(uid IN (SELECT uid FROM cryptograms), '',"
		"   'no master key was issued')), 0, ?2 FROM modules",
	[Q_CAMPAIGN_FIND] = "SELECT " CAMPAIGN_COLUMNS
			    " FROM campaigns WHERE id = ?1",
	[Q_CAMPAIGN_LAST] = "SELECT " CAMPAIGN_COLUMNS
			    " FROM campaigns ORDER BY id DESC LIMIT 1",
	[Q_CAMPAIGN_STEP] = "UPDATE campaign_modules SET step = ?3, cause = ?4,"
			    /* begun with a cause: of a try that is over */
			    " tries = tries + (?3 = 'begun' AND ?4 = ''),"
			    " changed = ?5"
			    " WHERE campaign = ?1 AND uid = ?2",
	[Q_CAMPAIGN_MODULES] =
		"SELECT c.uid, m.serial, c.step, c.cause, c.tries, c.changed"
		" FROM campaign_modules c JOIN modules m ON m.uid = c.uid"
		" WHERE c.campaign = ?1 ORDER BY m.serial, c.uid",
	[Q_CAMPAIGN_END] = "UPDATE campaigns SET state = ?2, reason = ?3,"
			   " ended = ?4 WHERE id = ?1 AND state = 'running'",
	[Q_TKEY_ADD] =
		"INSERT INTO transaction_keys (uid, kvn, lifetime, messages,"
		" state, cause, issued, changed)"
		" VALUES (?1,?2,?3,?4,'ordered','',?5,?5)",
	[Q_TKEY_SET] = "UPDATE transaction_keys SET state = ?2, cause = ?3,"
		       " changed = ?4 WHERE id = ?1",
	[Q_TKEY_REPLACE] = "UPDATE transaction_keys SET state = 'replaced',"
			   " changed = ?4 WHERE uid = ?1 AND kvn = ?2"
			   " AND id != ?3 AND state = 'issued'",
	[Q_TKEYS] = "SELECT k.id, k.uid, m.serial, k.kvn, k.lifetime,"
		    " k.messages, k.state, k.cause, k.issued, k.changed"
		    " FROM transaction_keys k JOIN modules m ON m.uid = k.uid"
		    " WHERE ?1 IS NULL OR k.uid = ?1 ORDER BY k.id",
	[Q_RESET_ADD] = "INSERT INTO resets (uid, epoch, nonce, reason,"
			" ordered, state, cause, proof, changed)"
			" VALUES (?1,?2,?3,?4,?5,'ordered','',x'',?5)",
	[Q_RESET_SET] = "UPDATE resets SET state = ?2, cause = ?3, proof = ?4,"
			" changed = ?5 WHERE entry = ?1",
	[Q_RESETS] = "SELECT r.entry, r.uid, m.serial, r.epoch, r.nonce,"
		     " r.reason, r.ordered, r.state, r.cause, r.proof,"
		     " r.changed FROM resets r JOIN modules m ON m.uid = r.uid"
		     " WHERE ?1 IS NULL OR r.uid = ?1 ORDER BY r.entry",
	[Q_IDENTITY_SET] = "INSERT INTO identities VALUES (?1,?2)"
			   " ON CONFLICT DO UPDATE SET der = ?2",
	[Q_IDENTITY] = "SELECT der FROM identities WHERE uid = ?1",
};

int store_failed(struct store *s, const char *doing, struct error *e)
{
	int code = sqlite3_errcode(s->db) & 0xff;

	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return error_set(e, EBUSY,
				 "cannot %s '%s': another process has held it "
				 "for %d seconds",
				 doing, s->path, BUSY_MS / 1000);
	if (code == SQLITE_FULL)
		return error_set(e, ENOSPC, "cannot %s '%s': the disk is full",
				 doing, s->path);
	return error_set(e, EIO, "cannot %s '%s': %s", doing, s->path,
			 sqlite3_errmsg(s->db));
}

sqlite3_stmt *store_stmt(struct store *s, enum store_query q, struct error *e)
{
	if (!s->q[q] &&
	    sqlite3_prepare_v3(s->db, sql[q], -1, SQLITE_PREPARE_PERSISTENT,
			       &s->q[q], NULL)) {
		store_failed(s, "query", e);
		return NULL;
	}
	sqlite3_reset(s->q[q]);
	sqlite3_clear_bindings(s->q[q]);
	return s->q[q];
}

int store_next(struct store *s, sqlite3_stmt *st, const char *doing,
	       struct error *e)
{
	int r = sqlite3_step(st);

	if (r == SQLITE_ROW)
		return 1;
	r = r == SQLITE_DONE ? 0 : store_failed(s, doing, e);
	sqlite3_reset(st);
	return r;
}

int store_row(struct store *s, sqlite3_stmt *st, int *r, struct error *e)
{
	if (*r) {
		sqlite3_reset(st);
		return 0;
	}
	*r = store_next(s, st, "read", e);
	if (*r != 1)
		return 0;
	*r = 0;
	return 1;
}

int store_run(struct store *s, sqlite3_stmt *st, const char *doing,
	      struct error *e)
{
	int r = store_next(s, st, doing, e);

	sqlite3_reset(st);
	return r < 0 ? r : 0;
}

void store_bind_blob(sqlite3_stmt *st, int at, const void *data, size_t len)
{
	/* a NULL pointer would bind NULL, not an empty value */
	sqlite3_bind_blob64(st, at, data ? data : "", len, SQLITE_STATIC);
}

void store_bind_text(sqlite3_stmt *st, int at, const char *text)
{
	sqlite3_bind_text(st, at, text ? text : "", -1, SQLITE_STATIC);
}

void store_get_text(sqlite3_stmt *st, int col, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(st, col);

	snprintf(out, size, "%s", text ? text : "");
}

int store_get_blob(sqlite3_stmt *st, int col, void *out, size_t size)
{
	const void *data = sqlite3_column_blob(st, col);

	if (!data || (size_t)sqlite3_column_bytes(st, col) != size)
		return -EIO;
	memcpy(out, data, size);
	return 0;
}

void store_get_switch(sqlite3_stmt *st, int col, struct store_switch *sw)
{
	sw->enabled = sqlite3_column_int(st, col);
	store_get_text(st, col + 1, sw->reason, sizeof(sw->reason));
	sw->changed = sqlite3_column_int64(st, col + 2);
}

int64_t store_now(void)
{
	return time(NULL);
}

static int simple(struct store *s, enum store_query q, const char *doing,
		  struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, q, e);

	return st ? store_run(s, st, doing, e) : -EIO;
}

int store_begin(struct store *s, struct error *e)
{
	int r = simple(s, Q_BEGIN, "lock", e);

	s->in_transaction = !r;
	return r;
}

void store_rollback(struct store *s)
{
	struct error ignored;

	/* a disk error may have rolled back already */
	if (s->in_transaction && !sqlite3_get_autocommit(s->db))
		simple(s, Q_ROLLBACK, "roll back", &ignored);
	s->in_transaction = 0;
}

int store_commit(struct store *s, struct error *e)
{
	int r = simple(s, Q_COMMIT, "commit to", e);

	if (r)
		store_rollback(s);
	s->in_transaction = 0;
	return r;
}

int64_t store_version(struct store *s)
{
	struct error ignored;
	sqlite3_stmt *st = store_stmt(s, Q_VERSION, &ignored);
	int64_t v = -1;

	if (st && store_next(s, st, "read", &ignored) == 1)
		v = sqlite3_column_int64(st, 0);
	if (st)
		sqlite3_reset(st);
	return v;
}

/*
 * synchronous=FULL: in WAL mode a commit returns after the fsync of the log; the
 * default of some builds (NORMAL) would lose acknowledged rows on a power cut.
 */
static int configure(struct store *s, struct error *e)
{
	static const char setup[] = "PRAGMA journal_mode = WAL;"
				    "PRAGMA synchronous = FULL;"
				    "PRAGMA foreign_keys = ON;"
				    "PRAGMA trusted_schema = OFF;"
				    "PRAGMA cell_size_check = ON";

	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (sqlite3_exec(s->db, setup, NULL, NULL, NULL))
		return store_failed(s, "open", e);
	return store_migrate(s, e);
}

int store_open(const char *path, int create, struct store **out,
	       struct error *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW |
		    (create ? SQLITE_OPEN_CREATE : 0);
	struct store *s;
	int r;

	if (!create && access(path, R_OK | W_OK))
		return error_set(e, errno, "cannot open '%s': %s", path,
				 strerror(errno));
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(e, ENOMEM, "out of memory");
	snprintf(s->path, sizeof(s->path), "%s", path);
	r = sqlite3_open_v2(path, &s->db, flags, NULL);
	r = r ? store_failed(s, "open", e) : configure(s, e);
	if (r) {
		store_close(s);
		return r;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	for (int i = 0; i < Q_COUNT; i++)
		sqlite3_finalize(s->q[i]);
	sqlite3_close(s->db);
	free(s);
}
