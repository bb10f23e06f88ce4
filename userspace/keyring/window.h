/* SPDX-License-Identifier: MIT */
/* Which sequence numbers have come; as the module's kernel does it in its direction. */
#ifndef SECMOD_KEYRING_WINDOW_H
#define SECMOD_KEYRING_WINDOW_H

#include <stdint.h>

#define WINDOW_WORDS 8
/* One word is being filled: RFC 6479, 2 */
#define WINDOW_SIZE (64 * (WINDOW_WORDS - 1))

/* Zeroed: nothing has come, and the first number is 1. */
struct window {
	uint64_t top; /* the highest that came */
	uint64_t seen[WINDOW_WORDS]; /* bits of it and of WINDOW_SIZE - 1 before */
};

/* Not for one that has come, nor for one too old to tell. */
int window_admits(const struct window *w, uint64_t n);
void window_mark(struct window *w, uint64_t n);

#endif
