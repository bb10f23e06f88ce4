// SPDX-License-Identifier: GPL-2.0-only
/*
 * A8, A9, A10 and proofs of erasure: what a TPM attests passes; each statement
 * changed in one thing does not.
 */
#include "soft_module.h"

#include <errno.h>

#include "certs.h"
#include "common/wire.h"

static const uint8_t salt[32] = "salt of the unit";
static const uint8_t pu_nonce[32] = "nonce of the unit";
static const uint8_t nonce[32] = "nonce of the verifier";
static const uint8_t zeros[32];

static void birth_is(const struct tpm_birth *b, EVP_PKEY *identity, int err,
		     const char *text)
{
	struct error e = { "" };
	EVP_PKEY *key;
	int ret = tpm_check_birth(b, identity, &key, &e);

	if (ret != err || !strstr(e.text, text) || !key != !!ret)
		fail_msg("returned %d '%s' instead of %d '%s'", ret, e.text,
			 err, text);
	EVP_PKEY_free(key);
}

static void birth_passes(void **state)
{
	struct soft_module m;
	struct tpm_birth b;

	soft_module_init(&m, *state, "T-1");
	soft_module_birth(&m, salt, pu_nonce, &b);
	birth_is(&b, m.identity_public, 0, "");
	soft_module_end(&m);
}

/* Each expectation of the PU changed in turn. */
static void birth_of_another_time_or_place(void **state)
{
	static const char about[] = "about another module, moment or challenge";
	struct soft_module m;
	struct tpm_birth b, x;
	EVP_PKEY *stranger = certs_key();

	soft_module_init(&m, *state, "T-1");
	soft_module_birth(&m, salt, pu_nonce, &b);
	x = b;
	x.uid = zeros;
	birth_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = b;
	x.serial = "T-2";
	birth_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = b;
	x.serial = "a serial number of 33 characters.";
	birth_is(&x, m.identity_public, -EINVAL, "too long");
	x = b;
	x.epoch++;
	birth_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = b;
	x.time--;
	birth_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = b;
	x.pu_nonce = nonce;
	birth_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = b;
	x.module_nonce = nonce;
	birth_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = b;
	x.salt = nonce;
	birth_is(&x, m.identity_public, -EKEYREJECTED, "another salt");
	birth_is(&b, stranger, -EKEYREJECTED, "not signed by the identity");
	EVP_PKEY_free(stranger);
	soft_module_end(&m);
}

/* What the module sends changed in turn: any byte of any part. */
static void every_byte_of_a_birth_counts(void **state)
{
	struct soft_module m;
	struct tpm_birth b;
	struct error e;
	EVP_PKEY *key;
	struct {
		uint8_t *data;
		size_t len;
	} parts[4];
	size_t i, k;

	soft_module_init(&m, *state, "T-1");
	soft_module_birth(&m, salt, pu_nonce, &b);
	parts[0].data = m.key.made.pub.data;
	parts[0].len = m.key.made.pub.len;
	parts[1].data = m.key.made.creation;
	parts[1].len = m.key.made.creation_len;
	parts[2].data = m.attest.data;
	parts[2].len = m.attest.len;
	parts[3].data = m.signature;
	parts[3].len = 64;
	for (i = 0; i < 4; i++)
		for (k = 0; k < parts[i].len; k++) {
			parts[i].data[k] ^= 0x10;
			if (!tpm_check_birth(&b, m.identity_public, &key, &e))
				fail_msg("byte %zu of part %zu", k, i);
			parts[i].data[k] ^= 0x10;
		}
	birth_is(&b, m.identity_public, 0, "");
	b.creation_len--;
	birth_is(&b, m.identity_public, -EKEYREJECTED, "other creation data");
	soft_module_end(&m);
}

/* Right signature, wrong content: signed by the identity key, restricted or not. */
static void resign(struct tpm_birth *b, EVP_PKEY *key, uint8_t sig[64])
{
	struct error e;

	assert_int_equal(pki_sign_raw(key, b->attest, b->attest_len, sig, &e),
			 0);
	b->signature = sig;
}

static void forged_attestations(void **state)
{
	EVP_PKEY *forger = certs_key();
	struct soft_module m;
	struct tpm_birth b;
	uint8_t sig[64];

	soft_module_init(&m, *state, "T-1");
	soft_module_birth(&m, salt, pu_nonce, &b);
	resign(&b, forger, sig);
	birth_is(&b, forger, 0, ""); /* the method of this test works */
	m.attest.data[0] ^= 1; /* TPM_GENERATED_VALUE */
	resign(&b, forger, sig);
	birth_is(&b, forger, -EKEYREJECTED, "not made by a TPM");
	m.attest.data[0] ^= 1;
	m.attest.data[m.attest.len++] = 0; /* trailing byte */
	b.attest_len++;
	resign(&b, forger, sig);
	birth_is(&b, forger, -EBADMSG, "TPMS_ATTEST");
	EVP_PKEY_free(forger);
	soft_module_end(&m);
}

/* The same statement, but by TPM2_NV_Certify: another kind of attestation */
static void attestation_of_another_kind(void **state)
{
	struct soft_module m;
	struct tpm_birth b;

	soft_module_init(&m, *state, "T-1");
	soft_module_birth(&m, salt, pu_nonce, &b);
	soft_module_attest(&m, SECMOD_ATTEST_MAGIC, nonce, 3, zeros);
	b.attest_len = m.attest.len;
	birth_is(&b, m.identity_public, -EKEYREJECTED, "another kind");
	soft_module_end(&m);
}

/* A key of the same TPM that anyone with its password could use or take along. */
static void keys_that_are_no_module_keys(void **state)
{
	struct tpm_fixture *f = *state;
	struct soft_module m;
	struct tpm_birth b;
	uint8_t pub[T2_MAX_PUBLIC], sig[64], digest[32];
	EVP_PKEY *forger = certs_key();
	static const struct {
		size_t byte;
		uint8_t set, clear;
	} changes[] = {
		{ 7, 0x40, 0 }, /* userWithAuth */
		{ 7, 0, 0x02 }, /* fixedTPM */
		{ 7, 0, 0x10 }, /* fixedParent */
		{ 7, 0, 0x20 }, /* sensitiveDataOrigin */
		{ 5, 0x01, 0 }, /* restricted */
		{ 5, 0, 0x04 }, /* sign */
	};
	uint8_t *name;
	size_t i;

	soft_module_init(&m, f, "T-1");
	soft_module_birth(&m, salt, pu_nonce, &b);
	/* objectName stands in the attestation, 000b and the digest */
	tpm_name_digest(b.public_area, b.public_len, digest);
	name = memmem(m.attest.data, m.attest.len, digest, 32);
	assert_non_null(name);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(pub, m.key.made.pub.data, b.public_len);
		pub[changes[i].byte] |= changes[i].set;
		pub[changes[i].byte] &= ~changes[i].clear;
		b.public_area = pub;
		tpm_name_digest(pub, b.public_len, name);
		resign(&b, forger, sig);
		birth_is(&b, forger, -EKEYREJECTED, "bound to a policy");
	}
	EVP_PKEY_free(forger);
	soft_module_end(&m);
}

static struct tpm_attestation attestation(struct soft_module *m)
{
	return (struct tpm_attestation){
		.attest = m->attest.data,
		.attest_len = m->attest.len,
		.nv_public = m->nv_public,
		.nv_public_len = m->nv_public_len,
		.signature = m->signature,
		.uid = m->uid,
		.nonce = nonce,
		.key_digest = zeros,
		.epoch = m->epoch,
		.state = SECMOD_STATE_OPERATING,
		.magic = SECMOD_ATTEST_MAGIC,
	};
}

static void attestation_is(const struct tpm_attestation *a, EVP_PKEY *key,
			   int err, const char *text)
{
	struct error e = { "" };
	int ret = tpm_check_attestation(a, key, &e);

	if (ret != err || !strstr(e.text, text))
		fail_msg("returned %d '%s' instead of %d '%s'", ret, e.text,
			 err, text);
}

static void attestations(void **state)
{
	static const char about[] = "about another module, moment or challenge";
	struct tpm_attestation a, x;
	struct soft_module m;

	soft_module_init(&m, *state, "T-1");
	soft_module_attest(&m, SECMOD_ATTEST_MAGIC, nonce,
			   SECMOD_STATE_OPERATING, zeros);
	a = attestation(&m);
	attestation_is(&a, m.identity_public, 0, "");
	x = a;
	x.nonce = zeros;
	attestation_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = a;
	x.uid = zeros;
	attestation_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = a;
	x.key_digest = nonce;
	attestation_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = a;
	x.state = SECMOD_STATE_PERSONALIZATION;
	attestation_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = a;
	x.magic = SECMOD_RESET_MAGIC;
	attestation_is(&x, m.identity_public, -EKEYREJECTED, about);
	x = a;
	x.epoch++;
	attestation_is(&x, m.identity_public, -EKEYREJECTED, "value");
	x = a;
	x.nv_public_len--;
	attestation_is(&x, m.identity_public, -EBADMSG, "TPMS_NV_PUBLIC");
	m.nv_public[3] ^= 1; /* another index */
	attestation_is(&a, m.identity_public, -EKEYREJECTED, "another counter");
	m.nv_public[3] ^= 1;
	m.nv_public[9] ^= 0x10; /* TPM_NT: an ordinary index */
	attestation_is(&a, m.identity_public, -EKEYREJECTED, "not a counter");
	m.nv_public[9] ^= 0x10;
	m.signature[0] ^= 1;
	attestation_is(&a, m.identity_public, -EKEYREJECTED, "not signed");
	soft_module_end(&m);
}

/* A world in which the soft module was personalized and then reset. */
struct erased {
	struct certs c;
	struct soft_module m;
	struct wire_erasure_proof *p;
};

static void fill_proof(struct erased *w, uint64_t module_epoch)
{
	struct wire_erasure_proof *p = w->p;
	struct soft_module *m = &w->m;

	p->version = 1;
	p->epoch = m->epoch;
	p->module_epoch = module_epoch;
	wire_set_octets(p->uid, m->uid, 16);
	wire_set_octets(p->nonce, nonce, 32);
	wire_set_octets(p->public_area, m->key.made.pub.data,
			m->key.made.pub.len);
	wire_set_octets(p->nv_public, m->nv_public, m->nv_public_len);
	wire_set_octets(p->attest, m->attest.data, m->attest.len);
	wire_set_octets(p->signature, m->signature, 64);
	wire_set_cert(&p->signer, w->c.signer);
}

static void erase(struct erased *w, struct tpm_fixture *f, int really)
{
	uint8_t digest[32];
	struct tpm_birth b;
	struct error e;
	EVP_PKEY *key;
	uint64_t before;

	certs_make(&w->c, "manufacturer");
	soft_module_init(&w->m, f, "T-1");
	soft_module_birth(&w->m, salt, pu_nonce, &b);
	w->p = wire_erasure_proof_new();
	assert_int_equal(tpm_check_birth(&b, w->m.identity_public, &key, &e),
			 0);
	X509_free(w->p->identity);
	X509_free(w->p->module);
	w->p->identity = soft_module_certify(&w->m, PKI_ROLE_IDENTITY,
					     w->m.identity_public, w->c.root,
					     w->c.root_key);
	w->p->module = soft_module_certify(&w->m, PKI_ROLE_MODULE, key,
					   w->c.signer, w->c.signer_key);
	EVP_PKEY_free(key);
	before = w->m.epoch;
	if (really)
		soft_module_reset(&w->m);
	tpm_name_digest(w->m.key.made.pub.data, w->m.key.made.pub.len, digest);
	soft_module_attest(&w->m, SECMOD_RESET_MAGIC, nonce,
			   SECMOD_STATE_PERSONALIZATION, digest);
	fill_proof(w, before);
}

static void bury(struct erased *w)
{
	wire_erasure_proof_free(w->p);
	soft_module_end(&w->m);
	certs_free(&w->c);
}

static void proof_is(struct erased *w, X509 *root, int err, const char *text)
{
	struct error e = { "" };
	int ret = tpm_check_erasure(w->p, root, &e);

	if (ret != err || !strstr(e.text, text))
		fail_msg("returned %d '%s' instead of %d '%s'", ret, e.text,
			 err, text);
}

static void erasure_is_proved(void **state)
{
	struct wire_erasure_proof *back;
	unsigned char *der = NULL;
	struct erased w;
	struct error e;
	int len;

	erase(&w, *state, 1);
	proof_is(&w, w.c.root, 0, "");
	len = i2d_wire_erasure_proof(w.p, &der);
	assert_true(len > 0);
	assert_int_equal(wire_erasure_proof_decode(der, len, &back, &e), 0);
	wire_erasure_proof_free(w.p);
	w.p = back;
	proof_is(&w, w.c.root, 0, "");
	OPENSSL_free(der);
	bury(&w);
}

static void key_that_lives_on_is_no_erasure(void **state)
{
	struct erased w;

	erase(&w, *state, 0);
	proof_is(&w, w.c.root, -EKEYREJECTED, "alive");
	bury(&w);
}

static void proof_of_something_else(void **state)
{
	struct certs other;
	struct erased w;
	X509 *was;

	certs_make(&other, "manufacturer");
	erase(&w, *state, 1);
	proof_is(&w, other.root, -EKEYREJECTED, "issuer");
	w.p->epoch++;
	proof_is(&w, w.c.root, -EKEYREJECTED, "value");
	w.p->epoch--;
	w.p->module_epoch--;
	proof_is(&w, w.c.root, -EKEYREJECTED, "another epoch");
	w.p->module_epoch++;
	wire_set_octets(w.p->nonce, zeros, 32);
	proof_is(&w, w.c.root, -EKEYREJECTED, "challenge");
	wire_set_octets(w.p->nonce, nonce, 32);
	wire_set_octets(w.p->uid, zeros, 16);
	proof_is(&w, w.c.root, -EKEYREJECTED, "than the proof");
	wire_set_octets(w.p->uid, w.m.uid, 16);
	wire_set_octets(w.p->public_area, w.m.identity.made.pub.data,
			w.m.identity.made.pub.len);
	proof_is(&w, w.c.root, -EKEYREJECTED, "not the key");
	wire_set_octets(w.p->public_area, w.m.key.made.pub.data,
			w.m.key.made.pub.len);
	was = w.p->module;
	w.p->module = soft_module_certify(&w.m, PKI_ROLE_MODULE, w.c.leaf_key,
					  w.c.signer, w.c.signer_key);
	proof_is(&w, w.c.root, -EKEYREJECTED, "another epoch");
	X509_free(w.p->module);
	w.p->module = was;
	proof_is(&w, w.c.root, 0, "");
	bury(&w);
	certs_free(&other);
}

/* The policy has to name this counter: an increment of another proves nothing. */
static void counter_that_the_key_does_not_name(void **state)
{
	struct erased w;

	erase(&w, *state, 1);
	w.m.nv_public[3] ^= 4; /* same attributes, other index */
	wire_set_octets(w.p->nv_public, w.m.nv_public, w.m.nv_public_len);
	proof_is(&w, w.c.root, -EKEYREJECTED, "does not name this counter");
	bury(&w);
}

int main(void)
{
#define CLEAN(t) cmocka_unit_test_teardown(t, tpm_fixture_clean)
	const struct CMUnitTest tests[] = {
		CLEAN(birth_passes),
		CLEAN(birth_of_another_time_or_place),
		CLEAN(every_byte_of_a_birth_counts),
		CLEAN(forged_attestations),
		CLEAN(attestation_of_another_kind),
		CLEAN(keys_that_are_no_module_keys),
		CLEAN(attestations),
		CLEAN(erasure_is_proved),
		CLEAN(key_that_lives_on_is_no_erasure),
		CLEAN(proof_of_something_else),
		CLEAN(counter_that_the_key_does_not_name),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("attest", tests, tpm_fixture_start,
					   tpm_fixture_stop);
}
