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

#endif
