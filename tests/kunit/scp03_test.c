// SPDX-License-Identifier: GPL-2.0-only
/* SCP03 held against the sessions of a card of another maker. */
#include "tests/kunit/vector.h"

#include "kernel/executive/scp03.h"
#include "tests/vectors/scp03.h"

#define CHALLENGE_AT \
	(10 + 3) /* behind diversification data and key information */

struct stand {
	struct scp03_keyset keys;
	struct scp03 session;
	struct vector initialize, card, authenticate;
};

static void transcript_name(const struct scp03_transcript *t, char *desc)
{
	strscpy(desc, t->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(transcript, scp03_transcripts, transcript_name);

static struct apdu parsed(struct kunit *test, const char *hex)
{
	struct vector v = vector_from_hex(test, hex);
	struct apdu a;

	KUNIT_ASSERT_TRUE(test, apdu_parse(&a, v.data, v.len));
	return a;
}

static struct stand *stand_new(struct kunit *test,
			       const struct scp03_transcript *t)
{
	struct stand *st = kunit_kzalloc(test, sizeof(*st), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, st);
	st->keys.len = strlen(t->keys[0]) / 2;
	vector_read(test, t->keys[0], st->keys.enc, st->keys.len);
	vector_read(test, t->keys[1], st->keys.mac, st->keys.len);
	vector_read(test, t->keys[2], st->keys.dek, st->keys.len);
	st->initialize = vector_from_hex(test, t->initialize);
	st->card = vector_from_hex(test, t->card);
	st->session.mac_len = 8;
	return st;
}

/* INITIALIZE UPDATE as the card answered it. */
static struct stand *begun(struct kunit *test, const struct scp03_transcript *t)
{
	struct stand *st = stand_new(test, t);
	u8 cryptogram[SCP03_BLOCK];

	KUNIT_ASSERT_EQ(test,
			scp03_begin(&st->session, &st->keys,
				    st->initialize.data + 5,
				    st->card.data + CHALLENGE_AT, cryptogram),
			0);
	KUNIT_EXPECT_EQ(test,
			memcmp(cryptogram, st->card.data + CHALLENGE_AT + 8, 8),
			0);
	return st;
}

static struct stand *opened(struct kunit *test,
			    const struct scp03_transcript *t)
{
	struct stand *st = begun(test, t);
	struct apdu a = parsed(test, t->authenticate);

	KUNIT_ASSERT_EQ(test, scp03_authenticate(&st->session, &a), 0);
	KUNIT_EXPECT_EQ(test, st->session.level, a.p1);
	return st;
}

static bool is_wiped(const struct scp03 *s)
{
	static const struct scp03 wiped;

	return !memcmp(s, &wiped, sizeof(wiped));
}

static void scp03_commands_of_another_host(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct stand *st = opened(test, t);
	struct apdu plain, a;
	size_t i;

	for (i = 0; i < SCP03_COMMANDS; i++) {
		a = parsed(test, t->wrapped[i]);
		plain = parsed(test, scp03_plain[i]);
		KUNIT_ASSERT_EQ_MSG(test, scp03_unwrap(&st->session, &a), 0,
				    "command %zu", i);
		KUNIT_ASSERT_EQ(test, a.len, plain.len);
		KUNIT_EXPECT_EQ(test, a.expected, plain.expected);
		KUNIT_EXPECT_EQ(test, memcmp(a.data, plain.data, a.len), 0);
	}
}

static void scp03_response_of_another_card(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct stand *st = opened(test, t);
	struct vector plain = vector_from_hex(test, scp03_answer);
	struct vector wanted = vector_from_hex(test, t->response);
	struct apdu_response r = {
		.data = kunit_kzalloc(test, APDU_RESPONSE_MAX, GFP_KERNEL),
	};
	struct apdu a = parsed(test, t->wrapped[0]);

	KUNIT_ASSERT_NOT_NULL(test, r.data);
	KUNIT_ASSERT_EQ(test, scp03_unwrap(&st->session, &a), 0);
	apdu_put(&r, plain.data, plain.len);
	KUNIT_ASSERT_EQ(test, scp03_wrap(&st->session, &r, SW_OK), 0);
	KUNIT_ASSERT_EQ(test, r.len, wanted.len);
	KUNIT_EXPECT_EQ(test, memcmp(r.data, wanted.data, r.len), 0);
}

/* The card's side of i = 70: Amendment D, 6.2.2.1. */
static void scp03_challenge_of_another_card(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct stand *st = stand_new(test, t);
	struct vector aid = vector_from_hex(test, scp03_aid);
	u8 challenge[8];

	KUNIT_ASSERT_EQ(test,
			scp03_challenge(&st->keys, t->sequence, aid.data,
					aid.len, challenge, sizeof(challenge)),
			0);
	KUNIT_EXPECT_EQ(test,
			!memcmp(challenge, st->card.data + CHALLENGE_AT,
				sizeof(challenge)),
			t->sequence > 0);
}

/* There is no room for the MAC: the session ends, and nothing of it is left. */
static void scp03_response_without_room(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct stand *st = opened(test, t);
	struct apdu_response r = {
		.data = kunit_kzalloc(test, APDU_RESPONSE_MAX, GFP_KERNEL),
		.len = APDU_DATA_MAX - 7,
	};

	KUNIT_ASSERT_NOT_NULL(test, r.data);
	if (!(st->session.level & SCP03_R_MAC)) {
		KUNIT_EXPECT_EQ(test, scp03_wrap(&st->session, &r, SW_OK), 0);
		return;
	}
	KUNIT_EXPECT_EQ(test, scp03_wrap(&st->session, &r, SW_OK), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, is_wiped(&st->session));
}

/* What is an error goes as it is, and the session lives on. */
static void scp03_error_is_not_covered(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct stand *st = opened(test, t);
	u8 data[SCP03_BLOCK];
	struct apdu_response r = { .data = data };
	struct apdu a = parsed(test, t->wrapped[0]);

	KUNIT_ASSERT_EQ(test, scp03_unwrap(&st->session, &a), 0);
	KUNIT_EXPECT_EQ(test, scp03_wrap(&st->session, &r, SW_REFERENCE), 0);
	KUNIT_EXPECT_EQ(test, r.len, 0);
	a = parsed(test, t->wrapped[1]);
	KUNIT_EXPECT_EQ(test, scp03_unwrap(&st->session, &a), 0);
}

/* Each bit of EXTERNAL AUTHENTICATE counts, but those of CLA's channel and of Lc. */
static void scp03_changed_authentication(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct vector v = vector_from_hex(test, t->authenticate);
	struct stand *st;
	struct apdu a;
	size_t bit;

	for (bit = 0; bit < v.len * 8; bit++) {
		if (bit / 8 == 4)
			continue;
		v.data[bit / 8] ^= 1 << bit % 8;
		st = begun(test, t);
		KUNIT_ASSERT_TRUE(test, apdu_parse(&a, v.data, v.len));
		KUNIT_EXPECT_NE_MSG(test, scp03_authenticate(&st->session, &a),
				    0, "bit %zu", bit);
		KUNIT_EXPECT_TRUE(test, is_wiped(&st->session));
		v.data[bit / 8] ^= 1 << bit % 8;
	}
}

static void scp03_wrong_cryptogram_is_told_from_wrong_mac(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct stand *st = begun(test, t);
	struct apdu a = parsed(test, t->authenticate);

	st->session.host_cryptogram[7] ^= 1;
	KUNIT_EXPECT_EQ(test, scp03_authenticate(&st->session, &a),
			-EKEYREJECTED);
	st = begun(test, t);
	a = parsed(test, t->authenticate);
	a.data[a.len - 1] ^= 1;
	KUNIT_EXPECT_EQ(test, scp03_authenticate(&st->session, &a), -EBADMSG);
}

/* Each octet of a command, one octet less, a command again, one left out. */
static void scp03_changed_command(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct vector v = vector_from_hex(test, t->wrapped[3]);
	struct stand *st;
	struct apdu a;
	size_t at;

	for (at = 0; at < v.len; at++) {
		if (at == 4)
			continue; /* Lc: parsing tells */
		v.data[at] ^= 0x20;
		st = opened(test, t);
		a = parsed(test, t->wrapped[0]);
		KUNIT_ASSERT_EQ(test, scp03_unwrap(&st->session, &a), 0);
		a = parsed(test, t->wrapped[1]);
		KUNIT_ASSERT_EQ(test, scp03_unwrap(&st->session, &a), 0);
		a = parsed(test, t->wrapped[2]);
		KUNIT_ASSERT_EQ(test, scp03_unwrap(&st->session, &a), 0);
		KUNIT_ASSERT_TRUE(test, apdu_parse(&a, v.data, v.len));
		KUNIT_EXPECT_EQ_MSG(test, scp03_unwrap(&st->session, &a),
				    -EBADMSG, "octet %zu", at);
		KUNIT_EXPECT_TRUE(test, is_wiped(&st->session));
		v.data[at] ^= 0x20;
	}
}

static void scp03_order_of_commands(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct stand *st = opened(test, t);
	struct apdu a = parsed(test, t->wrapped[1]);

	KUNIT_EXPECT_EQ(test, scp03_unwrap(&st->session, &a), -EBADMSG);
	KUNIT_EXPECT_TRUE(test, is_wiped(&st->session));
	st = opened(test, t);
	a = parsed(test, t->wrapped[0]);
	KUNIT_ASSERT_EQ(test, scp03_unwrap(&st->session, &a), 0);
	a = parsed(test, t->wrapped[0]);
	KUNIT_EXPECT_EQ(test, scp03_unwrap(&st->session, &a), -EBADMSG);
	st = begun(test, t);
	a = parsed(test, t->wrapped[0]);
	KUNIT_EXPECT_EQ(test, scp03_unwrap(&st->session, &a), -EBADMSG);
	st = opened(test, t);
	a = parsed(test, t->authenticate);
	KUNIT_EXPECT_EQ(test, scp03_authenticate(&st->session, &a), -EBADMSG);
	st = opened(test, t);
	a = parsed(test, scp03_plain[0]);
	KUNIT_EXPECT_EQ(test, scp03_unwrap(&st->session, &a), -EBADMSG);
}

static void scp03_level_that_is_none(struct kunit *test)
{
	const struct scp03_transcript *t = test->param_value;
	struct stand *st;
	struct apdu a;
	unsigned int level;

	for (level = 0; level < 256; level++) {
		if (level == 0x01 || level == 0x03 || level == 0x11 ||
		    level == 0x13 || level == 0x33)
			continue;
		st = begun(test, t);
		a = parsed(test, t->authenticate);
		a.p1 = level;
		KUNIT_EXPECT_EQ(test, scp03_authenticate(&st->session, &a),
				-EBADMSG);
	}
}

/* clang-format off */
static struct kunit_case scp03_cases[] = {
	KUNIT_CASE_PARAM(scp03_commands_of_another_host, transcript_gen_params),
	KUNIT_CASE_PARAM(scp03_response_of_another_card, transcript_gen_params),
	KUNIT_CASE_PARAM(scp03_challenge_of_another_card,
			 transcript_gen_params),
	KUNIT_CASE_PARAM(scp03_response_without_room, transcript_gen_params),
	KUNIT_CASE_PARAM(scp03_error_is_not_covered, transcript_gen_params),
	KUNIT_CASE_PARAM(scp03_changed_authentication, transcript_gen_params),
	KUNIT_CASE_PARAM(scp03_wrong_cryptogram_is_told_from_wrong_mac,
			 transcript_gen_params),
	KUNIT_CASE_PARAM(scp03_changed_command, transcript_gen_params),
	KUNIT_CASE_PARAM(scp03_order_of_commands, transcript_gen_params),
	KUNIT_CASE_PARAM(scp03_level_that_is_none, transcript_gen_params),
	{}
};

/* clang-format on */

static struct kunit_suite scp03_suite = {
	.name = "scp03",
	.test_cases = scp03_cases,
};
kunit_test_suite(scp03_suite);
