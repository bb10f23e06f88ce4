// SPDX-License-Identifier: MIT
/*
 * Who may what: the dispatcher's rules are those of docs/executive.md, for each command in
 * each channel, and the rules of PUT KEY are what B5, B8 and A11 ask for, for each key in
 * the place of each.
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
/* with its table, and what follows in the place of the rest; the protection is right */
#define scp03_unwrap unwrap
#define scp03_wrap wrap
#define channel_close close_channel
#include "kernel/executive/executive.c"

static struct secmod module;
static struct executive talk;
static const char *called;
static unsigned int closed, detaching, nothing_selected;
static u16 answer_with = SW_OK;
static int unwrapping, wrapping; /* what it returns */

#define COMMAND(name)                                       \
	u16 name(struct executive *x, const struct apdu *a, \
		 struct apdu_response *r)                   \
	{                                                   \
		(void)x, (void)a, (void)r;                  \
		called = #name;                             \
		module.generation += detaching;             \
		return answer_with;                         \
	}
COMMAND(channel_initialize_update)
COMMAND(channel_external_authenticate)
COMMAND(agreement_certificate)
COMMAND(agreement_authenticate)
COMMAND(keys_put)
COMMAND(keys_delete)
COMMAND(life_challenge)
COMMAND(life_set_status)
COMMAND(life_get_status)
COMMAND(information_get)
COMMAND(store_install)
COMMAND(store_data)

void close_channel(struct executive *x)
{
	x->channel = CHANNEL_NONE;
	closed++;
}

void store_forget(struct executive *x)
{
	(void)x;
}

int unwrap(struct scp03 *s, struct apdu *a)
{
	(void)s, (void)a;
	return unwrapping;
}

int wrap(struct scp03 *s, struct apdu_response *r, u16 sw)
{
	(void)s, (void)r, (void)sw;
	return wrapping;
}

struct record *record_alloc(void)
{
	return NULL;
}

void record_free(struct record *r)
{
	(void)r;
}

int secmod_vault_commit(struct secmod *sm, struct record *next)
{
	(void)sm, (void)next;
	return -1;
}

/*
 * The documentation
 */
#define ALL (BIT(CHANNEL_COUNT) - 1)
#define OPENED (ALL & ~BIT(CHANNEL_NONE))

static const char *const channels[CHANNEL_COUNT] = {
	NULL, "transport", "replacement", "master", "central",
};

static unsigned int who_may(const char *text)
{
	unsigned int mask = 0;
	size_t i;

	if (!strncmp(text, "anybody", 7))
		return ALL;
	if (!strncmp(text, "any channel", 11))
		return OPENED;
	for (i = 1; i < CHANNEL_COUNT; i++)
		if (strstr(text, channels[i]))
			mask |= BIT(i);
	return mask;
}

/* By INS: CLA, and the channels, of all rows together. */
static struct {
	unsigned int cla, channels;
} documented[256];

static void read_documentation(void)
{
	FILE *f = fopen("docs/executive.md", "r");
	char line[1024], name[64], who[128];
	unsigned int cla, ins, rows = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "|%63[^|]| %2x %2x %*[^|]| %127[^|]|", name,
			   &cla, &ins, who) != 4)
			continue;
		documented[ins].cla |= cla;
		documented[ins].channels |= who_may(who);
		rows++;
	}
	fclose(f);
	assert_true(rows > 12);
	/* not a command of the table: see give_pending() */
	documented[INS_GET_RESPONSE].channels = 0;
}

/* Status word of a command without data, with Le. */
static u16 say(enum executive_channel channel, u8 cla, u8 ins)
{
	u8 command[] = { cla, ins, ins == INS_SELECT ? 0x04 : 0, 0, 0 };
	static u8 data[APDU_RESPONSE_MAX];
	struct apdu_response r = { .data = data };
	struct secmod_file f = { &module, &talk };

	memset(&talk, 0, sizeof(talk));
	talk.sm = &module;
	talk.generation = module.generation;
	if (!nothing_selected)
		talk.selected = executive_issuer;
	talk.channel = channel;
	called = NULL;
	closed = 0;
	assert_int_equal(executive_run(&f, command, sizeof(command), &r), 0);
	return (u16)(data[r.len - 2] << 8 | data[r.len - 1]);
}

/* Those that open a channel come without protection. */
static bool opens(unsigned int ins)
{
	return ins == INS_SELECT || ins == INS_INITIALIZE_UPDATE ||
	       ins == INS_AUTHENTICATE || ins == INS_PERFORM_SECURITY_OPERATION;
}

static void each_command_in_each_channel(void **state)
{
	unsigned int channel, ins;

	(void)state;
	for (ins = 0; ins < 256; ins++) {
		for (channel = 0; channel < CHANNEL_COUNT; channel++) {
			const bool may = documented[ins].channels &
					 BIT(channel);
			const bool secure = channel && !opens(ins);
			const u16 sw = say(
				channel, documented[ins].cla | (secure ? 4 : 0),
				ins);

			print_message(may == (sw == SW_OK) ?
					      "" :
					      "INS %02X in channel %u: %04X\n",
				      ins, channel, sw);
			if (!documented[ins].channels)
				assert_int_equal(sw, SW_INS);
			else
				assert_int_equal(sw, may ? SW_OK : SW_SECURITY);
			/* SELECT is of this file */
			assert_int_equal(!!called, may && ins != INS_SELECT);
		}
	}
}

static void the_right_function(void **state)
{
	static const struct {
		u8 cla, ins;
		const char *name;
	} rows[] = {
		{ 0x80, 0x2a, "agreement_certificate" },
		{ 0x80, 0x50, "channel_initialize_update" },
		{ 0x84, 0x82, "channel_external_authenticate" },
		{ 0x80, 0x82, "agreement_authenticate" },
		{ 0x84, 0x84, "life_challenge" },
		{ 0x84, 0xca, "information_get" },
		{ 0x84, 0xd8, "keys_put" },
		{ 0x84, 0xe4, "keys_delete" },
		{ 0x84, 0xf0, "life_set_status" },
		{ 0x84, 0xf2, "life_get_status" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		say(CHANNEL_CENTRAL, rows[i].cla, rows[i].ins);
		assert_string_equal(called, rows[i].name);
	}
	say(CHANNEL_MASTER, 0x84, 0xe6);
	assert_string_equal(called, "store_install");
	say(CHANNEL_MASTER, 0x84, 0xe2);
	assert_string_equal(called, "store_data");
}

static void without_protection(void **state)
{
	unsigned int channel, ins;

	(void)state;
	for (ins = 0; ins < 256; ins++) {
		/* nothing protects it: it is not done, and the channel is over */
		for (channel = 1; channel < CHANNEL_COUNT && !opens(ins);
		     channel++) {
			assert_int_equal(say(channel, documented[ins].cla, ins),
					 SW_SECURITY);
			assert_null(called);
			assert_true(closed);
		}
		/* nothing protects, and it says that something does */
		if (ins != INS_AUTHENTICATE) {
			assert_int_equal(say(CHANNEL_NONE, 0x84, ins),
					 SW_SECURITY);
			assert_null(called);
		}
	}
}

/* Any command that is not as it was sealed, those that open a channel too. */
static void changed_protection(void **state)
{
	unsigned int channel, ins;

	(void)state;
	unwrapping = -EBADMSG;
	for (ins = 0; ins < 256; ins++) {
		for (channel = 1; channel < CHANNEL_COUNT; channel++) {
			if (ins == INS_AUTHENTICATE)
				continue;
			assert_int_equal(say(channel, 0x84, ins), SW_SECURITY);
			assert_null(called);
			assert_int_equal(closed, 1);
		}
	}
	unwrapping = 0;
}

/* It has been done all the same: "nothing has changed" would be wrong. */
static void response_lost(void **state)
{
	(void)state;
	wrapping = -ENOMEM;
	assert_int_equal(say(CHANNEL_REPLACEMENT, 0x84, INS_PUT_KEY),
			 SW_MEMORY);
	assert_string_equal(called, "keys_put");
	assert_int_equal(closed, 1);
	wrapping = 0;
	/* and when the module cannot tell whether the vault's counter was raised */
	answer_with = SW_FAILED;
	assert_int_equal(say(CHANNEL_REPLACEMENT, 0x84, INS_PUT_KEY),
			 SW_FAILED);
	detaching = 1;
	assert_int_equal(say(CHANNEL_REPLACEMENT, 0x84, INS_PUT_KEY),
			 SW_MEMORY);
	detaching = 0;
	answer_with = SW_OK;
}

static void other_classes(void **state)
{
	unsigned int ins;

	(void)state;
	for (ins = 0; ins < 256; ins++) {
		if (!documented[ins].channels)
			continue;
		assert_int_equal(say(CHANNEL_NONE, 0xa0, ins), SW_CLA);
		assert_int_equal(say(CHANNEL_NONE, 0x81, ins), SW_CHANNEL);
		assert_null(called);
	}
	assert_int_equal(say(CHANNEL_NONE, 0x80, INS_SELECT), SW_CLA);
}

static void before_select(void **state)
{
	unsigned int ins;

	(void)state;
	nothing_selected = 1;
	for (ins = 0; ins < 256; ins++)
		if (documented[ins].channels && ins != INS_SELECT)
			assert_int_equal(say(CHANNEL_NONE, documented[ins].cla,
					     ins),
					 SW_CONDITIONS);
	assert_int_equal(say(CHANNEL_NONE, 0, INS_SELECT), SW_OK);
	nothing_selected = 0;
}

/*
 * PUT KEY
 */
static const u8 numbers[KEY_ROLE_COUNT] = { 0, 0x30, 0x33, 0x3a, 0x44 };

/* What is there, of what the rows below replace. */
static struct record *filled(const u8 *roles, size_t count)
{
	static struct record r;

	memset(&r, 0, sizeof(r));
	for (size_t i = 0; i < count; i++)
		r.keysets[i].kvn = numbers[roles[i]];
	return &r;
}

static bool may_put(unsigned int channel, unsigned int old, unsigned int role)
{
	switch (channel) {
	case CHANNEL_TRANSPORT: /* B5: both slots, while they are empty */
		return !old && (role == KEY_REPLACEMENT || role == KEY_MASTER);
	case CHANNEL_REPLACEMENT: /* B8: an MK by an MK, nothing else */
		return old == KEY_MASTER && role == KEY_MASTER;
	case CHANNEL_CENTRAL: /* the supplier's keyset; A11 */
		return (role == KEY_TRANSPORT || role == KEY_TRANSACTION) &&
		       (!old || old == role);
	}
	return false;
}

static void each_key_for_each(void **state)
{
	unsigned int channel, old, role;

	(void)state;
	for (channel = 0; channel < CHANNEL_COUNT; channel++) {
		for (old = 0; old < KEY_ROLE_COUNT; old++) {
			for (role = 1; role < KEY_ROLE_COUNT; role++) {
				const struct put_key p = {
					.old = numbers[old],
					.kvn = numbers[role],
				};
				const u8 there[] = { old };
				const u16 sw = put_key_allowed(
					channel, filled(there, old != 0), &p);

				if (may_put(channel, old, role) !=
				    (sw == SW_OK))
					print_message(
						"channel %u, %02X by %02X: %04X\n",
						channel, p.old, p.kvn, sw);
				assert_int_equal(sw,
						 may_put(channel, old, role) ?
							 SW_OK :
							 SW_SECURITY);
			}
		}
	}
}

/* Numbers are of one role, from the first to the last of it. */
static void each_number(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 1; n < 256; n++) {
		const enum key_role role =
			n == 0x30	       ? KEY_TRANSPORT :
			n > 0x30 && n < 0x38   ? KEY_REPLACEMENT :
			n >= 0x38 && n < 0x40  ? KEY_MASTER :
			n >= 0x40 && n <= 0x5f ? KEY_TRANSACTION :
						 KEY_ROLE_COUNT;

		assert_int_equal(key_role((u8)n), role);
	}
	assert_int_equal(key_channel(KEY_TRANSPORT), CHANNEL_TRANSPORT);
	assert_int_equal(key_channel(KEY_REPLACEMENT), CHANNEL_REPLACEMENT);
	assert_int_equal(key_channel(KEY_MASTER), CHANNEL_MASTER);
	assert_int_equal(key_channel(KEY_TRANSACTION), CHANNEL_NONE);
}

/* B5: a supplier's keyset is for what has not been issued, until that is said to be over. */
static void no_transport_keyset_after_issuance(void **state)
{
	static const struct {
		u8 there[2], count, secured;
		u8 old;
		u16 sw;
	} rows[] = {
		{ { 0 }, 0, 0, 0, SW_OK },
		{ { KEY_TRANSPORT }, 1, 0, 0x30, SW_OK },
		{ { KEY_TRANSPORT }, 1, 0, 0, SW_CONDITIONS },
		{ { 0 }, 0, 1, 0, SW_CONDITIONS },
		/* a first load that broke off */
		{ { KEY_TRANSPORT, KEY_MASTER }, 2, 0, 0x30, SW_OK },
		{ { KEY_MASTER }, 1, 0, 0, SW_OK },
		{ { KEY_REPLACEMENT }, 1, 0, 0, SW_OK },
		/* that was ended */
		{ { KEY_TRANSPORT }, 1, 1, 0x30, SW_CONDITIONS },
		{ { KEY_MASTER }, 1, 1, 0, SW_CONDITIONS },
		{ { KEY_MASTER, KEY_REPLACEMENT }, 2, 1, 0, SW_CONDITIONS },
		{ { 0 }, 0, 0, 0x30, SW_REFERENCE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct put_key p = { .old = rows[i].old, .kvn = 0x30 };
		struct record *r = filled(rows[i].there, rows[i].count);

		r->secured = rows[i].secured;
		assert_int_equal(put_key_allowed(CHANNEL_CENTRAL, r, &p),
				 rows[i].sw);
	}
	/* other keys come afterwards as well */
	for (i = 0; i < 2; i++) {
		const struct put_key p = { .old = i ? 0x3a : 0,
					   .kvn = i ? 0x3a : 0x44 };
		struct record *r = filled((const u8[]){ KEY_MASTER }, 1);

		r->secured = 1;
		assert_int_equal(put_key_allowed(i ? CHANNEL_REPLACEMENT :
						     CHANNEL_CENTRAL,
						 r, &p),
				 SW_OK);
	}
}

#define CASE(name, test)                     \
	{                                    \
		name, test, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("B1 each command in each channel",
		     each_command_in_each_channel),
		CASE("B1 each command to the right function",
		     the_right_function),
		CASE("B8 commands without protection", without_protection),
		CASE("B8 commands with changed protection", changed_protection),
		CASE("B9 a response that cannot be protected", response_lost),
		CASE("B1 commands of other classes", other_classes),
		CASE("B1 commands before SELECT", before_select),
		CASE("B5 B8 A11 each key in the place of each",
		     each_key_for_each),
		CASE("B5 B8 A11 each number of a key", each_number),
		CASE("B5 no transport keyset after issuance",
		     no_transport_keyset_after_issuance),
	};

	read_documentation();
	return cmocka_run_group_tests_name("executive_rules", tests, NULL,
					   NULL);
}
