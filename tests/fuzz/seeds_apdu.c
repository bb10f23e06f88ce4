// SPDX-License-Identifier: MIT
/* Seeds of the executive: conversations, recorded sessions, answers of a card. */
#include <string.h>

#include "seeds.h"
#include "tests/vectors/cert.h"
#include "tests/vectors/scp03.h"

/* Steps of executive_fuzz.c */
enum {
	RAW,
	SELECT,
	OPEN,
	TAKE_OVER,
	GOOD,
	CHANGED,
	PUT,
	PERSONALIZE,
	ASK,
	PUT_ONE
};

static void put_step(struct output *o, uint8_t step, const char *hex)
{
	put_u8(o, step);
	put_hex(o, hex);
}

/* A command in the channel: its head, its data. */
static void put_good(struct output *o, const char *head, const char *data)
{
	struct output d = { .len = 0 };

	put_step(o, GOOD, head);
	put_hex(&d, data);
	put_piece(o, d.data, d.len);
	put_u8(o, 0);
}

static void put_raw(struct output *o, const char *hex)
{
	struct output d = { .len = 0 };

	put_hex(&d, hex);
	put_u8(o, RAW);
	put_piece(o, d.data, d.len);
}

/* Index of the keyset, of the level; a challenge of zeros */
static void put_open(struct output *o, uint8_t keyset, uint8_t level)
{
	put_u8(o, OPEN);
	put_u8(o, keyset);
	put_u8(o, level);
	put_zeros(o, 16);
}

static void channel_seeds(void)
{
	for (uint8_t level = 0; level < 5; level++) {
		struct output o = { .len = 0 };

		put_u8(&o, 1); /* the transport keyset only */
		put_open(&o, 0, level);
		put_step(&o, PUT, "0031");
		put_step(&o, PUT, "0038");
		put_step(&o, PERSONALIZE, "010101010005aabbccddee");
		put_step(&o, PERSONALIZE,
			 "028001001103000102030405060708090a0b0c0d0e0f");
		for (uint8_t what = 0; what < 5; what++) {
			put_u8(&o, ASK);
			put_u8(&o, what);
		}
		put_good(&o, "80f0800f", "");
		seed("executive", o.data, o.len);
		o.len = 0;
		put_u8(&o, 7);
		put_open(&o, 1, level | 0x80);
		put_step(&o, PUT, "3839");
		put_open(&o, 2, level);
		put_good(&o, "80e40000", "4f05f073656301");
		put_step(&o, CHANGED, "000701");
		put_hex(&o, "80f240020002004f0000");
		seed("executive", o.data, o.len);
	}
}

/* What no keyset's channel may: KRK, MK, a transaction key, a reset. */
static void refused_seeds(void)
{
	static const char *const deletions[] = { "d20131", "d20138", "d20140" };

	for (uint8_t keyset = 0; keyset < 3; keyset++) {
		struct output o = { .len = 0 };

		put_u8(&o, 7);
		put_open(&o, keyset, 4);
		for (size_t i = 0; i < 3; i++)
			put_good(&o, "80e40000", deletions[i]);
		put_good(&o, "80f0807f", "");
		put_good(&o, "80e40000", "d20130");
		seed("executive", o.data, o.len);
	}
}

/* Who may open SCP11a. */
static const struct cert_vector *central(void)
{
	const struct cert_vector *v = cert_good;

	while (v->role != SECMOD_ROLE_CENTRAL || !v->issuer)
		v++;
	return v;
}

static void put_certificate(struct output *o, const char *head, const char *der)
{
	struct output c = { .len = 0 }, d = { .len = 0 };

	put_hex(&d, der);
	put_hex(&c, head);
	put_u8(&c, 0);
	put_u16(&c, (unsigned int)d.len);
	put(&c, d.data, d.len);
	put_u8(o, RAW);
	put_piece(o, c.data, c.len);
}

static void agreement_seed(void)
{
	struct output o = { .len = 0 };

	put_u8(&o, 6);
	put_certificate(&o, "802a0090", central()->issuer);
	put_certificate(&o, "802a0000", central()->der);
	put_raw(&o,
		"8082000053a60d9002110195013c800188810120"
		"5f494104"
		"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
		"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
		"00");
	put_u8(&o, TAKE_OVER);
	put_good(&o, "80840000", "");
	put_good(&o, "80f0800f", "");
	put_good(&o, "80e40000", "d20138");
	put_good(&o, "80e40000", "d20140");
	put_step(&o, PUT, "0030");
	put_good(&o, "80e40000", "d20130");
	put_good(
		&o, "80f0807f",
		"00000000000000000000000000000000"
		"0000000000000000"
		"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
		"0000000000000000000000000000000000000000000000000000000000000000");
	seed("executive", o.data, o.len);
}

static void recorded_seeds(void)
{
	for (size_t i = 0;
	     i < sizeof(scp03_transcripts) / sizeof(scp03_transcripts[0]);
	     i++) {
		const struct scp03_transcript *t = &scp03_transcripts[i];
		struct output o = { .len = 0 }, one = { .len = 0 };

		put_u8(&o, 7);
		put_raw(&o, "00a4040008a00000015100000000");
		put_raw(&o, t->initialize);
		put_raw(&o, t->authenticate);
		for (size_t n = 0; n < SCP03_COMMANDS; n++) {
			put_raw(&o, t->wrapped[n]);
			one.len = 0;
			put_u8(&one, 0x80 | (unsigned int)(i + n));
			put_hex(&one, t->wrapped[n]);
			seed("apdu", one.data, one.len);
		}
		seed("executive", o.data, o.len);
		/* as a card's answers */
		o.len = one.len = 0;
		put_hex(&one, t->card);
		put_hex(&one, "9000");
		put_u8(&o, 0);
		put_u8(&o, 0);
		put_u8(&o, 2);
		put_piece(&o, one.data, one.len);
		seed("gp", o.data, o.len);
	}
}

/* What needs a channel, without one. */
static void bare_seed(void)
{
	static const char *const bare[] = {
		"80e4000003d20130",
		"80e40000074f05f073656301",
		"80f0800f",
		"80f28002024f0000",
		"80cadf2200",
		"8084000020",
		"80e60c000b000005f07365630100000000",
	};
	struct output o = { .len = 0 };

	put_u8(&o, 7);
	for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++)
		put_raw(&o, bare[i]);
	seed("executive", o.data, o.len);
}

/* What is asked, and the answer: of a module's, with a channel at level 01. */
static void answer_seeds(void)
{
	static const struct {
		uint8_t question;
		const char *answer;
	} answers[] = {
		{ 1, "e012c00401308820c00402308820c004033088209000" },
		{ 2, "df220d3010000a0364a600c8db8ccd1c9000" },
		{ 3,
		  "e30d4f06f0736563016d9f700107e30c4f05f0736563019f70010f9000" },
		{ 4, "df200d030000000000000001000000029000" },
		{ 5, "4510d0b0d9495307316219bfd0f5d44a66049000" },
		{ 7, "6f118408a000000151000000a5059f650210009000" },
		{ 8, "31504a77504a77504a779000" },
		{ 10, "6110" },
		{ 10, "6c05" },
		{ 2, "6982" },
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct output o = { .len = 0 }, one = { .len = 0 };

		put_hex(&one, answers[i].answer);
		for (unsigned int how = 0; how < 4; how++) {
			o.len = 0;
			put_u8(&o, how);
			for (int again = 0; again < 2; again++) {
				put_u8(&o, answers[i].question);
				put_piece(&o, one.data, one.len);
			}
			seed("gp", o.data, o.len);
		}
	}
}

/* More than there is room for. */
static void large_answer(uint8_t question, const char *head, const char *row,
			 size_t count)
{
	struct output o = { .len = 0 }, one = { .len = 0 };

	put_hex(&one, head);
	for (size_t i = 0; i < count; i++)
		put_hex(&one, row);
	put_hex(&one, "9000");
	put_u8(&o, 0);
	put_u8(&o, question);
	put_piece(&o, one.data, one.len);
	put_piece(&o, "", 0);
	seed("gp", o.data, o.len);
}

static void certificate_seed(void)
{
	struct output o = { .len = 0 }, one = { .len = 0 }, d = { .len = 0 };

	put_hex(&d, central()->issuer);
	put_hex(&d, central()->der);
	put_hex(&one, "bf2182");
	put_u16(&one, (unsigned int)d.len);
	put(&one, d.data, d.len);
	put_hex(&one, "9000");
	put_u8(&o, 0);
	put_u8(&o, 9);
	put_piece(&o, one.data, one.len);
	put_piece(&o, "\x90\0", 2);
	seed("gp", o.data, o.len);
}

void seeds_apdu(void)
{
	static const char *const plain[] = {
		"00a4040008a000000151000000",
		"80ca004500",
		"80ca00e0000000",
		"80e200000000020102",
		"80e2000000000201020000",
		"10a4040004a0000001",
		"80f22002",
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		struct output o = { .len = 0 };

		put_u8(&o, 0);
		put_hex(&o, plain[i]);
		seed("apdu", o.data, o.len);
	}
	channel_seeds();
	refused_seeds();
	agreement_seed();
	recorded_seeds();
	bare_seed();
	answer_seeds();
	certificate_seed();
	large_answer(1, "e0820186", "c00401308820", 65);
	large_answer(2, "df2275", "3010000a0364a600c8db8ccd1c", 9);
	large_answer(3, "", "e3074f05f073656301", 65);
	large_answer(10, "", "00", 4097);
}
