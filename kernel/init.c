// SPDX-License-Identifier: GPL-2.0-only
/* Initialization by the manufacturer: identity key, credential activation, certificates. */
#include "secmod.h"

/**
 * struct init_session - between SECMOD_IOC_INIT_BEGIN and _COMPLETE
 * @ek: public area of the endorsement key, as returned
 * @rsa: which of its two templates
 */
struct init_session {
	struct t2_public ek;
	bool rsa;
};

/* The endorsement key is made from its template each time and never kept. */
static int load_ek(struct secmod *sm, bool rsa, struct t2_public *pub, u32 *handle)
{
	struct t2_entity endorsement;
	struct t2_public template;
	int rc;

	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	rc = rsa ? t2_public_ek_rsa(&template) : t2_public_ek_ecc(&template);
	rc = rc ?: t2_create_primary(&sm->tpm, &endorsement, &template, handle, pub);
	return rc ? secmod_tpm_refuse(sm, rc, "making the endorsement key") : 0;
}

static int make_root_secret(struct secmod *sm)
{
	u8 of_tpm[32], of_kernel[32];
	struct t2_vec in[] = {
		{ of_tpm, sizeof(of_tpm) },
		{ of_kernel, sizeof(of_kernel) },
	};
	int rc;

	rc = t2_get_random(&sm->tpm, of_tpm, sizeof(of_tpm));
	if (rc)
		return secmod_tpm_refuse(sm, rc, "getting random bytes");
	t2_random(of_kernel, sizeof(of_kernel));
	rc = t2_sha256(in, ARRAY_SIZE(in), sm->root);
	memzero_explicit(of_tpm, sizeof(of_tpm));
	memzero_explicit(of_kernel, sizeof(of_kernel));
	return rc;
}

/* Removes what a former or interrupted initialization left in the TPM; stops at what is foreign. */
static int remove_objects(struct secmod *sm)
{
	int rc = secmod_nv_remove(sm);

	rc = rc ?: secmod_evict(sm, sm->handles.key);
	rc = rc ?: secmod_evict(sm, sm->handles.identity);
	return rc ?: secmod_evict(sm, sm->handles.srk);
}

static void forget_root(struct secmod *sm)
{
	memzero_explicit(sm->root, sizeof(sm->root));
	memzero_explicit(sm->identity_auth, sizeof(sm->identity_auth));
	memset(sm->uid, 0, sizeof(sm->uid));
	sm->root_known = false;
	sm->epoch = 0;
}

static int make_objects(struct secmod *sm, struct init_session *s, bool *srk_made)
{
	u32 ek;
	int rc;

	rc = secmod_srk_choose(sm, srk_made);
	rc = rc ?: make_root_secret(sm);
	rc = rc ?: secmod_nv_create(sm);
	rc = rc ?: secmod_identity_create(sm);
	rc = rc ?: load_ek(sm, s->rsa, &s->ek, &ek);
	if (!rc)
		t2_drop(&sm->tpm, ek);
	return rc;
}

static int create_objects(struct secmod *sm, struct init_session *s)
{
	bool srk_made = false;
	int rc;

	rc = secmod_preflight(sm, s->rsa);
	rc = rc ?: remove_objects(sm);
	if (rc)
		return rc;
	secmod_detach(sm);
	forget_root(sm);
	if (sm->state != SECMOD_STATE_VIRGIN)
		secmod_set_state(sm, EVENT_DISCARD);
	rc = make_objects(sm, s, &srk_made);
	if (!rc)
		return 0;
	forget_root(sm);
	remove_objects(sm);
	if (srk_made)
		secmod_evict(sm, SECMOD_SRK);
	return rc;
}

static void put_public(const struct t2_public *pub, u8 out[SECMOD_PUBLIC_MAX], u16 *len)
{
	BUILD_BUG_ON(T2_MAX_PUBLIC != SECMOD_PUBLIC_MAX);
	memcpy(out, pub->data, pub->len);
	*len = pub->len;
}

int secmod_init_begin(struct secmod_file *f, struct secmod_init_begin *arg)
{
	struct secmod *sm = f->sm;
	struct init_session *s;
	int rc;

	if (sm->session && sm->session != f)
		return refuse(&sm->why, -EBUSY, "another process is initializing the module");
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	/* Beginning again takes back what this file has begun before. */
	kfree(sm->init);
	sm->init = NULL;
	sm->session = NULL;
	s->rsa = arg->flags & SECMOD_INIT_EK_RSA;
	rc = secmod_tpm_begin(sm);
	if (!rc) {
		rc = create_objects(sm, s);
		secmod_tpm_end(sm);
	}
	if (rc) {
		kfree(s);
		return rc;
	}
	sm->init = s;
	sm->session = f;
	put_public(&s->ek, arg->ek_public, &arg->ek_public_len);
	put_public(&sm->identity, arg->identity_public, &arg->identity_public_len);
	memcpy(arg->uid, sm->uid, sizeof(arg->uid));
	return 0;
}

/* Closing the file before the end takes everything back, best effort. */
void secmod_init_abort(struct secmod *sm)
{
	kfree(sm->init);
	sm->init = NULL;
	sm->session = NULL;
	forget_root(sm);
	if (secmod_tpm_begin(sm))
		return;
	remove_objects(sm);
	secmod_tpm_end(sm);
}

static int no_session(struct secmod_file *f, const void *session)
{
	if (session && f->sm->session == f)
		return 0;
	return refuse(&f->sm->why, -EBADFD, "no session is open on this file: begin one first");
}

/* Strips the TPM2B length, which must be all of the rest. */
static const u8 *sized(const u8 *data, size_t len, size_t *out)
{
	struct t2_reader r;
	const u8 *body;

	t2_reader_init(&r, data, len);
	body = t2_get_2b(&r, out);
	return r.bad || t2_left(&r) ? NULL : body;
}

static int activate(struct secmod *sm, u32 ek_handle, const struct t2_public *ek_pub,
		    const u8 *blob, size_t blob_len, const u8 *secret, size_t secret_len, u8 *info,
		    size_t *info_len)
{
	struct t2_session policy = {}, hmac = {};
	struct t2_entity endorsement, key, ek = { .handle = ek_handle, .session = &policy };
	int rc;

	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	rc = t2_name_of_public(ek_pub, &ek.name);
	rc = rc ?: t2_start_auth_session(&sm->tpm, &policy, T2_SE_POLICY, T2_RH_NULL, NULL);
	rc = rc ?: t2_policy_secret(&sm->tpm, &policy, &endorsement);
	if (rc)
		secmod_tpm_refuse(sm, rc, "authorizing the endorsement key");
	rc = rc ?: secmod_salted_session(sm, &hmac, T2_SA_ENCRYPT);
	if (!rc) {
		secmod_identity_entity(sm, &key, &hmac);
		rc = t2_activate_credential(&sm->tpm, &key, &ek, blob, blob_len, secret, secret_len,
					    info, info_len);
		if (rc)
			secmod_tpm_refuse(sm, rc, "activating the credential");
	}
	t2_end_session(&sm->tpm, &hmac);
	t2_end_session(&sm->tpm, &policy);
	return rc;
}

int secmod_init_activate(struct secmod_file *f, struct secmod_init_activate *arg)
{
	struct secmod *sm = f->sm;
	size_t blob_len, secret_len, info_len = sizeof(arg->info);
	const u8 *blob, *secret;
	struct t2_public *ek;
	u32 handle;
	int rc = no_session(f, sm->init);

	if (rc)
		return rc;
	if (arg->blob_len > sizeof(arg->blob) || arg->secret_len > sizeof(arg->secret))
		return refuse(&sm->why, -EINVAL, "credential: a length is too large");
	blob = sized(arg->blob, arg->blob_len, &blob_len);
	secret = sized(arg->secret, arg->secret_len, &secret_len);
	if (!blob || !secret)
		return refuse(&sm->why, -EBADMSG, "credential: a length field is wrong");
	ek = kzalloc(sizeof(*ek), GFP_KERNEL);
	if (!ek)
		return -ENOMEM;
	rc = secmod_tpm_begin(sm);
	if (rc)
		goto out_free;
	rc = load_ek(sm, sm->init->rsa, ek, &handle);
	if (!rc) {
		rc = activate(sm, handle, ek, blob, blob_len, secret, secret_len, arg->info,
			      &info_len);
		t2_drop(&sm->tpm, handle);
	}
	secmod_tpm_end(sm);
	arg->info_len = info_len;
out_free:
	kfree(ek);
	return rc;
}

static int check_certs(struct secmod *sm, const struct record *r)
{
	struct {
		struct cert checking, identity;
	} *c = kzalloc(sizeof(*c), GFP_KERNEL);
	static const char root[] = "checking certificate", id[] = "identity certificate";
	struct cert_verifier v = secmod_verifier(sm);
	struct t2_ecc_template t;
	struct t2_point point;
	int rc;

	if (!c)
		return -ENOMEM;
	rc = cert_parse(&c->checking, r->checking.der, r->checking.len, root, &sm->why);
	rc = rc ?: cert_parse(&c->identity, r->identity.der, r->identity.len, id, &sm->why);
	rc = rc ?: cert_check(&c->checking, &c->checking, 0, root, &v);
	rc = rc ?: cert_check(&c->identity, &c->checking, SECMOD_ROLE_IDENTITY, id, &v);
	rc = rc ?: t2_public_parse_ecc(&sm->identity, &t, &point);
	if (!rc && memcmp(c->identity.point, &point, sizeof(point)))
		rc = refuse(&sm->why, -EKEYREJECTED, "%s: it is over another key", id);
	if (!rc && memcmp(c->identity.uid, sm->uid, sizeof(sm->uid)))
		rc = refuse(&sm->why, -EKEYREJECTED, "%s: UID is another module's", id);
	if (!rc)
		strscpy_pad(sm->serial, c->identity.serial, sizeof(sm->serial));
	kfree(c);
	return rc;
}

/*
 * The pin: bound to the root secret, so that nobody who can write to the TPM can make
 * one for another manufacturer.
 */
int secmod_pin(struct secmod *sm, const u8 *checking, size_t len, u8 pin[T2_DIGEST_SIZE])
{
	if (secmod_derive(sm->root, "secmod pin of the checking certificate", checking, len, pin))
		return refuse(&sm->why, -EIO, "checking certificate: no HMAC-SHA256");
	return 0;
}

/**
 * secmod_record_new() - the record of a module that was never personalized
 *
 * Checks the certificates against each other and the TPM. The chip is held.
 */
struct record *secmod_record_new(struct secmod *sm, const u8 *checking, size_t checking_len,
				 const u8 *identity, size_t identity_len)
{
	struct record *r = record_alloc();
	int rc;

	if (!r)
		return ERR_PTR(-ENOMEM);
	r->state = SECMOD_STATE_PERSONALIZATION;
	r->epoch = sm->epoch;
	memcpy(r->srk_name, sm->srk_name.data, sizeof(r->srk_name));
	rc = record_set_cert(&r->checking, checking, checking_len);
	rc = rc ?: record_set_cert(&r->identity, identity, identity_len);
	rc = rc ?: check_certs(sm, r);
	if (!rc)
		return r;
	record_free(r);
	return ERR_PTR(rc);
}

/* The vault is committed first; the root secret makes the module exist. Takes @r. */
static int commit_init(struct secmod *sm, struct record *r, struct file *file)
{
	int rc;

	rc = secmod_pin(sm, r->checking.der, r->checking.len, sm->pin);
	rc = rc ?: secmod_vault_take(sm, file);
	rc = rc ?: secmod_vault_commit(sm, r);
	if (rc) {
		record_free(r);
		secmod_detach(sm);
		return rc;
	}
	rc = secmod_tpm_begin(sm);
	if (!rc) {
		rc = secmod_root_write(sm);
		rc = rc ?: secmod_root_lock(sm);
		secmod_tpm_end(sm);
	}
	if (rc)
		secmod_detach(sm);
	else
		sm->root_known = true;
	return rc;
}

int secmod_init_complete(struct secmod_file *f, const u8 *checking, size_t checking_len,
			 const u8 *identity, size_t identity_len, struct file *file)
{
	struct secmod *sm = f->sm;
	struct record *r;
	int rc = no_session(f, sm->init);

	if (rc)
		return rc;
	rc = secmod_tpm_begin(sm);
	if (rc)
		return rc;
	/* A try before this one may have raised it. */
	rc = secmod_nv_counter(sm, sm->handles.vault, &sm->vault_counter);
	r = rc ? ERR_PTR(rc) :
		 secmod_record_new(sm, checking, checking_len, identity, identity_len);
	secmod_tpm_end(sm);
	if (IS_ERR(r))
		return PTR_ERR(r);
	rc = commit_init(sm, r, file);
	if (rc)
		return rc;
	kfree(sm->init);
	sm->init = NULL;
	sm->session = NULL;
	secmod_set_state(sm, EVENT_INIT_COMPLETE);
	return 0;
}
