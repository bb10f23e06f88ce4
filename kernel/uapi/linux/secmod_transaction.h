/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The part of the contract that is about transaction keys; included by <linux/secmod.h>,
 * whose rules hold here too.
 *
 * The central system puts transaction keys into a module through a secure channel
 * (docs/executive.md). They are known by their key version number (KVN) and live in
 * the kernel's memory only, until their lifetime (seconds of the boot-time clock,
 * the machine's sleep included) or their messages are used up, or until the module is
 * reset or detached, or its driver unloaded.
 *
 * A sealed message is
 *
 *	01 | KVN (1) | key id (4) | sequence number (8) | ciphertext | tag (16)
 *
 * in AES-256-GCM. Numbers are big endian. The nonce is the direction (00 from the
 * module, 01 from the central system), three zeros and the sequence number, which
 * begins with 1. What is authenticated beside the text is the caller's associated data
 * and behind it the 14 bytes before the ciphertext.
 *
 * When a key is replaced, the former one goes on opening messages for 60 seconds. Of
 * the last 448 sequence numbers each is opened once; older ones are not.
 */
#ifndef _UAPI_LINUX_SECMOD_TRANSACTION_H
#define _UAPI_LINUX_SECMOD_TRANSACTION_H

#include <linux/types.h>

#define SECMOD_SEAL_DATA_MAX 65536 /* text of one message */
#define SECMOD_SEAL_AAD_MAX 1024 /* associated data of one message */
#define SECMOD_SEAL_HEADER 14 /* before the ciphertext */
#define SECMOD_SEAL_OVERHEAD 30 /* header and tag */
#define SECMOD_SEAL_COUNT_MAX 256 /* messages in one call */

/**
 * struct secmod_message - one message of SECMOD_IOC_SEAL and SECMOD_IOC_OPEN
 * @in: in: pointer to the text, or to the sealed message
 * @out: in: pointer, written: the sealed message, or the text; may be @in
 * @aad: in: pointer to the associated data, 0 when there are none
 * @in_len: in: bytes at @in: at most SECMOD_SEAL_DATA_MAX of text
 * @out_len: in: room at @out; out: bytes written, or with ENOSPC what it takes
 * @aad_len: in: bytes at @aad, at most SECMOD_SEAL_AAD_MAX
 * @result: out: 0, or an errno; then nothing was written to @out:
 *
 *  ENOENT        there is no such key, or none of this id
 *  EKEYEXPIRED   the key has expired or is used up
 *  EACCES        the key is not for this direction
 *  EBADMSG       not a sealed message, or changed, or the associated data were others
 *  ESTALE        a replay: opened before, or older than the last 448
 *  E2BIG         text or associated data exceed their limit
 *  ENOSPC        @out_len is too little; no sequence number was used
 *  EFAULT        a pointer cannot be read or written; where it is @out, the message
 *		  has been sealed or opened and is lost
 *  ENOMEM        no memory
 */
struct secmod_message {
	__aligned_u64 in;
	__aligned_u64 out;
	__aligned_u64 aad;
	__u32 in_len;
	__u32 out_len;
	__u32 aad_len;
	__u32 result;
};

/**
 * struct secmod_messages - SECMOD_IOC_SEAL, SECMOD_IOC_OPEN: protect or open messages
 * @size: in
 * @flags: in: 0
 * @messages: in: pointer to an array of struct secmod_message; @out_len and @result of
 *	each are written
 * @count: in: their number, 1 to SECMOD_SEAL_COUNT_MAX
 * @kvn: in: of the key to seal with; to open, 0: messages name theirs
 *
 * State operating. The messages are done in their order, each with a result of its own:
 * the call fails only when it cannot begin, with EFAULT where the array cannot be read or
 * written, and with EINTR, when the process is killed; messages before that have been done.
 * Whatever the module's TPM is doing, it is not waited for. SECMOD_IOC_REASON tells of
 * the first message that was refused, also when the call did not fail.
 */
struct secmod_messages {
	__u32 size;
	__u32 flags;
	__aligned_u64 messages;
	__u32 count;
	__u32 kvn;
};

enum secmod_txn_state {
	SECMOD_TXN_READY = 0,
	SECMOD_TXN_FORMER = 1, /* replaced: opens until its time is over */
	SECMOD_TXN_ENDED = 2, /* expired or used up, and wiped */
};

#define SECMOD_TXN_SEALS 1 /* directions */
#define SECMOD_TXN_OPENS 2
#define SECMOD_TXN_KEYS_MAX 64 /* ready and former ones */

/**
 * struct secmod_txn_key - what may be known of a transaction key
 * @id: the central system's name of it
 * @kvn: key version number
 * @directions: SECMOD_TXN_SEALS, SECMOD_TXN_OPENS or both
 * @state: enum secmod_txn_state
 * @reserved: 0
 * @seconds: until it expires, 0 when it has ended
 * @reserved2: 0
 * @messages: that it may still seal and open, 0 when it has ended
 */
struct secmod_txn_key {
	__u32 id;
	__u8 kvn;
	__u8 directions;
	__u8 state;
	__u8 reserved;
	__u32 seconds;
	__u32 reserved2;
	__u64 messages;
};

/**
 * struct secmod_keys - SECMOD_IOC_KEYS: list the transaction keys
 * @size: in
 * @flags: in: 0
 * @keys: in: pointer, written: an array of struct secmod_txn_key, by KVN
 * @count: in: room for so many, SECMOD_TXN_KEYS_MAX is enough; out: how many there are
 * @max_keys: out: how many the policy allows to be ready
 * @max_lifetime: out: seconds that it allows a key
 * @max_messages: out: messages that it allows a key
 *
 * State operating. ENOSPC: @count says what it takes.
 */
struct secmod_keys {
	__u32 size;
	__u32 flags;
	__aligned_u64 keys;
	__u32 count;
	__u32 max_keys;
	__u64 max_lifetime;
	__u64 max_messages;
};

#endif
