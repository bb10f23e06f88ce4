// SPDX-License-Identifier: GPL-2.0-only
/* The bounded writer and reader behind every command and response. */
#include "buf.h"

void t2_writer_init(struct t2_writer *w, u8 *data, size_t size)
{
	w->data = data;
	w->size = size;
	w->len = 0;
	w->bad = false;
}

/* Room for @len more bytes, or NULL and the writer is bad from here on. */
static u8 *writer_claim(struct t2_writer *w, size_t len)
{
	u8 *at;

	if (w->bad || len > w->size - w->len) {
		w->bad = true;
		return NULL;
	}
	at = w->data + w->len;
	w->len += len;
	return at;
}

static void put_be(u8 *at, u64 v, size_t len)
{
	while (len--) {
		at[len] = (u8)v;
		v >>= 8;
	}
}

static void writer_put(struct t2_writer *w, u64 v, size_t len)
{
	u8 *at = writer_claim(w, len);

	if (at)
		put_be(at, v, len);
}

void t2_put_u8(struct t2_writer *w, u8 v)
{
	writer_put(w, v, 1);
}

void t2_put_u16(struct t2_writer *w, u16 v)
{
	writer_put(w, v, 2);
}

void t2_put_u32(struct t2_writer *w, u32 v)
{
	writer_put(w, v, 4);
}

void t2_put_u64(struct t2_writer *w, u64 v)
{
	writer_put(w, v, 8);
}

void t2_put_bytes(struct t2_writer *w, const void *data, size_t len)
{
	u8 *at = writer_claim(w, len);

	if (at && len)
		memcpy(at, data, len);
}

void t2_put_2b(struct t2_writer *w, const void *data, size_t len)
{
	if (len > 0xffff) {
		w->bad = true;
		return;
	}
	t2_put_u16(w, (u16)len);
	t2_put_bytes(w, data, len);
}

static size_t writer_open(struct t2_writer *w, size_t len)
{
	size_t at = w->len;

	writer_put(w, 0, len);
	return at;
}

/* Writes at @at, a length field of @len bytes, how much follows it. */
static void writer_close(struct t2_writer *w, size_t at, size_t len)
{
	size_t body;

	if (w->bad)
		return;
	if (at > w->len || len > w->len - at) {
		w->bad = true;
		return;
	}
	body = w->len - at - len;
	if (len == 2 && body > 0xffff) {
		w->bad = true;
		return;
	}
	put_be(w->data + at, body, len);
}

size_t t2_open_u16(struct t2_writer *w)
{
	return writer_open(w, 2);
}

void t2_close_u16(struct t2_writer *w, size_t at)
{
	writer_close(w, at, 2);
}

size_t t2_open_u32(struct t2_writer *w)
{
	return writer_open(w, 4);
}

void t2_close_u32(struct t2_writer *w, size_t at)
{
	writer_close(w, at, 4);
}

void t2_reader_init(struct t2_reader *r, const u8 *data, size_t len)
{
	r->data = data;
	r->len = len;
	r->pos = 0;
	r->bad = false;
}

const u8 *t2_get_bytes(struct t2_reader *r, size_t len)
{
	const u8 *at;

	if (r->bad || len > r->len - r->pos) {
		r->bad = true;
		return NULL;
	}
	at = r->data + r->pos;
	r->pos += len;
	return at;
}

static u64 reader_get(struct t2_reader *r, size_t len)
{
	const u8 *at = t2_get_bytes(r, len);
	u64 v = 0;

	while (at && len--)
		v = v << 8 | *at++;
	return v;
}

u8 t2_get_u8(struct t2_reader *r)
{
	return (u8)reader_get(r, 1);
}

u16 t2_get_u16(struct t2_reader *r)
{
	return (u16)reader_get(r, 2);
}

u32 t2_get_u32(struct t2_reader *r)
{
	return (u32)reader_get(r, 4);
}

u64 t2_get_u64(struct t2_reader *r)
{
	return reader_get(r, 8);
}

const u8 *t2_get_2b(struct t2_reader *r, size_t *len)
{
	size_t size = t2_get_u16(r);
	const u8 *at = t2_get_bytes(r, size);

	*len = at ? size : 0;
	return at;
}

size_t t2_copy_2b(struct t2_reader *r, u8 *out, size_t size)
{
	size_t len;
	const u8 *at = t2_get_2b(r, &len);

	if (!at)
		return 0;
	if (len > size) {
		r->bad = true;
		return 0;
	}
	memcpy(out, at, len);
	return len;
}

size_t t2_left(const struct t2_reader *r)
{
	return r->bad ? 0 : r->len - r->pos;
}
