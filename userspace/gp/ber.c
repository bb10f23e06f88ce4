// SPDX-License-Identifier: MIT
/* BER-TLV as cards write it: ISO/IEC 7816-4, 5.2.2. */
#include <errno.h>
#include <string.h>

#include "gp/internal.h"

static int read_length(const uint8_t **p, const uint8_t *end, size_t *len)
{
	size_t size;

	if (*p == end)
		return -1;
	*len = *(*p)++;
	if (*len < 0x80)
		return 0;
	size = *len & 0x7f;
	if (size < 1 || size > 2 || (size_t)(end - *p) < size)
		return -1;
	for (*len = 0; size; size--)
		*len = *len << 8 | *(*p)++;
	return 0;
}

int ber_next(struct bytes *in, struct ber *t)
{
	const uint8_t *p = in->data, *end = p + in->len;

	if (!in->len)
		return 0;
	t->start = p;
	t->tag = *p++;
	if ((t->tag & 0x1f) == 0x1f) {
		if (p == end || *p & 0x80)
			return -1;
		t->tag = t->tag << 8 | *p++;
	}
	if (read_length(&p, end, &t->len) || (size_t)(end - p) < t->len)
		return -1;
	t->value = p;
	in->data = p + t->len;
	in->len = (size_t)(end - in->data);
	return 1;
}

int ber_take(struct bytes *in, unsigned int tag, struct ber *t)
{
	return ber_next(in, t) == 1 && t->tag == tag ? 0 : -1;
}

int ber_only(const struct gp_card *card, const struct gp_response *r,
	     unsigned int tag, struct ber *t, struct error *e)
{
	struct bytes in = { r->data, r->len };

	if (ber_take(&in, tag, t) || in.len)
		return error_set(e, EPROTO,
				 "%s: the answer is not one object of tag %X",
				 gp_name(card), tag);
	return 0;
}

void builder_put(struct builder *b, const void *data, size_t len)
{
	if (b->full || len > sizeof(b->data) - b->len) {
		b->full = 1;
		return;
	}
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

void builder_byte(struct builder *b, unsigned int byte)
{
	const uint8_t one = (uint8_t)byte;

	builder_put(b, &one, 1);
}

void builder_number(struct builder *b, uint64_t number, size_t size)
{
	while (size--)
		builder_byte(b, (unsigned int)(number >> 8 * size & 0xff));
}

void builder_tlv(struct builder *b, unsigned int tag, const void *value,
		 size_t len)
{
	builder_number(b, tag, tag > 0xff ? 2 : 1);
	if (len > 0xff)
		builder_byte(b, 0x82);
	else if (len > 0x7f)
		builder_byte(b, 0x81);
	builder_number(b, len, len > 0xff ? 2 : 1);
	builder_put(b, value, len);
}

int builder_done(const struct builder *b, const char *what, struct error *e)
{
	if (!b->full)
		return 0;
	return error_set(e, E2BIG,
			 "%s: more than the %d bytes that a command takes",
			 what, GP_DATA_MAX);
}
