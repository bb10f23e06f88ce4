// SPDX-License-Identifier: MIT
/*
 * Who tries keys: kernel/executive/channel.c with a clock and a vault in memory. How many
 * tries there are, how long a keyset is closed after each, and what is said of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fuzz/world/world.h"
/* userspace/common has one of this name; of the kernel's u64 not all is the same here */
#define channel_close close_channel
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "kernel/executive/channel.c"

#define KVN 0x31
#define LEVEL SCP03_C_MAC

static struct secmod module;
static struct record vault, next;
static struct executive talk;
static u64 now;
static unsigned int commits;
static bool commit_fails;
static struct record counted; /* what the first commit had */

const struct executive_name executive_issuer = {
	{ 0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00 },
	8,
};

u64 ktime_get_boottime_ns(void)
{
	return now;
}

struct record *executive_copy(struct executive *x)
{
	next = *x->sm->record;
	return &next;
}

u16 executive_commit(struct executive *x, struct record *r)
{
	if (commit_fails)
		return SW_FAILED;
	*x->sm->record = *r;
	if (!commits++)
		counted = *r;
	return SW_OK;
}

void record_free(struct record *r)
{
	(void)r;
}

void store_forget(struct executive *x)
{
	(void)x;
}

/*
 * The host
 */
static void module_with(unsigned int tries)
{
	memset(&module, 0, sizeof(module));
	memset(&vault, 0, sizeof(vault));
	memset(&talk, 0, sizeof(talk));
	module.record = &vault;
	vault.policy.keyset_tries = tries;
	for (size_t i = 0; i < RECORD_KEYSETS; i++) {
		vault.keysets[i].kvn = (const u8[]){ 0x30, KVN, 0x38 }[i];
		vault.keysets[i].len = 16;
		memset(vault.keysets[i].enc, (int)i, 16);
	}
	talk.sm = &module;
	now = 1000 * NSEC_PER_SEC;
	commits = 0;
	commit_fails = false;
	pseudo_random = false;
}

static u16 initialize(u8 kvn)
{
	u8 challenge[8] = { 1, 2, 3 };
	static u8 data[APDU_RESPONSE_MAX];
	struct apdu_response r = { .data = data };
	const struct apdu a = { .cla = 0x80,
				.ins = 0x50,
				.p1 = kvn,
				.data = challenge,
				.len = sizeof(challenge) };

	memset(&module.why, 0, sizeof(module.why));
	return channel_initialize_update(&talk, &a, &r);
}

/* With the cryptogram that the host's side has, changed by @wrong; the MAC is right. */
static u16 authenticate(u8 wrong)
{
	static const u8 zeros[SCP03_BLOCK],
		head[] = { 0x84, 0x82, LEVEL, 0, 16 };
	u8 data[8 + SCP03_BLOCK];
	const struct t2_vec in[] = { { zeros, sizeof(zeros) },
				     { head, sizeof(head) },
				     { data, 8 } };
	const struct apdu a = {
		.cla = 0x84, .ins = 0x82, .p1 = LEVEL, .data = data, .len = 16
	};

	memcpy(data, talk.scp.host_cryptogram, 8);
	data[7] ^= wrong;
	assert_int_equal(se_cmac(talk.scp.mac, 16, in, 3, data + 8), 0);
	return channel_external_authenticate(&talk, &a, NULL);
}

/* As soon as it is not slowed down. */
static u16 try_wrong(u8 kvn)
{
	now += 16 * NSEC_PER_SEC;
	assert_int_equal(initialize(kvn), SW_OK);
	return authenticate(1);
}

static void twice_as_long(void **state)
{
	static const unsigned int seconds[] = { 1, 2, 4, 8, 16, 16, 16 };
	size_t i;

	(void)state;
	module_with(255);
	for (i = 0; i < ARRAY_SIZE(seconds); i++) {
		assert_int_equal(initialize(KVN), SW_OK);
		assert_int_equal(authenticate(1), SW_WRONG_KEY);
		assert_int_equal(initialize(KVN), SW_CONDITIONS);
		assert_non_null(strstr(module.why.text, "wait a moment"));
		/* another keyset is not closed with it */
		assert_int_equal(initialize(0x38), SW_OK);
		now += seconds[i] * NSEC_PER_SEC - 1;
		assert_int_equal(initialize(KVN), SW_CONDITIONS);
		now++;
	}
	/* a right one, and it begins with a second again */
	assert_int_equal(initialize(KVN), SW_OK);
	assert_int_equal(authenticate(0), SW_OK);
	assert_int_equal(initialize(KVN), SW_OK);
	assert_int_equal(authenticate(1), SW_WRONG_KEY);
	now += NSEC_PER_SEC;
	assert_int_equal(initialize(KVN), SW_OK);
}

static void tries_left(void **state)
{
	static const struct {
		u8 tries;
		u16 sw[3];
	} rows[] = {
		{ 255, { 0x6300, 0x6300, 0x6300 } },
		{ 17, { 0x6300, 0x63cf, 0x63ce } },
		{ 16, { 0x63cf, 0x63ce, 0x63cd } },
		{ 3, { 0x63c2, 0x63c1, 0x63c0 } },
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		module_with(rows[i].tries);
		for (k = 0; k < 3; k++)
			assert_int_equal(try_wrong(KVN), rows[i].sw[k]);
		assert_int_equal(vault.keysets[1].failures, 3);
	}
	/* locked, and no time opens it */
	now += 1000000 * NSEC_PER_SEC;
	assert_int_equal(initialize(KVN), SW_BLOCKED);
	assert_false(talk.initiated);
	/* nor the largest number of tries there is */
	module_with(255);
	for (k = 0; k < 255; k++)
		assert_int_equal(try_wrong(KVN),
				 k < 239 ? 0x6300 : 0x63c0 | (254 - k));
	now += 1000000 * NSEC_PER_SEC;
	assert_int_equal(initialize(KVN), SW_BLOCKED);
	assert_int_equal(vault.keysets[1].failures, 255);
}

static void ways_out(void **state)
{
	static const struct {
		u8 kvn;
		const char *text;
	} rows[] = {
		{ 0x30, "keyset 30: locked after 1 failed authentications: "
			"the central system puts another one" },
		{ KVN, "keyset 31: locked after 1 failed authentications: "
		       "reset the module (secmod reset)" },
		{ 0x38, "keyset 38: locked after 1 failed authentications: "
			"replace it with the replacement keyset" },
	};
	size_t i;

	(void)state;
	module_with(1);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(try_wrong(rows[i].kvn), 0x63c0);
		assert_int_equal(initialize(rows[i].kvn), SW_BLOCKED);
		assert_string_equal(module.why.text, rows[i].text);
	}
}

/* A try is in the vault before anybody learns whether it was right. */
static void counted_first(void **state)
{
	(void)state;
	module_with(3);
	assert_int_equal(initialize(KVN), SW_OK);
	assert_int_equal(authenticate(0), SW_OK);
	assert_int_equal(talk.channel, CHANNEL_REPLACEMENT);
	assert_int_equal(commits, 2);
	assert_int_equal(counted.keysets[1].failures, 1);
	assert_int_equal(vault.keysets[1].failures, 0);
	/* what cannot be counted is not tried */
	assert_int_equal(initialize(KVN), SW_OK);
	commit_fails = true;
	assert_int_equal(authenticate(0), SW_FAILED);
	assert_int_equal(talk.channel, CHANNEL_NONE);
	assert_int_equal(commits, 2);
}

/* 6.2.2.1: there is no challenge behind the counter's last one. */
static void end_of_counter(void **state)
{
	(void)state;
	module_with(3);
	pseudo_random = true;
	vault.keysets[1].sequence = SEQUENCE_MAX - 1;
	assert_int_equal(initialize(KVN), SW_OK);
	assert_int_equal(authenticate(0), SW_OK);
	assert_int_equal(vault.keysets[1].sequence, 0xffffff);
	commits = 0;
	assert_int_equal(initialize(KVN), SW_CONDITIONS);
	assert_false(talk.initiated);
	assert_int_equal(commits, 0);
	assert_int_equal(vault.keysets[1].sequence, 0xffffff);
	/* that of another keyset is another */
	assert_int_equal(initialize(0x38), SW_OK);
}

#define CASE(name, test)                     \
	{                                    \
		name, test, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("B9 each failure closes a keyset for twice as long",
		     twice_as_long),
		CASE("B9 each failure tells the tries that are left",
		     tries_left),
		CASE("B9 a locked keyset tells the way out", ways_out),
		CASE("B9 a try is counted first", counted_first),
		CASE("B8 the end of a counter of challenges", end_of_counter),
	};

	return cmocka_run_group_tests_name("executive_tries", tests, NULL,
					   NULL);
}
