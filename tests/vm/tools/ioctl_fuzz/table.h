/* SPDX-License-Identifier: MIT */
/* What linux/secmod.h says of its ioctls, as a fuzzer wants to know it. */
#ifndef TESTS_IOCTL_FUZZ_TABLE_H
#define TESTS_IOCTL_FUZZ_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/secmod.h>

#define IOCTLS 18

struct sample {
	unsigned char data[SECMOD_BUNDLE_MAX];
	size_t len;
};

enum field_kind {
	FIELD_NUMBER, /* 0 … max */
	FIELD_FLAGS, /* some bits of max, and of never none */
	FIELD_BYTES,
	FIELD_POINTER, /* to at most max bytes; len_at: u32 with their number */
	FIELD_FILE,
	FIELD_MESSAGES, /* to an array of them; len_at: u32 with their number */
};

struct field {
	enum field_kind kind;
	unsigned int at, len;
	unsigned int max;
	unsigned int len_at;
	unsigned int never;
};

struct call {
	const char *name;
	unsigned long number;
	size_t size;
	unsigned int rare; /* done once for so many times it is drawn */
	const struct field *fields; /* ends with one that has no length */
	const int *ends; /* its own errnos; ends with 0 */
};

extern const struct call ioctls[IOCTLS];

/* Is @error one of those linux/secmod.h gives this ioctl? */
bool call_may_end(const struct call *c, int error);

#endif
