// SPDX-License-Identifier: MIT
/*
 * The cryptogram of an issuance: CMS AuthEnvelopedData (RFC 5083) with AES-256-GCM (RFC
 * 5084), the key agreed by ECDH-ES on P-256 with SHA-256 and wrapped with AES-256 (RFC
 * 5753). The recovery key is in a TPM, which gives no more than the agreed secret, so the
 * message is put together and taken apart here: with these algorithms its DER is
 * one string with six holes, and anything that differs elsewhere is refused.
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "hsm1/internal.h"
#include "pki/tpm_parse.h"

#define POINT_SIZE 65
#define Z_SIZE 32
#define KEY_SIZE 32
#define WRAPPED_SIZE 40
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define CONTENT_SIZE (HSM1_UID_SIZE + HSM1_RANDOM_SIZE)

/* up to the ephemeral point: ContentInfo, AuthEnvelopedData, KeyAgreeRecipientInfo */
static const uint8_t before_point[] = {
	0x30, 0x82, 0x01, 0x42, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7,
	0x0d, 0x01, 0x09, 0x10, 0x01, 0x17, 0xa0, 0x82, 0x01, 0x31, 0x30,
	0x82, 0x01, 0x2d, 0x02, 0x01, 0x00, 0x31, 0x81, 0xb6, 0xa1, 0x81,
	0xb3, 0x02, 0x01, 0x03, 0xa0, 0x51, 0xa1, 0x4f, 0x30, 0x09, 0x06,
	0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x03, 0x42, 0x00,
};
/* dhSinglePass-stdDH-sha256kdf-scheme, id-aes256-wrap; rKeyId */
static const uint8_t before_id[] = {
	0x30, 0x15, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01, 0x30,
	0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01,
	0x2d, 0x30, 0x44, 0x30, 0x42, 0xa0, 0x16, 0x04, 0x14,
};
static const uint8_t before_wrapped[] = { 0x04, 0x28 };
/* EncryptedContentInfo: id-data, aes256-GCM */
static const uint8_t before_nonce[] = {
	0x30, 0x5d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
	0x01, 0x07, 0x01, 0x30, 0x1e, 0x06, 0x09, 0x60, 0x86, 0x48,
	0x01, 0x65, 0x03, 0x04, 0x01, 0x2e, 0x30, 0x11, 0x04, 0x0c,
};
static const uint8_t before_content[] = { 0x02, 0x01, 0x10, 0x80, 0x30 };
static const uint8_t before_tag[] = { 0x04, 0x10 };

/* ECC-CMS-SharedInfo (RFC 5753, 7.2): id-aes256-wrap, 256 bits */
static const uint8_t shared_info[] = {
	0x30, 0x15, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
	0x04, 0x01, 0x2d, 0xa2, 0x06, 0x04, 0x04, 0x00, 0x00, 0x01, 0x00,
};

static const struct part {
	const uint8_t *fixed;
	size_t len, hole;
} parts[] = {
	{ before_point, sizeof(before_point), POINT_SIZE },
	{ before_id, sizeof(before_id), CRYPTOGRAM_ID_SIZE },
	{ before_wrapped, sizeof(before_wrapped), WRAPPED_SIZE },
	{ before_nonce, sizeof(before_nonce), NONCE_SIZE },
	{ before_content, sizeof(before_content), CONTENT_SIZE },
	{ before_tag, sizeof(before_tag), TAG_SIZE },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))
enum { POINT, ID, WRAPPED, NONCE, CONTENT, TAG };

static void holes_of(uint8_t *der, uint8_t *holes[PARTS])
{
	for (size_t i = 0; i < PARTS; i++) {
		der += parts[i].len;
		holes[i] = der;
		der += parts[i].hole;
	}
}

/* The key-encryption key: X9.63 KDF with SHA-256, one block */
static int wrapping_key(const uint8_t z[Z_SIZE], uint8_t key[KEY_SIZE])
{
	static const uint8_t one[] = { 0, 0, 0, 1 };
	struct tpm_bytes in[] = { { z, Z_SIZE },
				  { one, sizeof(one) },
				  { shared_info, sizeof(shared_info) } };

	return !tpm_sha256(in, 3, key);
}

/* AES key wrap (RFC 3394), either way */
static int wrap(int on, const uint8_t kek[KEY_SIZE], const uint8_t *in,
		int in_len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0, ok;

	if (ctx)
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	ok = ctx &&
	     EVP_CipherInit_ex(ctx, EVP_aes_256_wrap(), NULL, kek, NULL, on) &&
	     EVP_CipherUpdate(ctx, out, &len, in, in_len) > 0 &&
	     len == (on ? WRAPPED_SIZE : KEY_SIZE);
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static int encrypt(const uint8_t key[KEY_SIZE], const uint8_t *plain,
		   uint8_t *holes[PARTS])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len, ok;

	ok = ctx &&
	     EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key,
				holes[NONCE]) &&
	     EVP_EncryptUpdate(ctx, holes[CONTENT], &len, plain,
			       CONTENT_SIZE) &&
	     EVP_EncryptFinal_ex(ctx, holes[CONTENT] + len, &len) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE,
				 holes[TAG]) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static int decrypt(const uint8_t key[KEY_SIZE], const struct cryptogram *c,
		   uint8_t plain[CONTENT_SIZE])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len, ok;

	ok = ctx &&
	     EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, c->nonce) &&
	     EVP_DecryptUpdate(ctx, plain, &len, c->content, CONTENT_SIZE) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE,
				 (void *)c->tag) > 0 &&
	     EVP_DecryptFinal_ex(ctx, plain + len, &len) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

/* An ephemeral key; what it agrees on with @recovery. */
static int agree(EVP_PKEY *recovery, uint8_t point[POINT_SIZE],
		 uint8_t z[Z_SIZE])
{
	EVP_PKEY *ephemeral = EVP_EC_gen("P-256");
	EVP_PKEY_CTX *ctx = ephemeral ? EVP_PKEY_CTX_new(ephemeral, NULL) :
					NULL;
	size_t z_len = Z_SIZE, len = 0;
	int ok;

	ok = ctx &&
	     EVP_PKEY_get_octet_string_param(ephemeral, OSSL_PKEY_PARAM_PUB_KEY,
					     point, POINT_SIZE, &len) &&
	     len == POINT_SIZE && EVP_PKEY_derive_init(ctx) > 0 &&
	     EVP_PKEY_derive_set_peer(ctx, recovery) > 0 &&
	     EVP_PKEY_derive(ctx, z, &z_len) > 0 && z_len == Z_SIZE;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(ephemeral);
	return ok;
}

struct secrets {
	uint8_t z[Z_SIZE], kek[KEY_SIZE], key[KEY_SIZE], plain[CONTENT_SIZE];
};

static int fill(EVP_PKEY *recovery, struct secrets *s, uint8_t *holes[PARTS])
{
	return RAND_priv_bytes(s->key, KEY_SIZE) == 1 &&
	       RAND_bytes(holes[NONCE], NONCE_SIZE) == 1 &&
	       agree(recovery, holes[POINT], s->z) &&
	       wrapping_key(s->z, s->kek) &&
	       wrap(1, s->kek, s->key, KEY_SIZE, holes[WRAPPED]) &&
	       encrypt(s->key, s->plain, holes);
}

int cryptogram_make(EVP_PKEY *recovery, const uint8_t id[CRYPTOGRAM_ID_SIZE],
		    const uint8_t uid[HSM1_UID_SIZE],
		    const uint8_t random[HSM1_RANDOM_SIZE],
		    uint8_t out[CRYPTOGRAM_SIZE], struct error *e)
{
	uint8_t *holes[PARTS], *p = out;
	struct secrets s;
	int ok;

	for (size_t i = 0; i < PARTS; i++) {
		memcpy(p, parts[i].fixed, parts[i].len);
		p += parts[i].len + parts[i].hole;
	}
	holes_of(out, holes);
	memcpy(holes[ID], id, CRYPTOGRAM_ID_SIZE);
	memcpy(s.plain, uid, HSM1_UID_SIZE);
	memcpy(s.plain + HSM1_UID_SIZE, random, HSM1_RANDOM_SIZE);
	ok = fill(recovery, &s, holes);
	OPENSSL_cleanse(&s, sizeof(s));
	return ok ? 0 : error_set_ssl(e, EIO, "cannot make a cryptogram");
}

int cryptogram_parse(const uint8_t *der, size_t len, struct cryptogram *out,
		     struct error *e)
{
	const uint8_t *holes[PARTS], *p = der;

	if (len != CRYPTOGRAM_SIZE)
		return error_set(e, EBADMSG,
				 "a cryptogram has %d bytes, this has %zu",
				 CRYPTOGRAM_SIZE, len);
	for (size_t i = 0; i < PARTS; i++) {
		if (memcmp(p, parts[i].fixed, parts[i].len))
			return error_set(e, EBADMSG,
					 "it is no cryptogram of an issuance");
		p += parts[i].len;
		holes[i] = p;
		p += parts[i].hole;
	}
	*out = (struct cryptogram){
		.point = holes[POINT],
		.id = holes[ID],
		.wrapped = holes[WRAPPED],
		.nonce = holes[NONCE],
		.content = holes[CONTENT],
		.tag = holes[TAG],
	};
	return *out->point == POINT_CONVERSION_UNCOMPRESSED ?
		       0 :
		       error_set(e, EBADMSG, "its ephemeral key is no point");
}

int cryptogram_open(const struct cryptogram *c, const uint8_t z[32],
		    const uint8_t uid[HSM1_UID_SIZE],
		    uint8_t random[HSM1_RANDOM_SIZE], struct error *e)
{
	struct secrets s;
	int opened, ret = 0;

	opened = wrapping_key(z, s.kek) &&
		 wrap(0, s.kek, c->wrapped, WRAPPED_SIZE, s.key) &&
		 decrypt(s.key, c, s.plain);
	if (!opened)
		ret = error_set_ssl(
			e, EKEYREJECTED,
			"the cryptogram was changed, or the recovery key is another");
	else if (memcmp(s.plain, uid, HSM1_UID_SIZE))
		ret = error_set(e, EKEYREJECTED,
				"the cryptogram is another module's");
	else
		memcpy(random, s.plain + HSM1_UID_SIZE, HSM1_RANDOM_SIZE);
	OPENSSL_cleanse(&s, sizeof(s));
	return ret;
}
