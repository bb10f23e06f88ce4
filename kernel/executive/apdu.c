// SPDX-License-Identifier: GPL-2.0-only
/* Command APDUs in, response APDUs out. */
#include "apdu.h"

/* Cases 2S, 3S and 4S: one byte of length, 0 for 256 expected ones. */
static bool parse_short(struct apdu *a, u8 *body, size_t len)
{
	if (len == 1) {
		a->expected = body[0] ?: APDU_SHORT_MAX;
		return true;
	}
	a->len = body[0];
	a->data = body + 1;
	if (!a->len || (len != 1 + a->len && len != 2 + a->len))
		return false;
	if (len == 2 + a->len)
		a->expected = body[len - 1] ?: APDU_SHORT_MAX;
	return true;
}

/* Cases 2E, 3E and 4E: 0, two bytes of length; 0 for 65536 expected ones. */
static bool parse_extended(struct apdu *a, u8 *body, size_t len)
{
	size_t n = body[1] << 8 | body[2];

	a->extended = true;
	if (len == 3) {
		a->expected = n ?: 65536;
		return true;
	}
	if (!n || n > APDU_DATA_MAX || (len != 3 + n && len != 5 + n))
		return false;
	a->len = n;
	a->data = body + 3;
	if (len == 5 + n)
		a->expected = (body[len - 2] << 8 | body[len - 1]) ?: 65536;
	return true;
}

bool apdu_parse(struct apdu *a, u8 *command, size_t len)
{
	memset(a, 0, sizeof(*a));
	if (len < 4)
		return false;
	a->cla = command[0];
	a->ins = command[1];
	a->p1 = command[2];
	a->p2 = command[3];
	a->data = command + 4;
	if (len == 4)
		return true;
	if (len >= 7 && !command[4])
		return parse_extended(a, command + 4, len - 4);
	return parse_short(a, command + 4, len - 4);
}

void apdu_put(struct apdu_response *r, const void *data, size_t len)
{
	if (r->full || len > APDU_DATA_MAX - r->len) {
		r->full = true;
		return;
	}
	if (len)
		memcpy(r->data + r->len, data, len);
	r->len += len;
}

void apdu_put_byte(struct apdu_response *r, u8 byte)
{
	apdu_put(r, &byte, 1);
}

void apdu_put_constructed(struct apdu_response *r, u16 tag, size_t len)
{
	if (tag > 0xff)
		apdu_put_byte(r, tag >> 8);
	apdu_put_byte(r, tag);
	if (len > 0xff)
		apdu_put_byte(r, 0x82);
	else if (len > 0x7f)
		apdu_put_byte(r, 0x81);
	if (len > 0xff)
		apdu_put_byte(r, len >> 8);
	apdu_put_byte(r, len);
}

void apdu_put_tlv(struct apdu_response *r, u16 tag, const void *data, size_t len)
{
	apdu_put_constructed(r, tag, len);
	apdu_put(r, data, len);
}
