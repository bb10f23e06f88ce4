// SPDX-License-Identifier: MIT
/*
 * Policy digests as a TPM computes them (TPM 2.0 Library, Part 3, 23), and the
 * authority's signatures on them (23.16, PolicyAuthorize).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>

#include "custody/custody.h"
#include "pki/tpm_parse.h"

#define POINT_SIZE 65
#define COORD_SIZE 32

static const char *const right_names[CUSTODY_RIGHTS] = { "export", "use",
							 "public" };

const char *custody_right_name(enum custody_right right)
{
	return (size_t)right < CUSTODY_RIGHTS ? right_names[right] : "unknown";
}

void custody_reference(enum custody_kind kind, unsigned int version,
		       TPM2B_NONCE *ref)
{
	ref->size = snprintf((char *)ref->buffer, sizeof(ref->buffer),
			     "secmod %s %u", custody_kind_name(kind), version);
}

/* No policy of a TPM object has this reference: the signature opens nothing. */
static void public_reference(const struct custody_object *o, TPM2B_NONCE *ref)
{
	ref->size = snprintf((char *)ref->buffer, sizeof(ref->buffer),
			     "secmod public %s %u", custody_kind_name(o->kind),
			     o->version);
}

int custody_authority_public(EVP_PKEY *authority, TPM2B_PUBLIC *out,
			     struct error *e)
{
	static const TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT |
					    TPMA_OBJECT_USERWITHAUTH,
			.parameters.eccDetail = {
				.symmetric.algorithm = TPM2_ALG_NULL,
				.scheme.scheme = TPM2_ALG_NULL,
				.curveID = TPM2_ECC_NIST_P256,
				.kdf.scheme = TPM2_ALG_NULL,
			},
		},
	};
	TPMS_ECC_POINT *point = &out->publicArea.unique.ecc;
	uint8_t raw[POINT_SIZE];
	size_t len = 0;

	*out = template;
	if (!EVP_PKEY_get_octet_string_param(authority, OSSL_PKEY_PARAM_PUB_KEY,
					     raw, sizeof(raw), &len) ||
	    len != POINT_SIZE || raw[0] != POINT_CONVERSION_UNCOMPRESSED)
		return error_set_ssl(e, EKEYREJECTED,
				     "the authority's key is not on P-256");
	point->x.size = point->y.size = COORD_SIZE;
	memcpy(point->x.buffer, raw + 1, COORD_SIZE);
	memcpy(point->y.buffer, raw + 1 + COORD_SIZE, COORD_SIZE);
	return 0;
}

/* PolicyUpdate: H(policy || command || first), then H(that || second) */
static int update(uint8_t policy[CUSTODY_DIGEST_SIZE], TPM2_CC cc,
		  const TPM2B_NAME *first, const TPM2B_NONCE *second)
{
	uint8_t code[4] = { cc >> 24, cc >> 16, cc >> 8, cc };
	struct tpm_bytes one[] = { { policy, CUSTODY_DIGEST_SIZE },
				   { code, sizeof(code) },
				   { first->name, first->size } };
	struct tpm_bytes two[] = { { policy, CUSTODY_DIGEST_SIZE },
				   { second->buffer, second->size } };
	int ret = tpm_sha256(one, 3, policy);

	return ret ? ret : tpm_sha256(two, 2, policy);
}

int custody_object_policy(EVP_PKEY *authority, enum custody_kind kind,
			  unsigned int version,
			  uint8_t policy[CUSTODY_DIGEST_SIZE], struct error *e)
{
	TPM2B_PUBLIC pub;
	TPM2B_NONCE ref;
	TPM2B_NAME name;
	int ret;

	memset(policy, 0, CUSTODY_DIGEST_SIZE);
	custody_reference(kind, version, &ref);
	ret = custody_authority_public(authority, &pub, e);
	if (!ret)
		ret = custody_name(&pub, &name, e);
	if (!ret && update(policy, TPM2_CC_PolicyAuthorize, &name, &ref))
		ret = error_set(e, EIO, "cannot hash");
	return ret;
}

TPM2_CC custody_command(enum custody_kind kind)
{
	return kind == CUSTODY_RECOVERY ? TPM2_CC_ECDH_ZGen : TPM2_CC_Unseal;
}

static int export_policy(const TPM2B_NAME *object, const TPM2B_NAME *storage,
			 uint8_t policy[CUSTODY_DIGEST_SIZE])
{
	static const uint8_t code[] = { 0, 0,
					TPM2_CC_PolicyDuplicationSelect >> 8,
					TPM2_CC_PolicyDuplicationSelect &
						0xff };
	static const uint8_t include_object = 1;
	struct tpm_bytes in[] = { { policy, CUSTODY_DIGEST_SIZE },
				  { code, sizeof(code) },
				  { object->name, object->size },
				  { storage->name, storage->size },
				  { &include_object, 1 } };

	return tpm_sha256(in, 5, policy);
}

static int use_policy(enum custody_kind kind, const TPM2B_NAME *storage,
		      uint8_t policy[CUSTODY_DIGEST_SIZE])
{
	static const TPM2B_NONCE no_reference;
	TPM2_CC cc = custody_command(kind);
	uint8_t code[] = { 0, 0, TPM2_CC_PolicyCommandCode >> 8,
			   TPM2_CC_PolicyCommandCode & 0xff };
	uint8_t allowed[] = { cc >> 24, cc >> 16, cc >> 8, cc };
	struct tpm_bytes in[] = { { policy, CUSTODY_DIGEST_SIZE },
				  { code, sizeof(code) },
				  { allowed, sizeof(allowed) } };
	int ret = update(policy, TPM2_CC_PolicySecret, storage, &no_reference);

	return ret ? ret : tpm_sha256(in, 3, policy);
}

int custody_policy(const struct custody_object *o, const TPM2B_NAME *storage,
		   enum custody_right right,
		   uint8_t policy[CUSTODY_DIGEST_SIZE], struct error *e)
{
	TPM2B_NAME name;
	int ret = custody_name(&o->public, &name, e);

	if (ret)
		return ret;
	memset(policy, 0, CUSTODY_DIGEST_SIZE);
	if (right == CUSTODY_EXPORT)
		ret = export_policy(&name, storage, policy);
	else if (right == CUSTODY_USE)
		ret = use_policy(o->kind, storage, policy);
	else
		memcpy(policy, name.name + 2, CUSTODY_DIGEST_SIZE);
	return ret ? error_set(e, EIO, "cannot hash") : 0;
}

/* aHash = H(approvedPolicy || policyRef): what is hashed once more by nobody */
static int approved(const struct custody_object *o, const TPM2B_NAME *storage,
		    enum custody_right right,
		    uint8_t data[CUSTODY_DIGEST_SIZE + sizeof(TPM2B_NONCE)],
		    size_t *len, struct error *e)
{
	TPM2B_NONCE ref;
	int ret = custody_policy(o, storage, right, data, e);

	if (right == CUSTODY_PUBLIC)
		public_reference(o, &ref);
	else
		custody_reference(o->kind, o->version, &ref);
	memcpy(data + CUSTODY_DIGEST_SIZE, ref.buffer, ref.size);
	*len = CUSTODY_DIGEST_SIZE + ref.size;
	return ret;
}

int custody_approve(EVP_PKEY *authority, const struct custody_object *o,
		    const TPM2B_NAME *storage, enum custody_right right,
		    struct custody_approvals *a, struct error *e)
{
	uint8_t data[CUSTODY_DIGEST_SIZE + sizeof(TPM2B_NONCE)];
	size_t len;
	int ret = approved(o, storage, right, data, &len, e);

	if (!ret)
		ret = pki_sign_raw(authority, data, len, a->signature[right],
				   e);
	a->given[right] = !ret;
	return ret;
}

int custody_check_approval(EVP_PKEY *authority, const struct custody_object *o,
			   const TPM2B_NAME *storage, enum custody_right right,
			   const struct custody_approvals *a, struct error *e)
{
	uint8_t data[CUSTODY_DIGEST_SIZE + sizeof(TPM2B_NONCE)];
	size_t len;
	int ret = approved(o, storage, right, data, &len, e);

	if (ret)
		return ret;
	if (!a->given[right] ||
	    pki_verify_raw(authority, data, len, a->signature[right], NULL))
		return error_set(
			e, EKEYREJECTED,
			"%s %u is refused: the authority has not approved its %s for this HSM: see \"secmod-kms approve\"",
			custody_kind_name(o->kind), o->version,
			custody_right_name(right));
	return 0;
}
