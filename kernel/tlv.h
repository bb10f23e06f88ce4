/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one TLV reader: strict DER (X.690, 10), definite minimal lengths, tags of one
 * or two bytes, bounded, no recursion. Reads certificates, bundles and vault
 * records. Errors are sticky: after one, every call fails.
 */
#ifndef SECMOD_TLV_H
#define SECMOD_TLV_H

#include "pure.h"

#define TLV_BOOLEAN 0x01
#define TLV_INTEGER 0x02
#define TLV_BIT_STRING 0x03
#define TLV_OCTET_STRING 0x04
#define TLV_OID 0x06
#define TLV_UTF8_STRING 0x0c
#define TLV_PRINTABLE_STRING 0x13
#define TLV_UTC_TIME 0x17
#define TLV_GENERALIZED_TIME 0x18
#define TLV_SEQUENCE 0x30
#define TLV_SET 0x31
#define TLV_CONTEXT(n) (0x80 | (n))
#define TLV_CONSTRUCTED(n) (0xa0 | (n))

struct tlv {
	u16 tag;
	const u8 *value;
	size_t len; /* of value */
	const u8 *whole; /* tag, length and value */
	size_t whole_len;
};

struct tlv_reader {
	const u8 *pos;
	const u8 *end;
	bool bad;
};

void tlv_open(struct tlv_reader *r, const void *data, size_t len);
/* Opens the value of a constructed element. */
void tlv_enter(struct tlv_reader *r, const struct tlv *t);
/* True while there is more and nothing was wrong. */
bool tlv_more(const struct tlv_reader *r);
/* True when all was read and nothing was wrong. */
bool tlv_done(const struct tlv_reader *r);
bool tlv_next(struct tlv_reader *r, struct tlv *t);
/* Next element must have @tag. */
bool tlv_expect(struct tlv_reader *r, u16 tag, struct tlv *t);
/* Takes the next element if it has @tag; false otherwise, which is no error. */
bool tlv_optional(struct tlv_reader *r, u16 tag, struct tlv *t);
/* Next element must have @tag and @len bytes, which are copied to @out. */
bool tlv_fixed(struct tlv_reader *r, u16 tag, void *out, size_t len);
/* Next element must be an INTEGER from 0 to 2^64 - 1. */
bool tlv_u64(struct tlv_reader *r, u64 *out);
/* Next element must be an INTEGER of at most @len bytes; right aligned in @out. */
bool tlv_unsigned(struct tlv_reader *r, u8 *out, size_t len);
bool tlv_equal(const struct tlv *t, const void *data, size_t len);

/* The writer of vault records; @bad when it does not fit. */
struct tlv_writer {
	u8 *data;
	size_t size;
	size_t len;
	bool bad;
};

void tlv_put(struct tlv_writer *w, u8 tag, const void *data, size_t len);

#endif
