/* SPDX-License-Identifier: MIT */
/* The kernel's fault injection for this thread: its n-th chance to fail is taken. */
#ifndef SECMOD_VM_FAIL_NTH_H
#define SECMOD_VM_FAIL_NTH_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Of /proc/self/task/TID/fail-nth, or -1. */
static inline int fail_nth_open(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", gettid());
	return open(path, O_RDWR | O_CLOEXEC);
}

static inline void fail_nth_arm(int control, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(control, text, (size_t)len, 0) != len)
		abort();
}

/* Did it strike? The kernel counts down to 0. A read that fails was its next victim. */
static inline int fail_nth_disarm(int control)
{
	char text[16] = "";
	ssize_t len = pread(control, text, sizeof(text) - 1, 0);

	while (pwrite(control, "0", 1, 0) != 1)
		;
	return len > 0 && atoi(text) == 0;
}

#endif
