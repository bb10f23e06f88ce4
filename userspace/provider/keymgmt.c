// SPDX-License-Identifier: MIT
/*
 * Key management "EC" for keys in a module.
 *
 * Export of a private selection fails: libcrypto first tries to move a key to
 * the provider it would rather use, and only when that fails turns to the key's
 * own. If just the public half went over, signing would end in "missing private
 * key". The failure leaves no error: programs would report it as theirs.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "provider/provider.h"

static OSSL_FUNC_keymgmt_new_fn keymgmt_new;
static OSSL_FUNC_keymgmt_free_fn keymgmt_free;
static OSSL_FUNC_keymgmt_load_fn keymgmt_load;
static OSSL_FUNC_keymgmt_has_fn keymgmt_has;
static OSSL_FUNC_keymgmt_match_fn keymgmt_match;
static OSSL_FUNC_keymgmt_validate_fn keymgmt_validate;
static OSSL_FUNC_keymgmt_dup_fn keymgmt_dup;
static OSSL_FUNC_keymgmt_import_fn keymgmt_import;
static OSSL_FUNC_keymgmt_import_types_fn keymgmt_types;
static OSSL_FUNC_keymgmt_export_fn keymgmt_export;
static OSSL_FUNC_keymgmt_get_params_fn keymgmt_get_params;
static OSSL_FUNC_keymgmt_gettable_params_fn keymgmt_gettable_params;
static OSSL_FUNC_keymgmt_query_operation_name_fn keymgmt_query_operation_name;

static const char group_name[] = "prime256v1";
static const char *const group_names[] = { "prime256v1", "P-256", "secp256r1" };

static void *keymgmt_new(void *provctx)
{
	return key_new(provctx);
}

static void keymgmt_free(void *keydata)
{
	key_free(keydata);
}

static void *keymgmt_load(const void *reference, size_t reference_sz)
{
	struct key *key;

	if (!reference || reference_sz != sizeof(key))
		return NULL;
	memcpy(&key, reference, sizeof(key));
	return key_ref(key);
}

static int keymgmt_has(const void *keydata, int selection)
{
	const struct key *key = keydata;

	if (!key)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY && !key_is_private(key))
		return 0;
	if (selection & (OSSL_KEYMGMT_SELECT_PUBLIC_KEY |
			 OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) &&
	    !key_point(key))
		return 0;
	return 1;
}

/* All keys are of one group, and the public key tells the private one. */
static int keymgmt_match(const void *keydata1, const void *keydata2,
			 int selection)
{
	const unsigned char *a = key_point(keydata1), *b = key_point(keydata2);

	if (!a || !b)
		return 0;
	if (!(selection & OSSL_KEYMGMT_SELECT_KEYPAIR))
		return 1;
	return memcmp(a, b, KEY_POINT_SIZE) == 0;
}

/* The kernel has checked the key before it let it in. */
static int keymgmt_validate(const void *keydata, int selection, int checktype)
{
	(void)checktype;
	return keymgmt_has(keydata, selection);
}

static void *keymgmt_dup(const void *keydata_from, int selection)
{
	struct key *key = (struct key *)keydata_from, *copy;

	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return key_ref(key);
	copy = key_new(key_provider(key));
	if (copy && selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY &&
	    key_point(key))
		key_set_point(copy, key_point(key), KEY_POINT_SIZE);
	return copy;
}

static int is_our_group(const OSSL_PARAM *p)
{
	const char *name;

	if (!p || !OSSL_PARAM_get_utf8_string_ptr(p, &name))
		return 0;
	for (size_t i = 0; i < sizeof(group_names) / sizeof(group_names[0]);
	     i++)
		if (strcmp(name, group_names[i]) == 0)
			return 1;
	return 0;
}

/*
 * Public keys only, so that libcrypto can compare a certificate's key with ours.
 * Software keys are none of our business.
 */
static int keymgmt_import(void *keydata, int selection,
			  const OSSL_PARAM params[])
{
	const OSSL_PARAM *pub, *group;
	const void *point;
	size_t len;

	if (!(selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) ||
	    OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY))
		return 0;
	pub = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
	group = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
	if (!pub || !is_our_group(group) ||
	    !OSSL_PARAM_get_octet_string_ptr(pub, &point, &len))
		return 0;
	return key_set_point(keydata, point, len);
}

static const OSSL_PARAM *keymgmt_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : types;
}

static int keymgmt_export(void *keydata, int selection, OSSL_CALLBACK *param_cb,
			  void *cbarg)
{
	const struct key *key = keydata;
	OSSL_PARAM params[3], *p = params;

	if (!key_point(key) || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY &&
				key_is_private(key)))
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS)
		*p++ = OSSL_PARAM_construct_utf8_string(
			OSSL_PKEY_PARAM_GROUP_NAME, (char *)group_name, 0);
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY)
		*p++ = OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY, (void *)key_point(key),
			KEY_POINT_SIZE);
	*p = OSSL_PARAM_construct_end();
	return param_cb(params, cbarg);
}

/* What libssl, too, asks of a key. */
static const struct {
	const char *name, *value;
} texts[] = {
	{ OSSL_PKEY_PARAM_GROUP_NAME, group_name },
	{ OSSL_PKEY_PARAM_DEFAULT_DIGEST, "SHA256" },
	{ OSSL_PKEY_PARAM_EC_FIELD_TYPE, "prime-field" },
	{ OSSL_PKEY_PARAM_EC_ENCODING, "named_curve" },
	{ OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed" },
};

static int set_int(OSSL_PARAM params[], const char *name, int value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_int(p, value);
}

static int set_texts(OSSL_PARAM params[])
{
	OSSL_PARAM *p;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		p = OSSL_PARAM_locate(params, texts[i].name);
		if (p && !OSSL_PARAM_set_utf8_string(p, texts[i].value))
			return 0;
	}
	return 1;
}

static int set_octets(OSSL_PARAM params[], const char *name,
		      const unsigned char *value, size_t len)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || (value && OSSL_PARAM_set_octet_string(p, value, len));
}

static int keymgmt_get_params(void *keydata, OSSL_PARAM params[])
{
	const unsigned char *point = key_point(keydata);

	return set_int(params, OSSL_PKEY_PARAM_BITS, 256) &&
	       set_int(params, OSSL_PKEY_PARAM_SECURITY_BITS, 128) &&
	       set_int(params, OSSL_PKEY_PARAM_MAX_SIZE,
		       KEY_DER_SIGNATURE_MAX) &&
	       set_texts(params) &&
	       set_octets(params, OSSL_PKEY_PARAM_PUB_KEY, point,
			  KEY_POINT_SIZE) &&
	       set_octets(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
			  KEY_POINT_SIZE);
}

static const OSSL_PARAM *keymgmt_gettable_params(void *provctx)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_FIELD_TYPE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
		OSSL_PARAM_utf8_string(
			OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
					NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return gettable;
}

static const char *keymgmt_query_operation_name(int operation_id)
{
	return operation_id == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

const OSSL_DISPATCH keymgmt_functions[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (dispatch_fn)keymgmt_new },
	{ OSSL_FUNC_KEYMGMT_FREE, (dispatch_fn)keymgmt_free },
	{ OSSL_FUNC_KEYMGMT_LOAD, (dispatch_fn)keymgmt_load },
	{ OSSL_FUNC_KEYMGMT_HAS, (dispatch_fn)keymgmt_has },
	{ OSSL_FUNC_KEYMGMT_MATCH, (dispatch_fn)keymgmt_match },
	{ OSSL_FUNC_KEYMGMT_VALIDATE, (dispatch_fn)keymgmt_validate },
	{ OSSL_FUNC_KEYMGMT_DUP, (dispatch_fn)keymgmt_dup },
	{ OSSL_FUNC_KEYMGMT_IMPORT, (dispatch_fn)keymgmt_import },
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (dispatch_fn)keymgmt_types },
	{ OSSL_FUNC_KEYMGMT_EXPORT, (dispatch_fn)keymgmt_export },
	{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (dispatch_fn)keymgmt_types },
	{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (dispatch_fn)keymgmt_get_params },
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS,
	  (dispatch_fn)keymgmt_gettable_params },
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME,
	  (dispatch_fn)keymgmt_query_operation_name },
	{ 0, NULL },
};
