// SPDX-License-Identifier: MIT
/* The commands that tpm_fuzz.c calls, and what holds for each result. */
#include "fuzz.h"
#include "tpm_calls.h"

struct scene {
	struct t2 *t;
	struct t2_session session, guard;
	struct t2_entity key, nv, owner;
	struct t2_public template;
	u8 auth[8], digest[T2_DIGEST_SIZE];
	/* results, each in memory of its own so that a write behind it is seen */
	struct t2_public *pub;
	struct t2_name *name;
	struct t2_created *created;
	struct t2_nv_public *nv_public;
	struct t2_attest *attest;
	struct t2_signature *sig;
	struct t2_ticket *ticket;
	struct t2_point *point;
	u8 *bytes; /* 64 */
};

static void *allocate(size_t size)
{
	void *p = calloc(1, size);

	CHECK(p);
	return p;
}

static void start(struct t2_session *s, u32 handle, u8 how)
{
	s->handle = handle;
	s->attributes = (how & HOW_ONCE ? 0 : T2_SA_CONTINUE) |
			(how & HOW_DECRYPT ? T2_SA_DECRYPT : 0) |
			(how & HOW_ENCRYPT ? T2_SA_ENCRYPT : 0);
	s->policy = how & HOW_POLICY;
	s->auth_value = how & HOW_AUTH_VALUE;
	s->key_len = how & HOW_AUTH_VALUE ? 0 : sizeof(s->key);
}

static void entity(struct scene *s, struct t2_entity *e, u32 handle, u8 how)
{
	e->handle = handle;
	e->name.len = T2_MAX_NAME;
	e->name.data[1] = T2_ALG_SHA256;
	e->auth = s->auth;
	e->auth_len = sizeof(s->auth);
	e->session = how & HOW_PASSWORD ? NULL : &s->session;
}

struct scene *scene_new(struct t2 *t, u8 how)
{
	struct scene *s = allocate(sizeof(*s));

	s->t = t;
	memcpy(s->auth, "password", sizeof(s->auth));
	start(&s->session, 0x02000000, how);
	start(&s->guard, 0x02000001, how & (HOW_DECRYPT | HOW_ENCRYPT));
	entity(s, &s->key, 0x80000000, how);
	entity(s, &s->nv, 0x01800000, how);
	entity(s, &s->owner, T2_RH_OWNER, how);
	t->guard = how & HOW_GUARD ? &s->guard : NULL;
	CHECK(!t2_public_srk_ecc(&s->template));
	s->pub = allocate(sizeof(*s->pub));
	s->name = allocate(sizeof(*s->name));
	s->created = allocate(sizeof(*s->created));
	s->nv_public = allocate(sizeof(*s->nv_public));
	s->attest = allocate(sizeof(*s->attest));
	s->sig = allocate(sizeof(*s->sig));
	s->ticket = allocate(sizeof(*s->ticket));
	s->point = allocate(sizeof(*s->point));
	s->bytes = allocate(64);
	return s;
}

void scene_free(struct scene *s)
{
	free(s->pub);
	free(s->name);
	free(s->created);
	free(s->nv_public);
	free(s->attest);
	free(s->sig);
	free(s->ticket);
	free(s->point);
	free(s->bytes);
	free(s);
}

static void check_public(const struct t2_public *pub)
{
	struct t2_ecc_template template;
	struct t2_point point;

	CHECK(pub->len <= sizeof(pub->data));
	(void)t2_public_parse_ecc(pub, &template, &point);
}

static void check_object(int err, u32 handle)
{
	if (!err)
		CHECK(handle >> 24 == T2_HT_TRANSIENT);
}

static int create_primary(struct scene *s)
{
	u32 handle = 0;
	int err = t2_create_primary(s->t, &s->owner, &s->template, &handle,
				    s->pub);

	check_object(err, handle);
	check_public(s->pub);
	return err;
}

static int create(struct scene *s)
{
	struct t2_created *c = s->created;
	int err = t2_create(s->t, &s->key, s->digest, sizeof(s->digest),
			    &s->template, s->digest, sizeof(s->digest), c);

	CHECK(c->priv.len <= sizeof(c->priv.data));
	CHECK(c->creation_len <= sizeof(c->creation));
	CHECK(c->ticket.len <= sizeof(c->ticket.digest));
	check_public(&c->pub);
	return err;
}

static int load(struct scene *s)
{
	u32 handle = 0;
	int err = t2_load(s->t, &s->key, &s->created->priv, &s->template,
			  &handle);

	check_object(err, handle);
	return err;
}

static int load_external(struct scene *s)
{
	u32 handle = 0;
	int err = t2_load_external(s->t, &s->template, &handle);

	check_object(err, handle);
	return err;
}

static int evict(struct scene *s)
{
	return t2_evict_control(s->t, &s->owner, &s->key, 0x81000000);
}

static int flush(struct scene *s)
{
	return t2_flush_context(s->t, 0x80000000);
}

static int read_public(struct scene *s)
{
	int err = t2_read_public(s->t, 0x81000000, s->pub, s->name);

	check_public(s->pub);
	CHECK(s->name->len <= sizeof(s->name->data));
	return err;
}

static int sign(struct scene *s)
{
	return t2_sign(s->t, &s->key, T2_ALG_SHA256, s->digest,
		       sizeof(s->digest), NULL, s->sig);
}

static int verify_signature(struct scene *s)
{
	s->sig->hash = T2_ALG_SHA256;
	return t2_verify_signature(s->t, 0x80000000, s->digest,
				   sizeof(s->digest), s->sig);
}

static int verify(struct scene *s)
{
	s->sig->hash = T2_ALG_SHA256;
	return t2_verify(s->t, &s->template, s->digest, sizeof(s->digest),
			 s->sig);
}

static int zgen(struct scene *s)
{
	struct t2_point peer = { 0 };

	return t2_ecdh_zgen(s->t, &s->key, &peer, s->point);
}

static int hash(struct scene *s)
{
	int err = t2_hash(s->t, s->digest, sizeof(s->digest), T2_RH_OWNER,
			  s->bytes, s->ticket);

	CHECK(s->ticket->len <= sizeof(s->ticket->digest));
	return err;
}

static int stir_random(struct scene *s)
{
	return t2_stir_random(s->t, s->digest, sizeof(s->digest));
}

static int get_random(struct scene *s)
{
	return t2_get_random(s->t, s->bytes, 64);
}

static int certify_creation(struct scene *s)
{
	int err = t2_certify_creation(s->t, &s->key, &s->nv, s->digest,
				      sizeof(s->digest), s->digest,
				      &s->created->ticket, s->attest, s->sig);

	CHECK(s->attest->len <= sizeof(s->attest->data));
	return err;
}

static int activate_credential(struct scene *s)
{
	size_t len = 64;
	int err;

	s->owner.session = NULL;
	err = t2_activate_credential(s->t, &s->key, &s->owner, s->digest,
				     sizeof(s->digest), s->digest,
				     sizeof(s->digest), s->bytes, &len);
	CHECK(len <= 64);
	return err;
}

static int nv_define(struct scene *s)
{
	return t2_nv_define_space(s->t, &s->owner, s->auth, sizeof(s->auth),
				  s->nv_public);
}

static int nv_undefine(struct scene *s)
{
	return t2_nv_undefine_space(s->t, &s->owner, &s->nv);
}

static int nv_read_public(struct scene *s)
{
	int err = t2_nv_read_public(s->t, s->nv.handle, s->nv_public, s->name);

	CHECK(s->nv_public->policy_len <= sizeof(s->nv_public->policy));
	CHECK(err || s->nv_public->index == s->nv.handle);
	return err;
}

static int nv_write(struct scene *s)
{
	return t2_nv_write(s->t, &s->nv, &s->nv, s->digest, sizeof(s->digest),
			   0);
}

static int nv_read(struct scene *s)
{
	return t2_nv_read(s->t, &s->nv, &s->nv, s->bytes, 64, 0);
}

static int nv_read_counter(struct scene *s)
{
	u64 value = 0;

	return t2_nv_read_counter(s->t, &s->nv, &s->nv, &value);
}

static int nv_read_lock(struct scene *s)
{
	return t2_nv_read_lock(s->t, &s->nv, &s->nv);
}

static int nv_write_lock(struct scene *s)
{
	return t2_nv_write_lock(s->t, &s->nv, &s->nv);
}

static int nv_increment(struct scene *s)
{
	return t2_nv_increment(s->t, &s->nv, &s->nv);
}

static int nv_certify(struct scene *s)
{
	int err;

	s->owner.session = NULL;
	err = t2_nv_certify(s->t, &s->key, &s->owner, &s->nv, s->digest,
			    sizeof(s->digest), 8, 0, s->attest, s->sig);
	CHECK(s->attest->len <= sizeof(s->attest->data));
	return err;
}

static int get_property(struct scene *s)
{
	u32 value;

	return t2_get_property(s->t, T2_PT_MANUFACTURER, &value);
}

static int get_handles(struct scene *s)
{
	u32 *handles = allocate(4 * sizeof(*handles));
	size_t count = 4;
	int err = t2_get_handles(s->t, 0x81000000, handles, &count);

	CHECK(count <= 4);
	free(handles);
	return err;
}

static int get_list(struct scene *s, u32 capability)
{
	u32 *list = allocate(4 * sizeof(*list));
	size_t count = 4;
	int err = t2_get_list(s->t, capability, 0, list, &count);

	CHECK(count <= 4);
	CHECK(!err || !count);
	(void)t2_missing_command(list, count);
	free(list);
	return err;
}

static int get_algorithms(struct scene *s)
{
	return get_list(s, T2_CAP_ALGS);
}

static int get_commands(struct scene *s)
{
	return get_list(s, T2_CAP_COMMANDS);
}

static int get_curves(struct scene *s)
{
	return get_list(s, T2_CAP_ECC_CURVES);
}

static int get_pcr_bank(struct scene *s)
{
	u8 *select = allocate(3);
	int err = t2_get_pcr_bank(s->t, T2_ALG_SHA256, select);

	free(select);
	return err;
}

static int start_session(struct scene *s)
{
	static const struct t2_session zero;
	struct t2_session *fresh = allocate(sizeof(*fresh));
	bool policy = s->session.policy;
	int err = t2_start_auth_session(s->t, fresh,
					policy ? T2_SE_POLICY : T2_SE_HMAC,
					0x81000000, &s->template);

	if (err)
		CHECK(!memcmp(fresh, &zero, sizeof(zero)));
	else
		CHECK(fresh->handle && fresh->key_len == sizeof(fresh->key));
	t2_end_session(s->t, fresh);
	CHECK(!memcmp(fresh, &zero, sizeof(zero)));
	free(fresh);
	return err;
}

static int policy_nv(struct scene *s)
{
	s->nv.session = NULL;
	return t2_policy_nv(s->t, &s->session, &s->nv, &s->nv, s->digest, 8, 0,
			    T2_EO_EQ);
}

static int policy_auth_value(struct scene *s)
{
	return t2_policy_auth_value(s->t, &s->session);
}

static int policy_secret(struct scene *s)
{
	s->owner.session = NULL;
	return t2_policy_secret(s->t, &s->session, &s->owner);
}

static int policy_pcr(struct scene *s)
{
	static const u8 select[3] = { 1, 2, 3 };

	return t2_policy_pcr(s->t, &s->session, select);
}

static int policy_get_digest(struct scene *s)
{
	return t2_policy_get_digest(s->t, &s->session, s->bytes);
}

static int startup(struct scene *s)
{
	return t2_startup(s->t);
}

static int pcr_extend(struct scene *s)
{
	return t2_pcr_extend(s->t, 1, s->bytes);
}

/* The order is that of the first byte of an input: append only. */
static int (*const calls[])(struct scene *s) = {
	create_primary,
	create,
	load,
	load_external,
	evict,
	flush,
	read_public,
	sign,
	verify_signature,
	verify,
	zgen,
	hash,
	stir_random,
	get_random,
	certify_creation,
	activate_credential,
	nv_define,
	nv_undefine,
	nv_read_public,
	nv_write,
	nv_read,
	nv_read_counter,
	nv_read_lock,
	nv_write_lock,
	nv_increment,
	nv_certify,
	get_property,
	get_handles,
	start_session,
	policy_nv,
	policy_auth_value,
	policy_secret,
	policy_pcr,
	policy_get_digest,
	get_algorithms,
	get_commands,
	get_curves,
	get_pcr_bank,
	startup,
	pcr_extend,
};

size_t scene_calls(void)
{
	return ARRAY_SIZE(calls);
}

int scene_run(struct scene *s, u8 which)
{
	return calls[which % ARRAY_SIZE(calls)](s);
}

size_t handles_of(u32 cc)
{
	switch (cc) {
	case T2_CC_STARTUP:
	case T2_CC_STIR_RANDOM:
	case T2_CC_GET_RANDOM:
	case T2_CC_HASH:
	case T2_CC_LOAD_EXTERNAL:
	case T2_CC_GET_CAPABILITY:
		return 0;
	case T2_CC_NV_CERTIFY:
	case T2_CC_POLICY_NV:
		return 3;
	case T2_CC_EVICT_CONTROL:
	case T2_CC_NV_UNDEFINE_SPACE:
	case T2_CC_NV_INCREMENT:
	case T2_CC_NV_WRITE:
	case T2_CC_NV_READ:
	case T2_CC_NV_READ_LOCK:
	case T2_CC_NV_WRITE_LOCK:
	case T2_CC_ACTIVATE_CREDENTIAL:
	case T2_CC_CERTIFY_CREATION:
	case T2_CC_POLICY_SECRET:
	case T2_CC_START_AUTH_SESSION:
		return 2;
	default:
		return 1;
	}
}
