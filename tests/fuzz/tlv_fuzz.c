// SPDX-License-Identifier: MIT
/*
 * kernel/tlv.c: the input is a program of reader calls, then the data. What is
 * accepted is compared with OpenSSL's reader and written again with tlv_put().
 */
#include <openssl/asn1.h>

#include "fuzz.h"
#include "kernel/tlv.h"

#define MAX_DEPTH 8
#define MAX_CALLS 64

static void same_for_openssl(const struct tlv *t)
{
	const unsigned char *p = t->whole;
	int tag, class, ret;
	long len;

	ret = ASN1_get_object(&p, &len, &tag, &class, (long)t->whole_len);
	/* a primitive tag is all it says more of: 0x80 is an error there */
	CHECK(!(ret & 0x80));
	CHECK(!(ret & 1)); /* indefinite */
	CHECK(p == t->value && (size_t)len == t->len);
	CHECK(tag == (t->tag > 0xff ? (t->tag & 0x7f) : (t->tag & 0x1f)));
}

static void same_when_written(const struct tlv *t)
{
	struct tlv_writer w = { .size = t->whole_len };

	if (t->tag > 0xff)
		return;
	w.data = malloc(w.size);
	CHECK(w.data);
	tlv_put(&w, (u8)t->tag, t->value, t->len);
	CHECK(!w.bad && w.len == t->whole_len);
	CHECK(!memcmp(w.data, t->whole, w.len));
	tlv_put(&w, (u8)t->tag, t->value, t->len);
	CHECK(w.bad && w.len == t->whole_len);
	free(w.data);
}

static void check_element(const struct tlv *t, const u8 *data, size_t len)
{
	CHECK(t->whole >= data && t->value > t->whole);
	CHECK(t->value + t->len == t->whole + t->whole_len);
	CHECK(t->whole + t->whole_len <= data + len);
	same_for_openssl(t);
	same_when_written(t);
}

static bool call(struct tlv_reader *r, u8 op, u8 tag, struct tlv *t)
{
	u8 out[40];
	u64 number;

	switch (op % 6) {
	case 0:
		return tlv_next(r, t);
	case 1:
		return tlv_expect(r, tag, t);
	case 2:
		return tlv_optional(r, tag, t);
	case 3:
		tlv_fixed(r, tag, out, op % sizeof(out));
		return false;
	case 4:
		tlv_u64(r, &number);
		return false;
	default:
		tlv_unsigned(r, out, op % sizeof(out));
		return false;
	}
}

static void run(struct input *program, const u8 *data, size_t len)
{
	struct tlv_reader stack[MAX_DEPTH];
	int depth = 0, calls;
	struct tlv t;
	bool bad;
	u8 op;

	tlv_open(&stack[0], data, len);
	for (calls = 0; calls < MAX_CALLS; calls++) {
		op = input_byte(program);
		bad = stack[depth].bad;
		memset(&t, 0, sizeof(t));
		if (call(&stack[depth], op, input_byte(program), &t)) {
			CHECK(!bad);
			check_element(&t, data, len);
			if (op & 0x80 && depth + 1 < MAX_DEPTH)
				tlv_enter(&stack[++depth], &t);
		}
		CHECK(stack[depth].bad >= bad);
		CHECK(stack[depth].pos <= stack[depth].end);
		CHECK(!(tlv_more(&stack[depth]) && tlv_done(&stack[depth])));
		if (depth && !tlv_more(&stack[depth]))
			depth--;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct piece program = input_piece(&in);
	struct input calls = { program.data, program.len };
	u8 *copy = malloc(in.left + 1);

	CHECK(copy);
	memcpy(copy + 1, in.at, in.left);
	run(&calls, copy + 1, in.left);
	free(copy);
	free(program.data);
	return 0;
}
