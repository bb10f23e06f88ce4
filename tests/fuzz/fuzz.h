/* SPDX-License-Identifier: MIT */
/* What the harnesses share: libFuzzer's functions, checks, pieces of the input. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer calls these, and is called by the third */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* What has to hold whatever the input: a finding, like a bad access, if not. */
#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, \
				__LINE__, #condition);                         \
			abort();                                               \
		}                                                              \
	} while (0)

/* The input, taken from the front; zeros and empty pieces when it is used up. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline const uint8_t *input_take(struct input *in, size_t len)
{
	const uint8_t *at = in->at;

	in->at += len;
	in->left -= len;
	return at;
}

static inline uint8_t input_byte(struct input *in)
{
	return in->left ? *input_take(in, 1) : 0;
}

static inline unsigned int input_u16(struct input *in)
{
	unsigned int high = input_byte(in);

	return high << 8 | input_byte(in);
}

static inline void input_copy(struct input *in, void *out, size_t len)
{
	size_t n = in->left < len ? in->left : len;

	memset(out, 0, len);
	if (n)
		memcpy(out, input_take(in, n), n);
}

struct piece {
	uint8_t *data;
	size_t len;
};

/* A u16 length and so many bytes, in memory of their own; free() them. */
static inline struct piece input_piece(struct input *in)
{
	struct piece p = { NULL, input_u16(in) };

	if (p.len > in->left)
		p.len = in->left;
	p.data = malloc(p.len ? p.len : 1);
	if (!p.data)
		abort();
	if (p.len)
		memcpy(p.data, input_take(in, p.len), p.len);
	return p;
}

/* file.c: the input as a file that only its owner may read; a path to it */
const char *input_file(const void *data, size_t len);

#endif
