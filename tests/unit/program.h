/* SPDX-License-Identifier: MIT */
/* The project's programs, run by a test. */
#ifndef TESTS_UNIT_PROGRAM_H
#define TESTS_UNIT_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

struct program {
	pid_t pid;
	int out; /* both its outputs */
	char endpoint[128]; /* where it listens */
	char text[131072]; /* what it said so far */
	size_t len;
};

/* A new directory below $SECMOD_BUILD, absolute; program_rmdir() removes it. */
void program_mkdir(char *path, size_t size);
void program_rmdir(const char *path);
/*
 * Runs build/bin/@name with the words up to NULL; returns its exit status, and its
 * outputs in @text (may be NULL).
 */
int program_run(char *text, size_t size, const char *name, ...)
	__attribute__((sentinel));
/* Starts a server and waits until it listens. Fails the test when it ends instead. */
void program_serve(struct program *p, const char *name, ...)
	__attribute__((sentinel));
/* Waits until it has said @text. */
void program_expect(struct program *p, const char *text);
/* SIGTERM; fails the test unless it ends well. */
void program_stop(struct program *p);

#endif
