// SPDX-License-Identifier: GPL-2.0-only
/* Reset: cryptographic erasure of the module key, and signed statements about the epoch. */
#include "secmod.h"

/* The identity key signs value and name of the epoch counter, and our statement. */
static int certify_epoch(struct secmod *sm, const struct secmod_attest_statement *st,
			 struct t2_attest *attest, struct t2_signature *sig)
{
	struct t2_vec in = { st, sizeof(*st) };
	struct t2_entity signer, nv;
	struct t2_session s = {};
	u8 digest[T2_DIGEST_SIZE];
	int rc;

	rc = t2_sha256(&in, 1, digest);
	rc = rc ?: t2_start_auth_session(&sm->tpm, &s, T2_SE_HMAC, T2_RH_NULL, NULL);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "starting a session");
	s.attributes = 0; /* ends with the command */
	secmod_identity_entity(sm, &signer, &s);
	secmod_nv_entity(sm, sm->handles.epoch, &nv);
	rc = t2_nv_certify(&sm->tpm, &signer, &nv, &nv, digest, sizeof(digest), 8, 0, attest, sig);
	if (rc)
		secmod_tpm_refuse(sm, rc, "certifying the epoch counter");
	t2_end_session(&sm->tpm, &s);
	return rc;
}

/* Where the two ioctls want the same results. */
struct statement_out {
	u8 *signature;
	u8 *attest;
	u16 *attest_len;
	u8 *nv_public;
	u16 *nv_public_len;
};

static int make_statement(struct secmod *sm, const struct secmod_attest_statement *st,
			  const struct statement_out *out)
{
	struct t2_attest *attest = kzalloc(sizeof(*attest), GFP_KERNEL);
	struct t2_signature sig;
	struct t2_writer w;
	int rc;

	if (!attest)
		return -ENOMEM;
	rc = secmod_tpm_begin(sm);
	if (!rc) {
		rc = certify_epoch(sm, st, attest, &sig);
		secmod_tpm_end(sm);
	}
	if (!rc) {
		memcpy(out->signature, sig.r, 32);
		memcpy(out->signature + 32, sig.s, 32);
		memcpy(out->attest, attest->data, attest->len);
		*out->attest_len = attest->len;
		t2_writer_init(&w, out->nv_public, T2_MAX_NV_PUBLIC);
		t2_put_nv_public(&w, &sm->epoch_nv);
		*out->nv_public_len = w.len;
	}
	kfree(attest);
	return rc;
}

static void fill_statement(struct secmod *sm, const char magic[16], const u8 *nonce,
			   const u8 *key_digest, struct secmod_attest_statement *st)
{
	memset(st, 0, sizeof(*st));
	memcpy(st->magic, magic, sizeof(st->magic));
	memcpy(st->uid, sm->uid, sizeof(st->uid));
	memcpy(st->nonce, nonce, sizeof(st->nonce));
	st->state = cpu_to_be32(sm->state);
	memcpy(st->key_digest, key_digest, sizeof(st->key_digest));
}

int secmod_attest(struct secmod *sm, struct secmod_attestation *arg)
{
	const struct statement_out out = {
		arg->signature, arg->attest, &arg->attest_len, arg->nv_public, &arg->nv_public_len,
	};
	struct secmod_attest_statement st;

	/* A name is nameAlg, then the digest. */
	if (sm->state == SECMOD_STATE_OPERATING)
		memcpy(arg->key_digest, sm->record->key_name + 2, sizeof(arg->key_digest));
	else
		memset(arg->key_digest, 0, sizeof(arg->key_digest));
	arg->epoch = sm->epoch;
	arg->state = sm->state;
	fill_statement(sm, SECMOD_ATTEST_MAGIC, arg->nonce, arg->key_digest, &st);
	return make_statement(sm, &st, &out);
}

static bool is_recorded(struct secmod *sm, const struct t2_name *name)
{
	return !memcmp(name->data, sm->record->key_name, RECORD_NAME_SIZE);
}

/* What certificate and policy tell of it makes the same area: the name proves it. */
static int rebuild_dying_key(struct secmod *sm, struct t2_public *pub, struct t2_name *name)
{
	const struct record_cert *module = &sm->record->module;
	struct cert *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int rc;

	if (!c)
		return -ENOMEM;
	BUILD_BUG_ON(sizeof(struct t2_point) != sizeof(c->point));
	rc = cert_parse(c, module->der, module->len, "module certificate", &sm->why);
	rc = rc ?: secmod_key_public(sm, (const struct t2_point *)c->point, pub);
	rc = rc ?: t2_name_of_public(pub, name);
	kfree(c);
	return rc;
}

/*
 * The public area of the key about to die goes into the proof. Somebody may have removed
 * the key or put another object there.
 */
static int read_dying_key(struct secmod *sm, struct secmod_reset *arg)
{
	struct t2_name name = {};
	struct t2_public *pub;
	int rc;

	arg->public_len = 0;
	if (!sm->record->module.len)
		return 0; /* there is none */
	pub = kzalloc(sizeof(*pub), GFP_KERNEL);
	if (!pub)
		return -ENOMEM;
	rc = t2_read_public(&sm->tpm, sm->handles.key, pub, &name);
	if (rc && rc != -ENOENT)
		secmod_tpm_refuse(sm, rc, "reading the module key");
	else if (rc || !is_recorded(sm, &name))
		rc = rebuild_dying_key(sm, pub, &name);
	if (!rc && is_recorded(sm, &name)) {
		memcpy(arg->public_area, pub->data, pub->len);
		arg->public_len = pub->len;
	}
	kfree(pub);
	return rc;
}

/* What happened to the key or the vault is for the next attach to find out. */
static void let_go(struct secmod *sm)
{
	secmod_detach(sm);
	secmod_set_state(sm, EVENT_DETACH);
}

/*
 * The increment is the erasure: the policy of every key made before names a lower
 * epoch. Evicting the dead key only tidies up; the next personalization does it too.
 */
static int erase(struct secmod *sm, struct secmod_reset *arg)
{
	int rc;

	rc = secmod_tpm_begin(sm);
	if (rc)
		return rc;
	rc = read_dying_key(sm, arg);
	if (rc)
		goto out_end;
	rc = secmod_nv_increment(sm, sm->handles.epoch, &sm->epoch);
	if (rc) {
		let_go(sm);
		goto out_end;
	}
	txn_wipe_all(sm);
	memzero_explicit(sm->record->auth, sizeof(sm->record->auth));
	secmod_evict(sm, sm->handles.key);
out_end:
	secmod_tpm_end(sm);
	return rc;
}

static int after_erasure(struct secmod *sm, const struct record *base)
{
	struct record *next = record_alloc();
	int rc;

	if (!next) {
		let_go(sm);
		return -ENOMEM;
	}
	*next = *base;
	record_forget_key(next);
	next->epoch = sm->epoch;
	rc = secmod_vault_commit(sm, next);
	if (rc) {
		/* The key is dead, the vault does not know: attaching finishes the reset. */
		record_free(next);
		let_go(sm);
		return rc;
	}
	secmod_set_state(sm, EVENT_RESET);
	return 0;
}

static int check_pin(struct secmod *sm, const u8 *checking, size_t len)
{
	u8 pin[T2_DIGEST_SIZE];
	int rc = secmod_pin(sm, checking, len, pin);

	if (!rc && !t2_equal(pin, sm->pin, sizeof(pin)))
		rc = refuse(&sm->why, -EKEYREJECTED,
			    "checking certificate: not the one given at initialization");
	memzero_explicit(pin, sizeof(pin));
	return rc;
}

/* The vault is lost: the TPM pins the checking certificate, the rest is public. */
static int take_fresh_vault(struct secmod *sm, const u8 *checking, size_t checking_len,
			    const u8 *identity, size_t identity_len, struct file *file)
{
	struct record *r;
	int rc;

	if (!sm->root_known)
		return refuse(&sm->why, -EBADFD,
			      "the root secret could not be read: see last_error, restart the machine");
	rc = check_pin(sm, checking, checking_len);
	if (rc)
		return rc;
	rc = secmod_tpm_begin(sm);
	if (rc)
		return rc;
	r = secmod_record_new(sm, checking, checking_len, identity, identity_len);
	if (!IS_ERR(r))
		rc = secmod_nv_counter(sm, sm->handles.vault, &sm->vault_counter);
	secmod_tpm_end(sm);
	if (IS_ERR(r))
		return PTR_ERR(r);
	if (rc) {
		record_free(r);
		return rc;
	}
	rc = secmod_vault_take(sm, file);
	if (rc) {
		record_free(r);
		return rc;
	}
	record_free(sm->record);
	sm->record = r;
	return 0;
}

/**
 * secmod_reset() - destroy the module key
 * @file: new vault with SECMOD_RESET_FRESH_VAULT, else NULL
 */
int secmod_reset(struct secmod *sm, struct secmod_reset *arg, const u8 *checking,
		 size_t checking_len, const u8 *identity, size_t identity_len, struct file *file)
{
	const struct statement_out out = {
		arg->signature, arg->attest, &arg->attest_len, arg->nv_public, &arg->nv_public_len,
	};
	struct secmod_attest_statement st;
	u8 name[RECORD_NAME_SIZE]; /* of the dead key, zeros when none */
	int rc = 0;

	if (sm->session)
		return refuse(&sm->why, -EBUSY, "a session is open: end it first");
	if (file)
		rc = take_fresh_vault(sm, checking, checking_len, identity, identity_len, file);
	if (!rc) {
		memcpy(name, sm->record->key_name, sizeof(name));
		rc = erase(sm, arg);
		/* Half taken: the fresh record is in no vault. */
		if (rc && file && sm->record)
			let_go(sm);
	}
	rc = rc ?: after_erasure(sm, sm->record);
	if (rc)
		return rc;
	arg->epoch = sm->epoch;
	fill_statement(sm, SECMOD_RESET_MAGIC, arg->nonce, name + 2, &st);
	return make_statement(sm, &st, &out);
}
