// SPDX-License-Identifier: MIT
/* Replays: a window of sequence numbers, RFC 6479. */
#include <string.h>

#include "keyring/window.h"

static uint64_t *word_of(struct window *w, uint64_t n)
{
	return &w->seen[n / 64 % WINDOW_WORDS];
}

int window_admits(const struct window *w, uint64_t n)
{
	if (n > w->top)
		return 1;
	if (!n || w->top - n >= WINDOW_SIZE)
		return 0;
	return !(w->seen[n / 64 % WINDOW_WORDS] >> n % 64 & 1);
}

/* Words come into the window whole, and empty. */
static void move(struct window *w, uint64_t top)
{
	if (top / 64 - w->top / 64 >= WINDOW_WORDS)
		memset(w->seen, 0, sizeof(w->seen));
	else
		for (uint64_t at = w->top / 64 + 1; at <= top / 64; at++)
			*word_of(w, 64 * at) = 0;
	w->top = top;
}

void window_mark(struct window *w, uint64_t n)
{
	if (n > w->top)
		move(w, n);
	*word_of(w, n) |= UINT64_C(1) << n % 64;
}
