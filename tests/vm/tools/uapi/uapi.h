/* SPDX-License-Identifier: MIT */
/* What the parts of uapi share: the file under test, and how a call is judged. */
#ifndef TESTS_UAPI_H
#define TESTS_UAPI_H

#include <stddef.h>

#include <linux/secmod.h>

/* states */
#define V 1
#define D 2
#define P 4
#define O 8
#define F 16
#define ALL (V | D | P | O | F)
#define ARGUMENT_MAX 4096
#define KERNEL_ADDRESS 0xffff888000000000ul

struct command {
	const char *name;
	unsigned int nr;
	size_t size;
	int states;
	int admin;
	int has_flags; /* a flags field follows the size */
	size_t reserved; /* offset of a reserved u32, 0: none */
	unsigned long request;
};

extern const struct command commands[]; /* by number */
extern int fd;

void result(int good, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Return the errno; call() fetches the reason for expect(). */
int bare(unsigned long request, const void *arg);
int call(const struct command *c, void *arg);
/* Calls with a zeroed argument of @size whose u32 at @at is @value. */
int call_with(const struct command *c, size_t size, size_t at,
	      unsigned int value);
/* @want: an errno, or 0; @text: part of the reason, or NULL. */
void expect(int got, int want, const char *text, const char *name,
	    const char *what);

/* values.c: pointers, lengths and numbers of each argument, in the state @now. */
void values(int now);
/* session.c: an initialization, on two files; taken back. */
void init_session(const char *device, const char *certificates);

#endif
