// SPDX-License-Identifier: MIT
/*
 * Campaigns (B11, B9): modules that fail at every step, a process that dies at every
 * step, and who has which key afterwards.
 */
#include "fleet.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static void all_have_the_new_keyset_once(struct fleet *f)
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

static void B11_every_module_gets_the_new_keyset(void **state)
{
	struct fleet *f = *state;

	fleet_start(f);
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
	struct fleet *f = *state;
	uint8_t uid[STORE_UID_SIZE];
	int seen = 0;

	fleet_start(f);
	ok(campaign_run(&f->run, &f->count, &f->e));
	fleet_uid(3, uid);
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
	struct fleet *f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fleet_teardown(state);
		fleet_setup(state);
		f = *state;
		fleet_start(f);
		f->fail_at = cases[i].place;
		f->fail_with = cases[i].errnum;
		ok(campaign_run(&f->run, &f->count, &f->e));
		m = fleet_journal_of_3(f);
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
	struct fleet *f = *state;

	fleet_start(f);
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
	struct fleet *f = *state;

	fleet_start(f);
	f->w->modules[3].kcv = 1;
	ok(campaign_run(&f->run, &f->count, &f->e));
	assert_int_equal(fleet_journal_of_3(f).step, STEP_FAILED);
	assert_non_null(strstr(fleet_journal_of_3(f).cause, "another key"));
}

static void B11_a_module_that_has_it_already_is_left_alone(void **state)
{
	struct fleet *f = *state;

	fleet_start(f);
	f->w->modules[3].kvn = NEW;
	ok(campaign_run(&f->run, &f->count, &f->e));
	assert_int_equal(fleet_journal_of_3(f).step, STEP_DONE);
	assert_int_equal(f->w->modules[3].loaded, 0);
}

/* Also: what the journal knows at that moment is never ahead of the modules. */
static void journal_is_not_ahead(struct fleet *f)
{
	struct store_campaign_module m = fleet_journal_of_3(f);

	if (m.step == STEP_DONE)
		assert_int_equal(f->w->modules[3].kvn, NEW);
	if (m.step == STEP_PLANNED)
		assert_int_equal(f->w->modules[3].kvn, OLD);
}

static void B11_killed_at_each_step_it_is_resumed(void **state)
{
	int k, status = 1;

	for (k = 1; k <= NEVER && status; k++) {
		struct fleet *f;

		fleet_teardown(state);
		fleet_setup(state);
		f = *state;
		fleet_start(f);
		f->w->kill_at = k;
		status = fleet_run_in_child(f);
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
	struct fleet *f = arg;
	struct error e;

	(void)m;
	if (count->of[STEP_DONE] == 3)
		store_campaign_end(f->s, f->run.c.id, "aborted", "enough", &e);
}

static void B11_abort_begins_no_other_module(void **state)
{
	struct campaign_ops aborting = fleet_ops;
	struct fleet *f = *state;

	aborting.progress = stop_at_three;
	f->run.ops = &aborting;
	fleet_start(f);
	assert_int_equal(campaign_run(&f->run, &f->count, &f->e), -ECANCELED);
	assert_non_null(strstr(f->e.text, "aborted"));
	assert_int_equal(f->count.of[STEP_DONE], 3);
	assert_int_equal(f->count.of[STEP_PLANNED], MODULES - 3);
	assert_int_equal(campaign_run(&f->run, &f->count, &f->e), -ECANCELED);
	assert_int_equal(f->w->modules[9].kvn, OLD);
}

static void B11_whom_it_does_not_concern_is_skipped_with_the_cause(void **state)
{
	struct fleet *f = *state;
	uint8_t uid[STORE_UID_SIZE];

	fleet_uid(3, uid);
	ok(store_module_switch(f->s, uid, 0, "stolen", &f->e));
	uid[0] = 200;
	ok(store_module_add(f->s, uid, "SN-new", &f->e));
	fleet_start(f);
	ok(campaign_run(&f->run, &f->count, &f->e));
	assert_int_equal(f->count.of[STEP_SKIPPED], 2);
	assert_string_equal(fleet_journal_of_3(f).cause, "disabled: stolen");
	assert_int_equal(f->w->modules[3].kvn, OLD);
	ok(store_campaign_find(f->s, 0, &f->run.c, &f->e));
	assert_string_equal(f->run.c.state, "done");
}

static void B11_only_one_campaign_at_a_time(void **state)
{
	struct fleet *f = *state;
	struct store_campaign other = { .kvn = 0x3a, .version = 3 };

	fleet_start(f);
	assert_int_equal(store_campaign_start(f->s, &other, &f->e), -EEXIST);
	assert_non_null(strstr(f->e.text, "campaign resume"));
	ok(store_campaign_end(f->s, f->run.c.id, "aborted", "", &f->e));
	ok(store_campaign_start(f->s, &other, &f->e));
	assert_int_equal(store_campaign_end(f->s, f->run.c.id, "done", "",
					    &f->e),
			 -ESTALE);
}

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
