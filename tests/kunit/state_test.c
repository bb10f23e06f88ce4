// SPDX-License-Identifier: GPL-2.0-only
/* The state machine against the table of the design, written down a second time. */
#include <kunit/test.h>

#include "kernel/state.h"

#define STATES 5

/*
 * Per command: where it is allowed, in the order virgin, detached, personalization,
 * operating, failed. "f": only with the flag.
 */
static const struct {
	const char *name;
	const char *where;
	u32 flag;
	bool admin;
} commands[] = {
	{ "INFO", "yyyyy", 0, false },
	{ "REASON", "yyyyy", 0, false },
	{ "ATTACH", "-y---", 0, true },
	{ "INIT_BEGIN", "yf--f", 1, true },
	{ "INIT_ACTIVATE", "y----", 0, true },
	{ "INIT_COMPLETE", "y----", 0, true },
	{ "PERSO_BEGIN", "--y--", 0, true },
	{ "PERSO_COMPLETE", "--y--", 0, true },
	{ "ATTEST", "--yy-", 0, false },
	{ "RESET", "-fyyf", 1, true },
	{ "GET_CERT", "--yy-", 0, false },
	{ "SIGN", "--yy-", 0, false },
	{ "DETACH", "--yy-", 0, true },
	{ "APDU", "--yy-", 0, false },
	{ "SEAL", "---y-", 0, false },
	{ "OPEN", "---y-", 0, false },
	{ "KEYS", "---y-", 0, false },
	{ "USE_KEY", "---y-", 0, false },
};

/* Per event: the digit of the state it leads to, for each state it can happen in. */
static const struct {
	u32 event;
	const char *to;
} events[] = {
	{ EVENT_INIT_COMPLETE, "2----" },
	{ EVENT_ATTACH_PERSONALIZATION, "-2---" },
	{ EVENT_ATTACH_OPERATING, "-3---" },
	{ EVENT_PERSO_CLOSED, "--3--" },
	{ EVENT_RESET, "-2222" },
	{ EVENT_DETACH, "--11-" },
	{ EVENT_DISCARD, "00--0" },
};

static const char *const ways_out[STATES][2] = {
	{ "virgin", "initialize it (secmod init)" },
	{ "detached", "attach its vault (secmod attach)" },
	{ "personalization", "personalize it (secmod personalize)" },
	{ "operating", "reset it first (secmod reset)" },
	{ "failed", "see its last_error" },
};

static const u32 nonsense[] = { 5,  18,		31,	    32,
				64, 0x7fffffff, 0x80000000, 0xffffffff };

static void expect_allowed(struct kunit *test, u32 state, u32 command,
			   u32 flags, bool allowed)
{
	struct refusal why = {};
	char text[SECMOD_REASON_MAX];
	int rc = state_allows(state, command, flags, &why);

	if (allowed) {
		KUNIT_EXPECT_EQ_MSG(test, rc, 0, "%s in %s with %#x",
				    commands[command].name, ways_out[state][0],
				    flags);
		KUNIT_EXPECT_EQ(test, why.error, 0);
		return;
	}
	snprintf(text, sizeof(text), "%s: module is %s: %s",
		 commands[command].name, ways_out[state][0],
		 ways_out[state][1]);
	KUNIT_EXPECT_EQ_MSG(test, rc, -EBADFD, "%s in %s with %#x",
			    commands[command].name, ways_out[state][0], flags);
	KUNIT_EXPECT_EQ(test, why.error, EBADFD);
	KUNIT_EXPECT_STREQ(test, why.text, text);
}

static void state_each_command_in_each_state(struct kunit *test)
{
	u32 command, state, flag;

	KUNIT_ASSERT_EQ(test, ARRAY_SIZE(commands), CMD_COUNT);
	for (command = 0; command < CMD_COUNT; command++) {
		for (state = 0; state < STATES; state++) {
			char where = commands[command].where[state];

			expect_allowed(test, state, command, 0, where == 'y');
			for (flag = 1; flag; flag <<= 1)
				expect_allowed(test, state, command, flag,
					       where == 'y' ||
						       (where == 'f' &&
							flag == commands[command]
									.flag));
			expect_allowed(test, state, command, ~0u, where != '-');
		}
	}
}

static void state_who_may_command(struct kunit *test)
{
	u32 command;

	for (command = 0; command < CMD_COUNT; command++) {
		KUNIT_EXPECT_STREQ(test, command_name(command),
				   commands[command].name);
		KUNIT_EXPECT_EQ_MSG(test, command_is_admin(command),
				    commands[command].admin, "%s",
				    commands[command].name);
	}
	KUNIT_EXPECT_FALSE(test, command_is_admin(CMD_COUNT));
	KUNIT_EXPECT_FALSE(test, command_is_admin(~0u));
}

static void state_each_event_in_each_state(struct kunit *test)
{
	u32 i, state;

	KUNIT_ASSERT_EQ(test, ARRAY_SIZE(events), EVENT_COUNT);
	for (i = 0; i < EVENT_COUNT; i++) {
		for (state = 0; state < STATES; state++) {
			char to = events[i].to[state];
			int want = to == '-' ? -EBADFD : to - '0';

			KUNIT_EXPECT_EQ_MSG(test,
					    state_next(state, events[i].event),
					    want, "event %u in %s",
					    events[i].event,
					    ways_out[state][0]);
		}
	}
}

static void state_unknown_numbers_are_refused(struct kunit *test)
{
	struct refusal why;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
		for (k = 0; k < CMD_COUNT; k++) {
			memset(&why, 0, sizeof(why));
			KUNIT_EXPECT_EQ(test,
					state_allows(nonsense[i], k, ~0u, &why),
					-EBADFD);
			KUNIT_EXPECT_NOT_NULL(test,
					      strstr(why.text,
						     ": module is unknown: "));
		}
		for (k = 0; k < EVENT_COUNT; k++)
			KUNIT_EXPECT_EQ(test, state_next(nonsense[i], k),
					-EBADFD);
		KUNIT_EXPECT_STREQ(test, state_name(nonsense[i]), "unknown");
	}
	for (k = 0; k < STATES; k++) {
		memset(&why, 0, sizeof(why));
		KUNIT_EXPECT_EQ(test, state_allows(k, CMD_COUNT, ~0u, &why),
				-EBADFD);
		KUNIT_EXPECT_NOT_NULL(test,
				      strstr(why.text, "unknown: module is "));
		KUNIT_EXPECT_EQ(test, state_allows(k, ~0u, ~0u, &why), -EBADFD);
		KUNIT_EXPECT_EQ(test, state_next(k, EVENT_COUNT), -EBADFD);
		KUNIT_EXPECT_EQ(test, state_next(k, ~0u), -EBADFD);
	}
	KUNIT_EXPECT_STREQ(test, command_name(CMD_COUNT), "unknown");
	KUNIT_EXPECT_STREQ(test, command_name(~0u), "unknown");
}

static void state_first_refusal_is_kept(struct kunit *test)
{
	struct refusal why = {};

	KUNIT_EXPECT_EQ(test, refuse(&why, -EACCES, "first %d", 1), -EACCES);
	KUNIT_EXPECT_EQ(test, refuse(&why, -EIO, "second"), -EIO);
	KUNIT_EXPECT_EQ(test, why.error, EACCES);
	KUNIT_EXPECT_STREQ(test, why.text, "first 1");
}

static void state_long_reason_is_cut(struct kunit *test)
{
	struct refusal *why = kunit_kzalloc(test, sizeof(*why), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, why);
	refuse(why, -EIO, "%0*d", SECMOD_REASON_MAX + 50, 0);
	KUNIT_EXPECT_EQ(test, strlen(why->text), SECMOD_REASON_MAX - 1);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(state_each_command_in_each_state),
	KUNIT_CASE(state_who_may_command),
	KUNIT_CASE(state_each_event_in_each_state),
	KUNIT_CASE(state_unknown_numbers_are_refused),
	KUNIT_CASE(state_first_refusal_is_kept),
	KUNIT_CASE(state_long_reason_is_cut),
	{}
};

static struct kunit_suite state_suite = {
	.name = "state",
	.test_cases = state_cases,
};
kunit_test_suite(state_suite);
