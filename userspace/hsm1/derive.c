// SPDX-License-Identifier: MIT
/*
 * Diversification: SP 800-108 in counter mode (5.1) with CMAC and AES-256, counter and
 * length of 32 bits. Label: which key of which keyset; context: whose.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
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

int derive_key(const uint8_t block[CUSTODY_BLOCK_SIZE], const char *label,
	       const uint8_t *context, size_t len, uint8_t out[GP_KEY_MAX],
	       struct error *e)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_MODE, (char *)"counter",
				       0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_MAC, (char *)"CMAC", 0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_CIPHER,
				       (char *)"AES-256-CBC", 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)block,
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

int derive_keyset(enum custody_kind kind, unsigned int version,
		  const uint8_t block[CUSTODY_BLOCK_SIZE],
		  const uint8_t *context, size_t len, struct gp_keyset *keys,
		  struct hsm1_keyset *info, struct error *e)
{
	uint8_t *place[KEYS] = { keys->enc, keys->mac, keys->dek };
	char label[DERIVE_LABEL_MAX];
	int i, ret = 0;

	keys->len = GP_KEY_MAX;
	info->version = version;
	info->kvn = derive_kvn(kind, version);
	for (i = 0; !ret && i < KEYS; i++) {
		derive_label(kind, info->kvn, i, label);
		ret = derive_key(block, label, context, len, place[i], e);
		if (!ret)
			ret = gp_kcv(place[i], GP_KEY_MAX, info->kcv[i], e);
	}
	if (ret)
		gp_keyset_wipe(keys);
	return ret;
}
