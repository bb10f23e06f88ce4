// SPDX-License-Identifier: GPL-2.0-only
/* TPM keys of a module: storage root key, identity key, module key. */
#include <linux/moduleparam.h>

#include "compat.h"
#include "secmod.h"

static char *srk;
module_param(srk, charp, 0444);
MODULE_PARM_DESC(srk, "name of the storage root key, as in tpm/srk_name (default: any)");
static u8 srk_wanted[RECORD_NAME_SIZE]; /* constant after load, when @srk is set */

#define IDENTITY_ATTRIBUTES                                                      \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT | T2_OBJ_SENSITIVE_DATA_ORIGIN | \
	 T2_OBJ_USER_WITH_AUTH | T2_OBJ_NO_DA | T2_OBJ_RESTRICTED | T2_OBJ_SIGN)
/* Policy for everything: ADMIN commands ask for a policy nobody can satisfy. */
#define KEY_ATTRIBUTES                                                           \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT | T2_OBJ_SENSITIVE_DATA_ORIGIN | \
	 T2_OBJ_ADMIN_WITH_POLICY | T2_OBJ_NO_DA | T2_OBJ_DECRYPT | T2_OBJ_SIGN)
/* noDA: somebody else's failures shall not lock our keys in. */
#define SRK_ATTRIBUTES                                                           \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT | T2_OBJ_SENSITIVE_DATA_ORIGIN | \
	 T2_OBJ_USER_WITH_AUTH | T2_OBJ_NO_DA | T2_OBJ_RESTRICTED | T2_OBJ_DECRYPT)

/* A P-256 storage key that an authValue opens, maybe the empty one. */
static bool is_srk(const struct t2_public *pub)
{
	struct t2_ecc_template t;
	struct t2_point point;

	return !t2_public_parse_ecc(pub, &t, &point) && t.storage && t.attributes == SRK_ATTRIBUTES;
}

int secmod_srk_parameter(void)
{
	if (!srk || (strlen(srk) == 2 * sizeof(srk_wanted) &&
		     !hex2bin(srk_wanted, srk, sizeof(srk_wanted))))
		return 0;
	pr_err("parameter srk: '%s' is not 68 hex digits\n", srk);
	return -EINVAL;
}

/*
 * Before anything is salted to it: whoever holds the private half of the key reads and
 * changes all that the sessions protect.
 */
static int check_srk(struct secmod *sm, const struct t2_name *name)
{
	if (!srk || !memcmp(name->data, srk_wanted, sizeof(srk_wanted)))
		return 0;
	return refuse(&sm->why, -EKEYREJECTED,
		      "the storage root key is not that of srk=: another TPM, or one that was cleared, or somebody between it and the machine");
}

/* Reads the key at @handle: -ENOENT when there is none, -EEXIST when it is of no use. */
static int read_srk(struct secmod *sm, u32 handle)
{
	int rc = t2_read_public(&sm->tpm, handle, &sm->srk, &sm->srk_name);

	sm->srk_handle = handle;
	if (rc && rc != -ENOENT)
		return secmod_tpm_refuse(sm, rc, "reading the storage root key");
	if (!rc && !is_srk(&sm->srk))
		return -EEXIST;
	return rc;
}

static int create_srk(struct secmod *sm, u32 handle)
{
	struct t2_entity owner, object = {};
	struct t2_public template;
	u32 loaded;
	int rc;

	t2_hierarchy(&owner, T2_RH_OWNER);
	rc = t2_public_srk_ecc(&template);
	rc = rc ?: t2_create_primary(&sm->tpm, &owner, &template, &loaded, &sm->srk);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "making the storage root key");
	object.handle = loaded;
	rc = t2_name_of_public(&sm->srk, &object.name);
	if (rc)
		secmod_tpm_refuse(sm, rc, "making the storage root key");
	rc = rc ?: check_srk(sm, &object.name);
	if (!rc) {
		rc = t2_evict_control(&sm->tpm, &owner, &object, handle);
		if (rc)
			secmod_tpm_refuse(sm, rc, "storing the storage root key");
	}
	t2_drop(&sm->tpm, loaded);
	sm->srk_handle = handle;
	sm->srk_name = object.name;
	return rc;
}

/* Does the empty authValue open it? Only the TPM knows. */
static int try_srk(struct secmod *sm, bool *open)
{
	struct t2_entity srk = { .handle = sm->srk_handle, .name = sm->srk_name };
	struct t2_session policy = {};
	int rc;

	rc = t2_start_auth_session(&sm->tpm, &policy, T2_SE_POLICY, T2_RH_NULL, NULL);
	rc = rc ?: t2_policy_secret(&sm->tpm, &policy, &srk);
	*open = !rc;
	if (rc && rc != -EACCES)
		secmod_tpm_refuse(sm, rc, "trying the storage root key");
	t2_end_session(&sm->tpm, &policy);
	return rc == -EACCES ? 0 : rc;
}

/**
 * secmod_srk_find() - the storage root key of the module that is there
 *
 * Our own, if there is one, else that at the standard handle. Who evicted it gets it
 * back: the same template makes the same key until the TPM is cleared.
 */
int secmod_srk_find(struct secmod *sm)
{
	int rc = read_srk(sm, sm->handles.srk);

	if (rc == -ENOENT)
		rc = read_srk(sm, SECMOD_SRK);
	else if (rc == -EEXIST)
		return refuse(&sm->why, -EEXIST,
			      "handle 0x%08x holds a foreign object: remove it and restart",
			      sm->handles.srk);
	if (rc == -ENOENT)
		return create_srk(sm, SECMOD_SRK);
	if (rc == -EEXIST)
		return create_srk(sm, sm->handles.srk);
	return rc ?: check_srk(sm, &sm->srk_name);
}

/**
 * secmod_srk_choose() - the storage root key for a new module
 * @made: the one at the standard handle was missing, and is ours now
 *
 * That at the standard handle if it can be used, else one of our own beside it.
 * Ours from before has been removed.
 */
int secmod_srk_choose(struct secmod *sm, bool *made)
{
	bool open = false;
	int rc = read_srk(sm, SECMOD_SRK);

	*made = rc == -ENOENT;
	if (*made)
		return create_srk(sm, SECMOD_SRK);
	if (!rc)
		rc = try_srk(sm, &open);
	if (rc && rc != -EEXIST)
		return rc;
	return open ? check_srk(sm, &sm->srk_name) : create_srk(sm, sm->handles.srk);
}

/* @missing: 1 when it takes room to make one; an authValue shows only when tried. */
int secmod_srk_missing(struct secmod *sm, u32 *missing)
{
	struct t2_public *pub = kzalloc(sizeof(*pub), GFP_KERNEL);
	struct t2_name name;
	int rc;

	if (!pub)
		return -ENOMEM;
	rc = t2_read_public(&sm->tpm, SECMOD_SRK, pub, &name);
	*missing = rc || !is_srk(pub);
	if (rc == -ENOENT)
		rc = 0;
	else if (rc)
		secmod_tpm_refuse(sm, rc, "reading the storage root key");
	/* The module that is there may have one of its own. */
	else if (!*missing && check_srk(sm, &name) &&
		 (t2_read_public(&sm->tpm, sm->handles.srk, pub, &name) || check_srk(sm, &name)))
		rc = -EKEYREJECTED;
	kfree(pub);
	return rc;
}

/*
 * A session whose key only the TPM that holds the storage root key can know: for
 * commands that carry secrets. It ends with the command that uses it.
 */
int secmod_salted_session(struct secmod *sm, struct t2_session *s, u8 attributes)
{
	int rc = t2_start_auth_session(&sm->tpm, s, T2_SE_HMAC, sm->srk_handle, &sm->srk);

	if (rc)
		return secmod_tpm_refuse(sm, rc, "starting a salted session");
	s->attributes = attributes;
	return 0;
}

/*
 * A salted session that goes along with every command until secmod_guard_end(): its HMAC
 * covers what authorizes nothing, or nothing secret.
 */
int secmod_guard_begin(struct secmod *sm, struct t2_session *s)
{
	int rc = secmod_salted_session(sm, s, T2_SA_CONTINUE);

	if (!rc)
		sm->tpm.guard = s;
	return rc;
}

/* The next command is the last one guarded: if it succeeds, no other need end the session. */
void secmod_guard_last(struct t2_session *s)
{
	s->attributes = 0;
}

void secmod_guard_end(struct secmod *sm, struct t2_session *s)
{
	sm->tpm.guard = NULL;
	t2_end_session(&sm->tpm, s);
}

static int derive_identity_auth(struct secmod *sm)
{
	int rc = secmod_derive(sm->root, "secmod identity key authValue", NULL, 0,
			       sm->identity_auth);

	return rc ? refuse(&sm->why, rc, "deriving a key: no HMAC-SHA256") : 0;
}

static bool is_ours(struct secmod *sm, u32 handle, const struct t2_public *pub)
{
	u32 attributes = handle == sm->handles.identity ? IDENTITY_ATTRIBUTES : KEY_ATTRIBUTES;
	struct t2_ecc_template t;
	struct t2_point point;

	if (handle == sm->handles.srk || handle == SECMOD_SRK)
		return is_srk(pub);
	return !t2_public_parse_ecc(pub, &t, &point) && t.attributes == attributes;
}

/* -EEXIST: what stands on a handle of the block is nothing that we put there. */
static int expect_ours(struct secmod *sm, u32 handle, const struct t2_public *pub)
{
	if (is_ours(sm, handle, pub))
		return 0;
	return refuse(&sm->why, -EEXIST,
		      "handle 0x%08x holds a foreign object: remove it or choose another block with handles=",
		      handle);
}

/* Learns public area, name and UID of the identity key; -ENOENT when there is none. */
int secmod_identity_find(struct secmod *sm)
{
	int rc;

	rc = t2_read_public(&sm->tpm, sm->handles.identity, &sm->identity, &sm->identity_name);
	if (rc == -ENOENT)
		return refuse(&sm->why, -ENOENT,
			      "the identity key is missing at 0x%08x: secmod init --discard starts anew",
			      sm->handles.identity);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "reading the identity key");
	rc = expect_ours(sm, sm->handles.identity, &sm->identity);
	if (rc)
		return rc;
	/* The name is nameAlg, then SHA-256 over the public area. */
	memcpy(sm->uid, sm->identity_name.data + 2, sizeof(sm->uid));
	return derive_identity_auth(sm);
}

static int persist(struct secmod *sm, u32 loaded, const struct t2_public *pub, u32 handle)
{
	struct t2_entity owner, object = { .handle = loaded };
	int rc;

	t2_hierarchy(&owner, T2_RH_OWNER);
	rc = t2_name_of_public(pub, &object.name);
	rc = rc ?: t2_evict_control(&sm->tpm, &owner, &object, handle);
	return rc ? secmod_tpm_refuse(sm, rc, "making a key persistent") : 0;
}

/* Creates under the storage root key; the authValue travels encrypted. */
static int create_and_load(struct secmod *sm, const u8 *auth, size_t auth_len,
			   const struct t2_ecc_template *t, const u8 *outside, size_t outside_len,
			   struct t2_created *created, u32 *handle)
{
	struct t2_entity parent = { .handle = sm->srk_handle, .name = sm->srk_name };
	struct t2_session s = {};
	int rc;

	rc = secmod_salted_session(sm, &s, T2_SA_DECRYPT);
	if (rc)
		return rc;
	parent.session = &s;
	/* The public area in @created is the template until the TPM fills it. */
	rc = t2_public_ecc(&created->pub, t, NULL);
	if (!rc)
		rc = t2_create(&sm->tpm, &parent, auth, auth_len, &created->pub, outside,
			       outside_len, created);
	if (rc)
		secmod_tpm_refuse(sm, rc, "making a key");
	t2_end_session(&sm->tpm, &s);
	if (rc)
		return rc;
	parent.session = NULL;
	rc = t2_load(&sm->tpm, &parent, &created->priv, &created->pub, handle);
	return rc ? secmod_tpm_refuse(sm, rc, "loading a key") : 0;
}

int secmod_identity_create(struct secmod *sm)
{
	const struct t2_ecc_template t = {
		.attributes = IDENTITY_ATTRIBUTES,
		.scheme = T2_ALG_ECDSA,
	};
	struct t2_created *created = kzalloc(sizeof(*created), GFP_KERNEL);
	u32 handle;
	int rc;

	if (!created)
		return -ENOMEM;
	rc = derive_identity_auth(sm);
	if (!rc)
		rc = create_and_load(sm, sm->identity_auth, sizeof(sm->identity_auth), &t, NULL, 0,
				     created, &handle);
	if (!rc) {
		rc = persist(sm, handle, &created->pub, sm->handles.identity);
		t2_drop(&sm->tpm, handle);
	}
	kfree_sensitive(created);
	return rc ?: secmod_identity_find(sm);
}

void secmod_identity_entity(struct secmod *sm, struct t2_entity *e, struct t2_session *s)
{
	*e = (struct t2_entity){
		.handle = sm->handles.identity,
		.name = sm->identity_name,
		.auth = sm->identity_auth,
		.auth_len = sizeof(sm->identity_auth),
		.session = s,
	};
}

/* PolicyNV(epoch counter == the present epoch), then PolicyAuthValue. */
static int key_policy(struct secmod *sm, u8 digest[T2_DIGEST_SIZE])
{
	struct t2_writer w;
	u8 epoch[8];
	int rc;

	memset(digest, 0, T2_DIGEST_SIZE);
	t2_writer_init(&w, epoch, sizeof(epoch));
	t2_put_u64(&w, sm->epoch);
	rc = t2_policy_digest_nv(digest, &sm->epoch_name, epoch, sizeof(epoch), 0, T2_EO_EQ);
	rc = rc ?: t2_policy_digest_auth_value(digest);
	return rc ? refuse(&sm->why, rc, "computing a policy: no SHA-256") : 0;
}

/* @t points to @policy. */
static int key_template(struct secmod *sm, u8 policy[T2_DIGEST_SIZE], struct t2_ecc_template *t)
{
	*t = (struct t2_ecc_template){
		.attributes = KEY_ATTRIBUTES,
		.scheme = T2_ALG_NULL,
		.policy = policy,
	};
	return key_policy(sm, policy);
}

/* The public area of the module key of the present epoch, as the TPM made it. */
int secmod_key_public(struct secmod *sm, const struct t2_point *point, struct t2_public *pub)
{
	u8 policy[T2_DIGEST_SIZE];
	struct t2_ecc_template t;
	int rc = key_template(sm, policy, &t);

	return rc ?: t2_public_ecc(pub, &t, point);
}

/* The identity key vouches for how, where and with what the key was made. */
static int certify_creation(struct secmod *sm, u32 handle, const struct t2_created *created,
			    const u8 statement[T2_DIGEST_SIZE], struct t2_attest *attest,
			    struct t2_signature *sig)
{
	struct t2_entity signer, object = { .handle = handle };
	struct t2_session s = {};
	int rc;

	rc = t2_start_auth_session(&sm->tpm, &s, T2_SE_HMAC, T2_RH_NULL, NULL);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "starting a session");
	s.attributes = 0; /* ends with the command */
	secmod_identity_entity(sm, &signer, &s);
	rc = t2_name_of_public(&created->pub, &object.name);
	if (!rc)
		rc = t2_certify_creation(&sm->tpm, &signer, &object, statement, T2_DIGEST_SIZE,
					 created->creation_hash, &created->ticket, attest, sig);
	if (rc)
		secmod_tpm_refuse(sm, rc, "certifying the creation of the module key");
	t2_end_session(&sm->tpm, &s);
	return rc;
}

/**
 * secmod_key_create() - a fresh module key for the present epoch
 * @auth: its authValue
 * @outside: goes into the signed creation data
 * @statement: digest the attestation carries as extraData
 */
int secmod_key_create(struct secmod *sm, const u8 auth[RECORD_AUTH_SIZE],
		      const u8 outside[T2_DIGEST_SIZE], struct t2_created *created,
		      const u8 statement[T2_DIGEST_SIZE], struct t2_attest *attest,
		      struct t2_signature *sig)
{
	u8 policy[T2_DIGEST_SIZE];
	struct t2_ecc_template t;
	u32 handle;
	int rc;

	rc = key_template(sm, policy, &t);
	if (!rc)
		rc = create_and_load(sm, auth, RECORD_AUTH_SIZE, &t, outside, T2_DIGEST_SIZE,
				     created, &handle);
	if (rc)
		return rc;
	rc = certify_creation(sm, handle, created, statement, attest, sig);
	rc = rc ?: persist(sm, handle, &created->pub, sm->handles.key);
	t2_drop(&sm->tpm, handle);
	return rc;
}

/* Removes our object at a persistent handle; nothing there is fine. */
int secmod_evict(struct secmod *sm, u32 handle)
{
	struct t2_entity owner, object = { .handle = handle };
	struct t2_public *pub = kzalloc(sizeof(*pub), GFP_KERNEL);
	int rc;

	if (!pub)
		return -ENOMEM;
	rc = t2_read_public(&sm->tpm, handle, pub, &object.name);
	rc = rc ?: expect_ours(sm, handle, pub);
	if (!rc) {
		t2_hierarchy(&owner, T2_RH_OWNER);
		rc = t2_evict_control(&sm->tpm, &owner, &object, handle);
	}
	kfree(pub);
	if (rc && rc != -ENOENT)
		return secmod_tpm_refuse(sm, rc, "removing a key");
	return 0;
}

/**
 * secmod_foreign() - is something in the way of the module's keys?
 * @ours: how many of them are there
 *
 * Return: -EEXIST when a persistent handle of the block holds what we did not make
 */
int secmod_foreign(struct secmod *sm, u32 *ours)
{
	const u32 handles[] = { sm->handles.identity, sm->handles.key, sm->handles.srk };
	struct t2_public *pub = kzalloc(sizeof(*pub), GFP_KERNEL);
	struct t2_name name;
	size_t i;
	int rc = pub ? 0 : -ENOMEM;

	*ours = 0;
	for (i = 0; !rc && i < ARRAY_SIZE(handles); i++) {
		rc = t2_read_public(&sm->tpm, handles[i], pub, &name);
		if (rc == -ENOENT) {
			rc = 0;
			continue;
		}
		rc = rc ? secmod_tpm_refuse(sm, rc, "looking at a handle") :
			  expect_ours(sm, handles[i], pub);
		*ours += !rc;
	}
	kfree(pub);
	return rc;
}
