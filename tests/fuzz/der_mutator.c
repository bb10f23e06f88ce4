// SPDX-License-Identifier: MIT
/*
 * Changes of DER that leave it DER: an element is changed, removed, doubled, replaced
 * by another or wrapped, and the lengths of all around it follow. A quarter of
 * the changes is libFuzzer's own, which respects nothing.
 */
#include "fuzz.h"

#define MAX_ELEMENTS 512
#define MAX_DEPTH 24
#define MAX_SIZE 65536

struct element {
	size_t start, value, end;
	int parent; /* index, -1 at the top */
};

static struct element elements[MAX_ELEMENTS];
static int element_count;

static unsigned int state;

static unsigned int pick(unsigned int n)
{
	state = state * 1664525u + 1013904223u;
	return n ? (state >> 8) % n : 0;
}

/* One head at @at; false when there is no element that fits before @end. */
static int read_head(const uint8_t *p, size_t at, size_t end,
		     struct element *el)
{
	size_t len, n;

	el->start = at;
	if (end - at < 2 || !p[at])
		return 0;
	if ((p[at++] & 0x1f) == 0x1f && (p[at] & 0x80 || ++at >= end))
		return 0;
	len = p[at++];
	if (len & 0x80) {
		n = len & 0x7f;
		if (!n || n > 2 || end - at < n)
			return 0;
		for (len = 0; n; n--)
			len = len << 8 | p[at++];
	}
	el->value = at;
	el->end = at + len;
	return len <= end - at;
}

/* Are these octets elements, one behind the other, and nothing else? */
static int is_der(const uint8_t *p, size_t at, size_t end)
{
	struct element el;

	if (at >= end)
		return 0;
	for (; at < end; at = el.end)
		if (!read_head(p, at, end, &el))
			return 0;
	return 1;
}

static void collect(const uint8_t *p, size_t at, size_t end, int parent,
		    int depth)
{
	struct element el;
	size_t inner;
	int own;

	for (; at < end && element_count < MAX_ELEMENTS; at = el.end) {
		if (!read_head(p, at, end, &el))
			return;
		el.parent = parent;
		own = element_count;
		elements[element_count++] = el;
		inner = el.value + (p[el.start] == 0x03); /* unused bits */
		if (depth < MAX_DEPTH &&
		    (p[el.start] & 0x20 || is_der(p, inner, el.end)))
			collect(p, inner, el.end, own, depth + 1);
	}
}

static size_t put_head(uint8_t *out, const uint8_t *tag, size_t tag_len,
		       size_t len)
{
	size_t n = tag_len;

	memcpy(out, tag, tag_len);
	if (len > 0xff) {
		out[n++] = 0x82;
		out[n++] = (uint8_t)(len >> 8);
	} else if (len > 0x7f) {
		out[n++] = 0x81;
	}
	out[n++] = (uint8_t)len;
	return n;
}

static size_t tag_len(const uint8_t *p, const struct element *el)
{
	return (p[el->start] & 0x1f) == 0x1f ? 2 : 1;
}

/* What shall stand in place of @el, at most MAX_SIZE bytes. */
static size_t change(const uint8_t *p, const struct element *el, uint8_t *out)
{
	const struct element *other = &elements[pick(element_count)];
	size_t len = el->end - el->value, whole = el->end - el->start, n;
	uint8_t *value = out + 8;

	memcpy(value, p + el->value, len);
	switch (pick(8)) {
	case 0:
		return 0;
	case 1: /* twice */
		memcpy(out, p + el->start, whole);
		memcpy(out + whole, p + el->start, whole);
		return 2 * whole;
	case 2: /* another one */
		memcpy(out, p + other->start, other->end - other->start);
		return other->end - other->start;
	case 3: /* another one behind it */
		memcpy(out, p + el->start, whole);
		memcpy(out + whole, p + other->start,
		       other->end - other->start);
		return whole + other->end - other->start;
	case 4: /* another tag */
		memcpy(out, p + el->start, whole);
		out[0] = pick(2) ? (uint8_t)pick(256) : p[other->start];
		return whole;
	case 5: /* the value of another */
		len = other->end - other->value;
		memcpy(value, p + other->value, len);
		break;
	default:
		len = LLVMFuzzerMutate(value, len, len + 1 + pick(64));
	}
	n = put_head(out, p + el->start, tag_len(p, el), len);
	memmove(out + n, value, len);
	return n + len;
}

/* Puts @len bytes of @new in place of elements[@i], and so on outwards. */
static size_t rebuild(const uint8_t *p, size_t size, int i, uint8_t *new,
		      size_t len, uint8_t *out)
{
	const struct element *el = &elements[i], *up;
	size_t before, after, n;

	while (el->parent >= 0) {
		up = &elements[el->parent];
		before = el->start - up->value;
		after = up->end - el->end;
		if (before + len + after > MAX_SIZE - 8)
			return 0;
		n = put_head(out, p + up->start, tag_len(p, up),
			     before + len + after);
		memcpy(out + n, p + up->value, before);
		memcpy(out + n + before, new, len);
		memcpy(out + n + before + len, p + el->end, after);
		len += n + before + after;
		memcpy(new, out, len);
		el = up;
	}
	before = el->start;
	after = size - el->end;
	if (before + len + after > MAX_SIZE)
		return 0;
	memcpy(out, p, before);
	memcpy(out + before, new, len);
	memcpy(out + before + len, p + el->end, after);
	return before + len + after;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	static uint8_t new[2 * MAX_SIZE + 256], out[2 * MAX_SIZE];
	size_t len;
	int i;

	state = seed;
	element_count = 0;
	if (pick(4) && size <= MAX_SIZE)
		collect(data, 0, size, -1, 0);
	if (!element_count)
		return LLVMFuzzerMutate(data, size, max);
	i = (int)pick((unsigned int)element_count);
	len = change(data, &elements[i], new);
	len = rebuild(data, size, i, new, len, out);
	if (!len || len > max)
		return LLVMFuzzerMutate(data, size, max);
	memcpy(data, out, len);
	return len;
}
