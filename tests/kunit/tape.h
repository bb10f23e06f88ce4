/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recorded conversation with a TPM, played to tpm/. Randomness and key agreement come
 * from the tape, so that commands have to be the recorded ones to the last byte; all
 * other cryptography is the kernel's.
 */
#ifndef TESTS_KUNIT_TAPE_H
#define TESTS_KUNIT_TAPE_H

#include <kunit/test.h>

#include "tpm/t2.h"

/**
 * struct tape - the player
 * @pos: next entry
 * @exchange: commands so far, the present one included
 * @flip_exchange: number of the command whose answer has a flipped bit, 0 for none
 * @flip_at: the byte with it
 * @after_flip: commands after that answer but for FlushContext
 * @primitives: cryptographic calls so far
 * @fail_at: number of the call that fails, and all after it, 0 for none
 * @wrong: something was asked that is not on the tape
 */
struct tape {
	size_t pos;
	u32 exchange;
	u32 flip_exchange;
	size_t flip_at;
	u32 after_flip;
	u32 primitives;
	u32 fail_at;
	bool wrong;
};

/* Rewinds and plays until tape_stop(). */
void tape_start(struct kunit *test, struct tape *tape);
void tape_stop(void);
/* Nothing is left on it. */
bool tape_at_end(const struct tape *tape);
/* A t2_transmit_fn. */
int tape_transmit(struct t2 *t, u8 *buf, size_t len, size_t size);

/* What is on the tape: command @number from 1 on, and its answer; NULL at the end. */
const u8 *tape_command(u32 number, size_t *len);
const u8 *tape_answer(u32 number, size_t *len);

/* kernel/crypto.c gives its primitives these names (Kbuild): the tape goes before them. */
int kernel_sha256(const struct t2_vec *in, size_t count,
		  u8 out[T2_DIGEST_SIZE]);
int kernel_hmac_sha256(const u8 *key, size_t key_len, const struct t2_vec *in,
		       size_t count, u8 out[T2_DIGEST_SIZE]);
int kernel_aes128_cfb(bool encrypt, const u8 key[16], const u8 iv[16], u8 *data,
		      size_t len);
int kernel_ecdh_p256(const struct t2_point *peer, struct t2_point *own,
		     u8 shared_x[T2_COORD_SIZE]);
int kernel_random(u8 *out, size_t len);

#endif
