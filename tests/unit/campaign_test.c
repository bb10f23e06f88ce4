// SPDX-License-Identifier: MIT
/*
 * Campaigns (B11, B9): modules that fail at every step, a process that dies at every
 * step, and who has which key afterwards.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "campaign/campaign.h"

#define MODULES 10
#define OLD 0x38
#define NEW 0x39
#define NEVER 1000

/* Where a replacement can break. */
enum place { ASK_FIRST, REPLACE_BEFORE, REPLACE_AFTER, ASK_LAST, PLACES };

struct module {
	int kvn;
	uint8_t kcv; /* of the new keyset, 0: right */
	int loaded; /* how often the new keyset came */
	int wrong_tries; /* with a wrong replacement key */
};

/* Shared with child processes, as modules live on when the server dies. */
struct world {
	struct module modules[MODULES];
	int hits,
		kill_at; /* steps of all modules; the process dies at this one */
};

struct fixture {
	char dir[64], path[96];
	struct store *s;
	struct world *w;
	struct error e;
	struct campaign run;
	struct campaign_count count;
	/* module 3 fails with this at this place */
	enum place fail_at;
	int fail_with, asked[MODULES], progressed;
};

static void ok_at(int r, const struct error *e, int line)
{
	if (r)
		fail_msg("line %d: %d: %s", line, r, e->text);
}
#define ok(expr) ok_at(expr, &f->e, __LINE__)

static void uid_of(int i, uint8_t uid[STORE_UID_SIZE])
{
	memset(uid, 0, STORE_UID_SIZE);
	uid[0] = (uint8_t)(i + 1);
}

/* One step of the world: the process may die here, or this call fail. */
static int step(struct fixture *f, int i, enum place place, struct error *e)
{
	if (++f->w->hits == f->w->kill_at)
		raise(SIGKILL);
	if (i == 3 && place == f->fail_at && f->fail_with)
		return error_set(e, f->fail_with, "made to fail");
	return 0;
}

static int ask(void *arg, const uint8_t uid[STORE_UID_SIZE],
	       struct campaign_has *has, struct error *e)
{
	struct fixture *f = arg;
	int i = uid[0] - 1, first = f->asked[i]++ == 0;
	int r = step(f, i, first ? ASK_FIRST : ASK_LAST, e);

	memset(has, 0, sizeof(*has));
	has->n = 2;
	has->keysets[0].kvn = 0x31;
	has->keysets[1].kvn = f->w->modules[i].kvn;
	memset(has->keysets[1].kcv, uid[0] + f->w->modules[i].kcv,
	       STORE_KCV_MAX);
	return r;
}

static int wanted(void *arg, const struct store_campaign *c,
		  const uint8_t uid[STORE_UID_SIZE], uint8_t kcv[STORE_KCV_MAX],
		  struct error *e)
{
	(void)arg;
	(void)c;
	(void)e;
	memset(kcv, uid[0], STORE_KCV_MAX);
	return 0;
}

static int replace(void *arg, const struct store_campaign *c,
		   const uint8_t uid[STORE_UID_SIZE], const uint8_t *cms,
		   size_t len, struct error *e)
{
	struct fixture *f = arg;
	int i = uid[0] - 1, r = step(f, i, REPLACE_BEFORE, e);

	/* B7: the cryptogram is the one stored under this UID */
	if (len != STORE_UID_SIZE || memcmp(cms, uid, len))
		return error_set(e, EINVAL, "another module's cryptogram");

	if (r == -EKEYREJECTED)
		f->w->modules[i].wrong_tries++;
	if (r)
		return r;
	f->w->modules[i].kvn = c->kvn;
	f->w->modules[i].loaded++;
	return step(f, i, REPLACE_AFTER, e);
}

static void progress(void *arg, const struct store_campaign_module *m,
		     const struct campaign_count *count)
{
	struct fixture *f = arg;
	int sum = 0;

	(void)m;
	f->progressed++;
	for (int i = 0; i < STEP_COUNT; i++)
		sum += count->of[i];
	assert_int_equal(sum, count->total);
}

static const struct campaign_ops ops = {
	.ask = ask,
	.wanted = wanted,
	.replace = replace,
	.progress = progress,
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint8_t uid[STORE_UID_SIZE];
	char serial[16];

	strcpy(f->dir, "/tmp/secmod-campaign-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/central.db", f->dir);
	f->w = mmap(NULL, sizeof(*f->w), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ok(store_open(f->path, 1, &f->s, &f->e));
	for (int i = 0; i < MODULES; i++) {
		uid_of(i, uid);
		snprintf(serial, sizeof(serial), "SN-%d", i);
		ok(store_module_add(f->s, uid, serial, &f->e));
		ok(store_cryptogram_add(f->s, uid, uid, sizeof(uid), &f->e));
		f->w->modules[i].kvn = OLD;
	}
	f->run = (struct campaign){ .store = f->s,
				    .ops = &ops,
				    .arg = f,
				    .parallel = 1,
				    .c = { .kvn = NEW, .version = 2 } };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char path[128];

	store_close(f->s);
	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, suffix[i]);
		unlink(path);
	}
	rmdir(f->dir);
	munmap(f->w, sizeof(*f->w));
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	ok(store_begin(f->s, &f->e));
	ok(store_campaign_start(f->s, &f->run.c, &f->e));
	ok(store_commit(f->s, &f->e));
}

static void all_have_the_new_keyset_once(struct fixture *f)
{
	for (int i = 0; i < MODULES; i++) {
		assert_int_equal(f->w->modules[i].kvn, NEW);
		assert_int_equal(f->w->modules[i].loaded, 1);
	}
	ok(campaign_count(f->s, f->run.c.id, &f->count, &f->e));
	assert_int_equal(f->count.of[STEP_DONE], MODULES);
	ok(store_campaign_find(f->s, 0, &f->run.c, &f->e));
	assert_string_equal(f->run.c.state, "done");
}

static int module_3(void *arg, const struct store_campaign_module *m)
{
	if (m->uid[0] == 4)
		*(struct store_campaign_module *)arg = *m;
	return 0;
}

static struct store_campaign_module journal_of_3(struct fixture *f)
{
	struct store_campaign_module m;

	ok(store_campaign_modules(f->s, f->run.c.id, module_3, &m, &f->e));
	return m;
}

static void B11_every_module_gets_the_new_keyset(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->run.parallel = 4;
	ok(campaign_run(&f->run, &f->count, &f->e));
	all_have_the_new_keyset_once(f);
	assert_true(f->progressed >= 2 * MODULES);
}

static int forget_kvn(void *arg, const struct store_keyset *k)
{
	*(int *)arg |= 1 << (k->kvn - 0x30);
	return 0;
}

static void B7_the_store_knows_what_each_module_said_it_has(void **state)
{
	struct fixture *f = *state;
	uint8_t uid[STORE_UID_SIZE];
	int seen = 0;

	start(f);
	ok(campaign_run(&f->run, &f->count, &f->e));
	uid_of(3, uid);
	ok(store_keysets(f->s, uid, forget_kvn, &seen, &f->e));
	assert_int_equal(seen, 1 << 1 | 1 << (NEW - 0x30));
}

/* What a failure at each place leaves, and that going on finishes it. */
static void B11_a_failure_at_each_step(void **state)
{
	static const struct {
		const char *name;
		enum place place;
		int errnum;
		enum store_step step;
		int again; /* a resume finishes it by itself */
	} cases[] = {
		{ "not connected", ASK_FIRST, ENOTCONN, STEP_PLANNED, 1 },
		{ "no answer", ASK_FIRST, EPROTO, STEP_PLANNED, 1 },
		{ "broken before", REPLACE_BEFORE, ECONNRESET, STEP_PLANNED,
		  1 },
		{ "wrong key", REPLACE_BEFORE, EKEYREJECTED, STEP_FAILED, 0 },
		{ "answer lost", REPLACE_AFTER, ETIMEDOUT, STEP_DONE, 1 },
		{ "odd answer", REPLACE_AFTER, EPROTO, STEP_DONE, 1 },
		{ "silent after", ASK_LAST, ETIMEDOUT, STEP_BEGUN, 1 },
	};
	struct store_campaign_module m;
	struct fixture *f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		teardown(state);
		setup(state);
		f = *state;
		start(f);
		f->fail_at = cases[i].place;
		f->fail_with = cases[i].errnum;
		ok(campaign_run(&f->run, &f->count, &f->e));
		m = journal_of_3(f);
		if (m.step != cases[i].step)
			fail_msg("%s: %s: %s", cases[i].name,
				 store_step_name(m.step), m.cause);
		assert_int_equal(m.tries, cases[i].place != ASK_FIRST);
		assert_int_equal(f->count.of[STEP_DONE],
				 MODULES - (m.step != STEP_DONE));
		if (m.step != STEP_DONE)
			assert_non_null(strstr(m.cause, "made to fail"));
		f->fail_with = 0;
		f->run.retry_failed = !cases[i].again;
		memset(f->asked, 0, sizeof(f->asked));
		if (m.step != STEP_DONE)
			ok(campaign_run(&f->run, &f->count, &f->e));
		all_have_the_new_keyset_once(f);
	}
}

static void B9_a_wrong_key_is_not_tried_again_unasked(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->fail_at = REPLACE_BEFORE;
	f->fail_with = EKEYREJECTED;
	for (int i = 0; i < 5; i++)
		ok(campaign_run(&f->run, &f->count, &f->e));
	assert_int_equal(f->w->modules[3].wrong_tries, 1);
	assert_int_equal(f->w->modules[3].kvn, OLD);
	assert_int_equal(f->count.of[STEP_FAILED], 1);
	ok(store_campaign_find(f->s, 0, &f->run.c, &f->e));
	assert_string_equal(f->run.c.state, "running");
}

static void B9_another_key_of_this_version_is_no_success(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->w->modules[3].kcv = 1;
	ok(campaign_run(&f->run, &f->count, &f->e));
	assert_int_equal(journal_of_3(f).step, STEP_FAILED);
	assert_non_null(strstr(journal_of_3(f).cause, "another key"));
}

static void B11_a_module_that_has_it_already_is_left_alone(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->w->modules[3].kvn = NEW;
	ok(campaign_run(&f->run, &f->count, &f->e));
	assert_int_equal(journal_of_3(f).step, STEP_DONE);
	assert_int_equal(f->w->modules[3].loaded, 0);
}

/* In a process of its own; returns how it ended. */
static int run_in_child(struct fixture *f)
{
	int status;
	pid_t pid;

	store_close(f->s);
	f->s = NULL;
	pid = fork();
	if (!pid) {
		if (store_open(f->path, 0, &f->run.store, &f->e) ||
		    campaign_run(&f->run, &f->count, &f->e))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ok(store_open(f->path, 0, &f->s, &f->e));
	f->run.store = f->s;
	return status;
}

/* Also: what the journal knows at that moment is never ahead of the modules. */
static void journal_is_not_ahead(struct fixture *f)
{
	struct store_campaign_module m = journal_of_3(f);

	if (m.step == STEP_DONE)
		assert_int_equal(f->w->modules[3].kvn, NEW);
	if (m.step == STEP_PLANNED)
		assert_int_equal(f->w->modules[3].kvn, OLD);
}

static void B11_killed_at_each_step_it_is_resumed(void **state)
{
	int k, status = 1;

	for (k = 1; k <= NEVER && status; k++) {
		struct fixture *f;

		teardown(state);
		setup(state);
		f = *state;
		start(f);
		f->w->kill_at = k;
		status = run_in_child(f);
		assert_true(!status || (WIFSIGNALED(status) &&
					WTERMSIG(status) == SIGKILL));
		journal_is_not_ahead(f);
		f->w->kill_at = 0;
		if (status)
			ok(campaign_run(&f->run, &f->count, &f->e));
		all_have_the_new_keyset_once(f);
	}
	/* ask, before, after, ask of each module, and once it was not killed */
	assert_int_equal(k - 1, 4 * MODULES + 1);
}

static void stop_at_three(void *arg, const struct store_campaign_module *m,
			  const struct campaign_count *count)
{
	struct fixture *f = arg;
	struct error e;

	(void)m;
	if (count->of[STEP_DONE] == 3)
		store_campaign_end(f->s, f->run.c.id, "aborted", "enough", &e);
}

static void B11_abort_begins_no_other_module(void **state)
{
	struct campaign_ops aborting = ops;
	struct fixture *f = *state;

	aborting.progress = stop_at_three;
	f->run.ops = &aborting;
	start(f);
	assert_int_equal(campaign_run(&f->run, &f->count, &f->e), -ECANCELED);
	assert_non_null(strstr(f->e.text, "aborted"));
	assert_int_equal(f->count.of[STEP_DONE], 3);
	assert_int_equal(f->count.of[STEP_PLANNED], MODULES - 3);
	assert_int_equal(campaign_run(&f->run, &f->count, &f->e), -ECANCELED);
	assert_int_equal(f->w->modules[9].kvn, OLD);
}

static void B11_whom_it_does_not_concern_is_skipped_with_the_cause(void **state)
{
	struct fixture *f = *state;
	uint8_t uid[STORE_UID_SIZE];

	uid_of(3, uid);
	ok(store_module_switch(f->s, uid, 0, "stolen", &f->e));
	uid[0] = 200;
	ok(store_module_add(f->s, uid, "SN-new", &f->e));
	start(f);
	ok(campaign_run(&f->run, &f->count, &f->e));
	assert_int_equal(f->count.of[STEP_SKIPPED], 2);
	assert_string_equal(journal_of_3(f).cause, "disabled: stolen");
	assert_int_equal(f->w->modules[3].kvn, OLD);
	ok(store_campaign_find(f->s, 0, &f->run.c, &f->e));
	assert_string_equal(f->run.c.state, "done");
}

static void B11_only_one_campaign_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct store_campaign other = { .kvn = 0x3a, .version = 3 };

	start(f);
	assert_int_equal(store_campaign_start(f->s, &other, &f->e), -EEXIST);
	assert_non_null(strstr(f->e.text, "campaign resume"));
	ok(store_campaign_end(f->s, f->run.c.id, "aborted", "", &f->e));
	ok(store_campaign_start(f->s, &other, &f->e));
	assert_int_equal(store_campaign_end(f->s, f->run.c.id, "done", "",
					    &f->e),
			 -ESTALE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(B11_every_module_gets_the_new_keyset),
		TEST(B7_the_store_knows_what_each_module_said_it_has),
		TEST(B11_a_failure_at_each_step),
		TEST(B9_a_wrong_key_is_not_tried_again_unasked),
		TEST(B9_another_key_of_this_version_is_no_success),
		TEST(B11_a_module_that_has_it_already_is_left_alone),
		TEST(B11_killed_at_each_step_it_is_resumed),
		TEST(B11_abort_begins_no_other_module),
		TEST(B11_whom_it_does_not_concern_is_skipped_with_the_cause),
		TEST(B11_only_one_campaign_at_a_time),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("campaign", tests, NULL, NULL);
}
