// SPDX-License-Identifier: GPL-2.0-only
/* Signatures with the keys in the TPM: one locked sequence, nothing left behind. */
#include "secmod.h"

static size_t digest_size(u16 hash)
{
	switch (hash) {
	case SECMOD_HASH_SHA256:
		return 32;
	case SECMOD_HASH_SHA384:
		return 48;
	case SECMOD_HASH_SHA512:
		return 64;
	}
	return 0;
}

/*
 * PolicyNV is checked when it is called, not when the key is used. So the session
 * is made, used and ended while the chip is held: no reset comes between.
 */
static int sign_module(struct secmod *sm, u16 hash, const u8 *digest, size_t len,
		       struct t2_signature *sig)
{
	struct t2_entity nv, key = {
		.handle = sm->handles.key,
		.auth = sm->record->auth,
		.auth_len = sizeof(sm->record->auth),
	};
	struct t2_session s = {};
	struct t2_writer w;
	u8 epoch[8];
	int rc;

	t2_writer_init(&w, epoch, sizeof(epoch));
	t2_put_u64(&w, sm->record->epoch);
	secmod_nv_entity(sm, sm->handles.epoch, &nv);
	key.name.len = sizeof(sm->record->key_name);
	memcpy(key.name.data, sm->record->key_name, sizeof(sm->record->key_name));
	key.session = &s;
	rc = t2_start_auth_session(&sm->tpm, &s, T2_SE_POLICY, T2_RH_NULL, NULL);
	rc = rc ?: t2_policy_nv(&sm->tpm, &s, &nv, &nv, epoch, sizeof(epoch), 0, T2_EO_EQ);
	rc = rc ?: t2_policy_auth_value(&sm->tpm, &s);
	s.attributes = 0; /* ends with the command */
	rc = rc ?: t2_sign(&sm->tpm, &key, hash, digest, len, NULL, sig);
	if (rc)
		secmod_tpm_refuse(sm, rc, "signing with the module key");
	t2_end_session(&sm->tpm, &s);
	return rc;
}

/* A restricted key signs only what the TPM has hashed and found harmless. */
static int sign_identity(struct secmod *sm, const u8 *data, size_t len, struct t2_signature *sig)
{
	u8 digest[T2_DIGEST_SIZE];
	struct t2_session s = {};
	struct t2_ticket ticket;
	struct t2_entity key;
	int rc;

	rc = t2_hash(&sm->tpm, data, len, T2_RH_OWNER, digest, &ticket);
	rc = rc ?: t2_start_auth_session(&sm->tpm, &s, T2_SE_HMAC, T2_RH_NULL, NULL);
	s.attributes = 0;
	secmod_identity_entity(sm, &key, &s);
	rc = rc ?: t2_sign(&sm->tpm, &key, T2_ALG_SHA256, digest, sizeof(digest), &ticket, sig);
	if (rc)
		secmod_tpm_refuse(sm, rc, "signing with the identity key");
	t2_end_session(&sm->tpm, &s);
	return rc;
}

static int check_request(struct secmod *sm, u32 key, u16 hash, const u8 *data, size_t len)
{
	static const u8 generated[] = { 0xff, 'T', 'C', 'G' };

	if (key == SECMOD_KEY_MODULE) {
		if (sm->state != SECMOD_STATE_OPERATING)
			return refuse(&sm->why, -EBADFD,
				      "SIGN: module is %s, its key signs when operating",
				      state_name(sm->state));
		if (!digest_size(hash))
			return refuse(&sm->why, -EOPNOTSUPP, "SIGN: hash 0x%04x is unknown", hash);
		if (len != digest_size(hash))
			return refuse(&sm->why, -EINVAL, "SIGN: digest has %zu bytes, not %zu", len,
				      digest_size(hash));
		return 0;
	}
	if (key != SECMOD_KEY_IDENTITY)
		return refuse(&sm->why, -EINVAL, "SIGN: there is no key %u", key);
	if (hash != SECMOD_HASH_SHA256)
		return refuse(&sm->why, -EOPNOTSUPP, "SIGN: the identity key signs SHA-256");
	if (len < 4 || len > T2_MAX_HASH_DATA)
		return refuse(&sm->why, -EINVAL, "SIGN: message has %zu bytes, not 4 to %d", len,
			      T2_MAX_HASH_DATA);
	/* TPM_GENERATED_VALUE: it would be an attestation of our making. */
	if (!memcmp(data, generated, sizeof(generated)))
		return refuse(&sm->why, -EACCES,
			      "SIGN: the message looks like a structure of the TPM");
	return 0;
}

int secmod_sign(struct secmod *sm, u32 key, u16 hash, const u8 *data, size_t len,
		u8 signature[SECMOD_SIG_SIZE])
{
	struct t2_signature sig;
	int rc = check_request(sm, key, hash, data, len);

	rc = rc ?: secmod_tpm_begin(sm);
	if (rc)
		return rc;
	rc = key == SECMOD_KEY_MODULE ? sign_module(sm, hash, data, len, &sig) :
					sign_identity(sm, data, len, &sig);
	secmod_tpm_end(sm);
	if (!rc) {
		memcpy(signature, sig.r, 32);
		memcpy(signature + 32, sig.s, 32);
	}
	return rc;
}
