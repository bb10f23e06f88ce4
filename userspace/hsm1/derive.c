// SPDX-License-Identifier: MIT
/*
 * Diversification: SP 800-108 in counter mode (5.1) with CMAC and AES-256, counter and
 * length of 32 bits. Label: which key of which keyset; context: whose.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "hsm1/internal.h"

/* The ranges of key version numbers that say what a keyset is for. */
#define MASTER_FIRST 0x38
#define MASTER_COUNT 8
#define REPLACEMENT_FIRST 0x31
#define REPLACEMENT_COUNT 7

static const char *const key_names[KEYS] = { "ENC", "MAC", "DEK" };

uint8_t derive_kvn(enum custody_kind kind, unsigned int version)
{
	return kind == CUSTODY_MASTER ?
		       MASTER_FIRST + (version - 1) % MASTER_COUNT :
		       REPLACEMENT_FIRST + (version - 1) % REPLACEMENT_COUNT;
}

void derive_label(enum custody_kind kind, uint8_t kvn, int key,
		  char label[DERIVE_LABEL_MAX])
{
	snprintf(label, DERIVE_LABEL_MAX, "secmod %s %s %02X",
		 kind == CUSTODY_MASTER ? "MK" : "KRK", key_names[key], kvn);
}

static int by_library(const struct hsm1_key *block, const char *label,
		      const uint8_t *context, size_t len,
		      uint8_t out[GP_KEY_MAX], struct error *e)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_MODE, (char *)"counter",
				       0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_MAC, (char *)"CMAC", 0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_CIPHER,
				       (char *)"AES-256-CBC", 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY,
					(void *)block->block,
					CUSTODY_BLOCK_SIZE),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (void *)label,
					strlen(label)),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (void *)context,
					len),
		OSSL_PARAM_END,
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "KBKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int ok = ctx && EVP_KDF_derive(ctx, out, GP_KEY_MAX, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : error_set_ssl(e, EIO, "cannot derive a key");
}

/* label || 00 || context || length */
static int by_kernel(const struct hsm1_key *block, const char *label,
		     const uint8_t *context, size_t len,
		     uint8_t out[GP_KEY_MAX], struct error *e)
{
	static const uint8_t bits[] = { 0, 0, 8 * GP_KEY_MAX >> 8, 0 };
	uint8_t fixed[DERIVE_LABEL_MAX + HSM1_RANDOM_SIZE + sizeof(bits)];
	size_t n = strlen(label) + 1;
	int ret;

	if (len > HSM1_RANDOM_SIZE)
		return error_set(e, EINVAL, "the context is too long");
	memcpy(fixed, label, n);
	memcpy(fixed + n, context, len);
	memcpy(fixed + n + len, bits, sizeof(bits));
	ret = cmac_derive(block->cmac, fixed, n + len + sizeof(bits), out,
			  GP_KEY_MAX);
	OPENSSL_cleanse(fixed, sizeof(fixed));
	return ret ? error_set(e, -ret, "the kernel does not compute CMACs") :
		     0;
}

int derive_keyset(const struct hsm1_key *block, const uint8_t *context,
		  size_t len, struct gp_keyset *keys, struct hsm1_keyset *info,
		  struct error *e)
{
	uint8_t *place[KEYS] = { keys->enc, keys->mac, keys->dek };
	enum custody_kind kind = block->object.kind;
	char label[DERIVE_LABEL_MAX];
	int i, ret = 0;

	keys->len = GP_KEY_MAX;
	info->version = block->object.version;
	info->kvn = derive_kvn(kind, info->version);
	for (i = 0; !ret && i < KEYS; i++) {
		derive_label(kind, info->kvn, i, label);
		ret = (block->cmac ? by_kernel : by_library)(
			block, label, context, len, place[i], e);
		if (!ret)
			ret = gp_kcv(place[i], GP_KEY_MAX, info->kcv[i], e);
	}
	if (ret)
		gp_keyset_wipe(keys);
	return ret;
}

void derive_in_kernel(struct hsm1_key *k)
{
	static const uint8_t sample[HSM1_RANDOM_SIZE];
	uint8_t ours[GP_KEY_MAX], theirs[GP_KEY_MAX];
	struct error e;

	k->cmac = cmac_open(k->block);
	if (!k->cmac)
		return;
	if (!by_library(k, "sample", sample, sizeof(sample), ours, &e) &&
	    !by_kernel(k, "sample", sample, sizeof(sample), theirs, &e) &&
	    !CRYPTO_memcmp(ours, theirs, sizeof(ours))) {
		OPENSSL_cleanse(k->block, sizeof(k->block));
	} else {
		cmac_close(k->cmac);
		k->cmac = NULL;
	}
	OPENSSL_cleanse(ours, sizeof(ours));
	OPENSSL_cleanse(theirs, sizeof(theirs));
}
