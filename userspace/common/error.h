/* SPDX-License-Identifier: MIT */
/*
 * One error text per operation: functions that can fail return 0 or -errno and
 * write what failed, on which object, and the way out into the caller's struct.
 */
#ifndef SECMOD_COMMON_ERROR_H
#define SECMOD_COMMON_ERROR_H

struct error {
	char text[512];
};

/* Writes the text, returns -@errnum. */
int error_set(struct error *e, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with OpenSSL's oldest queued reason appended; clears the queue. */
int error_set_ssl(struct error *e, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
