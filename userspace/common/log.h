/* SPDX-License-Identifier: MIT */
/*
 * Messages to the person who runs a program: stderr, one line each, lower case,
 * cause first; under systemd with priority prefixes. Secrets never come here.
 */
#ifndef SECMOD_COMMON_LOG_H
#define SECMOD_COMMON_LOG_H

/* @progname stands before each line; @verbose shows log_debug(). */
void log_init(const char *progname, int verbose);
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints and exits with status 1. */
void fatal(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#endif
