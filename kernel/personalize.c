// SPDX-License-Identifier: GPL-2.0-only
/* Personalization on site: fresh module key, the PU's bundle, and the end of the session. */
#include <linux/ktime.h>

#include "secmod.h"

/**
 * struct perso_session - from SECMOD_IOC_PERSO_BEGIN until the file closes
 * @signer: the PU's certificate, checked
 * @expect: what the bundle must fit
 * @auth: authValue of the fresh key; moves into the record with the commit
 * @key_name: name of the fresh key
 * @stored: a good bundle is committed: closing makes the module operating
 */
struct perso_session {
	struct record_cert signer;
	struct bundle_expect expect;
	u8 auth[RECORD_AUTH_SIZE];
	u8 key_name[RECORD_NAME_SIZE];
	bool stored;
};

/* What is too large for the stack. */
struct perso_work {
	struct t2_created created;
	struct t2_attest attest;
	struct t2_signature sig;
	struct cert checking;
	struct cert signer;
	struct bundle bundle;
};

static int check_signer(struct secmod *sm, struct perso_work *w, const u8 *der, size_t len)
{
	struct cert_verifier v = secmod_verifier(sm);
	static const char what[] = "signing certificate";
	int rc;

	rc = cert_parse(&w->checking, sm->record->checking.der, sm->record->checking.len,
			"checking certificate", &sm->why);
	rc = rc ?: cert_parse(&w->signer, der, len, what, &sm->why);
	return rc ?: cert_check(&w->signer, &w->checking, SECMOD_ROLE_SIGNER, what, &v);
}

/* A8, A9: the statement that the identity key's attestation carries. */
static int statement(struct secmod *sm, const struct secmod_perso_begin *arg,
		     u8 digest[T2_DIGEST_SIZE])
{
	struct secmod_perso_statement s = { .magic = SECMOD_PERSO_MAGIC };
	struct t2_vec in = { &s, sizeof(s) };

	memcpy(s.uid, sm->uid, sizeof(s.uid));
	memcpy(s.serial, sm->serial, sizeof(s.serial));
	s.epoch = cpu_to_be64(arg->epoch);
	s.time = cpu_to_be64(arg->time);
	memcpy(s.pu_nonce, arg->pu_nonce, sizeof(s.pu_nonce));
	memcpy(s.module_nonce, arg->module_nonce, sizeof(s.module_nonce));
	return t2_sha256(&in, 1, digest);
}

/* A10: the salt goes into the TPM's generator and into the signed creation data. */
static int make_key(struct secmod *sm, struct perso_session *s, struct perso_work *w,
		    const struct secmod_perso_begin *arg)
{
	struct t2_vec in[] = {
		{ arg->salt, sizeof(arg->salt) },
		{ arg->pu_nonce, sizeof(arg->pu_nonce) },
	};
	u8 outside[T2_DIGEST_SIZE], digest[T2_DIGEST_SIZE];
	int rc;

	rc = t2_sha256(in, ARRAY_SIZE(in), outside);
	rc = rc ?: statement(sm, arg, digest);
	if (rc)
		return refuse(&sm->why, rc, "making the module key: no SHA-256");
	rc = secmod_evict(sm, sm->handles.key);
	if (rc)
		return rc;
	rc = t2_stir_random(&sm->tpm, arg->salt, sizeof(arg->salt));
	if (rc)
		return secmod_tpm_refuse(sm, rc, "stirring the salt into the TPM");
	return secmod_key_create(sm, s->auth, outside, &w->created, digest, &w->attest, &w->sig);
}

static int remember(struct secmod *sm, struct perso_session *s, const struct perso_work *w,
		    const struct secmod_perso_begin *arg, const u8 *signer, size_t signer_len)
{
	struct t2_ecc_template t;
	struct t2_point point;
	struct t2_name name;
	int rc;

	rc = record_set_cert(&s->signer, signer, signer_len);
	rc = rc ?: t2_public_parse_ecc(&w->created.pub, &t, &point);
	rc = rc ?: t2_name_of_public(&w->created.pub, &name);
	if (rc)
		return refuse(&sm->why, rc, "making the module key: the TPM made another");
	memcpy(s->expect.uid, sm->uid, sizeof(s->expect.uid));
	memcpy(s->expect.serial, sm->serial, sizeof(s->expect.serial));
	s->expect.epoch = sm->epoch;
	memcpy(s->expect.module_nonce, arg->module_nonce, sizeof(s->expect.module_nonce));
	memcpy(s->expect.salt, arg->salt, sizeof(s->expect.salt));
	memcpy(s->expect.point, &point, sizeof(s->expect.point));
	memcpy(s->key_name, name.data, sizeof(s->key_name));
	return 0;
}

static void put_results(const struct perso_work *w, struct secmod_perso_begin *arg)
{
	memcpy(arg->signature, w->sig.r, 32);
	memcpy(arg->signature + 32, w->sig.s, 32);
	arg->public_len = w->created.pub.len;
	memcpy(arg->public_area, w->created.pub.data, w->created.pub.len);
	arg->creation_len = w->created.creation_len;
	memcpy(arg->creation, w->created.creation, w->created.creation_len);
	arg->attest_len = w->attest.len;
	memcpy(arg->attest, w->attest.data, w->attest.len);
}

static void forget_session(struct secmod *sm)
{
	kfree_sensitive(sm->perso);
	sm->perso = NULL;
	sm->session = NULL;
}

static int begin(struct secmod *sm, struct perso_session *s, struct perso_work *w, const u8 *signer,
		 size_t signer_len, struct secmod_perso_begin *arg)
{
	int rc;

	arg->epoch = sm->epoch;
	arg->time = ktime_get_real_seconds();
	if (t2_random(arg->module_nonce, sizeof(arg->module_nonce)) ||
	    t2_random(s->auth, sizeof(s->auth)))
		return refuse(&sm->why, -EINTR, "making the module key: no random bytes");
	rc = secmod_tpm_begin(sm);
	if (rc)
		return rc;
	rc = check_signer(sm, w, signer, signer_len);
	/* The key of a session before this one goes now, and its bundle with it. */
	if (!rc)
		forget_session(sm);
	rc = rc ?: make_key(sm, s, w, arg);
	secmod_tpm_end(sm);
	return rc ?: remember(sm, s, w, arg, signer, signer_len);
}

int secmod_perso_begin(struct secmod_file *f, const u8 *signer, size_t signer_len,
		       struct secmod_perso_begin *arg)
{
	struct secmod *sm = f->sm;
	struct perso_session *s = NULL;
	struct perso_work *w;
	int rc = -ENOMEM;

	if (sm->session && sm->session != f)
		return refuse(&sm->why, -EBUSY, "another process is personalizing the module");
	if (sm->perso && sm->perso->stored)
		return refuse(&sm->why, -EBADFD,
			      "the bundle is stored: close the file to end the session");
	w = kzalloc(sizeof(*w), GFP_KERNEL);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (w && s)
		rc = begin(sm, s, w, signer, signer_len, arg);
	if (!rc) {
		put_results(w, arg);
		sm->perso = s;
		sm->session = f;
		s = NULL;
	}
	kfree_sensitive(s);
	kfree_sensitive(w);
	return rc;
}

static int next_record(struct secmod *sm, const struct perso_session *s, const struct bundle *b,
		       struct record *next)
{
	u32 i;
	int rc;

	*next = *sm->record;
	record_forget_key(next);
	next->state = SECMOD_STATE_OPERATING;
	next->personalized_at = b->time;
	next->policy = b->policy;
	memcpy(next->auth, s->auth, sizeof(next->auth));
	memcpy(next->key_name, s->key_name, sizeof(next->key_name));
	next->signer = s->signer;
	rc = record_set_cert(&next->module, b->module.whole, b->module.whole_len);
	for (i = 0; !rc && i < b->central_count; i++)
		rc = record_set_cert(&next->central[i], b->central[i].whole,
				     b->central[i].whole_len);
	return rc;
}

static int check_bundle(struct secmod *sm, struct perso_work *w, const u8 *bundle, size_t len)
{
	struct perso_session *s = sm->perso;
	struct cert_verifier v = secmod_verifier(sm);
	int rc;

	rc = bundle_parse(&w->bundle, bundle, len, &sm->why);
	rc = rc ?: secmod_tpm_begin(sm);
	if (rc)
		return rc;
	/* Again: the session may have been open for longer than it is valid. */
	rc = check_signer(sm, w, s->signer.der, s->signer.len);
	rc = rc ?: bundle_check(&w->bundle, &s->expect, &w->signer, &v);
	rc = rc ?: secmod_key_check(sm, s->key_name);
	secmod_tpm_end(sm);
	return rc;
}

/*
 * The vault says "operating" from here on, this module when the file closes: a
 * power cut in between clears the connection down as well.
 */
int secmod_perso_complete(struct secmod_file *f, const u8 *bundle, size_t len)
{
	struct secmod *sm = f->sm;
	struct record *next = NULL;
	struct perso_work *w;
	int rc = -ENOMEM;

	if (!sm->perso || sm->session != f || sm->perso->stored)
		return refuse(&sm->why, -EBADFD,
			      "no personalization session waits for a bundle on this file");
	w = kzalloc(sizeof(*w), GFP_KERNEL);
	next = record_alloc();
	if (w && next)
		rc = check_bundle(sm, w, bundle, len);
	rc = rc ?: next_record(sm, sm->perso, &w->bundle, next);
	rc = rc ?: secmod_vault_commit(sm, next);
	if (rc) {
		record_free(next);
	} else {
		memzero_explicit(sm->perso->auth, sizeof(sm->perso->auth));
		sm->perso->stored = true;
	}
	kfree(w);
	return rc;
}

/* The vault is gone: what was begun can no longer be committed. */
void secmod_perso_forget(struct secmod *sm)
{
	if (sm->perso && !sm->perso->stored)
		forget_session(sm);
}

/* The file of the session closes: operating, or the fresh key is discarded. */
void secmod_perso_close(struct secmod *sm)
{
	bool stored = sm->perso->stored;

	forget_session(sm);
	if (stored) {
		secmod_set_state(sm, EVENT_PERSO_CLOSED);
		return;
	}
	/* Detached by a commit of unknown end: the next attach decides on the key. */
	if (sm->state != SECMOD_STATE_PERSONALIZATION || secmod_tpm_begin(sm))
		return;
	secmod_evict(sm, sm->handles.key);
	secmod_tpm_end(sm);
}
