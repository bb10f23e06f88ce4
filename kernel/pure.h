/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure sources of the driver (state, tlv, cert, bundle, record, slot) include:
 * nothing here needs a kernel service, so KUnit, userspace tests and fuzzers
 * compile the same files.
 */
#ifndef SECMOD_PURE_H
#define SECMOD_PURE_H

#include "tpm/platform.h"
#include "uapi/linux/secmod.h"

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/stdarg.h>
#else
#include <stdarg.h>
#include <stdio.h>
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#ifndef BIT
#define BIT(n) (1u << (n))
#endif
#ifndef __printf
#define __printf(a, b) __attribute__((format(printf, a, b)))
#endif
#endif

/* Why an operation was refused: which check, on which object, the way out. */
struct refusal {
	int error; /* positive errno, 0 when nothing was refused */
	char text[SECMOD_REASON_MAX];
};

/* Keeps the first text of an operation. Returns @error, which is negative. */
__printf(3, 4) int refuse(struct refusal *why, int error, const char *fmt, ...);

#endif
