// SPDX-License-Identifier: GPL-2.0-only
/* NV indices of a module: epoch counter, vault counter, root secret. */
#include "secmod.h"

#define COUNTER_ATTRIBUTES                                                            \
	(T2_NV_TYPE_COUNTER | T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_OWNER_READ | \
	 T2_NV_OWNER_WRITE | T2_NV_NO_DA)
/*
 * Read lock until the next TPM reset. Written once, as a whole, then locked for ever: in
 * pieces it could be guessed byte by byte, or its pin be exchanged.
 */
#define ROOT_ATTRIBUTES                                                                  \
	(T2_NV_OWNER_WRITE | T2_NV_WRITE_ALL | T2_NV_WRITE_DEFINE | T2_NV_READ_STCLEAR | \
	 T2_NV_NO_DA)
/* What the TPM sets itself in the attributes of an index. */
#define VOLATILE_ATTRIBUTES (T2_NV_WRITTEN | T2_NV_READ_LOCKED | T2_NV_WRITE_LOCKED)
/* Root secret, then the pin of the checking certificate (secmod_pin()). */
#define ROOT_SIZE (32 + T2_DIGEST_SIZE)

static int expected_index(struct secmod *sm, u32 index, struct t2_nv_public *nv)
{
	struct t2_session s = {};
	int rc;

	memset(nv, 0, sizeof(*nv));
	nv->index = index;
	nv->name_alg = T2_ALG_SHA256;
	if (index != sm->handles.root) {
		nv->attributes = COUNTER_ATTRIBUTES;
		nv->size = 8;
		return 0;
	}
	nv->size = ROOT_SIZE;
	nv->attributes = ROOT_ATTRIBUTES | T2_NV_AUTH_READ;
	if (!secmod_pcr_wanted())
		return 0;
	nv->attributes = ROOT_ATTRIBUTES | T2_NV_POLICY_READ;
	rc = secmod_pcr_session(sm, &s);
	if (rc)
		return rc;
	rc = t2_policy_get_digest(&sm->tpm, &s, nv->policy);
	if (rc)
		secmod_tpm_refuse(sm, rc, "computing the policy of the root secret");
	nv->policy_len = T2_DIGEST_SIZE;
	t2_end_session(&sm->tpm, &s);
	return rc;
}

/* Ours, whatever is in it: with or without a policy, written or not. */
static bool is_ours(struct secmod *sm, const struct t2_nv_public *nv)
{
	u32 fixed = nv->attributes & ~VOLATILE_ATTRIBUTES;

	if (nv->name_alg != T2_ALG_SHA256)
		return false;
	if (nv->index != sm->handles.root)
		return fixed == COUNTER_ATTRIBUTES && nv->size == 8 && !nv->policy_len;
	return nv->size == ROOT_SIZE &&
	       (nv->policy_len ? fixed == (ROOT_ATTRIBUTES | T2_NV_POLICY_READ) :
				 fixed == (ROOT_ATTRIBUTES | T2_NV_AUTH_READ));
}

static struct t2_name *name_of(struct secmod *sm, u32 index)
{
	if (index == sm->handles.epoch)
		return &sm->epoch_name;
	if (index == sm->handles.vault)
		return &sm->vault_name;
	return &sm->root_name;
}

void secmod_nv_entity(struct secmod *sm, u32 index, struct t2_entity *e)
{
	memset(e, 0, sizeof(*e));
	e->handle = index;
	e->name = *name_of(sm, index);
}

/*
 * Reads the public area of an index. -ENOENT: not defined; -EEXIST: something
 * foreign. Keeps the name, which changes when the index is first written.
 */
static int look(struct secmod *sm, u32 index, struct t2_nv_public *nv)
{
	int rc = t2_nv_read_public(&sm->tpm, index, nv, name_of(sm, index));

	if (rc == -ENOENT)
		return rc;
	if (rc)
		return secmod_tpm_refuse(sm, rc, "reading an NV index's public area");
	if (!is_ours(sm, nv))
		return refuse(&sm->why, -EEXIST,
			      "NV index 0x%08x holds a foreign object: remove it or choose another block with handles=",
			      index);
	if (index == sm->handles.epoch)
		sm->epoch_nv = *nv;
	return 0;
}

/* -EEXIST for what we did not make; @counters: how many of ours there are. */
int secmod_nv_foreign(struct secmod *sm, u32 *counters)
{
	const u32 indices[] = { sm->handles.root, sm->handles.epoch, sm->handles.vault };
	struct t2_nv_public nv;
	size_t i;
	int rc;

	*counters = 0;
	for (i = 0; i < ARRAY_SIZE(indices); i++) {
		rc = look(sm, indices[i], &nv);
		if (rc && rc != -ENOENT)
			return rc;
		if (!rc && nv.attributes & T2_NV_TYPE_COUNTER)
			(*counters)++;
	}
	return 0;
}

/**
 * secmod_nv_probe() - what is there?
 *
 * Return: 0 for the indices of a complete module; -ENOENT when the root secret is not
 * defined or not written, which is a virgin TPM or an interrupted
 * initialization; -EEXIST for a foreign object in place of the root secret;
 * -EBADMSG when the root secret is there but a counter is not, or is foreign.
 */
int secmod_nv_probe(struct secmod *sm)
{
	const u32 counters[] = { sm->handles.epoch, sm->handles.vault };
	struct t2_nv_public nv;
	size_t i;
	int rc;

	rc = look(sm, sm->handles.root, &nv);
	if (rc)
		return rc;
	if (!(nv.attributes & T2_NV_WRITTEN))
		return -ENOENT;
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		rc = look(sm, counters[i], &nv);
		if (rc == -ENOENT || rc == -EEXIST || (!rc && !(nv.attributes & T2_NV_WRITTEN)))
			return refuse(&sm->why, -EBADMSG,
				      "NV index 0x%08x (a counter) is missing: secmod init --discard starts anew",
				      counters[i]);
		if (rc)
			return rc;
	}
	return 0;
}

/*
 * Reading and raising a counter authorizes with an empty password: the guard keeps
 * anybody between here and the TPM from answering with an older value.
 */
int secmod_nv_read_counter(struct secmod *sm, u32 index, u64 *value)
{
	struct t2_entity nv;
	int rc;

	secmod_nv_entity(sm, index, &nv);
	rc = t2_nv_read_counter(&sm->tpm, &nv, &nv, value);
	return rc ? secmod_tpm_refuse(sm, rc, "reading a counter") : 0;
}

int secmod_nv_counter(struct secmod *sm, u32 index, u64 *value)
{
	struct t2_session guard = {};
	int rc = secmod_guard_begin(sm, &guard);

	if (rc)
		return rc;
	secmod_guard_last(&guard);
	rc = secmod_nv_read_counter(sm, index, value);
	secmod_guard_end(sm, &guard);
	return rc;
}

/* One up, and the new value: another process may have raised it too. */
int secmod_nv_increment(struct secmod *sm, u32 index, u64 *value)
{
	struct t2_session guard = {};
	struct t2_entity nv;
	int rc = secmod_guard_begin(sm, &guard);

	if (rc)
		return rc;
	secmod_nv_entity(sm, index, &nv);
	rc = t2_nv_increment(&sm->tpm, &nv, &nv);
	if (rc)
		secmod_tpm_refuse(sm, rc, "raising a counter");
	secmod_guard_last(&guard);
	rc = rc ?: secmod_nv_read_counter(sm, index, value);
	secmod_guard_end(sm, &guard);
	return rc;
}

static int define(struct secmod *sm, u32 index)
{
	struct t2_entity owner;
	struct t2_nv_public nv;
	int rc = expected_index(sm, index, &nv);

	if (rc)
		return rc;
	t2_hierarchy(&owner, T2_RH_OWNER);
	rc = t2_nv_define_space(&sm->tpm, &owner, NULL, 0, &nv);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "defining an NV index");
	return look(sm, index, &nv);
}

static int define_counter(struct secmod *sm, u32 index, u64 *value)
{
	struct t2_nv_public nv;
	struct t2_entity e;
	int rc = define(sm, index);

	if (rc)
		return rc;
	secmod_nv_entity(sm, index, &e);
	rc = t2_nv_increment(&sm->tpm, &e, &e);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "raising a counter");
	/* The first write changes the name. */
	rc = look(sm, index, &nv);
	return rc ?: secmod_nv_counter(sm, index, value);
}

/*
 * Defines all three; the counters start, the root secret stays unwritten. It goes first:
 * TPMs keep room for counters and keys, so it is what a full NV space has no room for.
 */
int secmod_nv_create(struct secmod *sm)
{
	int rc = define(sm, sm->handles.root);

	rc = rc ?: define_counter(sm, sm->handles.epoch, &sm->epoch);
	return rc ?: define_counter(sm, sm->handles.vault, &sm->vault_counter);
}

/* The root secret goes first: without it the rest is an interrupted initialization. */
int secmod_nv_remove(struct secmod *sm)
{
	const u32 order[] = { sm->handles.root, sm->handles.epoch, sm->handles.vault };
	struct t2_entity owner, e;
	struct t2_nv_public nv;
	size_t i;
	int rc;

	t2_hierarchy(&owner, T2_RH_OWNER);
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		rc = look(sm, order[i], &nv);
		if (rc == -ENOENT)
			continue;
		if (rc)
			return rc;
		secmod_nv_entity(sm, order[i], &e);
		rc = t2_nv_undefine_space(&sm->tpm, &owner, &e);
		if (rc)
			return secmod_tpm_refuse(sm, rc, "removing an NV index");
	}
	return 0;
}

/* Nobody writes the index again, whoever has the owner's authorization. */
static int bar_writes(struct secmod *sm)
{
	struct t2_entity owner, nv;
	struct t2_nv_public pub;
	int rc;

	t2_hierarchy(&owner, T2_RH_OWNER);
	secmod_nv_entity(sm, sm->handles.root, &nv);
	rc = t2_nv_write_lock(&sm->tpm, &owner, &nv);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "locking the root secret against writing");
	return look(sm, sm->handles.root, &pub);
}

/* A session to read the index with: policy if it is bound to PCRs, else salted HMAC. */
static int read_session(struct secmod *sm, struct t2_session *s)
{
	struct t2_nv_public nv;
	int rc = look(sm, sm->handles.root, &nv);

	if (rc)
		return rc;
	if (!nv.policy_len)
		return secmod_salted_session(sm, s, T2_SA_ENCRYPT);
	if (!secmod_pcr_wanted())
		return refuse(&sm->why, -EACCES,
			      "the root secret is bound to PCRs: load with the pcrs= of its init");
	rc = secmod_pcr_session(sm, s);
	s->attributes = T2_SA_ENCRYPT;
	return rc;
}

/*
 * When the module cannot be had, nobody shall have its root secret: no secret moves
 * here, so neither storage root key nor salt is needed. -EACCES: the PCRs differ.
 */
int secmod_root_bar(struct secmod *sm)
{
	struct t2_session s = {};
	struct t2_nv_public pub;
	struct t2_entity nv;
	u8 select[3];
	int rc = look(sm, sm->handles.root, &pub);

	if (rc || !(pub.attributes & T2_NV_WRITTEN) || pub.attributes & T2_NV_READ_LOCKED)
		return rc;
	secmod_nv_entity(sm, sm->handles.root, &nv);
	if (pub.policy_len) {
		rc = secmod_pcr_select(sm, select);
		rc = rc ?: t2_start_auth_session(&sm->tpm, &s, T2_SE_POLICY, T2_RH_NULL, NULL);
		rc = rc ?: t2_policy_pcr(&sm->tpm, &s, select);
		s.attributes = 0;
		nv.session = &s;
	}
	rc = rc ?: t2_nv_read_lock(&sm->tpm, &nv, &nv);
	t2_end_session(&sm->tpm, &s);
	return rc;
}

static int read_root(struct secmod *sm, u8 data[ROOT_SIZE])
{
	struct t2_session s = {};
	struct t2_entity nv;
	int rc;

	rc = read_session(sm, &s);
	if (rc)
		return rc;
	secmod_nv_entity(sm, sm->handles.root, &nv);
	nv.session = &s;
	rc = t2_nv_read(&sm->tpm, &nv, &nv, data, ROOT_SIZE, 0);
	if (sm->tpm.rc == T2_RC_NV_LOCKED)
		refuse(&sm->why, -EPERM,
		       "the root secret is locked since the driver was loaded before: restart the machine");
	else if (rc == -EACCES && s.policy)
		refuse(&sm->why, -EACCES,
		       "the PCRs differ from those at init: start the configuration of then, or secmod init --discard");
	else if (rc)
		secmod_tpm_refuse(sm, rc, "reading the root secret");
	t2_end_session(&sm->tpm, &s);
	return rc;
}

int secmod_root_read(struct secmod *sm)
{
	u8 data[ROOT_SIZE];
	int rc = read_root(sm, data);

	if (!rc) {
		memcpy(sm->root, data, sizeof(sm->root));
		memcpy(sm->pin, data + sizeof(sm->root), sizeof(sm->pin));
		sm->root_known = true;
	}
	memzero_explicit(data, sizeof(data));
	return rc;
}

/*
 * No HMAC covers the cipher of a session. Exchanged on the way, the TPM makes noise of
 * what it decrypts, and the module would be dead from the next start on.
 */
static int check_written(struct secmod *sm, const u8 data[ROOT_SIZE])
{
	u8 back[ROOT_SIZE];
	int rc = read_root(sm, back);

	if (!rc && !t2_equal(back, data, ROOT_SIZE))
		rc = refuse(&sm->why, -EBADMSG,
			    "writing the root secret: another one arrived in the TPM");
	memzero_explicit(back, sizeof(back));
	return rc;
}

static int write_root(struct secmod *sm, const u8 data[ROOT_SIZE])
{
	struct t2_entity owner, nv;
	struct t2_session s = {};
	int rc;

	rc = secmod_salted_session(sm, &s, T2_SA_DECRYPT);
	if (rc)
		return rc;
	t2_hierarchy(&owner, T2_RH_OWNER);
	owner.session = &s;
	secmod_nv_entity(sm, sm->handles.root, &nv);
	rc = t2_nv_write(&sm->tpm, &owner, &nv, data, ROOT_SIZE, 0);
	if (rc)
		secmod_tpm_refuse(sm, rc, "writing the root secret");
	t2_end_session(&sm->tpm, &s);
	return rc;
}

/*
 * The write is the end of initialization: from now on the TPM holds a module. A try
 * before this one may have written it and not have learnt so; what is there is compared.
 */
int secmod_root_write(struct secmod *sm)
{
	struct t2_nv_public pub;
	u8 data[ROOT_SIZE];
	int rc;

	memcpy(data, sm->root, sizeof(sm->root));
	memcpy(data + sizeof(sm->root), sm->pin, sizeof(sm->pin));
	rc = look(sm, sm->handles.root, &pub);
	if (!rc && !(pub.attributes & T2_NV_WRITTEN)) {
		rc = write_root(sm, data);
		rc = rc ?: look(sm, sm->handles.root, &pub);
	}
	rc = rc ?: check_written(sm, data);
	memzero_explicit(data, sizeof(data));
	return rc ?: bar_writes(sm);
}

/* After this nobody reads the root secret until the TPM restarts. */
int secmod_root_lock(struct secmod *sm)
{
	struct t2_session s = {};
	struct t2_nv_public pub;
	struct t2_entity nv;
	int rc;

	rc = look(sm, sm->handles.root, &pub);
	/* The power failed between the write and its lock. */
	if (!rc && !(pub.attributes & T2_NV_WRITE_LOCKED))
		rc = bar_writes(sm);
	rc = rc ?: read_session(sm, &s);
	if (rc)
		return rc;
	s.attributes = 0; /* nothing to encrypt */
	secmod_nv_entity(sm, sm->handles.root, &nv);
	nv.session = &s;
	rc = t2_nv_read_lock(&sm->tpm, &nv, &nv);
	if (rc)
		secmod_tpm_refuse(sm, rc, "locking the root secret");
	t2_end_session(&sm->tpm, &s);
	return rc ?: look(sm, sm->handles.root, &pub);
}
