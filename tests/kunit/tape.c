// SPDX-License-Identifier: GPL-2.0-only
#include "tests/kunit/tape.h"

static const struct entry {
	char kind; /* command, response, number, ECDH */
	u16 len;
	const char *hex;
} entries[] = {
#include "tests/vectors/tape.inc"
};

static u8 *decoded[ARRAY_SIZE(entries)];
static struct tape *playing;

static const u8 *bytes(size_t i)
{
	if (!decoded[i]) {
		decoded[i] = kmalloc(entries[i].len, GFP_KERNEL);
		if (decoded[i] &&
		    hex2bin(decoded[i], entries[i].hex, entries[i].len))
			decoded[i][0] ^= 0xff; /* never right */
	}
	return decoded[i];
}

void tape_start(struct kunit *test, struct tape *tape)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++)
		KUNIT_ASSERT_NOT_NULL(test, bytes(i));
	tape->pos = 0;
	tape->exchange = 0;
	tape->after_flip = 0;
	tape->primitives = 0;
	tape->wrong = false;
	playing = tape;
}

void tape_stop(void)
{
	playing = NULL;
}

bool tape_at_end(const struct tape *tape)
{
	return tape->pos == ARRAY_SIZE(entries);
}

/* The next entry if it is of this kind and length, else the tape has ended. */
static const u8 *next(char kind, size_t len)
{
	struct tape *t = playing;

	if (t->wrong || tape_at_end(t) || entries[t->pos].kind != kind ||
	    (len && entries[t->pos].len != len)) {
		t->wrong = true;
		return NULL;
	}
	return bytes(t->pos++);
}

static bool is_flush(const u8 *command)
{
	return command[8] == 1 && command[9] == 0x65;
}

int tape_transmit(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	struct tape *tape = playing;
	const u8 *want, *answer;
	size_t n;

	tape->exchange++;
	if (tape->flip_exchange && tape->exchange > tape->flip_exchange)
		tape->after_flip += !is_flush(buf);
	want = next('C', len);
	if (!want || memcmp(want, buf, len)) {
		tape->wrong = true;
		return -EPROTO;
	}
	n = entries[tape->pos].len;
	answer = next('R', 0);
	if (!answer || n > size)
		return -EPROTO;
	memcpy(buf, answer, n);
	if (tape->exchange == tape->flip_exchange)
		buf[tape->flip_at] ^= 0x10;
	return n;
}

static const u8 *find(char kind, u32 number, size_t *len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		if (entries[i].kind == kind && !--number) {
			*len = entries[i].len;
			return bytes(i);
		}
	}
	return NULL;
}

const u8 *tape_command(u32 number, size_t *len)
{
	return find('C', number, len);
}

const u8 *tape_answer(u32 number, size_t *len)
{
	return find('R', number, len);
}

static bool fails(void)
{
	return playing && playing->fail_at &&
	       ++playing->primitives >= playing->fail_at;
}

int t2_sha256(const struct t2_vec *in, size_t count, u8 out[T2_DIGEST_SIZE])
{
	return fails() ? -ENOMEM : kernel_sha256(in, count, out);
}

int t2_hmac_sha256(const u8 *key, size_t key_len, const struct t2_vec *in,
		   size_t count, u8 out[T2_DIGEST_SIZE])
{
	return fails() ? -ENOMEM :
			 kernel_hmac_sha256(key, key_len, in, count, out);
}

int t2_aes128_cfb(bool encrypt, const u8 key[16], const u8 iv[16], u8 *data,
		  size_t len)
{
	return fails() ? -ENOMEM :
			 kernel_aes128_cfb(encrypt, key, iv, data, len);
}

int t2_ecdh_p256(const struct t2_point *peer, struct t2_point *own,
		 u8 shared_x[T2_COORD_SIZE])
{
	const u8 *all;

	if (!playing)
		return kernel_ecdh_p256(peer, own, shared_x);
	if (fails())
		return -ENOMEM;
	all = next('E', 2 * sizeof(*own) + T2_COORD_SIZE);
	if (!all || memcmp(all, peer, sizeof(*peer)))
		return -EIO;
	memcpy(own, all + sizeof(*peer), sizeof(*own));
	memcpy(shared_x, all + 2 * sizeof(*own), T2_COORD_SIZE);
	return 0;
}

int t2_random(u8 *out, size_t len)
{
	const u8 *number;

	if (!playing)
		return kernel_random(out, len);
	if (fails())
		return -ENOMEM;
	number = next('N', len);
	if (!number)
		return -EIO;
	memcpy(out, number, len);
	return 0;
}
