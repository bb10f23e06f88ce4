// SPDX-License-Identifier: GPL-2.0-only
/* Strict DER reader and the small writer of vault records. */
#include "tlv.h"

void tlv_open(struct tlv_reader *r, const void *data, size_t len)
{
	r->pos = data;
	r->end = r->pos + len;
	r->bad = false;
}

void tlv_enter(struct tlv_reader *r, const struct tlv *t)
{
	tlv_open(r, t->value, t->len);
}

bool tlv_more(const struct tlv_reader *r)
{
	return !r->bad && r->pos < r->end;
}

bool tlv_done(const struct tlv_reader *r)
{
	return !r->bad && r->pos == r->end;
}

static bool fail(struct tlv_reader *r)
{
	r->bad = true;
	return false;
}

static bool next_byte(struct tlv_reader *r, u8 *out)
{
	if (!tlv_more(r))
		return fail(r);
	*out = *r->pos++;
	return true;
}

/* Two-byte tags carry numbers from 31 to 127 (X.690, 8.1.2.4). */
static bool read_tag(struct tlv_reader *r, u16 *tag)
{
	u8 first, second;

	if (!next_byte(r, &first))
		return false;
	*tag = first;
	if ((first & 0x1f) != 0x1f)
		return true;
	if (!next_byte(r, &second))
		return false;
	if (second < 31 || second > 127)
		return fail(r);
	*tag = first << 8 | second;
	return true;
}

/* Shortest form only, at most 65535 (X.690, 10.1). */
static bool read_length(struct tlv_reader *r, size_t *len)
{
	u8 first, high, low;

	if (!next_byte(r, &first))
		return false;
	*len = first;
	if (first < 0x80)
		return true;
	if (first == 0x81) {
		if (!next_byte(r, &low) || low < 0x80)
			return fail(r);
		*len = low;
		return true;
	}
	if (first != 0x82 || !next_byte(r, &high) || !next_byte(r, &low) || !high)
		return fail(r);
	*len = high << 8 | low;
	return true;
}

bool tlv_next(struct tlv_reader *r, struct tlv *t)
{
	const u8 *start = r->pos;

	memset(t, 0, sizeof(*t));
	if (!read_tag(r, &t->tag) || !read_length(r, &t->len))
		return false;
	if (t->len > (size_t)(r->end - r->pos))
		return fail(r);
	t->value = r->pos;
	r->pos += t->len;
	t->whole = start;
	t->whole_len = r->pos - start;
	return true;
}

bool tlv_expect(struct tlv_reader *r, u16 tag, struct tlv *t)
{
	if (!tlv_next(r, t))
		return false;
	return t->tag == tag || fail(r);
}

bool tlv_optional(struct tlv_reader *r, u16 tag, struct tlv *t)
{
	struct tlv_reader ahead = *r;

	if (!tlv_more(r) || !tlv_next(&ahead, t) || t->tag != tag)
		return false;
	*r = ahead;
	return true;
}

bool tlv_fixed(struct tlv_reader *r, u16 tag, void *out, size_t len)
{
	struct tlv t;

	if (!tlv_expect(r, tag, &t))
		return false;
	if (t.len != len)
		return fail(r);
	memcpy(out, t.value, len);
	return true;
}

bool tlv_unsigned(struct tlv_reader *r, u8 *out, size_t len)
{
	struct tlv t;

	if (!tlv_expect(r, TLV_INTEGER, &t))
		return false;
	/* Not negative, no needless leading zero (X.690, 8.3). */
	if (!t.len || t.value[0] & 0x80)
		return fail(r);
	if (t.len > 1 && !t.value[0]) {
		if (!(t.value[1] & 0x80))
			return fail(r);
		t.value++;
		t.len--;
	}
	if (t.len > len)
		return fail(r);
	memset(out, 0, len - t.len);
	memcpy(out + len - t.len, t.value, t.len);
	return true;
}

bool tlv_u64(struct tlv_reader *r, u64 *out)
{
	u8 bytes[8];
	size_t i;

	if (!tlv_unsigned(r, bytes, sizeof(bytes)))
		return false;
	*out = 0;
	for (i = 0; i < sizeof(bytes); i++)
		*out = *out << 8 | bytes[i];
	return true;
}

bool tlv_equal(const struct tlv *t, const void *data, size_t len)
{
	return t->len == len && !memcmp(t->value, data, len);
}

void tlv_put(struct tlv_writer *w, u8 tag, const void *data, size_t len)
{
	u8 head[4] = { tag };
	size_t n = 1;

	if (len > 0xff) {
		head[n++] = 0x82;
		head[n++] = len >> 8;
	} else if (len > 0x7f) {
		head[n++] = 0x81;
	}
	head[n++] = len;
	if (w->bad || len > 0xffff || w->size - w->len < n + len) {
		w->bad = true;
		return;
	}
	memcpy(w->data + w->len, head, n);
	memcpy(w->data + w->len + n, data, len);
	w->len += n + len;
}
