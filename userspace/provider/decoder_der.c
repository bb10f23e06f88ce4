// SPDX-License-Identifier: MIT
/* Decoder of key references: DER to key. */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "provider/keyref.h"
#include "provider/provider.h"

static OSSL_FUNC_decoder_newctx_fn decoder_newctx;
static OSSL_FUNC_decoder_freectx_fn decoder_freectx;
static OSSL_FUNC_decoder_does_selection_fn decoder_does_selection;
static OSSL_FUNC_decoder_decode_fn decoder_decode;

static void *decoder_newctx(void *provctx)
{
	return provctx;
}

static void decoder_freectx(void *ctx)
{
	(void)ctx;
}

/* Nothing asked for in particular, or a private key. */
static int decoder_does_selection(void *provctx, int selection)
{
	(void)provctx;
	return selection == 0 || selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
}

/* Reads all of a small input; 0 when it is too long to be a reference. */
static size_t read_all(const struct provider *prov, OSSL_CORE_BIO *in,
		       unsigned char *buf, size_t size)
{
	size_t len = 0, n;

	while (len < size &&
	       prov->core.bio_read_ex(in, buf + len, size - len, &n))
		len += n;
	return len < size ? len : 0;
}

/* Returns 1 for what is not ours: other decoders shall try. */
static int decoder_decode(void *ctx, OSSL_CORE_BIO *in, int selection,
			  OSSL_CALLBACK *data_cb, void *data_cbarg,
			  OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_cbarg)
{
	struct provider *prov = ctx;
	unsigned char der[KEYREF_URI_MAX + 16];
	char uri[KEYREF_URI_MAX + 1];
	struct key *key;
	size_t len;

	(void)selection;
	(void)pw_cb;
	(void)pw_cbarg;
	len = read_all(prov, in, der, sizeof(der));
	if (len == 0 || keyref_parse(der, len, uri) < 0)
		return 1;
	key = key_open(prov, uri);
	return key && object_pass_key(key, data_cb, data_cbarg);
}

const OSSL_DISPATCH decoder_der_functions[] = {
	{ OSSL_FUNC_DECODER_NEWCTX, (dispatch_fn)decoder_newctx },
	{ OSSL_FUNC_DECODER_FREECTX, (dispatch_fn)decoder_freectx },
	{ OSSL_FUNC_DECODER_DOES_SELECTION,
	  (dispatch_fn)decoder_does_selection },
	{ OSSL_FUNC_DECODER_DECODE, (dispatch_fn)decoder_decode },
	{ 0, NULL },
};
