/* SPDX-License-Identifier: GPL-2.0-only */
/* One ioctl on its way from device.c, which meets userspace memory, to call.c and back. */
#ifndef SECMOD_CALL_H
#define SECMOD_CALL_H

#include "secmod.h"

#define CALL_INPUTS 2

/**
 * struct secmod_call - an ioctl
 * @f: the open file
 * @arg: the argument, of the size the kernel knows
 * @in: copies of what its pointers lead to, NULL where the length is 0
 * @in_len: their bytes
 * @early: why an input could not be copied; of a command without the lock, any refusal
 * @out: to be copied to @out_to when the lock is released
 * @out_len: bytes of it
 * @out_to: address in userspace
 *
 * User memory may be slow for as long as its owner likes (FUSE): it is touched before
 * and after, never under the module's lock.
 */
struct secmod_call {
	struct secmod_file *f;
	void *arg;
	u8 *in[CALL_INPUTS];
	u32 in_len[CALL_INPUTS];
	struct refusal early;
	u8 *out;
	u32 out_len;
	u64 out_to;
};

int call_info(struct secmod_call *c);
int call_reason(struct secmod_call *c);
int call_attach(struct secmod_call *c);
int call_detach(struct secmod_call *c);
int call_init_begin(struct secmod_call *c);
int call_init_activate(struct secmod_call *c);
int call_init_complete(struct secmod_call *c);
int call_perso_begin(struct secmod_call *c);
int call_perso_complete(struct secmod_call *c);
int call_attest(struct secmod_call *c);
int call_reset(struct secmod_call *c);
int call_get_cert(struct secmod_call *c);
int call_sign(struct secmod_call *c);
int call_apdu(struct secmod_call *c);
int call_keys(struct secmod_call *c);
int call_use_key(struct secmod_call *c);

/* messages.c: these do not hold the lock */
int call_seal(struct secmod_call *c);
int call_open(struct secmod_call *c);

#endif
