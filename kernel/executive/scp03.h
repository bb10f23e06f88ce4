/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secure Channel Protocol 03: GlobalPlatform Card Specification 2.3, Amendment D 1.1.2.
 * Its secure messaging is also that of SCP11 (Amendment F), which brings its own keys.
 */
#ifndef SECMOD_SCP03_H
#define SECMOD_SCP03_H

#include "apdu.h"

#define SCP03_BLOCK 16
#define SCP03_KEY_MAX 32
#define SCP03_CHALLENGE_MAX 16 /* S16 mode; 8 in S8 mode */

/* Security levels: Amendment D, 7.1.2.1 */
#define SCP03_C_MAC 0x01
#define SCP03_C_DECRYPTION 0x02
#define SCP03_R_MAC 0x10
#define SCP03_R_ENCRYPTION 0x20

#define SCP03_ID 0x03 /* the protocol */

/* Bits of the parameter "i": Amendment D, 5.1 */
#define SCP03_I_S16 0x01
#define SCP03_I_PSEUDO_RANDOM 0x10
#define SCP03_I_R_MAC 0x20
#define SCP03_I_R_ENCRYPTION 0x40

/**
 * struct scp03_keyset - static keys
 * @len: of each key: 16, 24 or 32 bytes
 * @enc: Key-ENC
 * @mac: Key-MAC
 * @dek: Key-DEK, for sensitive data inside of the channel
 */
struct scp03_keyset {
	u8 len;
	u8 enc[SCP03_KEY_MAX];
	u8 mac[SCP03_KEY_MAX];
	u8 dek[SCP03_KEY_MAX];
};

/**
 * struct scp03 - a session
 * @key_len: of each session key
 * @mac_len: 8, or 16 in S16 mode: of a MAC, a challenge and a cryptogram
 * @level: security level, 0 before EXTERNAL AUTHENTICATE
 * @enc: S-ENC
 * @mac: S-MAC
 * @rmac: S-RMAC
 * @chain: MAC chaining value
 * @counter: of commands, for the initial vectors
 * @host_cryptogram: what the host has to show
 */
struct scp03 {
	u8 key_len;
	u8 mac_len;
	u8 level;
	u8 enc[SCP03_KEY_MAX];
	u8 mac[SCP03_KEY_MAX];
	u8 rmac[SCP03_KEY_MAX];
	u8 chain[SCP03_BLOCK];
	u64 counter;
	u8 host_cryptogram[SCP03_BLOCK];
};

/*
 * The card's challenge in the mode "pseudo-random" (6.2.2.1): of the keyset's sequence
 * counter and the AID of what was selected.
 */
int scp03_challenge(const struct scp03_keyset *k, u32 sequence, const u8 *aid, size_t aid_len,
		    u8 *challenge, size_t len);
/*
 * INITIALIZE UPDATE: derives the session keys (6.2.1) and both cryptograms (6.2.2) from
 * challenges of s->mac_len bytes. Returns 0, or -ENOMEM or -EIO; then @s is wiped.
 */
int scp03_begin(struct scp03 *s, const struct scp03_keyset *k, const u8 *host, const u8 *card,
		u8 *card_cryptogram);
/*
 * EXTERNAL AUTHENTICATE: the host cryptogram and the first MAC (7.1.2). Returns 0, then
 * the channel is open at level @a->p1; -EBADMSG when the MAC is not right, -EKEYREJECTED
 * when the cryptogram is not. Any error wipes @s.
 */
int scp03_authenticate(struct scp03 *s, struct apdu *a);
/*
 * Takes the secure messaging off a command, in place (6.2.4, 6.2.6). -EBADMSG when it is
 * not right, and @s is wiped.
 */
int scp03_unwrap(struct scp03 *s, struct apdu *a);
/*
 * Puts it on a response (6.2.5, 6.2.7): @sw is covered, and appended by the caller. What
 * is an error has no data, and nothing covers it.
 */
int scp03_wrap(struct scp03 *s, struct apdu_response *r, u16 sw);
void scp03_wipe(struct scp03 *s);

/* kernel/crypto.c and aes.c, or tests/shim: 0, -ENOMEM or -EIO; keys of 16, 24 or 32 bytes. */
int se_cmac(const u8 *key, size_t key_len, const struct t2_vec *in, size_t count,
	    u8 out[SCP03_BLOCK]);
/* In place; @len is a multiple of a block. */
int se_cbc(bool encrypt, const u8 *key, size_t key_len, const u8 iv[SCP03_BLOCK], u8 *data,
	   size_t len);

/* SP 800-108 in counter mode with CMAC, as Amendment D, 4.1.5 orders its fields. */
int scp03_derive(const u8 *key, size_t key_len, u8 constant, const struct t2_vec *context,
		 size_t count, u8 *out, size_t len);

#endif
