// SPDX-License-Identifier: GPL-2.0-only
/* Shows that the test kernel runs tests at all. */
#include <kunit/test.h>

static void kunit_runs(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1 + 1, 2);
}

static struct kunit_case trivial_cases[] = { KUNIT_CASE(kunit_runs), {} };

static struct kunit_suite trivial_suite = {
	.name = "trivial",
	.test_cases = trivial_cases,
};
kunit_test_suite(trivial_suite);
