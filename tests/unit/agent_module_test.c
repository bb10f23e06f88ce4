// SPDX-License-Identifier: MIT
/*
 * A21 at the agent: the command that resets the module changes its state before it is
 * answered, and the answer is the proof. The connection is dropped for the new state,
 * but not before the answer is on its way, however long the TPM takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libsecmod/libsecmod.h"

static int module_says(struct secmod *dev, struct secmod_info *info);

#define secmod_info(dev, info) module_says(dev, info)
#define secmod_device(dev) ((dev) ? "" : "module")
#include "agent/module.c"
#undef secmod_info
#undef secmod_device

#define TPM_MS 30000 /* what a slow TPM may take for a reset */

static struct world {
	struct agent agent;
	struct module module;
	struct secmod_info info;
	int busy, unsent; /* so often they say that they are */
	int dropped;
} w;

static int module_says(struct secmod *dev, struct secmod_info *info)
{
	(void)dev;
	*info = w.info;
	return 0;
}

int relay_busy(const struct relay *r)
{
	(void)r;
	return w.busy && w.busy--;
}

int link_unsent(const struct link *l)
{
	(void)l;
	return w.unsent && w.unsent--;
}

void link_identity(struct link *l, struct identity *id)
{
	(void)l;
	assert_null(id);
	w.dropped++;
}

static void nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static int setup(void **state)
{
	struct module *m = &w.module;

	(void)state;
	memset(&w, 0, sizeof(w));
	w.agent.base = event_base_new();
	m->agent = &w.agent;
	m->state = SECMOD_STATE_OPERATING;
	m->reload = evtimer_new(w.agent.base, nothing, m);
	m->settle = evtimer_new(w.agent.base, on_settle, m);
	assert_non_null(m->reload);
	assert_non_null(m->settle);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	event_free(w.module.reload);
	event_free(w.module.settle);
	event_base_free(w.agent.base);
	return 0;
}

/* The module has left operation, and somebody looks at it. */
static void is_reset(void)
{
	w.info.state = SECMOD_STATE_PERSONALIZATION;
	w.info.generation++;
	on_changed(-1, EV_READ, &w.module);
}

static int waits(void)
{
	return event_pending(w.module.settle, EV_TIMEOUT, NULL);
}

static void
A21_nothing_under_way_the_connection_is_dropped_at_once(void **state)
{
	(void)state;
	is_reset();
	assert_int_equal(w.dropped, 1);
	assert_false(waits());
	on_changed(-1, EV_READ, &w.module); /* the same state */
	assert_int_equal(w.dropped, 1);
}

static void A21_the_module_s_answer_is_waited_for(void **state)
{
	(void)state;
	w.busy = 3;
	is_reset();
	assert_int_equal(w.dropped, 0);
	assert_int_equal(event_base_dispatch(w.agent.base), 1);
	assert_int_equal(w.dropped, 1);
	assert_int_equal(w.busy, 0);
}

static void A21_then_until_it_is_sent(void **state)
{
	(void)state;
	w.busy = 2;
	w.unsent = 2;
	is_reset();
	assert_int_equal(event_base_dispatch(w.agent.base), 1);
	assert_int_equal(w.dropped, 1);
	assert_int_equal(w.busy + w.unsent, 0);
}

/* Looks instead of the time that passes between them; each time anew. */
static void A21_for_as_long_as_a_slow_TPM_takes_and_no_longer(void **state)
{
	int round, look;

	(void)state;
	for (round = 1; round <= 2; round++) {
		w.busy = 2 * TPM_MS / LAST_WORD_MS;
		is_reset();
		for (look = 1; waits(); look++) {
			assert_int_equal(w.dropped, round - 1);
			event_del(w.module.settle);
			on_settle(-1, EV_TIMEOUT, &w.module);
		}
		assert_int_equal(w.dropped, round);
		assert_in_range(look * LAST_WORD_MS, TPM_MS, 2 * TPM_MS - 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(A21_nothing_under_way_the_connection_is_dropped_at_once),
		TEST(A21_the_module_s_answer_is_waited_for),
		TEST(A21_then_until_it_is_sent),
		TEST(A21_for_as_long_as_a_slow_TPM_takes_and_no_longer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("agent_module", tests, NULL, NULL);
}
