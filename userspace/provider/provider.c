// SPDX-License-Identifier: MIT
/*
 * What the provider offers libcrypto, and its beginning and end.
 *
 * Our "EC" and "ECDSA" must stand behind those of the provider that does the
 * everyday work, for libcrypto takes the first when a program does not ask for
 * one in particular, and ours make no keys and verify nothing. Libcrypto keeps
 * them in the order in which it learned of them, which depends on who was loaded
 * first and what was fetched when. So we hold ours back until the library
 * context knows another's.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "provider/provider.h"

static OSSL_FUNC_provider_teardown_fn provider_teardown;
static OSSL_FUNC_provider_gettable_params_fn provider_gettable_params;
static OSSL_FUNC_provider_get_params_fn provider_get_params;
static OSSL_FUNC_provider_query_operation_fn provider_query_operation;
static OSSL_FUNC_provider_get_reason_strings_fn provider_get_reason_strings;

#define EC_NAMES "EC:id-ecPublicKey:1.2.840.10045.2.1"

static const OSSL_ALGORITHM keymgmts[] = {
	{ EC_NAMES, PROVIDER_PROPERTIES, keymgmt_functions,
	  "EC keys of a security module" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM signatures[] = {
	{ "ECDSA", PROVIDER_PROPERTIES, signature_functions,
	  "ECDSA by a security module" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM decoders[] = {
	{ EC_NAMES,
	  PROVIDER_PROPERTIES ",input=der,structure=" KEYREF_STRUCTURE,
	  decoder_der_functions, "references to keys of a security module" },
	{ "DER", PROVIDER_PROPERTIES ",input=pem", decoder_pem_functions,
	  "PEM files of such references" },
	{ NULL, NULL, NULL, NULL },
};

static _Thread_local int looking;

static int has_keymgmt(OSSL_LIB_CTX *libctx)
{
	EVP_KEYMGMT *m = EVP_KEYMGMT_fetch(libctx, "EC", NULL);

	EVP_KEYMGMT_free(m);
	return m != NULL;
}

static int has_signature(OSSL_LIB_CTX *libctx)
{
	EVP_SIGNATURE *m = EVP_SIGNATURE_fetch(libctx, "ECDSA", NULL);

	EVP_SIGNATURE_free(m);
	return m != NULL;
}

/*
 * Does the library context know an implementation of another provider? The
 * look makes libcrypto learn all there are, and comes back to us: then
 * we are silent.
 */
static int others_known(const struct provider *prov, int operation_id)
{
	int found;

	if (!prov->libctx_is_parents)
		return 1;
	if (looking)
		return 0;
	looking = 1;
	ERR_set_mark();
	found = operation_id == OSSL_OP_KEYMGMT ? has_keymgmt(prov->libctx) :
						  has_signature(prov->libctx);
	ERR_pop_to_mark();
	looking = 0;
	return found;
}

static const OSSL_ALGORITHM *
provider_query_operation(void *provctx, int operation_id, int *no_cache)
{
	const struct provider *prov = provctx;

	*no_cache = 0;
	switch (operation_id) {
	case OSSL_OP_KEYMGMT:
	case OSSL_OP_SIGNATURE:
		if (!others_known(prov, operation_id)) {
			*no_cache = 1; /* ask again */
			return NULL;
		}
		return operation_id == OSSL_OP_KEYMGMT ? keymgmts : signatures;
	case OSSL_OP_DECODER:
		return decoders;
	case OSSL_OP_STORE:
		return prov->stores;
	}
	return NULL;
}

static const OSSL_PARAM *provider_gettable_params(void *provctx)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
		OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return gettable;
}

static int provider_get_params(void *provctx, OSSL_PARAM params[])
{
	OSSL_PARAM *p;

	(void)provctx;
	p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
	if (p && !OSSL_PARAM_set_utf8_ptr(p, "secmod keys of security modules"))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
	if (p && !OSSL_PARAM_set_utf8_ptr(p, PROVIDER_VERSION))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
	return !p || OSSL_PARAM_set_int(p, 1);
}

static const OSSL_ITEM *provider_get_reason_strings(void *provctx)
{
	(void)provctx;
	return provider_reasons;
}

static const OSSL_DISPATCH provider_functions[] = {
	{ OSSL_FUNC_PROVIDER_TEARDOWN, (dispatch_fn)provider_teardown },
	{ OSSL_FUNC_PROVIDER_GETTABLE_PARAMS,
	  (dispatch_fn)provider_gettable_params },
	{ OSSL_FUNC_PROVIDER_GET_PARAMS, (dispatch_fn)provider_get_params },
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION,
	  (dispatch_fn)provider_query_operation },
	{ OSSL_FUNC_PROVIDER_GET_REASON_STRINGS,
	  (dispatch_fn)provider_get_reason_strings },
	{ 0, NULL },
};

static void find_core(struct core *core, const OSSL_DISPATCH *in,
		      dispatch_fn *core_malloc)
{
	for (; in->function_id != 0; in++)
		switch (in->function_id) {
		case OSSL_FUNC_CORE_GET_LIBCTX:
			core->get_libctx = OSSL_FUNC_core_get_libctx(in);
			break;
		case OSSL_FUNC_CORE_NEW_ERROR:
			core->new_error = OSSL_FUNC_core_new_error(in);
			break;
		case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
			core->set_error_debug =
				OSSL_FUNC_core_set_error_debug(in);
			break;
		case OSSL_FUNC_CORE_VSET_ERROR:
			core->vset_error = OSSL_FUNC_core_vset_error(in);
			break;
		case OSSL_FUNC_BIO_READ_EX:
			core->bio_read_ex = OSSL_FUNC_BIO_read_ex(in);
			break;
		case OSSL_FUNC_BIO_GETS:
			core->bio_gets = OSSL_FUNC_BIO_gets(in);
			break;
		case OSSL_FUNC_CRYPTO_MALLOC:
			*core_malloc = in->function;
			break;
		}
}

/*
 * The parent's library context is ours to use only when we are linked to the
 * very libcrypto that loads us: a program may have another copy of it.
 */
static int take_libctx(struct provider *prov, dispatch_fn core_malloc)
{
	if (prov->core.get_libctx &&
	    core_malloc == (dispatch_fn)CRYPTO_malloc) {
		prov->libctx =
			(OSSL_LIB_CTX *)prov->core.get_libctx(prov->handle);
		prov->libctx_is_parents = 1;
		return 1;
	}
	prov->libctx = OSSL_LIB_CTX_new();
	return prov->libctx != NULL;
}

static int make_stores(struct provider *prov)
{
	size_t n = 0;

	while (backend_at(n))
		n++;
	prov->stores = OPENSSL_zalloc((n + 1) * sizeof(*prov->stores));
	if (!prov->stores)
		return 0;
	for (size_t i = 0; i < n; i++)
		prov->stores[i] = (OSSL_ALGORITHM){
			.algorithm_names = backend_at(i)->scheme,
			.property_definition = PROVIDER_PROPERTIES,
			.implementation = store_functions,
			.algorithm_description = "keys by URI",
		};
	return 1;
}

static void provider_teardown(void *provctx)
{
	struct provider *prov = provctx;

	if (!prov->libctx_is_parents)
		OSSL_LIB_CTX_free(prov->libctx);
	OPENSSL_free(prov->stores);
	OPENSSL_free(prov);
}

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		       const OSSL_DISPATCH **out, void **provctx)
{
	struct provider *prov = OPENSSL_zalloc(sizeof(*prov));
	dispatch_fn core_malloc = NULL;

	if (!prov)
		return 0;
	prov->handle = handle;
	find_core(&prov->core, in, &core_malloc);
	if (!prov->core.bio_read_ex || !prov->core.bio_gets ||
	    !take_libctx(prov, core_malloc) || !make_stores(prov)) {
		provider_teardown(prov);
		return 0;
	}
	*out = provider_functions;
	*provctx = prov;
	return 1;
}
