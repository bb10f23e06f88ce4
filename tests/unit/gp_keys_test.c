// SPDX-License-Identifier: MIT
/* Keys and applications, the host's side: what the card gets, what is made of its answers. */
#include "soft_card.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gp/internal.h"

static const uint8_t aid[] = { 0xf0, 0x73, 0x65, 0x63, 0x6d, 0x01 };

struct stand {
	struct soft_card soft;
	struct gp_card card;
	struct gp_keyset keys;
	struct gp_response r;
	struct error e;
};

#define ok(expression) ok_at(expression, s, __LINE__)
static void ok_at(int rc, const struct stand *s, int line)
{
	if (rc)
		fail_msg("line %d: %d: %s", line, rc, s->e.text);
}

static void refused_at(int rc, int wanted, const char *text,
		       const struct stand *s, int line)
{
	if (rc != wanted || !strstr(s->e.text, text))
		fail_msg("line %d: %d: '%s' instead of %d: '%s'", line, rc,
			 s->e.text, wanted, text);
}
#define refused(rc, wanted, text) refused_at(rc, wanted, text, s, __LINE__)

static int setup(void **state)
{
	struct stand *s = calloc(1, sizeof(*s));

	s->card.transmit = soft_card_transmit;
	s->card.ctx = &s->soft;
	s->card.name = "soft";
	s->soft.i = 0x60;
	soft_keyset(&s->soft, 0x30, 32, &s->keys);
	ok(gp_scp03_open(&s->card, &s->keys, 0x30, GP_LEVEL_FULL, &s->e));
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stand *s = *state;

	gp_close(&s->card);
	free(s);
	return 0;
}

static void fill(struct gp_keyset *k, uint8_t len, uint8_t first)
{
	k->len = len;
	for (uint8_t i = 0; i < len; i++) {
		k->enc[i] = first + i;
		k->mac[i] = 2 * first + i;
		k->dek[i] = 3 * first + i;
	}
}

static void same(const struct soft_card *c, uint8_t kvn,
		 const struct gp_keyset *k)
{
	const struct soft_keyset *got = soft_find((struct soft_card *)c, kvn);

	assert_non_null(got);
	assert_int_equal(got->keys.len, k->len);
	assert_memory_equal(got->keys.enc, k->enc, k->len);
	assert_memory_equal(got->keys.mac, k->mac, k->len);
	assert_memory_equal(got->keys.dek, k->dek, k->len);
}

static void keysets_of_all_lengths(void **state)
{
	static const uint8_t lens[] = { 16, 24, 32 };
	struct stand *s = *state;
	struct gp_keyset k = { .len = 0 };

	for (size_t i = 0; i < 3; i++) {
		fill(&k, lens[i], 5 + (uint8_t)i);
		ok(gp_put_keyset(&s->card, i ? 0x31 : 0, 0x31, &k, &s->e));
		same(&s->soft, 0x31, &k);
	}
	ok(gp_delete_key(&s->card, 0x31, &s->e));
	assert_null(soft_find(&s->soft, 0x31));
	refused(gp_delete_key(&s->card, 0x31, &s->e), -ENOENT,
		"soft: DELETE of the key refused with 6A88");
}

/* The keys put are those that the next channel needs. */
static void channel_under_the_new_keyset(void **state)
{
	struct stand *s = *state;
	struct gp_keyset k;

	fill(&k, 16, 77);
	ok(gp_put_keyset(&s->card, 0x30, 0x38, &k, &s->e));
	ok(gp_scp03_open(&s->card, &k, 0x38, GP_LEVEL_FULL, &s->e));
	refused(gp_put_keyset(&s->card, 0, 0x31, &s->keys, &s->e), -EINVAL,
		"a key of 32 bytes does not go under one of 16");
	refused(gp_scp03_open(&s->card, &s->keys, 0x30, GP_LEVEL_FULL, &s->e),
		-ENOENT, "there is no keyset of this version");
	refused(gp_scp03_open(&s->card, &s->keys, 0x38, GP_LEVEL_FULL, &s->e),
		-EKEYREJECTED, "does not know keyset 38");
}

static void answer_of_put_key_is_checked(void **state)
{
	struct stand *s = *state;
	struct gp_keyset k;

	fill(&k, 16, 1);
	s->soft.lie = true;
	refused(gp_put_keyset(&s->card, 0, 0x31, &k, &s->e), -EPROTO,
		"PUT KEY of version 31 was answered with other check values");
	k.len = 20;
	refused(gp_put_keyset(&s->card, 0, 0x31, &k, &s->e), -EINVAL, "not 20");
	gp_close(&s->card);
	refused(gp_put_keyset(&s->card, 0, 0x31, &k, &s->e), -EPERM,
		"soft: PUT KEY needs a secure channel");
}

static void transaction_key(void **state)
{
	static const uint8_t limits[] = { 0xa5, 0x1c, 0x80, 1,	  1,	0x81,
					  1,	3,    0x82, 4,	  0,	0,
					  0x0e, 0x10, 0x83, 8,	  0,	0,
					  0,	0,    0,    1,	  0x86, 0xa0,
					  0x84, 4,    0xde, 0xad, 0xbe, 0xef };
	struct stand *s = *state;
	struct gp_transaction_key k = { .kvn = 0x40,
					.algorithm = GP_ALGORITHM_AES_GCM,
					.directions = GP_MODULE_SEALS |
						      GP_MODULE_OPENS,
					.len = 32,
					.id = 0xdeadbeef,
					.lifetime = 3600,
					.messages = 100000 };
	const struct soft_keyset *got;

	memset(k.key, 0x5a, sizeof(k.key));
	ok(gp_put_transaction_key(&s->card, 0, &k, &s->e));
	got = soft_find(&s->soft, 0x40);
	assert_memory_equal(got->keys.mac, k.key, 32);
	assert_int_equal(got->limits_len, sizeof(limits));
	assert_memory_equal(got->limits, limits, sizeof(limits));
}

/* The value is that of openssl enc -aes-128-ecb. */
static void check_value(void **state)
{
	struct stand *s = *state;
	uint8_t key[16], kcv[3];

	for (uint8_t i = 0; i < 16; i++)
		key[i] = 0x40 + i;
	ok(gp_kcv(key, sizeof(key), kcv, &s->e));
	assert_memory_equal(kcv, "\x50\x4a\x77", 3);
}

/*
 * What a module says of itself
 */
static const struct {
	uint16_t tag;
	const char *data;
	size_t len;
} objects[] = {
#define OBJECT(tag, text)                   \
	{                                   \
		tag, text, sizeof(text) - 1 \
	}
	OBJECT(0x00e0, "\xe0\x12\xc0\4\1\x30\x88\x20\xc0\4\2\x30\x88\x20"
		       "\xc0\4\3\x30\x88\x20"),
	OBJECT(0xdf22, "\xdf\x22\x1a\x31\x20\2\x0a"
		       "abcdefghi\x38\x10\0\x0a"
		       "jklmnopqr"),
	OBJECT(0x0045, "\x45\x10"
		       "0123456789abcdef"),
	OBJECT(0xdf20, "\xdf\x20\x0d\5\0\0\0\0\0\0\1\2\xaa\xbb\xcc\xdd"),
};

static const uint8_t *spoilt;
static size_t spoilt_len;

static u16 tell(struct soft_card *c, const struct apdu *a,
		struct apdu_response *r)
{
	(void)c;
	if (a->ins != 0xca)
		return SW_INS;
	if (spoilt) {
		apdu_put(r, spoilt, spoilt_len);
		return SW_OK;
	}
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		if (objects[i].tag != (a->p1 << 8 | a->p2))
			continue;
		apdu_put(r, objects[i].data, objects[i].len);
		return SW_OK;
	}
	return SW_REFERENCE;
}

static void information(void **state)
{
	struct stand *s = *state;
	struct gp_key_info info;
	struct gp_keysets sets;
	struct gp_status status;
	uint8_t uid[16];

	s->soft.run = tell;
	ok(gp_key_info(&s->card, &info, &s->e));
	assert_int_equal(info.count, 3);
	assert_int_equal(info.keys[2].id, 3);
	assert_int_equal(info.keys[2].kvn, 0x30);
	assert_int_equal(info.keys[2].type, 0x88);
	assert_int_equal(info.keys[2].len, 32);
	ok(gp_keysets(&s->card, &sets, &s->e));
	assert_int_equal(sets.count, 2);
	assert_int_equal(sets.keysets[0].failures, 2);
	assert_int_equal(sets.keysets[1].kvn, 0x38);
	assert_int_equal(sets.keysets[1].len, 16);
	assert_int_equal(sets.keysets[1].tries, 10);
	assert_memory_equal(sets.keysets[1].kcv[2], "pqr", 3);
	ok(gp_uid(&s->card, uid, &s->e));
	assert_memory_equal(uid, "0123456789abcdef", 16);
	ok(gp_status(&s->card, &status, &s->e));
	assert_int_equal(status.state, 5);
	assert_int_equal(status.epoch, 0x102);
	assert_int_equal(status.generation, 0xaabbccddu);
}

static int ask(struct stand *s, size_t object)
{
	struct gp_key_info info;
	struct gp_keysets sets;
	struct gp_status status;
	uint8_t uid[16];

	switch (object) {
	case 0:
		return gp_key_info(&s->card, &info, &s->e);
	case 1:
		return gp_keysets(&s->card, &sets, &s->e);
	case 2:
		return gp_uid(&s->card, uid, &s->e);
	}
	return gp_status(&s->card, &status, &s->e);
}

/* Cut short anywhere, or with one byte more: no object. */
static void information_cut_short(void **state)
{
	struct stand *s = *state;
	uint8_t copy[64];

	s->soft.run = tell;
	spoilt = copy;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		memcpy(copy, objects[i].data, objects[i].len);
		copy[objects[i].len] = 0;
		for (spoilt_len = 0; spoilt_len < objects[i].len; spoilt_len++)
			assert_int_equal(ask(s, i), -EPROTO);
		ok(ask(s, i));
		spoilt_len++;
		refused(ask(s, i), -EPROTO, "not one object of tag");
		spoilt_len--;
		copy[objects[i].tag > 0xff ? 2 : 1]--;
		refused(ask(s, i), -EPROTO, "not one object of tag");
		spoilt_len--;
		refused(ask(s, i), -EPROTO, "not as it is documented");
	}
	/* the whole is right, what is in it ends too early */
	spoilt = (const uint8_t *)"\xe0\x05\xc0\4\1\x30\x88\x20";
	spoilt_len = 7;
	refused(ask(s, 0), -EPROTO, "object E0 is not as it is documented");
	spoilt = NULL;
}

/*
 * Applications
 */
static struct {
	struct apdu a[8];
	uint8_t data[8][600];
	size_t count;
} seen;

static u16 take_down(struct soft_card *c, const struct apdu *a,
		     struct apdu_response *r)
{
	const size_t n = seen.count++;

	(void)c;
	assert_true(n < 8 && a->len <= sizeof(seen.data[n]));
	seen.a[n] = *a;
	memcpy(seen.data[n], a->data, a->len);
	if (a->ins == 0xf2)
		apdu_put(r,
			 "\xe3\x0e\x4f\6\xf0secm\1\x9f\x70\1\7\xc5\x00"
			 "\xe3\x0b\x4f\5\xf0secm\x9f\x70\1\xf",
			 29);
	else
		apdu_put_byte(r, 0);
	return SW_OK;
}

static void applications(void **state)
{
	static const uint8_t install[] = "\0\0\6\xf0secm\1\1\0\2\xc9\0\0",
			     personalize[] = "\0\0\6\xf0secm\1\0\0\0";
	struct stand *s = *state;
	struct gp_applications list;

	seen.count = 0;
	s->soft.run = take_down;
	ok(gp_install(&s->card, aid, sizeof(aid), &s->e));
	ok(gp_personalize(&s->card, aid, sizeof(aid), &s->e));
	ok(gp_delete_application(&s->card, aid, sizeof(aid), &s->e));
	ok(gp_set_status(&s->card, GP_SECURED, NULL, 0, &s->r, &s->e));
	assert_int_equal(seen.a[0].p1, 0x0c);
	assert_int_equal(seen.a[0].len, sizeof(install) - 1);
	assert_memory_equal(seen.data[0], install, sizeof(install) - 1);
	assert_int_equal(seen.a[1].p1, 0x20);
	assert_int_equal(seen.a[1].len, sizeof(personalize) - 1);
	assert_memory_equal(seen.data[1], personalize, sizeof(personalize) - 1);
	assert_int_equal(seen.a[2].ins, 0xe4);
	assert_memory_equal(seen.data[2], "\x4f\6\xf0secm\1", 8);
	assert_int_equal(seen.a[3].ins, 0xf0);
	assert_int_equal(seen.a[3].p1, 0x80);
	assert_int_equal(seen.a[3].p2, 0x0f);
	/* what a reset answers with comes whole, not by GET RESPONSE */
	ok(gp_set_status(&s->card, 0x7f, aid, sizeof(aid), &s->r, &s->e));
	assert_true(seen.a[4].extended);
	assert_int_equal(seen.a[4].expected, 65536);
	assert_false(seen.a[3].extended);
	ok(gp_get_status(&s->card, 0x40, &list, &s->e));
	assert_int_equal(list.count, 2);
	assert_memory_equal(list.applications[0].aid, aid, sizeof(aid));
	assert_int_equal(list.applications[0].state, 7);
	assert_int_equal(list.applications[1].aid_len, 5);
	assert_int_equal(list.applications[1].state, 15);
	refused(gp_install(&s->card, aid, 4, &s->e), -EINVAL, "5 to 16 bytes");
}

/* Whole groups in a block, the last marked; keys are under Key-DEK. */
static void data_groups(void **state)
{
	static const uint8_t zeros[16];
	struct stand *s = *state;
	struct gp_groups g = { .len = 0 };
	uint8_t data[300], key[17] = { 3, 'k' };

	memset(data, 0x11, sizeof(data));
	s->soft.run = take_down;
	seen.count = 0;
	ok(gp_data_group(&s->card, 0x0101, data, 100, &g, &s->e));
	ok(gp_data_group(&s->card, 0x8001, key, sizeof(key), &g, &s->e));
	ok(gp_data_group(&s->card, 0x0102, data, 300, &g, &s->e));
	ok(gp_data_group(&s->card, 0x0103, data, 0, &g, &s->e));
	ok(gp_store_data(&s->card, &g, &s->e));
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.a[0].len, 103 + 35);
	assert_int_equal(seen.a[0].p1, 0x08);
	assert_memory_equal(seen.data[0], "\1\1\x64\x11", 4);
	assert_memory_equal(seen.data[0] + 103, "\x80\1\x20", 3);
	assert_int_equal(se_cbc(false, s->keys.dek, 32, zeros,
				seen.data[0] + 106, 32),
			 0);
	assert_memory_equal(seen.data[0] + 106, key, sizeof(key));
	assert_memory_equal(seen.data[0] + 106 + 17, "\x80\0\0\0", 4);
	assert_int_equal(seen.a[1].len, 305);
	assert_int_equal(seen.a[1].p1, 0x08);
	assert_memory_equal(seen.data[1], "\1\2\xff\1\x2c\x11", 6);
	assert_int_equal(seen.a[2].len, 3);
	assert_int_equal(seen.a[2].p1, 0x88);
	assert_int_equal(seen.a[2].p2, 2);
	g.len = sizeof(g.data) - 2;
	refused(gp_data_group(&s->card, 0x0101, data, 0, &g, &s->e), -E2BIG,
		"data group 0101");
}

#define CASE(name, function)                          \
	{                                             \
		name, function, setup, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("B5 keysets of all lengths", keysets_of_all_lengths),
		CASE("B8 the keys put are those of the next channel",
		     channel_under_the_new_keyset),
		CASE("B5 the module's check values are compared",
		     answer_of_put_key_is_checked),
		CASE("A11 a transaction key and its limits", transaction_key),
		CASE("B5 the check value is that of OpenSSL", check_value),
		CASE("B1 what a module says of its keys", information),
		CASE("B1 the same, cut short or too long",
		     information_cut_short),
		CASE("B1 applications and their states", applications),
		CASE("B1 A11 data groups, with keys under Key-DEK",
		     data_groups),
	};

	return cmocka_run_group_tests_name("gp_keys", tests, NULL, NULL);
}
