// SPDX-License-Identifier: MIT
/*
 * Proofs of erasure: the dead key's policy names the epoch counter and a value,
 * and the counter is certified to be above that value. It never goes back.
 */
#include <errno.h>
#include <string.h>

#include <endian.h>
#include <linux/secmod.h>

#include "common/wire.h"
#include "pki/tpm_parse.h"

static const uint8_t *data_of(const ASN1_OCTET_STRING *s)
{
	return ASN1_STRING_get0_data(s);
}

static size_t len_of(const ASN1_OCTET_STRING *s)
{
	return ASN1_STRING_length(s);
}

/* policyDigest := H(policyDigest, command code, @a, @b): Part 1, 19.7 */
static int policy_extend(uint8_t digest[TPM_DIGEST_SIZE], uint32_t command,
			 struct tpm_bytes a, struct tpm_bytes b)
{
	uint32_t code = htobe32(command);
	struct tpm_bytes in[] = {
		{ digest, TPM_DIGEST_SIZE }, { &code, sizeof(code) }, a, b
	};

	return tpm_sha256(in, 4, digest);
}

/* PolicyNV(counter == epoch), then PolicyAuthValue: Part 3, 23.9 and 23.17 */
static int key_policy(const ASN1_OCTET_STRING *nv_public, uint64_t epoch,
		      uint8_t digest[TPM_DIGEST_SIZE])
{
	uint64_t operand = htobe64(epoch);
	uint16_t offset = 0, operation = htobe16(TPM2_EO_EQ);
	struct tpm_bytes args[] = { { &operand, sizeof(operand) },
				    { &offset, sizeof(offset) },
				    { &operation, sizeof(operation) } };
	uint8_t name[2 + TPM_DIGEST_SIZE] = { 0, TPM2_ALG_SHA256 };
	uint8_t hashed[TPM_DIGEST_SIZE];
	struct tpm_bytes none = { "", 0 };

	memset(digest, 0, TPM_DIGEST_SIZE);
	tpm_name_digest(data_of(nv_public), len_of(nv_public), name + 2);
	if (tpm_sha256(args, 3, hashed) ||
	    policy_extend(digest, TPM2_CC_PolicyNV,
			  (struct tpm_bytes){ hashed, sizeof(hashed) },
			  (struct tpm_bytes){ name, sizeof(name) }))
		return -EIO;
	return policy_extend(digest, TPM2_CC_PolicyAuthValue, none, none);
}

/* The latest of the beginnings: a proof outlives the validity of its certificates. */
static time_t common_moment(const struct wire_erasure_proof *p, X509 *root)
{
	X509 *certs[] = { root, p->identity, p->signer, p->module };
	time_t latest = 0, t;
	struct tm tm;
	size_t i;

	for (i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
		if (!ASN1_TIME_to_tm(X509_get0_notBefore(certs[i]), &tm))
			continue;
		t = timegm(&tm);
		if (t > latest)
			latest = t;
	}
	return latest;
}

static int uid_is(X509 *cert, const ASN1_OCTET_STRING *uid)
{
	uint8_t own[SECMOD_UID_SIZE];

	return !pki_get_uid(cert, own) && len_of(uid) == sizeof(own) &&
	       !memcmp(own, data_of(uid), sizeof(own));
}

static int check_certificates(const struct wire_erasure_proof *p, X509 *root,
			      struct error *e)
{
	time_t when = common_moment(p, root);
	uint64_t epoch;
	int ret;

	ret = pki_check_chain(p->identity, PKI_ROLE_IDENTITY, NULL, root, when,
			      e);
	if (!ret)
		ret = pki_check_chain(p->module, PKI_ROLE_MODULE, p->signer,
				      root, when, e);
	if (ret)
		return ret;
	if (!uid_is(p->identity, p->uid) || !uid_is(p->module, p->uid))
		return error_set(
			e, EKEYREJECTED,
			"the certificates name another module than the proof");
	if (pki_get_epoch(p->module, &epoch) || epoch != p->module_epoch)
		return error_set(
			e, EKEYREJECTED,
			"the module certificate is of another epoch than the proof says");
	return 0;
}

/* Is the dead key the certified one, and does its policy die with the epoch? */
static int check_dead_key(const struct wire_erasure_proof *p, struct error *e)
{
	uint8_t policy[TPM_DIGEST_SIZE];
	TPMT_PUBLIC pub;
	EVP_PKEY *key;
	int ret;

	ret = tpm_parse_public(data_of(p->public_area), len_of(p->public_area),
			       &pub, e);
	if (!ret)
		ret = tpm_require_p256(&pub, "the destroyed key", e);
	if (!ret)
		ret = tpm_point_key(&pub, &key, e);
	if (ret)
		return ret;
	ret = pki_check_key(p->module, key, "the destroyed key", e);
	EVP_PKEY_free(key);
	if (ret)
		return ret;
	if (key_policy(p->nv_public, p->module_epoch, policy))
		return error_set(e, EIO, "cannot hash");
	if (pub.objectAttributes & TPMA_OBJECT_USERWITHAUTH ||
	    !(pub.objectAttributes & TPMA_OBJECT_FIXEDTPM) ||
	    !(pub.objectAttributes & TPMA_OBJECT_FIXEDPARENT) ||
	    pub.authPolicy.size != sizeof(policy) ||
	    memcmp(pub.authPolicy.buffer, policy, sizeof(policy)))
		return error_set(
			e, EKEYREJECTED,
			"the destroyed key's policy does not name this counter at epoch %llu",
			(unsigned long long)p->module_epoch);
	return 0;
}

int tpm_check_erasure(struct wire_erasure_proof *p, X509 *root, struct error *e)
{
	struct tpm_attestation a = {
		.attest = data_of(p->attest),
		.attest_len = len_of(p->attest),
		.nv_public = data_of(p->nv_public),
		.nv_public_len = len_of(p->nv_public),
		.signature = data_of(p->signature),
		.uid = data_of(p->uid),
		.nonce = data_of(p->nonce),
		.epoch = p->epoch,
		.state = SECMOD_STATE_PERSONALIZATION,
		.magic = SECMOD_RESET_MAGIC,
	};
	uint8_t digest[TPM_DIGEST_SIZE];
	int ret;

	ret = check_certificates(p, root, e);
	if (!ret)
		ret = check_dead_key(p, e);
	if (ret)
		return ret;
	tpm_name_digest(data_of(p->public_area), len_of(p->public_area),
			digest);
	a.key_digest = digest;
	ret = tpm_check_attestation(&a, X509_get0_pubkey(p->identity), e);
	if (ret)
		return ret;
	if (p->epoch <= p->module_epoch)
		return error_set(
			e, EKEYREJECTED,
			"the counter is still at the key's epoch: the key is alive");
	return 0;
}
