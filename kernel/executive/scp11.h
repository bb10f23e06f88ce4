/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secure Channel Protocol 11, variant a: GlobalPlatform Card Specification 2.3, Amendment F
 * 1.3, with P-256, SHA-256 and AES. What needs no key of the TPM.
 */
#ifndef SECMOD_SCP11_H
#define SECMOD_SCP11_H

#include "scp03.h"

#define SCP11_POINT 65 /* 04, x, y */
#define SCP11_RECEIPT SCP03_BLOCK

/* Key usage qualifier: Amendment F, 6.5.2.3 */
#define SCP11_USAGE_MAC 0x34 /* C-MAC and R-MAC */
#define SCP11_USAGE_ALL 0x3c /* and both encryptions */

/**
 * struct scp11_request - data of MUTUAL AUTHENTICATE
 * @usage: SCP11_USAGE_*
 * @key_len: of the session keys, 16 or 32 bytes
 * @peer: ephemeral public key of the other side
 * @data: all of it, which the receipt covers
 * @len: length of @data
 */
struct scp11_request {
	u8 usage;
	u8 key_len;
	struct t2_point peer;
	const u8 *data;
	size_t len;
};

/* SW_OK or SW_DATA */
u16 scp11_parse(struct scp11_request *q, const struct apdu *a);

/**
 * scp11_begin() - session keys and the response
 * @secret: x of both agreements: of the ephemeral keys, then of the static ones
 * @own: our ephemeral public key
 * @r: takes it and the receipt
 * @dek: Key-DEK of the session, q->key_len bytes
 *
 * Return: 0, then @s is open; -ENOMEM or -EIO, then it is wiped.
 */
int scp11_begin(struct scp03 *s, const struct scp11_request *q, const u8 secret[2 * T2_COORD_SIZE],
		const struct t2_point *own, struct apdu_response *r, u8 dek[SCP03_KEY_MAX]);

#endif
