// SPDX-License-Identifier: GPL-2.0-only
#include "tpm_fixture.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <stdlib.h>

void tpm_ok(struct tpm_fixture *f, int err)
{
	char text[128];

	if (err)
		fail_msg("%s: %s", strerror(-err),
			 t2_rc_text(f->t.cc, f->t.rc, text, sizeof(text)));
}

void tpm_refused(struct tpm_fixture *f, int err, int want, u32 rc)
{
	char text[128];

	if (err != want || t2_rc_base(f->t.rc) != rc)
		fail_msg("%s instead of %s and 0x%x: %s", strerror(-err),
			 strerror(-want), rc,
			 t2_rc_text(f->t.cc, f->t.rc, text, sizeof(text)));
}

/* So that tests of wrong authValues do not lock the TPM. */
static void allow_failures(struct tpm_fixture *f)
{
	assert_int_equal(Esys_DictionaryAttackParameters(
				 f->esys, ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD,
				 ESYS_TR_NONE, ESYS_TR_NONE, 1000000, 1, 1),
			 0);
}

static void make_srk(struct tpm_fixture *f)
{
	struct t2_public template;

	assert_int_equal(t2_public_srk_ecc(&template), 0);
	tpm_ok(f, t2_create_primary(&f->t, &f->owner, &template, &f->srk.handle,
				    &f->srk_public));
	tpm_ok(f, t2_name_of_public(&f->srk_public, &f->srk.name));
	tpm_ok(f, t2_evict_control(&f->t, &f->owner, &f->srk, FX_SRK));
	tpm_ok(f, t2_flush_context(&f->t, f->srk.handle));
	f->srk.handle = FX_SRK;
}

int tpm_fixture_start(void **state)
{
	struct tpm_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	assert_int_equal(swtpm_start(&f->swtpm), 0);
	f->t.transmit = t2_socket_transmit;
	f->t.ctx = &f->swtpm.fd;
	t2_hierarchy(&f->owner, T2_RH_OWNER);
	assert_int_equal(Esys_Initialize(&f->esys,
					 t2_tcti_init(&f->tcti, &f->swtpm.fd),
					 NULL),
			 0);
	allow_failures(f);
	make_srk(f);
	return 0;
}

int tpm_fixture_stop(void **state)
{
	struct tpm_fixture *f = *state;

	Esys_Finalize(&f->esys);
	swtpm_remove(&f->swtpm);
	free(f);
	return 0;
}

/* How many are left from @first on; the next test does not suffer from them. */
static size_t leftovers(struct tpm_fixture *f, u32 first)
{
	u32 handles[64];
	size_t count = ARRAY_SIZE(handles), i;

	tpm_ok(f, t2_get_handles(&f->t, first, handles, &count));
	for (i = 0; i < count; i++)
		t2_flush_context(&f->t, handles[i]);
	return count;
}

int tpm_fixture_clean(void **state)
{
	static const u8 zeros[T2_BUF_SIZE];
	struct tpm_fixture *f = *state;
	size_t count;

	t2_openssl_seed(NULL);
	t2_openssl_fail(0, 0);
	f->t.guard = NULL;
	f->t.transmit = t2_socket_transmit;
	count = leftovers(f, 0x80000000); /* transient objects */
	count += leftovers(f, 0x02000000); /* loaded sessions, of both kinds */
	count += leftovers(f, 0x03000000); /* saved sessions */
	assert_int_equal(count, 0);
	assert_memory_equal(f->t.buf, zeros, sizeof(zeros));
	return 0;
}

void tpm_power_cycle(struct tpm_fixture *f)
{
	swtpm_off(&f->swtpm);
	assert_int_equal(swtpm_on(&f->swtpm), 0);
}

void tpm_session(struct tpm_fixture *f, struct t2_session *s,
		 enum t2_session_type type, u8 attributes)
{
	tpm_ok(f,
	       t2_start_auth_session(&f->t, s, type, FX_SRK, &f->srk_public));
	assert_int_equal(s->key_len, T2_DIGEST_SIZE);
	s->attributes = attributes;
}

void tpm_make_key(struct tpm_fixture *f, const struct t2_ecc_template *t,
		  const char *auth, struct tpm_key *key)
{
	struct t2_entity parent = f->srk;
	struct t2_ecc_template parsed;
	struct t2_public template;
	struct t2_session s;

	memset(key, 0, sizeof(*key));
	assert_int_equal(t2_public_ecc(&template, t, NULL), 0);
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	parent.session = &s;
	tpm_ok(f, t2_create(&f->t, &parent, (const u8 *)auth, strlen(auth),
			    &template, (const u8 *)"outside", 7, &key->made));
	s.attributes = FX_SALTED & ~T2_SA_CONTINUE;
	tpm_ok(f, t2_load(&f->t, &parent, &key->made.priv, &key->made.pub,
			  &key->e.handle));
	assert_int_equal(s.handle, 0);
	tpm_ok(f, t2_name_of_public(&key->made.pub, &key->e.name));
	tpm_ok(f, t2_public_parse_ecc(&key->made.pub, &parsed, &key->point));
	assert_int_equal(parsed.attributes, t->attributes);
	key->e.auth = (const u8 *)auth;
	key->e.auth_len = strlen(auth);
}

void tpm_drop_key(struct tpm_fixture *f, struct tpm_key *key)
{
	tpm_ok(f, t2_flush_context(&f->t, key->e.handle));
}

void tpm_name_nv(struct tpm_fixture *f, struct t2_entity *nv)
{
	struct t2_nv_public pub;

	tpm_ok(f, t2_nv_read_public(&f->t, nv->handle, &pub, &nv->name));
}

void tpm_define(struct tpm_fixture *f, u32 index, u32 attributes, u16 size,
		const char *auth, struct t2_entity *nv)
{
	const struct t2_nv_public pub = { .index = index,
					  .name_alg = T2_ALG_SHA256,
					  .attributes = attributes,
					  .size = size };

	memset(nv, 0, sizeof(*nv));
	tpm_ok(f, t2_nv_define_space(&f->t, &f->owner, (const u8 *)auth,
				     strlen(auth), &pub));
	nv->handle = index;
	nv->auth = (const u8 *)auth;
	nv->auth_len = strlen(auth);
	tpm_name_nv(f, nv);
}

void tpm_undefine(struct tpm_fixture *f, struct t2_entity *nv)
{
	tpm_name_nv(f, nv);
	tpm_ok(f, t2_nv_undefine_space(&f->t, &f->owner, nv));
}

static ECDSA_SIG *to_openssl(const struct t2_signature *sig)
{
	ECDSA_SIG *s = ECDSA_SIG_new();

	assert_int_equal(ECDSA_SIG_set0(s, BN_bin2bn(sig->r, 32, NULL),
					BN_bin2bn(sig->s, 32, NULL)),
			 1);
	return s;
}

static EVP_PKEY *public_key(const struct t2_point *point)
{
	u8 raw[65] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
				       (char *)"P-256", 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, raw, 65),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(raw + 1, point, 64);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

bool openssl_verifies(const struct t2_point *key, const u8 digest[32],
		      const struct t2_signature *sig)
{
	EVP_PKEY *pkey = public_key(key);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	ECDSA_SIG *s = to_openssl(sig);
	unsigned char *der = NULL;
	int len = i2d_ECDSA_SIG(s, &der), ok;

	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	ok = EVP_PKEY_verify(ctx, der, (size_t)len, digest, 32);
	OPENSSL_free(der);
	ECDSA_SIG_free(s);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return ok == 1;
}

void openssl_sign(struct t2_point *key, const u8 digest[32],
		  struct t2_signature *sig)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	u8 raw[65], der[80];
	const u8 *p = der;
	size_t len = sizeof(der), raw_len;
	ECDSA_SIG *s;

	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, der, &len, digest, 32), 1);
	s = d2i_ECDSA_SIG(NULL, &p, (long)len);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(s), sig->r, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(s), sig->s, 32), 32);
	sig->hash = T2_ALG_SHA256;
	assert_int_equal(
		EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY,
						raw, sizeof(raw), &raw_len),
		1);
	memcpy(key, raw + 1, 64);
	ECDSA_SIG_free(s);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

void openssl_sha256(const void *data, size_t len, u8 digest[32])
{
	SHA256(data, len, digest);
}
