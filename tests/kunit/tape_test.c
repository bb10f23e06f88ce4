// SPDX-License-Identifier: GPL-2.0-only
/* Sessions and commands, held against what a software TPM has said. */
#include "tests/kunit/tape.h"

#include "tests/vectors/life.h"

struct stand {
	struct tape tape;
	struct life life;
	struct t2 t;
};

static struct stand *stand_new(struct kunit *test)
{
	struct stand *st = kunit_kzalloc(test, sizeof(*st), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, st);
	st->t.transmit = tape_transmit;
	return st;
}

static int play(struct kunit *test, struct stand *st)
{
	int err;

	tape_start(test, &st->tape);
	err = life_run(&st->life, &st->t);
	tape_stop();
	return err;
}

static void commands_are_those_of_the_tape(struct kunit *test)
{
	struct stand *st = stand_new(test);

	KUNIT_EXPECT_EQ_MSG(test, play(test, st), 0, "step %d, exchange %u",
			    st->life.step, st->tape.exchange);
	KUNIT_EXPECT_FALSE(test, st->tape.wrong);
	KUNIT_EXPECT_TRUE(test, tape_at_end(&st->tape));
}

/* An answer with the HMAC of a session; a password's ends with no HMAC. */
static bool is_sealed(const u8 *answer, size_t len)
{
	static const u8 password[] = { 0, 0, 1, 0, 0 };

	return answer[0] == 0x80 && answer[1] == 0x02 &&
	       memcmp(answer + len - sizeof(password), password,
		      sizeof(password));
}

/* Where a handle stands, which no HMAC covers: its name was covered before. */
static bool is_handle(const u8 *answer, size_t len, size_t at)
{
	u32 params = answer[10] << 24 | answer[11] << 16 | answer[12] << 8 |
		     answer[13];

	return at >= 10 && at < 14 && params > len;
}

/* Part 1, 18.8 and 19.6: a change is noticed before anything else is asked. */
static void changed_answers_are_noticed(struct kunit *test)
{
	struct stand *st = stand_new(test);
	const u8 *answer;
	u32 sealed = 0;
	size_t len, at;

	for (st->tape.flip_exchange = 1;
	     (answer = tape_answer(st->tape.flip_exchange, &len));
	     st->tape.flip_exchange++) {
		if (!is_sealed(answer, len))
			continue;
		sealed++;
		for (at = 0; at < len; at++) {
			st->tape.flip_at = at;
			KUNIT_EXPECT_NE_MSG(test, play(test, st), 0,
					    "answer %u, byte %zu",
					    st->tape.flip_exchange, at);
			if (!is_handle(answer, len, at))
				KUNIT_EXPECT_EQ_MSG(test, st->tape.after_flip,
						    0, "answer %u, byte %zu",
						    st->tape.flip_exchange, at);
		}
	}
	KUNIT_EXPECT_GT(test, sealed, 30);
}

/* Those without a session start one or are compared with a name: noticed later. */
static void changed_nonces_are_noticed(struct kunit *test)
{
	struct stand *st = stand_new(test);
	const u8 *command, *answer;
	size_t len, n;
	u32 i, found = 0;

	for (i = 1; (command = tape_command(i, &len)); i++) {
		answer = tape_answer(i, &n);
		/* StartAuthSession salted to a key: handle, then TPM2B_NONCE */
		if (command[8] != 0x01 || command[9] != 0x76 ||
		    command[10] == 0x40)
			continue;
		found++;
		KUNIT_ASSERT_EQ(test, n, 10 + 4 + 2 + 32);
		st->tape.flip_exchange = i;
		for (n = 10; n < 10 + 4 + 2 + 32; n++) {
			st->tape.flip_at = n;
			KUNIT_EXPECT_NE_MSG(test, play(test, st), 0,
					    "session %u, byte %zu", found, n);
		}
	}
	KUNIT_EXPECT_EQ(test, found, 2);
}

/* No primitive can fail unnoticed, and nothing of a session stays. */
static void failing_primitives_are_noticed(struct kunit *test)
{
	struct stand *st = stand_new(test);
	static const u8 zeros[sizeof(st->t.buf)];
	int err;

	for (st->tape.fail_at = 1;; st->tape.fail_at++) {
		err = play(test, st);
		if (st->tape.primitives < st->tape.fail_at)
			break;
		KUNIT_EXPECT_EQ_MSG(test, err, -ENOMEM, "call %u",
				    st->tape.fail_at);
		KUNIT_EXPECT_EQ(test, memcmp(st->t.buf, zeros, sizeof(zeros)),
				0);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, st->tape.fail_at, 200);
}

/* clang-format off */
static struct kunit_case tape_cases[] = {
	KUNIT_CASE(commands_are_those_of_the_tape),
	{ .name = "A21 changed_answers_are_noticed",
	  .run_case = changed_answers_are_noticed },
	{ .name = "A21 changed_nonces_are_noticed",
	  .run_case = changed_nonces_are_noticed },
	KUNIT_CASE(failing_primitives_are_noticed),
	{}
};

/* clang-format on */

static struct kunit_suite tape_suite = {
	.name = "tape",
	.test_cases = tape_cases,
};
kunit_test_suite(tape_suite);
