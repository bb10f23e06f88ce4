// SPDX-License-Identifier: MIT
/* Is this DER? One pass over tags and lengths, no recursion. */
#include <errno.h>
#include <stdint.h>

#include "common/der.h"

#define DER_DEPTH 32

enum {
	CLASS_MASK = 0xc0,
	CONSTRUCTED = 0x20,
	NUMBER_MASK = 0x1f,
	TAG_BOOLEAN = 1,
	TAG_INTEGER = 2,
	TAG_BIT_STRING = 3,
	TAG_NULL = 5,
	TAG_OID = 6,
	TAG_SEQUENCE = 16,
	TAG_SET = 17,
};

struct element {
	unsigned char tag;
	const unsigned char *body;
	size_t len;
};

/* Returns what is wrong with the head at @p, or NULL. */
static const char *read_head(const unsigned char *p, const unsigned char *end,
			     struct element *el)
{
	size_t n;

	if (end - p < 2)
		return "ends within an element";
	el->tag = *p++;
	if ((el->tag & NUMBER_MASK) == NUMBER_MASK)
		return "has a tag of several bytes";
	el->len = *p++;
	if (el->len == 0x80)
		return "has an indefinite length";
	if (el->len > 0x80) {
		n = el->len & 0x7f;
		if (n > 3 || (size_t)(end - p) < n)
			return "has a length out of bounds";
		if (*p == 0)
			return "has a length with a leading zero";
		for (el->len = 0; n; n--)
			el->len = el->len << 8 | *p++;
		if (el->len < 0x80)
			return "has a length longer than needed";
	}
	if (el->len > (size_t)(end - p))
		return "ends within an element";
	el->body = p;
	return NULL;
}

static const char *check_bits(const unsigned char *p, size_t len)
{
	if (len < 1 || p[0] > 7 || (len == 1 && p[0]))
		return "has a malformed BIT STRING";
	if (len > 1 && (p[len - 1] & ((1u << p[0]) - 1)))
		return "has a BIT STRING whose unused bits are not zero";
	return NULL;
}

static const char *check_integer(const unsigned char *p, size_t len)
{
	if (!len)
		return "has an empty INTEGER";
	if (len > 1 &&
	    ((p[0] == 0 && !(p[1] & 0x80)) || (p[0] == 0xff && (p[1] & 0x80))))
		return "has an INTEGER longer than needed";
	return NULL;
}

/* Sub-identifiers without leading 0x80, the last one complete (8.19.2) */
static const char *check_oid(const unsigned char *p, size_t len)
{
	size_t i;

	if (!len || (p[len - 1] & 0x80))
		return "has a malformed OBJECT IDENTIFIER";
	for (i = 0; i < len; i++)
		if (p[i] == 0x80 && (i == 0 || !(p[i - 1] & 0x80)))
			return "has a malformed OBJECT IDENTIFIER";
	return NULL;
}

static const char *check_universal(const struct element *el)
{
	unsigned int number = el->tag & NUMBER_MASK;
	int nested = number == TAG_SEQUENCE || number == TAG_SET;

	if (nested != !!(el->tag & CONSTRUCTED))
		return nested ? "has a primitive SEQUENCE" :
				"has a constructed string";
	switch (number) {
	case 0:
		return "has an end-of-contents";
	case TAG_BOOLEAN:
		if (el->len != 1 || (el->body[0] && el->body[0] != 0xff))
			return "has a BOOLEAN that is neither 0 nor 255";
		return NULL;
	case TAG_INTEGER:
		return check_integer(el->body, el->len);
	case TAG_BIT_STRING:
		return check_bits(el->body, el->len);
	case TAG_NULL:
		return el->len ? "has a NULL with content" : NULL;
	case TAG_OID:
		return check_oid(el->body, el->len);
	}
	return NULL;
}

static const char *walk(const unsigned char *p, size_t len)
{
	const unsigned char *ends[DER_DEPTH] = { p + len };
	struct element el;
	const char *bad;
	int depth = 0;

	do {
		bad = read_head(p, ends[depth], &el);
		if (!bad && !(el.tag & CLASS_MASK))
			bad = check_universal(&el);
		if (bad)
			return bad;
		p = el.body;
		if (el.tag & CONSTRUCTED) {
			if (++depth == DER_DEPTH)
				return "is nested too deeply";
			ends[depth] = p + el.len;
		} else {
			p += el.len;
		}
		while (depth && p == ends[depth])
			depth--;
	} while (depth);
	return p == ends[0] ? NULL : "has trailing bytes";
}

int der_check(const unsigned char *der, size_t len, const char *what,
	      struct error *e)
{
	const char *bad = walk(der, len);

	if (!bad)
		return 0;
	return error_set(e, EPROTO, "%s is not DER (X.690): it %s", what, bad);
}
