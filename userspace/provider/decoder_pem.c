// SPDX-License-Identifier: MIT
/*
 * Decoder of key reference files: PEM to DER. The default provider's passes on
 * only the labels it knows.
 */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "provider/keyref.h"
#include "provider/provider.h"

#define LINE_MAX_SIZE 256
#define BLOCK_MAX_SIZE 1024
#define LINES_MAX 4096 /* of text before the block */

static OSSL_FUNC_decoder_newctx_fn decoder_newctx;
static OSSL_FUNC_decoder_freectx_fn decoder_freectx;
static OSSL_FUNC_decoder_decode_fn decoder_decode;

static const char begin_any[] = "-----BEGIN ";
static const char begin_ours[] = "-----BEGIN " KEYREF_LABEL "-----";
static const char end_ours[] = "-----END " KEYREF_LABEL "-----";

static int starts_with(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

static void *decoder_newctx(void *provctx)
{
	return provctx;
}

static void decoder_freectx(void *ctx)
{
	(void)ctx;
}

/* Is the next block a reference? Reads its first line. */
static int find_begin(const struct provider *prov, OSSL_CORE_BIO *in)
{
	char line[LINE_MAX_SIZE];
	int fresh = 1; /* at the beginning of a line */

	for (int i = 0; i < LINES_MAX; i++) {
		if (prov->core.bio_gets(in, line, sizeof(line)) <= 0)
			return 0;
		if (fresh && starts_with(line, begin_any))
			return starts_with(line, begin_ours);
		fresh = strchr(line, '\n') != NULL;
	}
	return 0;
}

/*
 * Collects the block line by line, so that what follows in the file is left
 * for the next decoder.
 */
static BIO *read_block(const struct provider *prov, OSSL_CORE_BIO *in)
{
	BIO *block = BIO_new(BIO_s_mem());
	char line[LINE_MAX_SIZE];

	if (!block || BIO_printf(block, "%s\n", begin_ours) < 0)
		goto err;
	while (BIO_pending(block) < BLOCK_MAX_SIZE) {
		if (prov->core.bio_gets(in, line, sizeof(line)) <= 0 ||
		    BIO_puts(block, line) < 0)
			break;
		if (starts_with(line, end_ours))
			return block;
	}
err:
	BIO_free(block);
	return NULL;
}

/* Returns 1 for what is not ours: other decoders shall try. */
static int decoder_decode(void *ctx, OSSL_CORE_BIO *in, int selection,
			  OSSL_CALLBACK *data_cb, void *data_cbarg,
			  OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_cbarg)
{
	struct provider *prov = ctx;
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	BIO *block;
	long len;
	int ok = 0;

	(void)selection;
	(void)pw_cb;
	(void)pw_cbarg;
	if (!find_begin(prov, in))
		return 1;
	block = read_block(prov, in);
	if (block && PEM_read_bio(block, &name, &header, &der, &len))
		ok = object_pass_reference(der, (size_t)len, data_cb,
					   data_cbarg);
	else
		provider_error(prov, REASON_REFERENCE,
			       "no PEM block up to its end line");
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(block);
	return ok;
}

const OSSL_DISPATCH decoder_pem_functions[] = {
	{ OSSL_FUNC_DECODER_NEWCTX, (dispatch_fn)decoder_newctx },
	{ OSSL_FUNC_DECODER_FREECTX, (dispatch_fn)decoder_freectx },
	{ OSSL_FUNC_DECODER_DECODE, (dispatch_fn)decoder_decode },
	{ 0, NULL },
};
