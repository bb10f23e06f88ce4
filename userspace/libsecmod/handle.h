/* SPDX-License-Identifier: MIT */
/* What the files of libsecmod share: the handle, the one way to call the driver. */
#ifndef LIBSECMOD_HANDLE_H
#define LIBSECMOD_HANDLE_H

#include "libsecmod/libsecmod.h"

struct secmod {
	int fd;
	char device[];
};

#pragma GCC visibility push(hidden)

/* @arg starts with its size. On failure keeps the reason; returns 0 or -errno. */
int secmod_call(struct secmod *m, unsigned long request, void *arg);
/* Keeps the kernel's reason for @errnum, where it gave one; returns -@errnum. */
int secmod_refused(struct secmod *m, int errnum);
/* Keeps a reason of our own; returns -@errnum. */
int secmod_fail(const struct secmod *m, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#pragma GCC visibility pop

#endif
