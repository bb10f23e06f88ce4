// SPDX-License-Identifier: MIT
/* Endorsement keys, as the templates of the TCG EK Credential Profile make them. */
#include <errno.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include "pki/tpm_parse.h"

#define RSA_BITS 2048
#define RSA_EXPONENT 65537 /* written as 0: Part 2, 12.2.3.5 */

static int follows_template(const TPMT_PUBLIC *pub,
			    const TPMT_SYM_DEF_OBJECT *sym)
{
	return pub->nameAlg == TPM2_ALG_SHA256 &&
	       pub->objectAttributes & TPMA_OBJECT_RESTRICTED &&
	       pub->objectAttributes & TPMA_OBJECT_DECRYPT &&
	       sym->algorithm == TPM2_ALG_AES && sym->keyBits.aes == 128 &&
	       sym->mode.aes == TPM2_ALG_CFB;
}

static int rsa_key(const TPMT_PUBLIC *pub, EVP_PKEY **key, struct error *e)
{
	const TPM2B_PUBLIC_KEY_RSA *n = &pub->unique.rsa;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn = BN_bin2bn(n->buffer, n->size, NULL);
	OSSL_PARAM *params = NULL;
	int ok;

	ok = ctx && bld && bn &&
	     OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) &&
	     OSSL_PARAM_BLD_push_ulong(bld, OSSL_PKEY_PARAM_RSA_E,
				       RSA_EXPONENT);
	if (ok)
		params = OSSL_PARAM_BLD_to_param(bld);
	ok = params && EVP_PKEY_fromdata_init(ctx) > 0 &&
	     EVP_PKEY_fromdata(ctx, key, EVP_PKEY_PUBLIC_KEY, params) > 0;
	OSSL_PARAM_free(params);
	BN_free(bn);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 :
		    error_set_ssl(e, EBADMSG,
				  "the endorsement key holds no RSA key");
}

static int refuse(struct error *e)
{
	return error_set(
		e, EKEYREJECTED,
		"the endorsement key follows neither of the templates L-1 and L-2");
}

int tpm_ek_key(const uint8_t *data, size_t len, EVP_PKEY **key, struct error *e)
{
	TPMT_PUBLIC pub;
	int ret;

	*key = NULL;
	ret = tpm_parse_public(data, len, &pub, e);
	if (ret)
		return ret;
	if (pub.type == TPM2_ALG_ECC) {
		ret = tpm_require_p256(&pub, "the endorsement key", e);
		if (!ret && !follows_template(
				    &pub, &pub.parameters.eccDetail.symmetric))
			ret = refuse(e);
		return ret ? ret : tpm_point_key(&pub, key, e);
	}
	if (pub.type != TPM2_ALG_RSA ||
	    !follows_template(&pub, &pub.parameters.rsaDetail.symmetric) ||
	    pub.parameters.rsaDetail.keyBits != RSA_BITS ||
	    pub.parameters.rsaDetail.exponent ||
	    pub.unique.rsa.size != RSA_BITS / 8)
		return refuse(e);
	return rsa_key(&pub, key, e);
}
