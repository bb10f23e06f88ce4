/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the TPM layer needs from where it runs.
 *
 * The layer is compiled into secmod.ko and into userspace tests. It does no I/O
 * and no cryptography of its own: the transport is a callback (t2.h), the
 * primitives below are provided by kernel/crypto.c (kernel crypto API) or by
 * tests/shim/t2_openssl.c (OpenSSL).
 */
#ifndef SECMOD_TPM_PLATFORM_H
#define SECMOD_TPM_PLATFORM_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#ifndef BIT
#define BIT(n) (1ul << (n))
#endif
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
void memzero_explicit(void *s, size_t count);
#endif

#define T2_DIGEST_SIZE 32 /* SHA-256, the only hash this layer speaks */
#define T2_COORD_SIZE 32 /* one coordinate of a P-256 point */

/* One stretch of the input of a hash or HMAC. */
struct t2_vec {
	const void *data;
	size_t len;
};

/* A point of P-256, big endian. */
struct t2_point {
	u8 x[T2_COORD_SIZE];
	u8 y[T2_COORD_SIZE];
};

/*
 * Each returns 0, or -ENOMEM / -EIO when the primitive is not to be had.
 * Outputs are undefined on error.
 */
int t2_sha256(const struct t2_vec *in, size_t count, u8 out[T2_DIGEST_SIZE]);
int t2_hmac_sha256(const u8 *key, size_t key_len, const struct t2_vec *in,
		   size_t count, u8 out[T2_DIGEST_SIZE]);
/* AES-128 in CFB mode with 128-bit feedback, in place. */
int t2_aes128_cfb(bool encrypt, const u8 key[16], const u8 iv[16], u8 *data,
		  size_t len);
/* Makes an ephemeral key, returns its point and the x of the shared point. */
int t2_ecdh_p256(const struct t2_point *peer, struct t2_point *own,
		 u8 shared_x[T2_COORD_SIZE]);
int t2_random(u8 *out, size_t len);
/* Constant-time comparison: true when equal. */
bool t2_equal(const void *a, const void *b, size_t len);

#endif
