// SPDX-License-Identifier: GPL-2.0-only
#include "tpm_scene.h"

#define INDEX 0x01800130u
#define OTHER_INDEX 0x01800131u
#define SIGNER 0x81010200u
#define KEY 0x81010201u
#define EK 0x81010202u
#define SPARE 0x81010203u

static const u8 text[32] = "0123456789abcdef0123456789abcde";

static void keep(struct tpm_scene *c, const void *data, size_t len)
{
	assert_true(c->result_len + len <= sizeof(c->result));
	memcpy(c->result + c->result_len, data, len);
	c->result_len += len;
}

static void keep_attest(struct tpm_scene *c, const struct t2_attest *attest,
			const struct t2_signature *sig)
{
	keep(c, attest->data, attest->len);
	keep(c, sig, sizeof(*sig));
}

/* One function per command. The handle of a loaded object is not kept. */

static int create_primary(struct tpm_scene *c)
{
	struct t2_public template, pub;
	u32 handle = 0;
	int err;

	assert_int_equal(t2_public_srk_ecc(&template), 0);
	err = t2_create_primary(&c->f->t, &c->owner, &template, &handle, &pub);
	if (!err) {
		keep(c, pub.data, pub.len);
		t2_flush_context(&c->f->t, handle);
	}
	return err;
}

static int create(struct tpm_scene *c)
{
	const struct t2_ecc_template t = { .attributes = 0x00040472,
					   .scheme = T2_ALG_ECDSA };
	struct t2_entity parent = c->f->srk;
	struct t2_public template;
	struct t2_created out;
	int err;

	parent.session = &c->s[0];
	assert_int_equal(t2_public_ecc(&template, &t, NULL), 0);
	err = t2_create(&c->f->t, &parent, text, 16, &template, text, 9, &out);
	if (!err) {
		keep(c, out.priv.data, out.priv.len);
		keep(c, out.pub.data, out.pub.len);
		keep(c, out.creation, out.creation_len);
		keep(c, &out.ticket, sizeof(out.ticket));
	}
	return err;
}

static int load(struct tpm_scene *c)
{
	struct t2_entity parent = c->f->srk;
	u32 handle = 0;
	int err;

	parent.session = &c->s[0];
	err = t2_load(&c->f->t, &parent, &c->made.made.priv, &c->made.made.pub,
		      &handle);
	if (!err)
		t2_flush_context(&c->f->t, handle);
	return err;
}

static int load_external(struct tpm_scene *c)
{
	u32 handle = 0;
	int err = t2_load_external(&c->f->t, &c->external, &handle);

	if (!err)
		t2_flush_context(&c->f->t, handle);
	return err;
}

static int verify(struct tpm_scene *c)
{
	return t2_verify(&c->f->t, &c->external, text, 32, &c->signature);
}

static int evict_control(struct tpm_scene *c)
{
	return t2_evict_control(&c->f->t, &c->owner, &c->spare, SPARE);
}

int tpm_scene_sign(struct tpm_scene *c)
{
	struct t2_signature sig = { 0 };
	int err =
		t2_sign(&c->f->t, &c->key, T2_ALG_SHA256, text, 32, NULL, &sig);

	if (!err)
		keep(c, &sig, sizeof(sig));
	return err;
}

static int ecdh_zgen(struct tpm_scene *c)
{
	struct t2_point z;
	int err = t2_ecdh_zgen(&c->f->t, &c->key, &c->made.point, &z);

	if (!err)
		keep(c, &z, sizeof(z));
	return err;
}

static int activate_credential(struct tpm_scene *c)
{
	u8 info[64];
	size_t len = sizeof(info);
	int err;

	c->ek.session = &c->policy;
	err = t2_activate_credential(&c->f->t, &c->signer, &c->ek,
				     c->blob->credential, c->blob->size,
				     c->secret->secret, c->secret->size, info,
				     &len);
	if (!err)
		keep(c, info, len);
	return err;
}

static int certify_creation(struct tpm_scene *c)
{
	struct t2_attest attest;
	struct t2_signature sig = { 0 };
	int err;

	err = t2_certify_creation(&c->f->t, &c->signer, &c->key, text, 32,
				  c->made.made.creation_hash,
				  &c->made.made.ticket, &attest, &sig);
	if (!err)
		keep_attest(c, &attest, &sig);
	return err;
}

static int nv_certify(struct tpm_scene *c)
{
	struct t2_attest attest;
	struct t2_signature sig = { 0 };
	int err;

	c->nv.session = &c->s[1];
	err = t2_nv_certify(&c->f->t, &c->signer, &c->nv, &c->nv, text, 32, 32,
			    0, &attest, &sig);
	if (!err)
		keep_attest(c, &attest, &sig);
	return err;
}

static int nv_define(struct tpm_scene *c)
{
	const struct t2_nv_public pub = {
		.index = OTHER_INDEX,
		.name_alg = T2_ALG_SHA256,
		.attributes = T2_NV_AUTH_READ | T2_NV_AUTH_WRITE,
		.size = 8,
	};

	return t2_nv_define_space(&c->f->t, &c->owner, text, 16, &pub);
}

static int nv_undefine(struct tpm_scene *c)
{
	struct t2_entity nv = { .handle = OTHER_INDEX };
	struct t2_nv_public pub = {
		.index = OTHER_INDEX,
		.name_alg = T2_ALG_SHA256,
		.attributes = T2_NV_AUTH_READ | T2_NV_AUTH_WRITE,
		.size = 8,
	};
	int err = t2_name_of_nv(&pub, &nv.name);

	return err ? err : t2_nv_undefine_space(&c->f->t, &c->owner, &nv);
}

static int nv_write(struct tpm_scene *c)
{
	return t2_nv_write(&c->f->t, &c->nv, &c->nv, text, 32, 0);
}

int tpm_scene_nv_read(struct tpm_scene *c)
{
	u8 got[32];
	int err = t2_nv_read(&c->f->t, &c->nv, &c->nv, got, 32, 0);

	if (!err)
		keep(c, got, 32);
	return err;
}

static int nv_read_lock(struct tpm_scene *c)
{
	return t2_nv_read_lock(&c->f->t, &c->nv, &c->nv);
}

static int policy_nv(struct tpm_scene *c)
{
	return t2_policy_nv(&c->f->t, &c->policy, &c->nv, &c->nv, text, 32, 0,
			    T2_EO_EQ);
}

static int policy_secret(struct tpm_scene *c)
{
	return t2_policy_secret(&c->f->t, &c->policy, &c->endorsement);
}

static int policy_auth_value(struct tpm_scene *c)
{
	return t2_policy_auth_value(&c->f->t, &c->policy);
}

static int policy_pcr(struct tpm_scene *c)
{
	static const u8 select[3] = { 1, 0, 0 };

	return t2_policy_pcr(&c->f->t, &c->policy, select);
}

static int policy_get_digest(struct tpm_scene *c)
{
	u8 digest[32];
	int err = t2_policy_get_digest(&c->f->t, &c->policy, digest);

	if (!err)
		keep(c, digest, 32);
	return err;
}

static int hash(struct tpm_scene *c)
{
	struct t2_ticket ticket = { 0 };
	u8 digest[32];
	int err;

	err = t2_hash(&c->f->t, text, sizeof(text), T2_RH_OWNER, digest,
		      &ticket);
	if (!err) {
		keep(c, digest, 32);
		keep(c, &ticket, sizeof(ticket));
	}
	return err;
}

static int get_random(struct tpm_scene *c)
{
	u8 got[24];
	int err = t2_get_random(&c->f->t, got, sizeof(got));

	if (!err)
		keep(c, got, sizeof(got));
	return err;
}

static int stir_random(struct tpm_scene *c)
{
	return t2_stir_random(&c->f->t, text, sizeof(text));
}

static int get_property(struct tpm_scene *c)
{
	u32 value;
	int err = t2_get_property(&c->f->t, T2_PT_MANUFACTURER, &value);

	if (!err)
		keep(c, &value, sizeof(value));
	return err;
}

static int get_handles(struct tpm_scene *c)
{
	u32 handles[8];
	size_t count = 8;
	int err = t2_get_handles(&c->f->t, 0x81000000, handles, &count);

	if (!err)
		keep(c, handles, count * sizeof(*handles));
	return err;
}

static void persist(struct tpm_fixture *f, struct t2_entity *e, u32 handle)
{
	tpm_ok(f, t2_evict_control(&f->t, &f->owner, e, handle));
	tpm_ok(f, t2_flush_context(&f->t, e->handle));
	e->handle = handle;
}

/* What a command needs that its own success takes away. */

static void define_other(struct tpm_scene *c)
{
	nv_undefine(c);
	assert_int_equal(nv_define(c), 0);
}

static void undefine_other(struct tpm_scene *c)
{
	nv_undefine(c); /* may be gone already */
}

static void make_spare(struct tpm_scene *c)
{
	struct tpm_fixture *f = c->f;

	c->spare = c->made.e;
	tpm_ok(f, t2_load(&f->t, &f->srk, &c->made.made.priv, &c->made.made.pub,
			  &c->spare.handle));
	persist(f, &c->spare, SPARE);
}

/* The lock is part of the name. */
static void name_index(struct tpm_scene *c)
{
	tpm_name_nv(c->f, &c->nv);
}

/* The policy of the EK. */
static void pass_policy(struct tpm_scene *c)
{
	struct tpm_fixture *f = c->f;
	struct t2_entity endorsement;

	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	tpm_ok(f, t2_policy_secret(&f->t, &c->policy, &endorsement));
}

static void restart_policy(struct tpm_scene *c)
{
	t2_end_session(&c->f->t, &c->policy);
	tpm_session(c->f, &c->policy, T2_SE_POLICY, FX_SALTED);
	pass_policy(c);
}

/* clang-format off */
const struct tpm_command tpm_commands[] = {
	{ "CreatePrimary", create_primary, false, 1, NULL },
	{ "Create", create, false, 1, NULL },
	{ "Load", load, false, 1, NULL },
	{ "LoadExternal", load_external, true, 1, NULL },
	{ "LoadExternal, VerifySignature", verify, true, 2, NULL },
	{ "Sign", tpm_scene_sign, false, 1, NULL },
	{ "Sign, guarded", tpm_scene_sign, true, 1, NULL },
	{ "ECDH_ZGen", ecdh_zgen, false, 1, NULL },
	{ "CertifyCreation", certify_creation, false, 1, NULL },
	{ "NV_DefineSpace", nv_define, false, 1, undefine_other },
	{ "NV_UndefineSpace", nv_undefine, false, 1, define_other },
	{ "NV_Write", nv_write, false, 1, NULL },
	{ "NV_Read", tpm_scene_nv_read, false, 1, NULL },
	{ "NV_Read, guarded", tpm_scene_nv_read, true, 1, NULL },
	{ "NV_Certify", nv_certify, false, 1, NULL },
	{ "PolicySecret", policy_secret, false, 1, NULL },
	{ "PolicyAuthValue", policy_auth_value, true, 1, NULL },
	{ "PolicyPCR", policy_pcr, true, 1, NULL },
	{ "PolicyGetDigest", policy_get_digest, true, 1, NULL },
	{ "PolicyNV", policy_nv, false, 1, NULL },
	{ "Hash", hash, true, 1, NULL },
	{ "GetRandom", get_random, true, 1, NULL },
	{ "StirRandom", stir_random, true, 1, NULL },
	{ "GetCapability, property", get_property, true, 1, NULL },
	{ "GetCapability, handles", get_handles, true, 1, NULL },
	{ "NV_ReadLock", nv_read_lock, false, 1, name_index },
	{ "EvictControl", evict_control, false, 1, make_spare },
	{ "ActivateCredential", activate_credential, false, 1,
	  restart_policy },
};

const size_t tpm_command_count = ARRAY_SIZE(tpm_commands);

/* clang-format on */

static void make_credential(struct tpm_scene *c)
{
	const TPM2B_DIGEST credential = { .size = 20, .buffer = "inside" };
	ESYS_CONTEXT *esys = c->f->esys;
	TPM2B_NAME name = { .size = 34 };
	ESYS_TR tr;

	memcpy(name.name, c->signer.name.data, 34);
	assert_int_equal(Esys_TR_FromTPMPublic(esys, EK, ESYS_TR_NONE,
					       ESYS_TR_NONE, ESYS_TR_NONE, &tr),
			 0);
	assert_int_equal(Esys_MakeCredential(esys, tr, ESYS_TR_NONE,
					     ESYS_TR_NONE, ESYS_TR_NONE,
					     &credential, &name, &c->blob,
					     &c->secret),
			 0);
	assert_int_equal(Esys_TR_Close(esys, &tr), 0);
}

static void make_keys(struct tpm_scene *c)
{
	const struct t2_ecc_template restricted = { .attributes = 0x00050472,
						    .scheme = T2_ALG_ECDSA };
	const struct t2_ecc_template any = { .attributes = 0x00060472,
					     .scheme = T2_ALG_NULL };
	const struct t2_ecc_template external = { .attributes = 0x00040040,
						  .scheme = T2_ALG_ECDSA };
	struct tpm_fixture *f = c->f;
	struct t2_public template, pub;
	struct t2_point point;
	struct tpm_key key;

	tpm_make_key(f, &restricted, "auth of the signer", &key);
	c->signer = key.e;
	persist(f, &c->signer, SIGNER);
	tpm_make_key(f, &any, "auth of the key", &c->made);
	c->key = c->made.e;
	persist(f, &c->key, KEY);
	assert_int_equal(t2_public_ek_ecc(&template), 0);
	tpm_ok(f, t2_create_primary(&f->t, &c->endorsement, &template,
				    &c->ek.handle, &pub));
	tpm_ok(f, t2_name_of_public(&pub, &c->ek.name));
	persist(f, &c->ek, EK);
	make_credential(c);
	openssl_sign(&point, text, &c->signature);
	assert_int_equal(t2_public_ecc(&c->external, &external, &point), 0);
}

void tpm_scene_start(struct tpm_scene *c, struct tpm_fixture *f)
{
	memset(c, 0, sizeof(*c));
	c->f = f;
	c->owner = f->owner;
	t2_hierarchy(&c->endorsement, T2_RH_ENDORSEMENT);
	make_keys(c);
	tpm_define(f, INDEX,
		   T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_NO_DA |
			   T2_NV_READ_STCLEAR,
		   32, "auth of the index", &c->nv);
	tpm_ok(f, t2_nv_write(&f->t, &c->nv, &c->nv, text, 32, 0));
	tpm_name_nv(f, &c->nv);
	tpm_session(f, &c->s[0], T2_SE_HMAC, FX_SALTED);
	tpm_session(f, &c->s[1], T2_SE_HMAC, FX_SALTED);
	tpm_session(f, &c->policy, T2_SE_POLICY, FX_SALTED);
}

static void set_sessions(struct tpm_scene *c, struct t2_session *s)
{
	c->owner.session = s;
	c->endorsement.session = s;
	c->signer.session = s;
	c->key.session = s;
	c->nv.session = s;
}

void tpm_scene_sessions(struct tpm_scene *c, const struct tpm_command *cmd)
{
	set_sessions(c, cmd->guard ? NULL : &c->s[0]);
	c->f->t.guard = cmd->guard ? &c->s[0] : NULL;
}

void tpm_scene_stop(struct tpm_scene *c)
{
	struct tpm_fixture *f = c->f;

	tpm_name_nv(f, &c->nv);
	Esys_Free(c->blob);
	Esys_Free(c->secret);
	f->t.guard = NULL;
	set_sessions(c, NULL);
	t2_end_session(&f->t, &c->s[0]);
	t2_end_session(&f->t, &c->s[1]);
	t2_end_session(&f->t, &c->policy);
	tpm_undefine(f, &c->nv);
	tpm_ok(f, t2_evict_control(&f->t, &f->owner, &c->signer, SIGNER));
	tpm_ok(f, t2_evict_control(&f->t, &f->owner, &c->key, KEY));
	tpm_ok(f, t2_evict_control(&f->t, &f->owner, &c->ek, EK));
}
