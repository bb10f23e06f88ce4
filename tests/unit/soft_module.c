// SPDX-License-Identifier: GPL-2.0-only
/* What the driver does with its TPM, done by a test with a software TPM. */
#include "soft_module.h"

#include <endian.h>
#include <openssl/rand.h>
#include <time.h>

#define IDENTITY                                                               \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT |                              \
	 T2_OBJ_SENSITIVE_DATA_ORIGIN | T2_OBJ_USER_WITH_AUTH | T2_OBJ_NO_DA | \
	 T2_OBJ_SIGN | T2_OBJ_RESTRICTED)
#define MODULE_KEY                                                 \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT |                  \
	 T2_OBJ_SENSITIVE_DATA_ORIGIN | T2_OBJ_ADMIN_WITH_POLICY | \
	 T2_OBJ_NO_DA | T2_OBJ_SIGN | T2_OBJ_DECRYPT)
#define COUNTER                                                   \
	(T2_NV_OWNER_READ | T2_NV_OWNER_WRITE | T2_NV_AUTH_READ | \
	 T2_NV_AUTH_WRITE | T2_NV_NO_DA | T2_NV_TYPE_COUNTER)

static void read_epoch(struct soft_module *m)
{
	tpm_ok(m->f, t2_nv_read_counter(&m->f->t, &m->f->owner, &m->epoch_nv,
					&m->epoch));
}

static void increment(struct soft_module *m)
{
	tpm_ok(m->f, t2_nv_increment(&m->f->t, &m->f->owner, &m->epoch_nv));
	tpm_name_nv(m->f, &m->epoch_nv);
	read_epoch(m);
}

void soft_module_init(struct soft_module *m, struct tpm_fixture *f,
		      const char *serial)
{
	const struct t2_ecc_template t = { .attributes = IDENTITY,
					   .scheme = T2_ALG_ECDSA };
	struct error e;
	uint8_t digest[32];

	memset(m, 0, sizeof(*m));
	m->f = f;
	snprintf(m->serial, sizeof(m->serial), "%s", serial);
	tpm_make_key(f, &t, "identity auth", &m->identity);
	tpm_define(f, FX_EPOCH, COUNTER, 8, "", &m->epoch_nv);
	increment(m);
	openssl_sha256(m->identity.made.pub.data, m->identity.made.pub.len,
		       digest);
	memcpy(m->uid, digest, sizeof(m->uid));
	assert_int_equal(tpm_public_key(m->identity.made.pub.data,
					m->identity.made.pub.len,
					&m->identity_public, NULL, &e),
			 0);
}

void soft_module_drop_key(struct soft_module *m)
{
	if (m->key.e.handle)
		tpm_drop_key(m->f, &m->key);
	m->key.e.handle = 0;
}

void soft_module_end(struct soft_module *m)
{
	soft_module_drop_key(m);
	tpm_drop_key(m->f, &m->identity);
	tpm_undefine(m->f, &m->epoch_nv);
	EVP_PKEY_free(m->identity_public);
}

static void take_signature(struct soft_module *m, const struct t2_signature *s)
{
	memcpy(m->signature, s->r, 32);
	memcpy(m->signature + 32, s->s, 32);
}

static void create_key(struct soft_module *m, const uint8_t outside[32])
{
	struct tpm_fixture *f = m->f;
	uint64_t operand = htobe64(m->epoch);
	struct t2_ecc_template t = { .attributes = MODULE_KEY,
				     .scheme = T2_ALG_NULL };
	struct t2_entity parent = f->srk;
	struct t2_public template;
	struct t2_session s;
	u8 policy[32] = { 0 };

	tpm_ok(f, t2_policy_digest_nv(policy, &m->epoch_nv.name, (u8 *)&operand,
				      8, 0, T2_EO_EQ));
	tpm_ok(f, t2_policy_digest_auth_value(policy));
	t.policy = policy;
	assert_int_equal(t2_public_ecc(&template, &t, NULL), 0);
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	parent.session = &s;
	tpm_ok(f, t2_create(&f->t, &parent, (const u8 *)"auth", 4, &template,
			    outside, 32, &m->key.made));
	s.attributes = FX_SALTED & ~T2_SA_CONTINUE;
	tpm_ok(f, t2_load(&f->t, &parent, &m->key.made.priv, &m->key.made.pub,
			  &m->key.e.handle));
	tpm_ok(f, t2_name_of_public(&m->key.made.pub, &m->key.e.name));
}

static void certify_creation(struct soft_module *m, const uint8_t digest[32])
{
	struct t2_session s;
	struct t2_signature sig;

	tpm_session(m->f, &s, T2_SE_HMAC, FX_SALTED);
	m->identity.e.session = &s;
	tpm_ok(m->f,
	       t2_certify_creation(&m->f->t, &m->identity.e, &m->key.e, digest,
				   32, m->key.made.creation_hash,
				   &m->key.made.ticket, &m->attest, &sig));
	t2_end_session(&m->f->t, &s);
	m->identity.e.session = NULL;
	take_signature(m, &sig);
}

static void birth_statement(struct soft_module *m, const uint8_t pu_nonce[32],
			    uint8_t digest[32])
{
	struct secmod_perso_statement s = { .magic = SECMOD_PERSO_MAGIC };

	memcpy(s.uid, m->uid, sizeof(s.uid));
	memcpy(s.serial, m->serial, strlen(m->serial));
	s.epoch = htobe64(m->epoch);
	s.time = htobe64(m->time);
	memcpy(s.pu_nonce, pu_nonce, 32);
	memcpy(s.module_nonce, m->module_nonce, 32);
	openssl_sha256(&s, sizeof(s), digest);
}

void soft_module_birth(struct soft_module *m, const uint8_t salt[32],
		       const uint8_t pu_nonce[32], struct tpm_birth *b)
{
	uint8_t both[64], outside[32], digest[32];

	memcpy(m->salt, salt, 32);
	memcpy(both, salt, 32);
	memcpy(both + 32, pu_nonce, 32);
	openssl_sha256(both, sizeof(both), outside);
	m->time = time(NULL) + m->clock;
	assert_int_equal(RAND_bytes(m->module_nonce, 32), 1);
	birth_statement(m, pu_nonce, digest);
	soft_module_drop_key(m);
	create_key(m, outside);
	certify_creation(m, digest);
	*b = (struct tpm_birth){
		.public_area = m->key.made.pub.data,
		.public_len = m->key.made.pub.len,
		.creation = m->key.made.creation,
		.creation_len = m->key.made.creation_len,
		.attest = m->attest.data,
		.attest_len = m->attest.len,
		.signature = m->signature,
		.uid = m->uid,
		.serial = m->serial,
		.epoch = m->epoch,
		.time = m->time,
		.salt = salt,
		.pu_nonce = pu_nonce,
		.module_nonce = m->module_nonce,
	};
}

X509 *soft_module_certify(const struct soft_module *m, enum pki_role role,
			  EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	struct pki_request req = {
		.role = role,
		.serial = m->serial,
		.uid = m->uid,
		.epoch = m->epoch,
		.days = 10,
	};
	struct error e;
	X509 *cert;

	if (role == PKI_ROLE_MODULE) {
		req.nonce = m->module_nonce;
		req.salt = m->salt;
	}
	if (pki_issue(&req, key, issuer, issuer_key, &cert, &e))
		fail_msg("%s", e.text);
	return cert;
}

void soft_module_reset(struct soft_module *m)
{
	increment(m);
}

void soft_module_attest(struct soft_module *m, const char *magic,
			const uint8_t nonce[32], uint32_t state,
			const uint8_t key_digest[32])
{
	struct secmod_attest_statement st = { .state = htobe32(state) };
	struct t2_nv_public nv;
	struct t2_signature sig;
	struct t2_session s;
	struct t2_name name;
	struct t2_writer w;
	u8 digest[32];

	memcpy(st.magic, magic, sizeof(st.magic));
	memcpy(st.uid, m->uid, sizeof(st.uid));
	memcpy(st.nonce, nonce, 32);
	memcpy(st.key_digest, key_digest, 32);
	openssl_sha256(&st, sizeof(st), digest);
	tpm_session(m->f, &s, T2_SE_HMAC, FX_SALTED);
	m->identity.e.session = &s;
	tpm_ok(m->f,
	       t2_nv_certify(&m->f->t, &m->identity.e, &m->f->owner,
			     &m->epoch_nv, digest, 32, 8, 0, &m->attest, &sig));
	t2_end_session(&m->f->t, &s);
	m->identity.e.session = NULL;
	take_signature(m, &sig);
	tpm_ok(m->f, t2_nv_read_public(&m->f->t, FX_EPOCH, &nv, &name));
	t2_writer_init(&w, m->nv_public, sizeof(m->nv_public));
	t2_put_nv_public(&w, &nv);
	m->nv_public_len = w.len;
}

/* A restricted key signs what the TPM itself has hashed: Part 3, 20.2 */
void soft_module_sign(struct soft_module *m, const void *data, size_t len,
		      uint8_t signature[64])
{
	struct t2_ticket ticket;
	struct t2_signature sig;
	struct t2_session s;
	u8 digest[32];

	tpm_ok(m->f,
	       t2_hash(&m->f->t, data, len, T2_RH_OWNER, digest, &ticket));
	tpm_session(m->f, &s, T2_SE_HMAC, FX_SALTED);
	m->identity.e.session = &s;
	tpm_ok(m->f, t2_sign(&m->f->t, &m->identity.e, T2_ALG_SHA256, digest,
			     32, &ticket, &sig));
	t2_end_session(&m->f->t, &s);
	m->identity.e.session = NULL;
	memcpy(signature, sig.r, 32);
	memcpy(signature + 32, sig.s, 32);
}

void soft_module_ek(struct soft_module *m, bool rsa, struct t2_entity *ek,
		    struct t2_public *pub)
{
	struct t2_entity endorsement;
	struct t2_public template;

	memset(ek, 0, sizeof(*ek));
	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	assert_int_equal(rsa ? t2_public_ek_rsa(&template) :
			       t2_public_ek_ecc(&template),
			 0);
	tpm_ok(m->f, t2_create_primary(&m->f->t, &endorsement, &template,
				       &ek->handle, pub));
	tpm_ok(m->f, t2_name_of_public(pub, &ek->name));
}

int soft_module_activate(struct soft_module *m, struct t2_entity *ek,
			 const uint8_t *blob, size_t blob_len,
			 const uint8_t *secret, size_t secret_len,
			 uint8_t info[64], size_t *info_len)
{
	struct t2_entity endorsement;
	struct t2_session policy, hmac;
	int err;

	/* the length fields tell all that is there */
	assert_int_equal(blob[0] << 8 | blob[1], blob_len - 2);
	assert_int_equal(secret[0] << 8 | secret[1], secret_len - 2);
	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	tpm_session(m->f, &policy, T2_SE_POLICY, 0);
	tpm_ok(m->f, t2_policy_secret(&m->f->t, &policy, &endorsement));
	tpm_session(m->f, &hmac, T2_SE_HMAC, FX_SALTED);
	m->identity.e.session = &hmac;
	ek->session = &policy;
	*info_len = 64;
	err = t2_activate_credential(&m->f->t, &m->identity.e, ek, blob + 2,
				     blob_len - 2, secret + 2, secret_len - 2,
				     info, info_len);
	m->identity.e.session = NULL;
	t2_end_session(&m->f->t, &policy);
	t2_end_session(&m->f->t, &hmac);
	return err;
}
