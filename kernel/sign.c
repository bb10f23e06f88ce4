// SPDX-License-Identifier: GPL-2.0-only
/* Use of the keys in the TPM: one locked sequence, nothing left behind. */
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
 * is made, used and ended while the chip is held: no reset comes between. @salt:
 * T2_RH_NULL, or the storage root key where the answer is a secret.
 */
static int satisfy_policy(struct secmod *sm, struct t2_session *s, u32 salt, struct t2_entity *key)
{
	struct t2_entity nv;
	struct t2_writer w;
	u8 epoch[8];
	int rc;

	*key = (struct t2_entity){
		.handle = sm->handles.key,
		.auth = sm->record->auth,
		.auth_len = sizeof(sm->record->auth),
		.session = s,
	};
	key->name.len = sizeof(sm->record->key_name);
	memcpy(key->name.data, sm->record->key_name, sizeof(sm->record->key_name));
	t2_writer_init(&w, epoch, sizeof(epoch));
	t2_put_u64(&w, sm->record->epoch);
	secmod_nv_entity(sm, sm->handles.epoch, &nv);
	rc = t2_start_auth_session(&sm->tpm, s, T2_SE_POLICY, salt, &sm->srk);
	rc = rc ?: t2_policy_nv(&sm->tpm, s, &nv, &nv, epoch, sizeof(epoch), 0, T2_EO_EQ);
	rc = rc ?: t2_policy_auth_value(&sm->tpm, s);
	s->attributes = 0; /* ends with the command */
	return rc;
}

static int sign_module(struct secmod *sm, u16 hash, const u8 *digest, size_t len,
		       struct t2_signature *sig)
{
	struct t2_session s = {};
	struct t2_entity key;
	int rc;

	rc = satisfy_policy(sm, &s, T2_RH_NULL, &key);
	rc = rc ?: t2_sign(&sm->tpm, &key, hash, digest, len, NULL, sig);
	if (rc)
		secmod_tpm_refuse(sm, rc, "signing with the module key");
	t2_end_session(&sm->tpm, &s);
	return rc;
}

/**
 * secmod_agree() - key agreement with the module key
 * @peer: public key of the other side
 * @x: of the shared point
 *
 * Stands between secmod_tpm_begin() and secmod_tpm_end(). The result is the same each
 * time, so it must not be read off the bus: the response is encrypted.
 *
 * Return: 0, -EINVAL when @peer is not on the curve, or what the TPM says.
 */
int secmod_agree(struct secmod *sm, const struct t2_point *peer, u8 x[T2_COORD_SIZE])
{
	struct t2_point shared = {};
	struct t2_session s = {};
	struct t2_entity key;
	int rc;

	rc = satisfy_policy(sm, &s, sm->srk_handle, &key);
	s.attributes = T2_SA_ENCRYPT;
	rc = rc ?: t2_ecdh_zgen(&sm->tpm, &key, peer, &shared);
	if (rc)
		secmod_tpm_refuse(sm, rc, "agreeing on a key with the module key");
	t2_end_session(&sm->tpm, &s);
	memcpy(x, shared.x, sizeof(shared.x));
	memzero_explicit(&shared, sizeof(shared));
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
