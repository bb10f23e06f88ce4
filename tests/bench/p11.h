/* SPDX-License-Identifier: MIT */
/* As much of PKCS#11 as a session key for AES-GCM takes; the library is SoftHSM2. */
#ifndef BENCH_P11_H
#define BENCH_P11_H

#include <stddef.h>
#include <stdint.h>

/* A session, its key, and the functions that are used per message. */
struct p11 {
	unsigned long session, key;
	void *init[2], *run[2]; /* decrypt, encrypt */
};

void p11_open(struct p11 *p, const uint8_t key[32]);
/* One message, with its Init; dies when it fails. */
void p11_run(const struct p11 *p, int encrypt, const uint8_t nonce[12],
	     const uint8_t *aad, size_t aad_len, const uint8_t *in,
	     size_t in_len, uint8_t *out, size_t room);

#endif
