/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The security executive's part of the contract; included by <linux/secmod.h>, whose
 * rules hold here too. docs/executive.md tells what is said in the APDUs.
 */
#ifndef _UAPI_LINUX_SECMOD_EXECUTIVE_H
#define _UAPI_LINUX_SECMOD_EXECUTIVE_H

#include <linux/types.h>

#define SECMOD_APDU_MAX 4105 /* command: 4096 bytes of data in extended length */
#define SECMOD_RESPONSE_MAX 4098 /* response: 4096 bytes and the status word */

/**
 * struct secmod_apdu - SECMOD_IOC_APDU: one command APDU to the security executive
 * @size: in
 * @flags: in: 0
 * @command: in: pointer to the command APDU (ISO/IEC 7816-4)
 * @response: in: pointer, written: response data and status word
 * @command_len: in: at most SECMOD_APDU_MAX
 * @response_len: in: room at @response, SECMOD_RESPONSE_MAX; out: bytes of the response
 *
 * States personalization and operating. A command that is refused is answered with a
 * status word, not with an error: docs/executive.md. What was selected and
 * authenticated belongs to the open file and ends with it, or with a change of state.
 * ENOSPC: there is too little room for a response; the command was not carried out.
 */
struct secmod_apdu {
	__u32 size;
	__u32 flags;
	__aligned_u64 command;
	__aligned_u64 response;
	__u32 command_len;
	__u32 response_len;
};

#define SECMOD_AID_MAX 16
#define SECMOD_USE_MAX 16384 /* bytes in one call */

/* What a key may be used for: bits in the first byte of its data group; one of them. */
enum secmod_use {
	SECMOD_USE_MAC = 1, /* AES-CMAC, 16 bytes */
	SECMOD_USE_ENCRYPT = 2, /* AES-CBC without padding */
	SECMOD_USE_DECRYPT = 4,
};

/**
 * struct secmod_use_key - SECMOD_IOC_USE_KEY: compute with a key of an application
 * @size: in
 * @flags: in: 0
 * @aid: in: name of the application
 * @aid_len: in: bytes of it
 * @dgi: in: data group of the key, 0x8000 to 0x8fff
 * @use: in: enum secmod_use
 * @iv: in: with SECMOD_USE_ENCRYPT and _DECRYPT, else zeros
 * @in: in: pointer
 * @out: in: pointer, written; may be @in
 * @in_len: in: at most SECMOD_USE_MAX; to encrypt and decrypt a multiple of 16
 * @out_len: in: room at @out; out: bytes written: 16, or as many as @in_len
 *
 * State operating. ENOENT: there is no such application, or key in it. EACCES: the key
 * is not for this use. EINVAL: the length. ENOSPC: @out_len says what it takes.
 */
struct secmod_use_key {
	__u32 size;
	__u32 flags;
	__u8 aid[SECMOD_AID_MAX];
	__u16 aid_len;
	__u16 dgi;
	__u32 use;
	__u8 iv[16];
	__aligned_u64 in;
	__aligned_u64 out;
	__u32 in_len;
	__u32 out_len;
};

#endif
