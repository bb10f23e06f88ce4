// SPDX-License-Identifier: MIT
/*
 * The store: registry, ledger, audit log (A22, A23); and that nothing it has
 * reported as booked is lost when the process dies at any moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/internal.h"

#define FP_SIGNER \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FP_CERT \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define FP_CERT2 \
	"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

struct fixture {
	char dir[64], path[96];
	struct store *s;
	struct error e;
};

static const uint8_t uid1[16] = { 1 }, uid2[16] = { 2 };

static void ok_at(int r, const struct error *e, int line)
{
	if (r)
		fail_msg("line %d: %d: %s", line, r, e->text);
}
#define ok(expr) ok_at(expr, &f->e, __LINE__)

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/secmod-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/central.db", f->dir);
	ok(store_open(f->path, 1, &f->s, &f->e));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char path[128];

	store_close(f->s);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, suffix[i]);
		unlink(path);
	}
	rmdir(f->dir);
	free(f);
	return 0;
}

static void add_signer(struct fixture *f)
{
	struct store_signer signer = { .fingerprint = FP_SIGNER,
				       .name = "PU 1" };

	ok(store_signer_add(f->s, &signer, (const uint8_t *)"der", 3, &f->e));
}

static int seen(struct fixture *f, const uint8_t *uid, const char *fp,
		int64_t epoch)
{
	struct store_cert cert = { .signer = FP_SIGNER,
				   .epoch = epoch,
				   .der = (const uint8_t *)"x",
				   .der_len = 1 };

	memcpy(cert.uid, uid, 16);
	strcpy(cert.fingerprint, fp);
	return store_module_seen(f->s, &cert, &f->e);
}

static void add_module(struct fixture *f)
{
	add_signer(f);
	ok(store_module_add(f->s, uid1, "SN-1", &f->e));
	ok(seen(f, uid1, FP_CERT, 1));
}

static int book(struct fixture *f, uint32_t id, const char *payload,
		int64_t *row, int *replayed)
{
	struct store_entry entry = { .fingerprint = FP_CERT,
				     .payload = (const uint8_t *)payload,
				     .payload_len = strlen(payload) };
	int r;

	memcpy(entry.uid, uid1, 16);
	memcpy(entry.id, &id, sizeof(id));
	r = store_book(f->s, &entry, replayed, &f->e);
	*row = entry.row;
	return r;
}

static void a22_signer_add_find_switch(void **state)
{
	struct fixture *f = *state;
	struct store_signer signer = { .fingerprint = FP_SIGNER,
				       .name = "again" };
	uint8_t *der;
	size_t len;

	add_signer(f);
	assert_int_equal(store_signer_add(f->s, &signer, (uint8_t *)"", 0,
					  &f->e),
			 -EEXIST);
	ok(store_signer_find(f->s, "aaaaaaaa", &signer, &f->e));
	assert_string_equal(signer.name, "PU 1");
	assert_int_equal(signer.sw.enabled, 1);
	ok(store_signer_find(f->s, "PU 1", &signer, &f->e));
	assert_int_equal(store_signer_find(f->s, "aaaaaaa", &signer, &f->e),
			 -ENOENT);
	ok(store_signer_switch(f->s, FP_SIGNER, 0, "stolen", &f->e));
	ok(store_signer_find(f->s, FP_SIGNER, &signer, &f->e));
	assert_int_equal(signer.sw.enabled, 0);
	assert_string_equal(signer.sw.reason, "stolen");
	assert_int_equal(store_signer_switch(f->s, FP_CERT, 0, "", &f->e),
			 -ENOENT);
	ok(store_signer_der(f->s, FP_SIGNER, &der, &len, &f->e));
	assert_int_equal(len, 3);
	assert_memory_equal(der, "der", 3);
	free(der);
	assert_int_equal(store_signer_der(f->s, FP_CERT, &der, &len, &f->e),
			 -ENOENT);
}

static void a22_signer_find_refuses_ambiguous_beginning(void **state)
{
	struct fixture *f = *state;
	struct store_signer signer = { .name = "PU 2" };

	add_signer(f);
	strcpy(signer.fingerprint, FP_SIGNER);
	signer.fingerprint[63] = 'f';
	ok(store_signer_add(f->s, &signer, (uint8_t *)"", 0, &f->e));
	assert_int_equal(store_signer_find(f->s, "aaaaaaaaaa", &signer, &f->e),
			 -ENOTUNIQ);
	ok(store_signer_find(f->s, "PU 2", &signer, &f->e));
}

static void a22_module_add_find(void **state)
{
	struct fixture *f = *state;
	struct store_module m;

	ok(store_module_add(f->s, uid1, "SN-1", &f->e));
	assert_int_equal(store_module_add(f->s, uid1, "SN-9", &f->e), -EEXIST);
	ok(store_module_find(f->s, "SN-1", &m, &f->e));
	assert_memory_equal(m.uid, uid1, 16);
	ok(store_module_find(f->s, "01000000000000000000000000000000", &m,
			     &f->e));
	assert_string_equal(m.serial, "SN-1");
	assert_int_equal(m.first_seen, 0);
	assert_int_equal(store_module_find(f->s, "SN-2", &m, &f->e), -ENOENT);
	ok(store_module_add(f->s, uid2, "SN-1", &f->e));
	assert_int_equal(store_module_find(f->s, "SN-1", &m, &f->e), -ENOTUNIQ);
}

static void a23_module_epoch_never_falls(void **state)
{
	struct fixture *f = *state;
	struct store_module m;

	add_module(f);
	ok(seen(f, uid1, FP_CERT2, 7));
	assert_int_equal(seen(f, uid1, FP_CERT, 6), -ESTALE);
	assert_int_equal(seen(f, uid2, FP_CERT, 9), -ESTALE);
	ok(store_module_find(f->s, "SN-1", &m, &f->e));
	assert_int_equal(m.epoch, 7);
	assert_string_equal(m.fingerprint, FP_CERT2);
	assert_int_not_equal(m.first_seen, 0);
}

static void standing(struct fixture *f, struct store_standing *st)
{
	ok(store_standing(f->s, uid1, FP_CERT, FP_SIGNER, st, &f->e));
}

static void a23_standing_tells_each_switch(void **state)
{
	struct fixture *f = *state;
	struct store_standing st;

	standing(f, &st);
	assert_int_equal(st.signer_known, 0);
	assert_int_equal(st.module_known, 0);
	assert_int_equal(st.cert.enabled, 1);
	add_module(f);
	standing(f, &st);
	assert_true(st.signer_known && st.signer.enabled);
	assert_true(st.module_known && st.module.enabled);
	assert_int_equal(st.epoch, 1);
	ok(store_module_switch(f->s, uid1, 0, "lost", &f->e));
	ok(store_signer_switch(f->s, FP_SIGNER, 0, "stolen", &f->e));
	ok(store_cert_switch(f->s, FP_CERT, 0, "leaked", &f->e));
	standing(f, &st);
	assert_int_equal(st.module.enabled, 0);
	assert_string_equal(st.module.reason, "lost");
	assert_int_equal(st.signer.enabled, 0);
	assert_string_equal(st.signer.reason, "stolen");
	assert_int_equal(st.cert.enabled, 0);
	assert_string_equal(st.cert.reason, "leaked");
	ok(store_cert_switch(f->s, FP_CERT, 1, "", &f->e));
	standing(f, &st);
	assert_int_equal(st.cert.enabled, 1);
	assert_int_equal(store_cert_switch(f->s, FP_CERT, 1, "", &f->e),
			 -ENOENT);
	assert_int_equal(store_cert_switch(f->s, "BB", 0, "", &f->e), -EINVAL);
}

static void a23_another_process_sees_a_switch_at_once(void **state)
{
	struct fixture *f = *state;
	struct store_standing st;
	struct store *other;
	int64_t version;

	add_module(f);
	standing(f, &st);
	version = store_version(f->s);
	ok(store_open(f->path, 0, &other, &f->e));
	ok(store_module_switch(other, uid1, 0, "lost", &f->e));
	standing(f, &st);
	assert_int_equal(st.module.enabled, 0);
	assert_int_not_equal(store_version(f->s), version);
	store_close(other);
}

static void ledger_replay_gives_the_first_row(void **state)
{
	struct fixture *f = *state;
	int64_t row, again;
	int replayed;

	add_module(f);
	ok(book(f, 1, "pay 10", &row, &replayed));
	assert_int_equal(replayed, 0);
	ok(book(f, 2, "", &again, &replayed));
	assert_int_not_equal(again, row);
	ok(book(f, 1, "pay 10", &again, &replayed));
	assert_int_equal(replayed, 1);
	assert_int_equal(again, row);
	assert_int_equal(book(f, 1, "pay 99", &again, &replayed), -EEXIST);
	assert_int_equal(book(f, 2, "x", &again, &replayed), -EEXIST);
}

static void ledger_rollback_takes_back_all(void **state)
{
	struct fixture *f = *state;
	int64_t row;
	int replayed;

	add_module(f);
	ok(store_begin(f->s, &f->e));
	ok(book(f, 1, "a", &row, &replayed));
	store_rollback(f->s);
	ok(book(f, 1, "b", &row, &replayed));
	assert_int_equal(replayed, 0);
}

static int count(void *arg, const struct store_entry *entry)
{
	(void)entry;
	++*(int *)arg;
	return 0;
}

static void ledger_lists_after_a_row_and_by_module(void **state)
{
	struct fixture *f = *state;
	int64_t row;
	int replayed, n = 0;

	add_module(f);
	for (int i = 0; i < 5; i++)
		ok(book(f, i, "p", &row, &replayed));
	ok(store_ledger(f->s, NULL, 0, count, &n, &f->e));
	assert_int_equal(n, 5);
	n = 0;
	ok(store_ledger(f->s, uid1, row - 2, count, &n, &f->e));
	assert_int_equal(n, 2);
	n = 0;
	ok(store_ledger(f->s, uid2, 0, count, &n, &f->e));
	assert_int_equal(n, 0);
}

static void ledger_and_audit_only_grow(void **state)
{
	static const char *const attempts[] = {
		"UPDATE ledger SET payload = 'x'", "DELETE FROM ledger",
		"UPDATE audit SET actor = 'nobody'", "DELETE FROM audit",
		"DELETE FROM modules" /* the ledger refers to it */
	};
	struct store_audit a = { .actor = "root",
				 .action = "module disable",
				 .object = "SN-1",
				 .detail = "lost" };
	struct fixture *f = *state;
	int64_t row;
	int replayed;
	sqlite3 *db;

	add_module(f);
	ok(book(f, 1, "p", &row, &replayed));
	ok(store_audit_add(f->s, &a, &f->e));
	assert_int_equal(sqlite3_open(f->path, &db), 0);
	sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		assert_int_equal(sqlite3_exec(db, attempts[i], NULL, NULL,
					      NULL),
				 SQLITE_CONSTRAINT);
	sqlite3_close(db);
}

static int audit_is(void *arg, const struct store_audit *a)
{
	assert_string_equal(a->actor, "root");
	assert_string_equal(a->action, "module disable");
	assert_string_equal(a->object, "SN-1");
	assert_string_equal(a->detail, "lost");
	assert_true(a->time > 0);
	++*(int *)arg;
	return 0;
}

static void a23_audit_reads_back(void **state)
{
	struct store_audit a = { .actor = "root",
				 .action = "module disable",
				 .object = "SN-1",
				 .detail = "lost" };
	struct fixture *f = *state;
	int n = 0;

	ok(store_audit_add(f->s, &a, &f->e));
	ok(store_audit_add(f->s, &a, &f->e));
	ok(store_audits(f->s, audit_is, &n, &f->e));
	assert_int_equal(n, 2);
}

static void open_refuses(struct fixture *f, const char *change, int errnum)
{
	struct store *other = NULL;
	sqlite3 *db;

	store_close(f->s);
	f->s = NULL;
	assert_int_equal(sqlite3_open(f->path, &db), 0);
	assert_int_equal(sqlite3_exec(db, change, NULL, NULL, NULL), 0);
	sqlite3_close(db);
	assert_int_equal(store_open(f->path, 0, &other, &f->e), -errnum);
	assert_null(other);
}

static void open_refuses_a_newer_schema(void **state)
{
	open_refuses(*state, "PRAGMA user_version = 99", EPROTONOSUPPORT);
}

static void open_refuses_a_foreign_database(void **state)
{
	open_refuses(*state, "PRAGMA application_id = 1", EINVAL);
}

static void open_refuses_a_missing_file(void **state)
{
	struct fixture *f = *state;
	struct store *other;

	assert_int_equal(store_open("/nonexistent/central.db", 0, &other,
				    &f->e),
			 -ENOENT);
	assert_non_null(strstr(f->e.text, "/nonexistent/central.db"));
}

/* Books without end, tells the pipe each row that store_book() has reported. */
static void book_for_ever(const char *path, int fd)
{
	struct fixture child = { 0 }, *f = &child;
	int64_t row;
	int replayed;

	if (store_open(path, 0, &f->s, &f->e))
		_exit(1);
	for (uint32_t id = (uint32_t)getpid() << 12;; id++) {
		if (book(f, id, "payload", &row, &replayed) || replayed)
			_exit(1);
		if (write(fd, &row, sizeof(row)) != sizeof(row))
			_exit(1);
	}
}

static int is_row(void *arg, const struct store_entry *entry)
{
	assert_int_equal(entry->row, ++*(int64_t *)arg);
	assert_int_equal(entry->payload_len, 7);
	return 0;
}

static void ledger_survives_sigkill(void **state)
{
	struct fixture *f = *state;
	int64_t acknowledged = 0, row, found;

	add_module(f);
	for (int round = 0; round < 10; round++) {
		int fds[2], status;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (!pid) {
			close(fds[0]);
			book_for_ever(f->path, fds[1]);
		}
		close(fds[1]);
		for (int i = 0; i < 7 + 5 * round; i++) {
			assert_int_equal(read(fds[0], &row, sizeof(row)),
					 sizeof(row));
			acknowledged = row;
		}
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		while (read(fds[0], &row, sizeof(row)) == sizeof(row))
			acknowledged = row;
		close(fds[0]);
		found = 0;
		ok(store_ledger(f->s, NULL, 0, is_row, &found, &f->e));
		assert_true(found >= acknowledged);
		assert_true(found <= acknowledged + 1);
	}
}

/* What a power cut needs and SIGKILL does not show; both are per connection. */
static void commit_waits_for_the_disk(void **state)
{
	static const struct {
		const char *pragma, *value;
	} cases[] = { { "PRAGMA journal_mode", "wal" },
		      { "PRAGMA synchronous", "2" },
		      { "PRAGMA foreign_keys", "1" } };
	struct fixture *f = *state;
	sqlite3_stmt *st;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(sqlite3_prepare_v2(f->s->db, cases[i].pragma, -1,
						&st, NULL));
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_string_equal((const char *)sqlite3_column_text(st, 0),
				    cases[i].value);
		sqlite3_finalize(st);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a22_signer_add_find_switch),
		T(a22_signer_find_refuses_ambiguous_beginning),
		T(a22_module_add_find),
		T(a23_module_epoch_never_falls),
		T(a23_standing_tells_each_switch),
		T(a23_another_process_sees_a_switch_at_once),
		T(ledger_replay_gives_the_first_row),
		T(ledger_rollback_takes_back_all),
		T(ledger_lists_after_a_row_and_by_module),
		T(ledger_and_audit_only_grow),
		T(a23_audit_reads_back),
		T(open_refuses_a_newer_schema),
		T(open_refuses_a_foreign_database),
		T(open_refuses_a_missing_file),
		T(ledger_survives_sigkill),
		T(commit_waits_for_the_disk),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
