// SPDX-License-Identifier: MIT
/* Key objects as provider-object(7) wants them. */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "provider/provider.h"

int object_pass_reference(unsigned char *der, size_t len, OSSL_CALLBACK *cb,
			  void *cbarg)
{
	int type = OSSL_OBJECT_PKEY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
						 (char *)"EC", 0),
		OSSL_PARAM_construct_utf8_string(
			OSSL_OBJECT_PARAM_DATA_STRUCTURE,
			(char *)KEYREF_STRUCTURE, 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der,
						  len),
		OSSL_PARAM_construct_end(),
	};

	return cb(params, cbarg);
}

int object_pass_key(struct key *key, OSSL_CALLBACK *cb, void *cbarg)
{
	int type = OSSL_OBJECT_PKEY, ok;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
						 (char *)"EC", 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE,
						  &key, sizeof(key)),
		OSSL_PARAM_construct_end(),
	};

	ok = cb(params, cbarg);
	key_free(key); /* keymgmt_load() has taken its own reference */
	return ok;
}
