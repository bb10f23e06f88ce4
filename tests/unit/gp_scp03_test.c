// SPDX-License-Identifier: MIT
/*
 * SCP03, the host's side: against sessions of another maker's card, and against the
 * driver's own source as a card.
 */
#include "soft_card.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gp/internal.h"
#include "tests/vectors/scp03.h"
#include "vector.h"

#define TRANSCRIPTS ARRAY_SIZE(scp03_transcripts)

static void ok_at(int rc, const struct error *e, int line)
{
	if (rc)
		fail_msg("line %d: %d: %s", line, rc, e->text);
}
#define ok(expression) ok_at(expression, &e, __LINE__)

/*
 * A card that only plays back: each command has to be the recorded one
 */
struct tape {
	const struct scp03_transcript *t;
	int at; /* next command */
};

static void give_hex(const char *hex, uint16_t sw, uint8_t *response,
		     size_t *len)
{
	struct vector v = vector_from_hex(hex);

	memcpy(response, v.data, v.len);
	response[v.len] = sw >> 8;
	response[v.len + 1] = (uint8_t)sw;
	*len = v.len + 2;
	vector_free(&v);
}

static int play(void *ctx, const uint8_t *command, size_t len,
		uint8_t *response, size_t *response_len)
{
	struct tape *p = ctx;
	const struct scp03_transcript *t = p->t;
	const char *wanted = p->at == 0 ? t->initialize :
			     p->at == 1 ? t->authenticate :
					  t->wrapped[p->at - 2];
	struct vector v = vector_from_hex(wanted);

	assert_int_equal(len, v.len);
	assert_memory_equal(command, v.data, len);
	vector_free(&v);
	give_hex(p->at == 0 ? t->card :
		 p->at == 2 ? t->response :
			      "",
		 p->at > 2 ? 0x6a88 : 0x9000, response, response_len);
	p->at++;
	return 0;
}

static struct gp_command from_hex(const char *hex, struct vector *v)
{
	struct apdu a;

	*v = vector_from_hex(hex);
	assert_true(apdu_parse(&a, v->data, v->len));
	return (struct gp_command){ a.cla,  a.ins, a.p1,      a.p2,
				    a.data, a.len, a.expected };
}

static void open_recorded(struct gp_card *card, const struct tape *p)
{
	const struct scp03_transcript *t = p->t;
	struct gp_keyset k = { .len = (uint8_t)(strlen(t->keys[0]) / 2) };
	uint8_t challenge[8], level;
	struct error e;
	struct vector v;

	vector_read(t->keys[0], k.enc, k.len);
	vector_read(t->keys[1], k.mac, k.len);
	vector_read(t->keys[2], k.dek, k.len);
	v = vector_from_hex(t->initialize);
	memcpy(challenge, v.data + 5, sizeof(challenge));
	vector_free(&v);
	v = vector_from_hex(t->authenticate);
	level = v.data[2];
	vector_free(&v);
	ok(gp_scp03_open_with(card, &k, 0x30 + (k.len - 16) / 8, level,
			      challenge, &e));
}

/* Each command is as the other host made it, each response understood. */
static void session_of_another_maker(void **state)
{
	const struct scp03_transcript *t = *state;
	struct tape p = { t, 0 };
	struct gp_card card = { .transmit = play, .ctx = &p };
	struct gp_response r;
	struct vector plain = vector_from_hex(scp03_answer), v;
	struct gp_command c;
	struct error e;

	open_recorded(&card, &p);
	assert_int_equal(gp_opened(&card)->i, 0x70);
	for (int i = 0; i < SCP03_COMMANDS; i++) {
		c = from_hex(scp03_plain[i], &v);
		ok(gp_send(&card, &c, &r, &e));
		if (i == 0) {
			assert_int_equal(r.sw, 0x9000);
			assert_int_equal(r.len, plain.len);
			assert_memory_equal(r.data, plain.data, r.len);
		}
		vector_free(&v);
	}
	gp_close(&card);
	vector_free(&plain);
}

/*
 * The driver's source as a card
 */
struct stand {
	struct soft_card soft;
	struct gp_card card;
	struct gp_keyset keys;
	struct gp_response r;
	struct error e;
};

static void stand(struct stand *s, uint8_t key_len, uint8_t i)
{
	memset(s, 0, sizeof(*s));
	s->card.transmit = soft_card_transmit;
	s->card.ctx = &s->soft;
	s->card.name = "soft";
	s->soft.i = i;
	s->soft.sequence = 0x010203;
	soft_keyset(&s->soft, 0x30, key_len, &s->keys);
}

static int get(struct stand *s, uint8_t byte, uint8_t blocks)
{
	return gp_get_data(&s->card, (uint16_t)(byte << 8 | blocks), &s->r,
			   &s->e);
}

static int store(struct stand *s, uint8_t p1, const uint8_t *data, size_t len)
{
	const struct gp_command c = { 0x80, 0xe2, p1, 0, data, len, 256 };

	return gp_send(&s->card, &c, &s->r, &s->e);
}

/* No data, data only there, only back, both; lengths around the blocks; a warning. */
static void converse(struct stand *s)
{
	static const size_t lengths[] = { 0,   1,   15,	 16,   17,  230,
					  239, 240, 255, 1000, 4048 };
	uint8_t data[4096];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		ok_at(store(s, 0x90, data, lengths[i]), &s->e, __LINE__);
		assert_int_equal(s->r.sw, 0x9000);
		assert_int_equal(s->soft.last.len, lengths[i]);
		assert_memory_equal(s->soft.last_data, data, lengths[i]);
		assert_int_equal(s->r.len, lengths[i]);
		assert_memory_equal(s->r.data, data, lengths[i]);
	}
	ok_at(store(s, 0x91, data, 20), &s->e, __LINE__);
	assert_int_equal(s->r.sw, 0x6310);
	assert_int_equal(s->r.len, 20);
	ok_at(get(s, 0x55, 2), &s->e, __LINE__);
	assert_int_equal(s->r.len, 32);
	assert_int_equal(s->r.data[31], 0x55);
	ok_at(gp_send(&s->card,
		      &(struct gp_command){ .cla = 0x80, .ins = 0xf0 }, &s->r,
		      &s->e),
	      &s->e, __LINE__);
	assert_int_equal(s->r.sw, SW_REFERENCE);
	ok_at(get(s, 0x56, 1), &s->e, __LINE__);
	assert_int_equal(s->soft.broken, 0);
}

static void every_mode(void **state)
{
	static const uint8_t lens[] = { 16, 24, 32 };
	static const uint8_t is[] = { 0x60, 0x70, 0x61, 0x71 };
	static const uint8_t levels[] = { 0x01, 0x03, 0x11, 0x13, 0x33 };
	struct stand s;

	(void)state;
	for (unsigned int n = 0; n < 3 * 4 * 5; n++) {
		const uint8_t i = is[n / 3 % 4];

		stand(&s, lens[n % 3], i);
		ok_at(gp_scp03_open(&s.card, &s.keys, 0x30,
				    levels[n / 12] | (i & 1 ? GP_S16 : 0),
				    &s.e),
		      &s.e, __LINE__);
		assert_int_equal(s.soft.opened, 1);
		assert_int_equal(s.soft.session.level, levels[n / 12]);
		assert_int_equal(gp_opened(&s.card)->kvn, 0x30);
		assert_int_equal(gp_opened(&s.card)->sequence,
				 i & 0x10 ? 0x010203 : 0);
		assert_memory_equal(gp_opened(&s.card)->diversification,
				    "\1\2\3\4\5\6\7\10\11\12", 10);
		converse(&s);
		gp_close(&s.card);
		assert_null(s.card.session);
		assert_null(gp_opened(&s.card));
	}
}

static void parts_of_a_response(void **state)
{
	struct stand s;

	(void)state;
	stand(&s, 16, 0x60);
	s.soft.chunk = 100;
	ok_at(gp_scp03_open(&s.card, &s.keys, 0, 0x33, &s.e), &s.e, __LINE__);
	converse(&s);
	gp_close(&s.card);
	/* the right number is told first */
	stand(&s, 16, 0x60);
	s.soft.length_first = true;
	s.soft.chunk = 200;
	ok_at(get(&s, 0x77, 30), &s.e, __LINE__);
	assert_int_equal(s.r.len, 480);
}

/* Where lengths have one byte the data go as a chain. */
static void chain_of_short_commands(void **state)
{
	uint8_t data[1000] = { 0 };
	struct stand s;

	(void)state;
	stand(&s, 16, 0x60);
	s.card.short_only = 1;
	s.soft.chunk = 256;
	data[999] = 1;
	ok_at(store(&s, 0x90, data, sizeof(data)), &s.e, __LINE__);
	assert_int_equal(s.soft.last.len, sizeof(data));
	assert_int_equal(s.r.len, sizeof(data));
	assert_memory_equal(s.r.data, data, sizeof(data));
}

static void refusal(struct stand *s, int rc, int wanted, const char *text)
{
	assert_int_equal(rc, wanted);
	if (!strstr(s->e.text, text))
		fail_msg("'%s' does not say '%s'", s->e.text, text);
	assert_null(s->card.session);
}

static void what_does_not_fit(void **state)
{
	struct stand s;

	(void)state;
	stand(&s, 16, 0x60);
	refusal(&s, gp_scp03_open(&s.card, &s.keys, 0x31, 0x33, &s.e), -ENOENT,
		"soft: INITIALIZE UPDATE refused with 6A88: there is no keyset");
	refusal(&s, gp_scp03_open(&s.card, &s.keys, 0x30, 0x31, &s.e), -EINVAL,
		"no security level 31");
	refusal(&s, gp_scp03_open(&s.card, &s.keys, 0x30, 0x33 | GP_S16, &s.e),
		-EMSGSIZE, "6700");
	s.keys.len = 17;
	refusal(&s, gp_scp03_open(&s.card, &s.keys, 0x30, 0x33, &s.e), -EINVAL,
		"not 17");
	s.keys.len = 16;
	s.keys.mac[3] ^= 1;
	refusal(&s, gp_scp03_open(&s.card, &s.keys, 0x30, 0x33, &s.e),
		-EKEYREJECTED, "does not know keyset 30");
	s.keys.mac[3] ^= 1;
	s.soft.i = 0;
	refusal(&s, gp_scp03_open(&s.card, &s.keys, 0x30, 0x11, &s.e),
		-EOPNOTSUPP, "does not offer security level 11");
	s.soft.i = 0x20;
	refusal(&s, gp_scp03_open(&s.card, &s.keys, 0x30, 0x33, &s.e),
		-EOPNOTSUPP, "does not offer security level 33");
	ok_at(gp_scp03_open(&s.card, &s.keys, 0x30, 0x11, &s.e), &s.e,
	      __LINE__);
	assert_int_equal(s.soft.opened, 1);
	gp_close(&s.card);
}

/* What is too long for the channel never leaves, and the channel lives on. */
static void too_long(void **state)
{
	uint8_t data[4096] = { 0 };
	struct stand s;

	(void)state;
	stand(&s, 16, 0x60);
	ok_at(gp_scp03_open(&s.card, &s.keys, 0, 0x33, &s.e), &s.e, __LINE__);
	assert_int_equal(store(&s, 0x90, data, 4073), -E2BIG);
	ok_at(get(&s, 0x11, 1), &s.e, __LINE__);
	gp_close(&s.card);
}

#define CASE(name, function)                     \
	{                                        \
		name, function, NULL, NULL, NULL \
	}

int main(void)
{
	static char names[TRANSCRIPTS][80];
	struct CMUnitTest tests[TRANSCRIPTS + 5] = {
		CASE("B5 B8 every mode and length of key", every_mode),
		CASE("B8 a response in parts", parts_of_a_response),
		CASE("B8 a chain of short commands", chain_of_short_commands),
		CASE("B9 no channel with keys or modes that do not fit",
		     what_does_not_fit),
		CASE("B8 what is too long for the channel", too_long),
	};

	for (size_t i = 0; i < TRANSCRIPTS; i++) {
		snprintf(names[i], sizeof(names[i]),
			 "B5 B8 a session of another maker: %s",
			 scp03_transcripts[i].name);
		tests[5 + i] =
			(struct CMUnitTest){ names[i], session_of_another_maker,
					     NULL, NULL,
					     (void *)&scp03_transcripts[i] };
	}
	return cmocka_run_group_tests_name("gp_scp03", tests, NULL, NULL);
}
