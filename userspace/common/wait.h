/* SPDX-License-Identifier: MIT */
/* Waiting for a descriptor until a moment, and for the order to stop. */
#ifndef SECMOD_COMMON_WAIT_H
#define SECMOD_COMMON_WAIT_H

#include <stddef.h>
#include <stdint.h>

#define WAIT_FOREVER INT64_MAX

/* Milliseconds of the monotonic clock at which @timeout_ms from now are over;
 * WAIT_FOREVER when it is negative. */
int64_t wait_deadline(int timeout_ms);
/* The earlier of @deadline and @ms from now. */
int64_t wait_slice(int64_t deadline, int ms);
/*
 * Waits for @events (POLLIN, POLLOUT) on @fd; @fd -1 only waits. Returns 0,
 * -ETIMEDOUT, -EINTR after the order to stop (process_stop), or -errno.
 * A signal between the caller's last look and the wait is not lost.
 */
int wait_fd(int fd, short events, int64_t deadline);
/* Writes all of @data to a descriptor that may be non-blocking. */
int wait_write(int fd, const void *data, size_t len, int64_t deadline);

#endif
