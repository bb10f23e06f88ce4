/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A short life of a module as commands of tpm/. tests/unit/tpm_tape_test runs it on a
 * software TPM and can write down what was said, tests/kunit/tape_test plays that to
 * the same commands with the kernel's cryptography.
 */
#ifndef TESTS_VECTORS_LIFE_H
#define TESTS_VECTORS_LIFE_H

#include "tpm/t2.h"

#define LIFE_SRK 0x81000001u
#define LIFE_KEY 0x81150001u
#define LIFE_COUNTER 0x01950000u
#define LIFE_ROOT 0x01950002u
#define LIFE_SALTED (T2_SA_CONTINUE | T2_SA_DECRYPT | T2_SA_ENCRYPT)
#define LIFE_KEY_ATTRIBUTES                       \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT | \
	 T2_OBJ_SENSITIVE_DATA_ORIGIN | T2_OBJ_NO_DA)

/**
 * struct life - what a life needs; its memory is the caller's
 * @t: connection
 * @step: number of the step that failed, for the message
 */
struct life {
	struct t2 *t;
	int step;
	struct t2_entity owner, srk, identity, key, counter, root;
	struct t2_public srk_public, template, pub;
	struct t2_session s, policy;
	struct t2_created identity_made, key_made;
	struct t2_attest attest;
	struct t2_signature sig;
	struct t2_point peer, z;
	struct t2_nv_public nv;
	struct t2_name name;
	u32 list[256];
	u8 digest[T2_DIGEST_SIZE], wanted[T2_DIGEST_SIZE], got[32];
};

static const u8 life_secret[32] = "the root secret, 31 characters ";
static const u8 life_auth[32] = "authValue of the module's keys.";

/* 0 for the one error a step is to end with. */
static int life_expect(int err, int want)
{
	if (err == want)
		return 0;
	return err ? err : -EIO;
}

static int life_srk(struct life *l)
{
	u32 handle = 0;
	int err;

	t2_hierarchy(&l->owner, T2_RH_OWNER);
	err = t2_read_public(l->t, LIFE_SRK, &l->pub, &l->name);
	err = life_expect(err, -ENOENT);
	if (!err)
		err = t2_public_srk_ecc(&l->template);
	if (!err)
		err = t2_create_primary(l->t, &l->owner, &l->template, &handle,
					&l->srk_public);
	l->srk.handle = handle;
	if (!err)
		err = t2_name_of_public(&l->srk_public, &l->srk.name);
	if (!err)
		err = t2_evict_control(l->t, &l->owner, &l->srk, LIFE_SRK);
	if (!err)
		err = t2_flush_context(l->t, handle);
	l->srk.handle = LIFE_SRK;
	return err;
}

static int life_session(struct life *l)
{
	int err = t2_start_auth_session(l->t, &l->s, T2_SE_HMAC, LIFE_SRK,
					&l->srk_public);

	l->s.attributes = LIFE_SALTED;
	l->owner.session = &l->s;
	return err;
}

static int life_define(struct life *l, struct t2_entity *e, u32 index,
		       u32 attributes, u16 size)
{
	int err;

	l->nv = (struct t2_nv_public){ .index = index,
				       .name_alg = T2_ALG_SHA256,
				       .attributes = attributes,
				       .size = size };
	err = t2_nv_define_space(l->t, &l->owner, life_auth, 16, &l->nv);
	e->handle = index;
	e->auth = life_auth;
	e->auth_len = 16;
	e->session = &l->s;
	return err ? err : t2_name_of_nv(&l->nv, &e->name);
}

static int life_named(struct life *l, struct t2_entity *e)
{
	return t2_nv_read_public(l->t, e->handle, &l->nv, &e->name);
}

static int life_counter(struct life *l)
{
	u64 value = 0, again = 0;
	int err;

	err = life_define(l, &l->counter, LIFE_COUNTER,
			  T2_NV_TYPE_COUNTER | T2_NV_AUTH_READ |
				  T2_NV_AUTH_WRITE | T2_NV_NO_DA,
			  8);
	if (!err)
		err = t2_nv_increment(l->t, &l->counter, &l->counter);
	if (!err)
		err = life_named(l, &l->counter);
	if (!err)
		err = t2_nv_read_counter(l->t, &l->counter, &l->counter,
					 &value);
	if (!err)
		err = t2_nv_increment(l->t, &l->counter, &l->counter);
	if (!err)
		err = t2_nv_read_counter(l->t, &l->counter, &l->counter,
					 &again);
	return err || again == value + 1 ? err : -ESTALE;
}

static int life_root(struct life *l)
{
	int err;

	err = life_define(l, &l->root, LIFE_ROOT,
			  T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_NO_DA |
				  T2_NV_READ_STCLEAR | T2_NV_WRITE_DEFINE,
			  32);
	if (!err)
		err = t2_nv_write(l->t, &l->root, &l->root, life_secret, 32, 0);
	if (!err)
		err = life_named(l, &l->root);
	if (!err)
		err = t2_nv_write_lock(l->t, &l->root, &l->root);
	if (!err)
		err = life_named(l, &l->root);
	if (!err)
		err = t2_nv_read(l->t, &l->root, &l->root, l->got, 32, 0);
	if (!err && memcmp(l->got, life_secret, 32))
		return -EIO;
	if (!err)
		err = t2_nv_read_lock(l->t, &l->root, &l->root);
	if (!err)
		err = life_named(l, &l->root);
	if (err)
		return err;
	err = t2_nv_read(l->t, &l->root, &l->root, l->got, 32, 0);
	return life_expect(err, -EPERM);
}

static int life_make(struct life *l, const struct t2_ecc_template *t,
		     struct t2_created *made, struct t2_entity *key)
{
	int err;

	l->srk.session = &l->s;
	err = t2_public_ecc(&l->template, t, NULL);
	if (!err)
		err = t2_create(l->t, &l->srk, life_auth, sizeof(life_auth),
				&l->template, life_secret, 32, made);
	if (!err)
		err = t2_load(l->t, &l->srk, &made->priv, &made->pub,
			      &key->handle);
	key->auth = life_auth;
	key->auth_len = sizeof(life_auth);
	key->session = &l->s;
	return err ? err : t2_name_of_public(&made->pub, &key->name);
}

static int life_identity(struct life *l)
{
	const struct t2_ecc_template t = {
		.attributes = LIFE_KEY_ATTRIBUTES | T2_OBJ_USER_WITH_AUTH |
			      T2_OBJ_RESTRICTED | T2_OBJ_SIGN,
		.scheme = T2_ALG_ECDSA,
	};
	struct t2_ticket ticket;
	int err = life_make(l, &t, &l->identity_made, &l->identity);

	if (!err)
		err = t2_certify_creation(l->t, &l->identity, &l->identity,
					  life_secret, 32,
					  l->identity_made.creation_hash,
					  &l->identity_made.ticket, &l->attest,
					  &l->sig);
	l->t->guard = &l->s;
	if (!err)
		err = t2_hash(l->t, life_secret, 32, T2_RH_OWNER, l->digest,
			      &ticket);
	l->t->guard = NULL;
	if (!err)
		err = t2_sign(l->t, &l->identity, T2_ALG_SHA256, l->digest, 32,
			      &ticket, &l->sig);
	return err;
}

/* PolicyNV(counter is what it is), PolicyAuthValue: the policy of a module key. */
static int life_policy(struct life *l, u8 value[8])
{
	int err;

	memset(l->wanted, 0, sizeof(l->wanted));
	err = t2_nv_read(l->t, &l->counter, &l->counter, value, 8, 0);
	if (!err)
		err = t2_policy_digest_nv(l->wanted, &l->counter.name, value, 8,
					  0, T2_EO_EQ);
	return err ? err : t2_policy_digest_auth_value(l->wanted);
}

static int life_module_key(struct life *l)
{
	const struct t2_ecc_template t = {
		.attributes = LIFE_KEY_ATTRIBUTES | T2_OBJ_ADMIN_WITH_POLICY |
			      T2_OBJ_SIGN | T2_OBJ_DECRYPT,
		.scheme = T2_ALG_NULL,
		.policy = l->wanted,
	};
	u8 value[8];
	int err = life_policy(l, value);

	if (!err)
		err = life_make(l, &t, &l->key_made, &l->key);
	if (!err)
		err = t2_start_auth_session(l->t, &l->policy, T2_SE_POLICY,
					    LIFE_SRK, &l->srk_public);
	if (!err)
		err = t2_policy_nv(l->t, &l->policy, &l->counter, &l->counter,
				   value, 8, 0, T2_EO_EQ);
	l->t->guard = &l->s;
	if (!err)
		err = t2_policy_auth_value(l->t, &l->policy);
	if (!err)
		err = t2_policy_get_digest(l->t, &l->policy, l->digest);
	l->t->guard = NULL;
	if (!err && memcmp(l->digest, l->wanted, 32))
		return -EIO;
	l->policy.attributes = 0; /* ends with the command */
	l->key.session = &l->policy;
	if (!err)
		err = t2_sign(l->t, &l->key, T2_ALG_SHA256, life_secret, 32,
			      NULL, &l->sig);
	return err;
}

/* Another session of the same policy; the key agrees with the identity's point. */
static int life_agreement(struct life *l)
{
	struct t2_ecc_template t;
	u8 value[8];
	int err;

	err = t2_public_parse_ecc(&l->identity_made.pub, &t, &l->peer);
	if (!err)
		err = life_policy(l, value);
	if (!err)
		err = t2_start_auth_session(l->t, &l->policy, T2_SE_POLICY,
					    T2_RH_NULL, NULL);
	if (!err)
		err = t2_policy_nv(l->t, &l->policy, &l->counter, &l->counter,
				   value, 8, 0, T2_EO_EQ);
	if (!err)
		err = t2_policy_auth_value(l->t, &l->policy);
	l->t->guard = &l->s;
	if (!err)
		err = t2_ecdh_zgen(l->t, &l->key, &l->peer, &l->z);
	l->t->guard = NULL;
	t2_end_session(l->t, &l->policy);
	return err;
}

/* The first PCR of a software TPM that no firmware has extended is zero. */
static int life_pcr_digest(struct life *l, const u8 select[3])
{
	static const u8 zeros[T2_DIGEST_SIZE];
	const struct t2_vec in = { zeros, sizeof(zeros) };
	u8 pcrs[T2_DIGEST_SIZE];
	int err;

	memset(l->wanted, 0, sizeof(l->wanted));
	err = t2_sha256(&in, 1, pcrs);
	if (!err)
		err = t2_policy_digest_pcr(l->wanted, select, pcrs);
	return err || !memcmp(l->wanted, l->digest, 32) ? err : -EIO;
}

static int life_list(struct life *l, u32 capability, u32 expected)
{
	size_t count = ARRAY_SIZE(l->list);
	int err = t2_get_list(l->t, capability, 0, l->list, &count);

	if (!err && expected && !t2_listed(l->list, count, expected))
		err = -ENOENT;
	if (!err && capability == T2_CAP_COMMANDS &&
	    t2_missing_command(l->list, count))
		err = -EOPNOTSUPP;
	return err;
}

/* The lists that tell whether a TPM can be a module's. */
static int life_capabilities(struct life *l)
{
	size_t count = ARRAY_SIZE(l->list);
	u8 bank[3];
	int err;

	err = t2_get_handles(l->t, LIFE_SRK, l->list, &count);
	if (!err)
		err = life_list(l, T2_CAP_ALGS, T2_ALG_SHA256);
	if (!err)
		err = life_list(l, T2_CAP_ECC_CURVES, T2_CURVE_P256);
	if (!err)
		err = life_list(l, T2_CAP_COMMANDS, 0);
	if (!err)
		err = t2_get_pcr_bank(l->t, T2_ALG_SHA256, bank);
	return err;
}

/* What authorizes nothing, under the guard. */
static int life_guarded(struct life *l)
{
	static const u8 select[3] = { 1, 0, 0 };
	u32 manufacturer;
	int err;

	l->t->guard = &l->s;
	err = t2_get_random(l->t, l->got, sizeof(l->got));
	if (!err)
		err = t2_stir_random(l->t, life_secret, sizeof(life_secret));
	if (!err)
		err = t2_verify(l->t, &l->key_made.pub, life_secret, 32,
				&l->sig);
	if (!err)
		err = t2_get_property(l->t, T2_PT_MANUFACTURER, &manufacturer);
	if (!err)
		err = life_capabilities(l);
	l->t->guard = NULL;
	if (!err)
		err = t2_start_auth_session(l->t, &l->policy, T2_SE_POLICY,
					    T2_RH_NULL, NULL);
	l->t->guard = &l->s;
	if (!err)
		err = t2_policy_pcr(l->t, &l->policy, select);
	if (!err)
		err = t2_policy_get_digest(l->t, &l->policy, l->digest);
	l->t->guard = NULL;
	if (!err)
		err = life_pcr_digest(l, select);
	t2_end_session(l->t, &l->policy);
	return err;
}

/* Its digest signed by another key is no signature of this one. */
static int life_lie(struct life *l)
{
	int err;

	l->t->guard = &l->s;
	err = t2_verify(l->t, &l->identity_made.pub, life_secret, 32, &l->sig);
	l->t->guard = NULL;
	return life_expect(err, -EKEYREJECTED);
}

/* A credential nobody made: the TPM says so, after policy and HMAC were right. */
static int life_endorsement(struct life *l, int (*template)(struct t2_public *))
{
	struct t2_entity endorsement, ek = { .session = &l->policy };
	u8 info[32];
	size_t len = sizeof(info);
	int err;

	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	endorsement.session = &l->s;
	err = template(&l->template);
	if (!err)
		err = t2_create_primary(l->t, &endorsement, &l->template,
					&ek.handle, &l->pub);
	if (!err)
		err = t2_name_of_public(&l->pub, &ek.name);
	if (!err)
		err = t2_start_auth_session(l->t, &l->policy, T2_SE_POLICY,
					    T2_RH_NULL, NULL);
	if (!err)
		err = t2_policy_secret(l->t, &l->policy, &endorsement);
	if (!err)
		err = t2_activate_credential(l->t, &l->identity, &ek,
					     life_secret, 32, life_auth, 32,
					     info, &len);
	if (err && !l->t->rc)
		return err;
	t2_end_session(l->t, &l->policy);
	return err ? t2_flush_context(l->t, ek.handle) : -EIO;
}

static int life_ecc_endorsement(struct life *l)
{
	return life_endorsement(l, t2_public_ek_ecc);
}

static int life_rsa_endorsement(struct life *l)
{
	return life_endorsement(l, t2_public_ek_rsa);
}

static int life_end(struct life *l)
{
	int err;

	err = t2_nv_certify(l->t, &l->identity, &l->owner, &l->counter, NULL, 0,
			    8, 0, &l->attest, &l->sig);
	err = life_expect(err, -EINVAL); /* one session cannot stand twice */
	if (!err)
		err = t2_evict_control(l->t, &l->owner, &l->key, LIFE_KEY);
	l->t->guard = NULL;
	if (!err)
		err = t2_flush_context(l->t, l->key.handle);
	l->key.handle = LIFE_KEY;
	if (!err)
		err = t2_evict_control(l->t, &l->owner, &l->key, LIFE_KEY);
	if (!err)
		err = t2_nv_undefine_space(l->t, &l->owner, &l->counter);
	if (!err)
		err = life_named(l, &l->root);
	if (!err)
		err = t2_nv_undefine_space(l->t, &l->owner, &l->root);
	if (!err)
		err = t2_flush_context(l->t, l->identity.handle);
	if (!err)
		err = t2_evict_control(l->t, &l->owner, &l->srk, LIFE_SRK);
	t2_end_session(l->t, &l->s);
	return err;
}

/* The debug PCR takes it from anybody; a TPM is started once. */
static int life_start(struct life *l)
{
	int err = t2_pcr_extend(l->t, 16, life_secret);

	return err ? err : life_expect(t2_startup(l->t), -EIO);
}

/* 0, or the error of the first step that failed, @l->step. Wipes what it had. */
static int life_run(struct life *l, struct t2 *t)
{
	static int (*const steps[])(struct life * l) = {
		life_srk,
		life_session,
		life_counter,
		life_root,
		life_identity,
		life_module_key,
		life_guarded,
		life_lie,
		life_agreement,
		life_ecc_endorsement,
		life_rsa_endorsement,
		life_start,
		life_end,
	};
	int err = 0;

	memset(l, 0, sizeof(*l));
	l->t = t;
	for (; !err && l->step < (int)ARRAY_SIZE(steps); l->step++)
		err = steps[l->step](l);
	t->guard = NULL;
	return err;
}

#endif
