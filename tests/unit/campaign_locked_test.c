// SPDX-License-Identifier: MIT
/* Campaigns with the version that modules have (B9): those whose keyset is locked get it again. */
#include "fleet.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/* The campaign's version is what all have; that of module 3 is locked. */
static void lock_module_3(struct fleet *f)
{
	for (int i = 0; i < MODULES; i++)
		f->w->modules[i].kvn = NEW;
	f->w->modules[3].locked = 1;
	fleet_start(f);
}

static void only_module_3_was_loaded(struct fleet *f)
{
	for (int i = 0; i < MODULES; i++) {
		assert_int_equal(f->w->modules[i].loaded, i == 3);
		assert_int_equal(f->w->modules[i].locked, 0);
	}
	assert_int_equal(fleet_journal_of_3(f).step, STEP_DONE);
	ok(store_campaign_find(f->s, 0, &f->run.c, &f->e));
	assert_string_equal(f->run.c.state, "done");
}

static void B9_a_locked_master_keyset_is_replaced_by_the_same(void **state)
{
	struct fleet *f = *state;

	lock_module_3(f);
	ok(campaign_run(&f->run, &f->count, &f->e));
	only_module_3_was_loaded(f);
}

static void B9_as_long_as_it_is_locked_it_is_not_done(void **state)
{
	struct fleet *f = *state;

	lock_module_3(f);
	f->fail_at = REPLACE_BEFORE;
	f->fail_with = ECONNRESET;
	ok(campaign_run(&f->run, &f->count, &f->e));
	assert_int_equal(fleet_journal_of_3(f).step, STEP_PLANNED);
	f->fail_with = EKEYREJECTED;
	ok(campaign_run(&f->run, &f->count, &f->e));
	assert_int_equal(fleet_journal_of_3(f).step, STEP_FAILED);
	assert_string_equal(fleet_journal_of_3(f).cause, "made to fail");
	f->fail_with = 0;
	f->run.retry_failed = 1;
	ok(campaign_run(&f->run, &f->count, &f->e));
	only_module_3_was_loaded(f);
}

static void B9_B11_killed_at_each_step_of_a_locked_one(void **state)
{
	int k, status = 1;

	for (k = 1; k <= NEVER && status; k++) {
		struct fleet *f;

		fleet_teardown(state);
		fleet_setup(state);
		f = *state;
		lock_module_3(f);
		f->w->kill_at = k;
		status = fleet_run_in_child(f);
		if (fleet_journal_of_3(f).step == STEP_DONE)
			assert_int_equal(f->w->modules[3].locked, 0);
		f->w->kill_at = 0;
		if (status)
			ok(campaign_run(&f->run, &f->count, &f->e));
		only_module_3_was_loaded(f);
	}
	/* asked: all; before, after, asked again: the one; and once it was not killed */
	assert_int_equal(k - 1, MODULES + 3 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(B9_a_locked_master_keyset_is_replaced_by_the_same),
		TEST(B9_as_long_as_it_is_locked_it_is_not_done),
		TEST(B9_B11_killed_at_each_step_of_a_locked_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("campaign_locked", tests, NULL,
					   NULL);
}
