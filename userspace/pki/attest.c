// SPDX-License-Identifier: MIT
/* What a TPM's identity key vouches for: a key's birth, the epoch counter. */
#include <errno.h>
#include <string.h>

#include <endian.h>
#include <linux/secmod.h>

#include "pki/tpm_parse.h"

int tpm_check_attest(const TPMS_ATTEST *a, TPMI_ST_ATTEST type,
		     const uint8_t qualifying[TPM_DIGEST_SIZE], struct error *e)
{
	/* no data from outside a TPM begins so, and a restricted key signs none that does */
	if (a->magic != TPM2_GENERATED_VALUE)
		return error_set(e, EKEYREJECTED,
				 "the attestation was not made by a TPM");
	if (a->type != type)
		return error_set(e, EKEYREJECTED,
				 "the attestation is of another kind (0x%04x)",
				 a->type);
	if (a->extraData.size != TPM_DIGEST_SIZE ||
	    memcmp(a->extraData.buffer, qualifying, TPM_DIGEST_SIZE))
		return error_set(
			e, EKEYREJECTED,
			"the attestation is about another module, moment or challenge");
	return 0;
}

/* struct secmod_perso_statement: A8, A9 */
static int birth_statement(const struct tpm_birth *b,
			   uint8_t digest[TPM_DIGEST_SIZE])
{
	struct secmod_perso_statement s = { .magic = SECMOD_PERSO_MAGIC };
	struct tpm_bytes in = { &s, sizeof(s) };
	size_t len = strlen(b->serial);

	if (len > sizeof(s.serial))
		return -EINVAL;
	memcpy(s.uid, b->uid, sizeof(s.uid));
	memcpy(s.serial, b->serial, len);
	s.epoch = htobe64(b->epoch);
	s.time = htobe64(b->time);
	memcpy(s.pu_nonce, b->pu_nonce, sizeof(s.pu_nonce));
	memcpy(s.module_nonce, b->module_nonce, sizeof(s.module_nonce));
	return tpm_sha256(&in, 1, digest);
}

/* As the driver makes it: usable by policy alone, and never elsewhere. */
#define MODULE_KEY_NEEDS                                  \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_SIGN_ENCRYPT)
#define MODULE_KEY_FORBIDS (TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED)

static int check_module_key(const TPMT_PUBLIC *pub, struct error *e)
{
	int ret;

	ret = tpm_require_p256(pub, "the module key", e);
	if (ret)
		return ret;
	if ((pub->objectAttributes & MODULE_KEY_NEEDS) != MODULE_KEY_NEEDS ||
	    pub->objectAttributes & MODULE_KEY_FORBIDS ||
	    pub->authPolicy.size != TPM_DIGEST_SIZE)
		return error_set(
			e, EKEYREJECTED,
			"the module key is not fixed to its TPM and bound to a policy (attributes 0x%08x)",
			pub->objectAttributes);
	return 0;
}

/* A10: salt and nonce of the PU were there when the key was made. */
static int check_creation(const struct tpm_birth *b, struct error *e)
{
	struct tpm_bytes in[] = { { b->salt, SECMOD_SALT_SIZE },
				  { b->pu_nonce, SECMOD_NONCE_SIZE } };
	uint8_t outside[TPM_DIGEST_SIZE];
	TPMS_CREATION_DATA data;
	int ret;

	ret = tpm_parse_creation(b->creation, b->creation_len, &data, e);
	if (!ret && tpm_sha256(in, 2, outside))
		ret = error_set(e, EIO, "cannot hash");
	if (ret)
		return ret;
	if (data.outsideInfo.size != sizeof(outside) ||
	    memcmp(data.outsideInfo.buffer, outside, sizeof(outside)))
		return error_set(
			e, EKEYREJECTED,
			"the module key was made with another salt or challenge");
	return 0;
}

/* TPM2_CertifyCreation: this public area, this creation data */
static int check_certified(const struct tpm_birth *b, const TPMS_ATTEST *a,
			   struct error *e)
{
	const TPMS_CREATION_INFO *info = &a->attested.creation;
	uint8_t digest[TPM_DIGEST_SIZE];

	tpm_name_digest(b->public_area, b->public_len, digest);
	if (!tpm_name_is(&info->objectName, digest))
		return error_set(e, EKEYREJECTED,
				 "the attestation is about another key");
	tpm_name_digest(b->creation, b->creation_len, digest);
	if (info->creationHash.size != sizeof(digest) ||
	    memcmp(info->creationHash.buffer, digest, sizeof(digest)))
		return error_set(
			e, EKEYREJECTED,
			"the attestation is about other creation data");
	return 0;
}

int tpm_check_birth(const struct tpm_birth *b, EVP_PKEY *identity,
		    EVP_PKEY **module_key, struct error *e)
{
	uint8_t digest[TPM_DIGEST_SIZE];
	TPMS_ATTEST attest;
	TPMT_PUBLIC pub;
	int ret;

	*module_key = NULL;
	ret = pki_verify_raw(identity, b->attest, b->attest_len, b->signature,
			     NULL);
	if (ret)
		return error_set(
			e, EKEYREJECTED,
			"the attestation is not signed by the identity key");
	if (birth_statement(b, digest))
		return error_set(e, EINVAL, "the serial number is too long");
	ret = tpm_parse_attest(b->attest, b->attest_len, &attest, e);
	if (!ret)
		ret = tpm_check_attest(&attest, TPM2_ST_ATTEST_CREATION, digest,
				       e);
	if (!ret)
		ret = check_certified(b, &attest, e);
	if (!ret)
		ret = check_creation(b, e);
	if (!ret)
		ret = tpm_parse_public(b->public_area, b->public_len, &pub, e);
	if (!ret)
		ret = check_module_key(&pub, e);
	return ret ? ret : tpm_point_key(&pub, module_key, e);
}

static int check_is_counter(const TPMS_NV_PUBLIC *nv, struct error *e)
{
	if (nv->nameAlg == TPM2_ALG_SHA256 && nv->dataSize == 8 &&
	    nv->attributes & TPMA_NV_WRITTEN &&
	    (nv->attributes & TPMA_NV_TPM2_NT_MASK) >> TPMA_NV_TPM2_NT_SHIFT ==
		    TPM2_NT_COUNTER)
		return 0;
	return error_set(
		e, EKEYREJECTED,
		"the certified index is not a counter (attributes 0x%08x)",
		nv->attributes);
}

int tpm_check_counter(const TPMS_ATTEST *a, const uint8_t *nv_public,
		      size_t nv_public_len, uint64_t value, struct error *e)
{
	const TPMS_NV_CERTIFY_INFO *info = &a->attested.nv;
	uint64_t be = htobe64(value);
	uint8_t digest[TPM_DIGEST_SIZE];
	TPMS_NV_PUBLIC nv;
	int ret;

	ret = tpm_parse_nv_public(nv_public, nv_public_len, &nv, e);
	if (!ret)
		ret = check_is_counter(&nv, e);
	if (ret)
		return ret;
	tpm_name_digest(nv_public, nv_public_len, digest);
	if (!tpm_name_is(&info->indexName, digest))
		return error_set(e, EKEYREJECTED,
				 "the attestation is about another counter");
	if (info->offset || info->nvContents.size != sizeof(be) ||
	    memcmp(info->nvContents.buffer, &be, sizeof(be)))
		return error_set(
			e, EKEYREJECTED,
			"the certified value of the counter is another");
	return 0;
}

/* struct secmod_attest_statement */
static int attest_statement(const struct tpm_attestation *a,
			    uint8_t digest[TPM_DIGEST_SIZE])
{
	struct secmod_attest_statement s = { 0 };
	struct tpm_bytes in = { &s, sizeof(s) };

	memcpy(s.magic, a->magic, sizeof(s.magic));
	memcpy(s.uid, a->uid, sizeof(s.uid));
	memcpy(s.nonce, a->nonce, sizeof(s.nonce));
	s.state = htobe32(a->state);
	memcpy(s.key_digest, a->key_digest, sizeof(s.key_digest));
	return tpm_sha256(&in, 1, digest);
}

int tpm_check_attestation(const struct tpm_attestation *a, EVP_PKEY *identity,
			  struct error *e)
{
	uint8_t digest[TPM_DIGEST_SIZE];
	TPMS_ATTEST attest;
	int ret;

	if (pki_verify_raw(identity, a->attest, a->attest_len, a->signature,
			   NULL))
		return error_set(
			e, EKEYREJECTED,
			"the attestation is not signed by the identity key");
	if (attest_statement(a, digest))
		return error_set(e, EIO, "cannot hash");
	ret = tpm_parse_attest(a->attest, a->attest_len, &attest, e);
	if (!ret)
		ret = tpm_check_attest(&attest, TPM2_ST_ATTEST_NV, digest, e);
	if (!ret)
		ret = tpm_check_counter(&attest, a->nv_public, a->nv_public_len,
					a->epoch, e);
	return ret;
}
