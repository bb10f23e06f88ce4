/* SPDX-License-Identifier: GPL-2.0-only */
/* AES-256-GCM of transaction keys, by the kernel crypto API. */
#ifndef SECMOD_TRANSACTION_CIPHER_H
#define SECMOD_TRANSACTION_CIPHER_H

#include <crypto/aead.h>
#include <linux/scatterlist.h>

#include "slots.h"

#define TXN_AAD_MAX SECMOD_SEAL_AAD_MAX
/* In one stretch: associated data, header, text and tag */
#define TXN_STRETCH_MAX (TXN_AAD_MAX + TXN_HEADER_SIZE + SECMOD_SEAL_DATA_MAX + TXN_TAG_SIZE)
#define TXN_PAGES (TXN_STRETCH_MAX / PAGE_SIZE + 2)

/**
 * struct txn_work - what one thread seals and opens with, for many messages
 * @request: of the kernel crypto API, NULL at first
 * @cipher: that @request was made for
 * @nonce: of the message
 * @sg: the message
 */
struct txn_work {
	struct aead_request *request;
	struct crypto_aead *cipher;
	u8 nonce[TXN_NONCE_SIZE];
	struct scatterlist sg[TXN_PAGES];
};

/* May load modules of the kernel unless secmod_crypto_get() has. */
struct crypto_aead *txn_cipher_alloc(void);
/* An ERR_PTR where it fails; txn_cipher_free() wipes the key. */
struct crypto_aead *txn_cipher_new(const u8 key[TXN_KEY_SIZE]);
void txn_cipher_free(struct crypto_aead *cipher);

/*
 * In place: @at is @aad_len bytes of associated data, then @len of text and room for the
 * tag, or the tag. @at is of kmalloc() or vmalloc(). 0, -EBADMSG, -ENOMEM or -EIO.
 */
int txn_cipher_run(struct txn_work *w, struct crypto_aead *cipher, bool seal, u8 *at,
		   size_t aad_len, size_t len);
void txn_work_end(struct txn_work *w);

#endif
