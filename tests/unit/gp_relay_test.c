// SPDX-License-Identifier: MIT
/*
 * B10, A22: somebody in between who records everything, and changes, cuts, repeats,
 * holds back and forges what he likes. Host and card are both real: userspace/gp and the
 * driver's source.
 */
#include "soft_card.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gp/internal.h"

#define MESSAGES 16

struct message {
	uint8_t data[600];
	size_t len;
};

/* What to do to which message: commands are 0, 2, …, their responses 1, 3, … */
enum attack { NONE, FLIP, CUT, REPEAT, STALE, FORGE, HANG_UP };

struct relay {
	struct soft_card soft;
	enum attack attack;
	size_t message, at;
	uint8_t mask;
	struct message log[MESSAGES];
	size_t count;
};

struct stand {
	struct relay relay;
	struct gp_card card;
	struct gp_keyset keys, new;
	struct error e;
};

static void tamper(struct relay *r, uint8_t *data, size_t *len)
{
	struct message *m = &r->log[r->count];

	assert_true(r->count < MESSAGES && *len <= sizeof(m->data));
	memcpy(m->data, data, *len);
	m->len = *len;
	if (r->count++ != r->message)
		return;
	if (r->attack == FLIP)
		data[r->at] ^= r->mask;
	else if (r->attack == CUT)
		*len = r->at;
}

static int relay(void *ctx, const uint8_t *command, size_t len,
		 uint8_t *response, size_t *response_len)
{
	struct relay *r = ctx;
	const bool now = r->count == r->message;
	const struct message *before;
	uint8_t copy[GP_COMMAND_MAX];

	memcpy(copy, command, len);
	tamper(r, copy, &len);
	if (now && r->attack == HANG_UP)
		return -EPIPE;
	if (now && r->attack == FORGE) {
		*response_len = r->at + 2;
		memset(response, 0, *response_len);
		response[r->at] = 0x90;
		tamper(r, response, response_len);
		return 0;
	}
	soft_card_transmit(&r->soft, copy, len, response, response_len);
	if (now && r->attack == REPEAT)
		soft_card_transmit(&r->soft, copy, len, response, response_len);
	if (now && r->attack == STALE && r->message > 1) {
		before = &r->log[r->message - 1];
		memcpy(response, before->data, before->len);
		*response_len = before->len;
	}
	tamper(r, response, response_len);
	return 0;
}

static void stand(struct stand *s)
{
	memset(s, 0, sizeof(*s));
	s->relay.message = SIZE_MAX;
	s->relay.soft.i = 0x70;
	s->relay.soft.sequence = 7;
	soft_keyset(&s->relay.soft, 0x30, 16, &s->keys);
	s->card = (struct gp_card){ .transmit = relay,
				    .ctx = &s->relay,
				    .aid = { 0xa0, 0, 0, 1, 0x51 },
				    .aid_len = 8 };
	s->new.len = 16;
	for (uint8_t i = 0; i < 16; i++) {
		s->new.enc[i] = 0x91 + 3 * i;
		s->new.mac[i] = 0x17 + 5 * i;
		s->new.dek[i] = 0xd4 + 7 * i;
	}
}

/* The whole session: two keysets are put. */
#define WHOLE 8 /* messages of it */
static int put_keys(struct stand *s, unsigned int level)
{
	int rc = gp_scp03_open(&s->card, &s->keys, 0x30, level, &s->e);

	if (rc == 0)
		rc = gp_put_keyset(&s->card, 0, 0x31, &s->new, &s->e);
	if (rc == 0)
		rc = gp_put_keyset(&s->card, 0, 0x38, &s->new, &s->e);
	return rc;
}

static bool has(struct stand *s, uint8_t kvn)
{
	const struct soft_keyset *k = soft_find(&s->relay.soft, kvn);

	return k && k->keys.len == s->new.len &&
	       !memcmp(k->keys.enc, s->new.enc, s->new.len) &&
	       !memcmp(k->keys.mac, s->new.mac, s->new.len) &&
	       !memcmp(k->keys.dek, s->new.dek, s->new.len);
}

/* Whatever was done: no key is another than one that the host has sent. */
static void nothing_achieved(struct stand *s, int rc, const char *what)
{
	const struct soft_card *c = &s->relay.soft;
	size_t keysets = 0;

	for (size_t i = 0; i < SOFT_KEYSETS; i++)
		keysets += c->keysets[i].kvn != 0;
	if (keysets != 1u + has(s, 0x31) + has(s, 0x38) ||
	    (rc == 0 && keysets != 3) || (rc && keysets == 3 && c->done < 2))
		fail_msg("%s of message %zu, byte %zu: %d, %zu keysets", what,
			 s->relay.message, s->relay.at, rc, keysets);
}

/* After an error nothing is left to go on with. */
static void told(struct stand *s, int rc, const char *what)
{
	if (!rc || !s->e.text[0])
		fail_msg("%s of message %zu, byte %zu, mask %02X: not told",
			 what, s->relay.message, s->relay.at, s->relay.mask);
	nothing_achieved(s, rc, what);
}

static const unsigned int levels[] = { 0x01, 0x03, 0x11, 0x13, 0x33 };

/*
 * What nobody authenticates, because there is nothing to do with it: of INITIALIZE UPDATE
 * class and P2, and of its response the diversification data, which are no secret; Le, for
 * the response says itself how long it is.
 */
static bool means_nothing(const struct relay *r)
{
	const struct message *m = &r->log[r->message];

	if (r->message == 0 && (r->at == 0 || r->at == 3))
		return true;
	if (r->message == 1)
		return r->at < 10;
	return r->message % 2 == 0 && r->message != 2 && r->at == m->len - 1;
}

static void each_byte_changed(void **state)
{
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	static struct stand s, fine;
	size_t tried = 0;

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
		stand(&fine);
		assert_int_equal(put_keys(&fine, levels[l]), 0);
		assert_int_equal(fine.relay.count, WHOLE);
		gp_close(&fine.card);
		for (size_t m = 0; m < WHOLE; m++)
			for (size_t n = 0; n < 3 * fine.relay.log[m].len; n++) {
				int rc;

				stand(&s);
				s.relay.attack = FLIP;
				s.relay.message = m;
				s.relay.at = n / 3;
				s.relay.mask = masks[n % 3];
				rc = put_keys(&s, levels[l]);
				if (levels[l] & GP_R_MAC && m % 2)
					assert_true(!rc || !s.card.session);
				gp_close(&s.card);
				tried++;
				if (rc == 0 && means_nothing(&s.relay))
					nothing_achieved(&s, rc, "change");
				else
					told(&s, rc, "change");
			}
	}
	print_message("%zu changes\n", tried);
}

static void each_message_cut_short(void **state)
{
	static struct stand s, fine;

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
		stand(&fine);
		assert_int_equal(put_keys(&fine, levels[l]), 0);
		gp_close(&fine.card);
		for (size_t m = 0; m < WHOLE; m++)
			for (size_t n = 0; n < fine.relay.log[m].len; n++) {
				int rc;

				stand(&s);
				s.relay.attack = CUT;
				s.relay.message = m;
				s.relay.at = n;
				rc = put_keys(&s, levels[l]);
				gp_close(&s.card);
				/* Le only */
				if (rc == 0 && means_nothing(&s.relay))
					nothing_achieved(&s, rc, "cut");
				else
					told(&s, rc, "cut");
			}
	}
}

/* Only the first command may come twice: it begins anew. */
static void each_command_repeated(void **state)
{
	static struct stand s;

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
		for (size_t m = 0; m < WHOLE; m += 2) {
			int rc;

			stand(&s);
			s.relay.attack = REPEAT;
			s.relay.message = m;
			rc = put_keys(&s, levels[l]);
			gp_close(&s.card);
			if (m == 0)
				nothing_achieved(&s, rc, "repetition");
			else
				told(&s, rc, "repetition");
			if (m > 2)
				assert_int_equal(s.relay.soft.broken, 1);
		}
	}
}

/* The response to another command, right as it was there. */
static void each_response_stale(void **state)
{
	static struct stand s;

	(void)state;
	for (size_t m = 2; m < WHOLE; m += 2) {
		int rc;

		stand(&s);
		s.relay.attack = STALE;
		s.relay.message = m;
		rc = put_keys(&s, GP_LEVEL_FULL);
		gp_close(&s.card);
		told(&s, rc, "stale response");
	}
}

/* Commands held back, and answered instead of the card: success, of any length. */
static void each_response_forged(void **state)
{
	static struct stand s;

	(void)state;
	for (size_t l = 2; l < ARRAY_SIZE(levels); l++) {
		for (size_t n = 0; n < 64; n++) {
			for (size_t m = 0; m < WHOLE; m += 2) {
				int rc;

				stand(&s);
				s.relay.attack = FORGE;
				s.relay.message = m;
				s.relay.at = n;
				rc = put_keys(&s, levels[l]);
				gp_close(&s.card);
				told(&s, rc, "forged response");
			}
		}
	}
}

/* All commands of a session that went well, again: the card's challenge is another. */
static void whole_session_again(void **state)
{
	static struct stand s;
	uint8_t response[GP_RESPONSE_MAX];
	size_t len;

	(void)state;
	for (uint8_t i = 0x60; i <= 0x70; i += 0x10) {
		stand(&s);
		s.relay.soft.i = i;
		assert_int_equal(put_keys(&s, GP_LEVEL_FULL), 0);
		gp_close(&s.card);
		memset(&s.relay.soft.keysets[1], 0,
		       2 * sizeof(s.relay.soft.keysets[0]));
		for (size_t m = 0; m < WHOLE; m += 2) {
			const struct message *c = &s.relay.log[m];

			soft_card_transmit(&s.relay.soft, c->data, c->len,
					   response, &len);
			if (m > 0 && response[len - 2] == 0x90)
				fail_msg("message %zu was taken again", m);
		}
		assert_int_equal(s.relay.soft.opened, 1);
		assert_int_equal(s.relay.soft.done, 2);
		assert_false(has(&s, 0x31) || has(&s, 0x38));
	}
}

static void absent(const struct relay *r, const uint8_t *key, size_t len)
{
	for (size_t m = 0; m < r->count; m++)
		for (size_t at = 0; at < len; at += 8)
			if (memmem(r->log[m].data, r->log[m].len, key + at, 8))
				fail_msg("message %zu has 8 bytes of a key", m);
}

/* No half of any key is in what he has recorded; that he finds what is there. */
static void no_key_is_learnt(void **state)
{
	static struct stand s;
	const struct gp_session *session;

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
		stand(&s);
		assert_int_equal(put_keys(&s, levels[l]), 0);
		session = s.card.session;
		absent(&s.relay, s.keys.enc, 16);
		absent(&s.relay, s.keys.mac, 16);
		absent(&s.relay, s.keys.dek, 16);
		absent(&s.relay, s.new.enc, 16);
		absent(&s.relay, s.new.mac, 16);
		absent(&s.relay, s.new.dek, 16);
		absent(&s.relay, session->enc, 16);
		absent(&s.relay, session->mac, 16);
		absent(&s.relay, session->rmac, 16);
		assert_non_null(memmem(s.relay.log[2].data, s.relay.log[2].len,
				       s.relay.log[2].data + 5, 8));
		gp_close(&s.card);
	}
}

/* The relay is started anew in the middle: one session is lost, and no other. */
static void relay_restarted(void **state)
{
	static struct stand s, other;

	(void)state;
	stand(&other);
	assert_int_equal(gp_scp03_open(&other.card, &other.keys, 0x30,
				       GP_LEVEL_FULL, &other.e),
			 0);
	for (size_t m = 0; m < WHOLE; m += 2) {
		stand(&s);
		s.relay.attack = HANG_UP;
		s.relay.message = m;
		assert_int_equal(put_keys(&s, GP_LEVEL_FULL), -EPIPE);
		assert_non_null(strstr(s.e.text, "was not carried"));
		assert_null(s.card.session);
		s.relay.message = SIZE_MAX;
		s.relay.count = 0;
		/* what was put is there already */
		memset(&s.relay.soft.keysets[1], 0,
		       2 * sizeof(s.relay.soft.keysets[0]));
		assert_int_equal(put_keys(&s, GP_LEVEL_FULL), 0);
		gp_close(&s.card);
	}
	assert_int_equal(
		gp_put_keyset(&other.card, 0, 0x31, &other.new, &other.e), 0);
	gp_close(&other.card);
}

#define CASE(name, function)                     \
	{                                        \
		name, function, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("B10 A22 each byte of each message is changed",
		     each_byte_changed),
		CASE("B10 each message is cut short", each_message_cut_short),
		CASE("B10 A22 each command comes twice", each_command_repeated),
		CASE("B10 each response is that of another command",
		     each_response_stale),
		CASE("B10 commands are held back, and answered",
		     each_response_forged),
		CASE("B10 A22 a whole session is played again",
		     whole_session_again),
		CASE("B10 no half of a key is in what is recorded",
		     no_key_is_learnt),
		CASE("B10 the relay is started anew in the middle",
		     relay_restarted),
	};

	return cmocka_run_group_tests_name("gp_relay", tests, NULL, NULL);
}
