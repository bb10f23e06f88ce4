// SPDX-License-Identifier: MIT
/*
 * kernel/executive/apdu.c and scp03.c: a command, with the right MAC put behind its data
 * or as it is. The host's side reads it the same way.
 */
#include <errno.h>

#include "fuzz.h"
#include "gp/internal.h"
#include "kernel/executive/scp03.h"

static const struct scp03 fresh = { .key_len = 16,
				    .mac_len = 8,
				    .enc = "encryption key 1",
				    .mac = "mac key, command",
				    .rmac = "mac key, answer." };

/* Written again it is the same, but for a length in extended form that needs none. */
static void check_parsed(const struct apdu *a, const u8 *data, size_t size)
{
	static u8 again[GP_COMMAND_MAX];
	const struct gp_command c = { a->cla,  a->ins, a->p1,	   a->p2,
				      a->data, a->len, a->expected };
	struct error e;
	size_t len;

	CHECK(a->len <= APDU_DATA_MAX && a->expected <= 65536);
	CHECK(a->data > data && a->data + a->len <= data + size);
	CHECK(!gp_encode(&c, again, &len, &e));
	if (a->extended == gp_is_extended(&c))
		CHECK(len == size && !memcmp(again, data, len));
}

/* Do the data end with the right MAC? It is put there when it is to be so. */
static bool is_signed(const struct scp03 *s, const struct apdu *a, bool put)
{
	const u8 header[] = { a->cla, a->ins, a->p1, a->p2, a->len };
	const u8 extended[] = { a->cla, a->ins,	     a->p1, a->p2,
				0,	a->len >> 8, a->len };
	struct t2_vec in[] = {
		{ s->chain, sizeof(s->chain) },
		{ a->extended ? extended : header, a->extended ? 7 : 5 },
		{ a->data, 0 },
	};
	u8 mac[SCP03_BLOCK], *at;

	if (!(a->cla & APDU_CLA_SECURE) || a->len < s->mac_len)
		return false;
	in[2].len = a->len - s->mac_len;
	at = a->data + in[2].len;
	CHECK(!se_cmac(s->mac, s->key_len, in, 3, mac));
	if (put)
		memcpy(at, mac, s->mac_len);
	return !memcmp(at, mac, s->mac_len);
}

/* The answer to it, of as much data as it has: the host finds them again. */
static void answer(struct scp03 *s, const struct gp_session *as,
		   const struct apdu *a)
{
	static u8 data[APDU_RESPONSE_MAX];
	static struct gp_response got;
	struct gp_session host = *as;
	struct apdu_response r = { .data = data };
	struct error e;

	apdu_put(&r, a->data, a->len);
	if (scp03_wrap(s, &r, SW_OK)) {
		CHECK(a->len > APDU_DATA_MAX - 32);
		return;
	}
	memcpy(host.chain, s->chain, sizeof(host.chain));
	host.counter = s->counter;
	memcpy(got.data, data, r.len);
	got.len = r.len;
	got.sw = SW_OK;
	CHECK(!gp_unwrap(&host, &got, &e));
	CHECK(got.len == a->len && !memcmp(got.data, a->data, a->len));
	if (host.level & GP_R_MAC) {
		got.len = r.len;
		memcpy(got.data, data, r.len);
		got.data[s->counter % r.len] ^= 1;
		CHECK(gp_unwrap(&host, &got, &e) == -EBADMSG);
	}
}

static void unwrap(struct apdu *a, u8 how)
{
	static const u8 levels[] = { 0x01, 0x03, 0x11, 0x13, 0x33 };
	static u8 wrapped[GP_DATA_MAX], before[GP_DATA_MAX];
	static const struct scp03 wiped;
	struct scp03 s = fresh;
	struct gp_session host = { .key_len = 16 };
	struct gp_command c, again;
	const struct apdu sent = *a;
	struct error e;
	bool right;
	int rc;

	s.level = host.level = levels[how % 5];
	s.mac_len = host.mac_len = how & 0x40 ? 16 : 8;
	memcpy(host.enc, s.enc, sizeof(host.enc));
	memcpy(host.mac, s.mac, sizeof(host.mac));
	memcpy(host.rmac, s.rmac, sizeof(host.rmac));
	right = is_signed(&s, a, how & 0x80);
	if (a->len)
		memcpy(before, a->data, a->len);
	rc = scp03_unwrap(&s, a);
	CHECK(rc == 0 || rc == -EBADMSG);
	if (rc) {
		CHECK(!memcmp(&s, &wiped, sizeof(s)));
		return;
	}
	CHECK(right);
	c = (struct gp_command){ a->cla,  a->ins, a->p1,      a->p2,
				 a->data, a->len, a->expected };
	/* nothing may come enciphered, too: the host sends no padding alone */
	if ((a->len || sent.len == s.mac_len) &&
	    !gp_wrap(&host, &c, &again, wrapped, &e) &&
	    sent.extended == gp_is_extended(&again)) {
		CHECK(again.len == sent.len &&
		      !memcmp(again.data, before, sent.len));
		answer(&s, &host, a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct apdu a;
	u8 *copy;

	if (!size)
		return 0;
	copy = malloc(size);
	CHECK(copy);
	memcpy(copy, data + 1, size - 1);
	if (apdu_parse(&a, copy, size - 1)) {
		check_parsed(&a, copy, size - 1);
		unwrap(&a, data[0]);
	}
	free(copy);
	return 0;
}
