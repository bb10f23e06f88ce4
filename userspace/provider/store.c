// SPDX-License-Identifier: MIT
/* OSSL_STORE: a key for a URI. */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include "provider/provider.h"

static OSSL_FUNC_store_open_fn store_open;
static OSSL_FUNC_store_settable_ctx_params_fn store_settable_ctx_params;
static OSSL_FUNC_store_set_ctx_params_fn store_set_ctx_params;
static OSSL_FUNC_store_load_fn store_load;
static OSSL_FUNC_store_eof_fn store_eof;
static OSSL_FUNC_store_close_fn store_close;

struct store {
	struct provider *prov;
	char *uri;
	int expect; /* OSSL_STORE_INFO_*, 0: anything */
	int done;
};

static void *store_open(void *provctx, const char *uri)
{
	struct store *store = OPENSSL_zalloc(sizeof(*store));

	if (!store)
		return NULL;
	store->prov = provctx;
	store->uri = OPENSSL_strdup(uri);
	if (!store->uri) {
		OPENSSL_free(store);
		return NULL;
	}
	return store;
}

static const OSSL_PARAM *store_settable_ctx_params(void *provctx)
{
	static const OSSL_PARAM settable[] = {
		OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return settable;
}

static int store_set_ctx_params(void *loaderctx, const OSSL_PARAM params[])
{
	struct store *store = loaderctx;
	const OSSL_PARAM *p;

	p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);
	return !p || OSSL_PARAM_get_int(p, &store->expect);
}

static int store_load(void *loaderctx, OSSL_CALLBACK *object_cb,
		      void *object_cbarg, OSSL_PASSPHRASE_CALLBACK *pw_cb,
		      void *pw_cbarg)
{
	struct store *store = loaderctx;
	struct key *key;

	(void)pw_cb;
	(void)pw_cbarg;
	if (store->done)
		return 0;
	store->done = 1;
	if (store->expect && store->expect != OSSL_STORE_INFO_PKEY)
		return 0;
	key = key_open(store->prov, store->uri);
	return key && object_pass_key(key, object_cb, object_cbarg);
}

static int store_eof(void *loaderctx)
{
	const struct store *store = loaderctx;

	return store->done;
}

static int store_close(void *loaderctx)
{
	struct store *store = loaderctx;

	OPENSSL_free(store->uri);
	OPENSSL_free(store);
	return 1;
}

const OSSL_DISPATCH store_functions[] = {
	{ OSSL_FUNC_STORE_OPEN, (dispatch_fn)store_open },
	{ OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS,
	  (dispatch_fn)store_settable_ctx_params },
	{ OSSL_FUNC_STORE_SET_CTX_PARAMS, (dispatch_fn)store_set_ctx_params },
	{ OSSL_FUNC_STORE_LOAD, (dispatch_fn)store_load },
	{ OSSL_FUNC_STORE_EOF, (dispatch_fn)store_eof },
	{ OSSL_FUNC_STORE_CLOSE, (dispatch_fn)store_close },
	{ 0, NULL },
};
