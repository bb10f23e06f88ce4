// SPDX-License-Identifier: MIT
/* Cards that answer what no card should; and that nothing of a channel stays behind. */
#include "soft_card.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include "gp/internal.h"

/*
 * A card that answers what it was told to, the last answer for ever
 */
struct parrot {
	const char *answers[4];
	size_t lens[4];
	size_t at, asked;
};

static int say(void *ctx, const uint8_t *command, size_t len, uint8_t *response,
	       size_t *response_len)
{
	struct parrot *p = ctx;

	(void)command;
	(void)len;
	assert_true(p->asked++ < 100);
	*response_len = p->lens[p->at];
	memcpy(response, p->answers[p->at], p->lens[p->at]);
	if (p->at < 3 && p->answers[p->at + 1])
		p->at++;
	return 0;
}

#define SAYS(text)                                                \
	(struct parrot)                                           \
	{                                                         \
		.answers = { text }, .lens = { sizeof(text) - 1 } \
	}

static void expect_at(int rc, int wanted, const struct error *e,
		      const char *text, int line)
{
	if (rc != wanted || !strstr(e->text, text))
		fail_msg("line %d: %d: '%s' instead of %d: '%s'", line, rc,
			 e->text, wanted, text);
}
#define expect(rc, wanted, text) expect_at(rc, wanted, &e, text, __LINE__)

static void no_response(void **state)
{
	struct parrot p = SAYS("");
	struct gp_card card = { .transmit = say, .ctx = &p };
	struct gp_response r;
	struct error e;

	(void)state;
	expect(gp_get_data(&card, 0x66, &r, &e), -EBADMSG,
	       "card: a response has a status word");
	p = SAYS("\x90");
	expect(gp_get_data(&card, 0x66, &r, &e), -EBADMSG, "has 1 bytes");
}

/* There is more, and more, and nothing ever comes; or too much does. */
static void response_without_end(void **state)
{
	static char much[GP_RESPONSE_MAX];
	struct parrot p = SAYS("\x61\x10");
	struct gp_card card = { .transmit = say, .ctx = &p };
	struct gp_response r;
	struct error e;

	(void)state;
	expect(gp_get_data(&card, 0x66, &r, &e), -EBADMSG,
	       "says again and again that there is more");
	much[GP_DATA_MAX] = 0x61;
	p = (struct parrot){ .answers = { much }, .lens = { sizeof(much) } };
	expect(gp_get_data(&card, 0x66, &r, &e), -EMSGSIZE,
	       "more than 4096 bytes");
}

static int open_parrot(struct parrot *p, const char *data, size_t len,
		       unsigned int level, struct error *e)
{
	struct gp_card card = { .transmit = say, .ctx = p };
	const struct gp_keyset k = { .len = 16 };
	int rc;

	*p = (struct parrot){ .answers = { data }, .lens = { len } };
	rc = gp_scp03_open(&card, &k, 0, level, e);
	assert_null(card.session);
	assert_int_equal(p->asked, 1);
	return rc;
}

#define OFFER(info, rest) "0123456789" info rest "\x90\0"
#define open_as(text, level) open_parrot(&p, text, sizeof(text) - 1, level, &e)

static void offers(void **state)
{
	struct parrot p;
	struct error e;

	(void)state;
	expect(open_as("012345678901\x90\0", 0x33), -EPROTO,
	       "has only 12 bytes");
	expect(open_as(OFFER("\x30\2\x60", "16 bytes of what"), 0x33), -EPROTO,
	       "protocol 02 (i = 60), not 03");
	expect(open_as(OFFER("\x30\3\x62", "16 bytes of what"), 0x33), -EPROTO,
	       "protocol 03 (i = 62), not 03");
	expect(open_as(OFFER("\x30\3\x60", "15 bytes of wha"), 0x33), -EPROTO,
	       "has 28 bytes, not 29");
	expect(open_as(OFFER("\x30\3\x60", "17 bytes of what?"), 0x33), -EPROTO,
	       "has 30 bytes, not 29");
	expect(open_as(OFFER("\x30\3\x70", "16 bytes of what"), 0x33), -EPROTO,
	       "has 29 bytes, not 32");
	expect(open_as(OFFER("\x30\3\x61", "16 bytes of what"), 0x33),
	       -EOPNOTSUPP, "keyset 30 has MACs of 16 bytes");
	expect(open_as(OFFER("\x30\3\x60", "16 bytes of what"), 0x33 | GP_S16),
	       -EOPNOTSUPP, "keyset 30 has MACs of 8 bytes");
	expect(open_as(OFFER("\x30\3\x60", "16 bytes of what"), 0x33),
	       -EKEYREJECTED, "does not know keyset 30");
}

/*
 * What has a good MAC and is wrong all the same
 */
static int unwrap(const char *plain, size_t len, uint16_t sw, struct error *e)
{
	struct gp_session s = { .level = GP_LEVEL_FULL,
				.mac_len = 8,
				.key_len = 16,
				.enc = "0123456789abcdef",
				.rmac = "fedcba9876543210" };
	const uint8_t trailer[] = { sw >> 8, sw & 0xff };
	uint8_t iv[BLOCK] = { 0x80 }, mac[BLOCK];
	struct gp_response r = { .len = len, .sw = sw };
	static const uint8_t zeros[BLOCK];

	memcpy(r.data, plain, len);
	assert_int_equal(gp_cbc(1, s.enc, 16, zeros, iv, BLOCK, e), 0);
	if (len % BLOCK == 0)
		assert_int_equal(gp_cbc(1, s.enc, 16, iv, r.data, len, e), 0);
	assert_int_equal(gp_cmac(s.rmac, 16,
				 (const struct bytes[]){ { s.chain, BLOCK },
							 { r.data, len },
							 { trailer, 2 } },
				 3, mac, e),
			 0);
	memcpy(r.data + len, mac, 8);
	r.len += 8;
	return gp_unwrap(&s, &r, e);
}

static void padding(void **state)
{
	struct error e = { "" };

	(void)state;
	assert_int_equal(unwrap("0123456789abcde\x80", 16, 0x9000, &e), 0);
	assert_int_equal(unwrap("\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16,
				0x9000, &e),
			 0);
	expect(unwrap("0123456789abcdef", 16, 0x9000, &e), -EBADMSG,
	       "its padding is wrong");
	expect(unwrap("0123456789abcdef\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32,
		      0x9000, &e),
	       -EBADMSG, "its padding is wrong");
	expect(unwrap("0123456789abcde\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32,
		      0x9000, &e),
	       -EBADMSG, "its padding is wrong");
	expect(unwrap("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 0x9000, &e),
	       -EBADMSG, "its padding is wrong");
	expect(unwrap("0123456789abcd\x80", 15, 0x9000, &e), -EBADMSG,
	       "not whole blocks");
	assert_int_equal(unwrap("", 0, 0x6310, &e), 0);
	expect(unwrap("", 0, 0x6a80, &e), -EBADMSG, "an error has no data");
}

/*
 * Nothing stays: neither in what is freed, nor on the stack
 */
static const uint8_t *secrets[8];
static size_t secret_count, freed_with_secret;

static size_t found(const uint8_t *data, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < secret_count; i++)
		n += memmem(data, len, secrets[i], 16) != NULL;
	return n;
}

#define HEAD 16 /* of each allocation: its size */

static void *count_malloc(size_t len, const char *file, int line)
{
	uint8_t *p = malloc(HEAD + len);

	(void)file;
	(void)line;
	if (!p)
		return NULL;
	memcpy(p, &len, sizeof(len));
	return p + HEAD;
}

static void count_free(void *block, const char *file, int line)
{
	uint8_t *p = block;
	size_t len;

	(void)file;
	(void)line;
	if (!p)
		return;
	memcpy(&len, p - HEAD, sizeof(len));
	freed_with_secret += found(p, len);
	free(p - HEAD);
}

static void *count_realloc(void *block, size_t len, const char *file, int line)
{
	uint8_t *p = count_malloc(len, file, line);
	size_t before;

	if (p && block) {
		memcpy(&before, (uint8_t *)block - HEAD, sizeof(before));
		memcpy(p, block, before < len ? before : len);
		count_free(block, file, line);
	}
	return p;
}

#define STACK_SIZE (512 * 1024)

struct last {
	struct soft_card soft;
	struct gp_card card;
	struct gp_keyset keys, new;
	struct gp_session session; /* as it was */
	struct error e;
	int rc;
};

static void *live(void *arg)
{
	struct last *l = arg;

	l->rc = gp_scp03_open(&l->card, &l->keys, 0x30, GP_LEVEL_FULL, &l->e);
	if (l->rc == 0)
		l->rc = gp_put_keyset(&l->card, 0, 0x31, &l->new, &l->e);
	return NULL;
}

static void on_stack(uint8_t *stack, struct last *l)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	assert_int_equal(pthread_attr_setstack(&attr, stack, STACK_SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attr, live, l), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
}

static int carry_and_leave_nothing(void *ctx, const uint8_t *command,
				   size_t len, uint8_t *response,
				   size_t *response_len)
{
	return soft_card_transmit(ctx, command, len, response, response_len);
}

static void nothing_stays(void **state)
{
	static struct last l;
	uint8_t *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(stack, MAP_FAILED);
	l.soft.i = 0x60;
	soft_keyset(&l.soft, 0x30, 16, &l.keys);
	l.card.transmit = carry_and_leave_nothing;
	l.card.ctx = &l.soft;
	l.new = (struct gp_keyset){ .len = 16,
				    .enc = "sixteen bytes 1.",
				    .mac = "sixteen bytes 2.",
				    .dek = "sixteen bytes 3." };
	on_stack(stack, &l);
	if (l.rc)
		fail_msg("%s", l.e.text);
	l.session = *l.card.session;
	secrets[secret_count++] = l.session.enc;
	secrets[secret_count++] = l.session.mac;
	secrets[secret_count++] = l.session.rmac;
	secrets[secret_count++] = l.session.dek;
	assert_int_equal(found((uint8_t *)l.card.session, sizeof(l.session)),
			 4);
	gp_close(&l.card);
	assert_int_equal(freed_with_secret, 0);
	assert_int_equal(found(stack, STACK_SIZE), 0);
	munmap(stack, STACK_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_response),
		cmocka_unit_test(response_without_end),
		cmocka_unit_test(offers),
		cmocka_unit_test(padding),
		cmocka_unit_test(nothing_stays),
	};

	if (!CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free))
		return 1;
	return cmocka_run_group_tests_name("gp_lies", tests, NULL, NULL);
}
