// SPDX-License-Identifier: MIT
/*
 * SCP11a, the host's side, against a card that is written here from Amendment F: key
 * agreement with OpenSSL, the derivation by hand, and the driver's secure messaging.
 */
#include "soft_card.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "gp/internal.h"

enum point_lie { TRUE_POINT, NO_POINT, COMPRESSED, LONGER };

struct card {
	EVP_PKEY *key; /* SK.SD */
	X509 *issuer, *cert;
	EVP_PKEY *peer; /* of the certificate that was shown */
	struct scp03 session;
	uint8_t usage, key_len, dek[32];
	enum point_lie lie;
	size_t flip; /* bit of the response to MUTUAL AUTHENTICATE, from 1 */
	uint8_t answer[128];
	size_t answer_len;
	unsigned int opened, commands;
};

struct stand {
	struct card soft;
	struct gp_card card;
	EVP_PKEY *central_key, *other_key;
	X509 *central, *other;
	struct gp_scp11a p;
	struct error e;
};

static void ok_at(int rc, const struct stand *s, int line)
{
	if (rc)
		fail_msg("line %d: %d: %s", line, rc, s->e.text);
}
#define ok(expression) ok_at(expression, s, __LINE__)

static void refused_at(int rc, int wanted, const char *text,
		       const struct stand *s, int line)
{
	if (rc != wanted || !strstr(s->e.text, text))
		fail_msg("line %d: %d: '%s' instead of %d: '%s'", line, rc,
			 s->e.text, wanted, text);
	assert_null(s->card.session);
}
#define refused(rc, wanted, text) refused_at(rc, wanted, text, s, __LINE__)

/*
 * The card
 */
static void agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t x[32])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t len = 32;

	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, x, &len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static void derive(const uint8_t secret[64], const uint8_t info[3],
		   uint8_t *out, size_t len)
{
	uint8_t in[64 + 4 + 3] = { 0 };

	memcpy(in, secret, 64);
	memcpy(in + 68, info, 3);
	for (size_t at = 0; at < len; at += SHA256_DIGEST_LENGTH) {
		uint8_t block[SHA256_DIGEST_LENGTH];
		const size_t left = len - at;

		in[67]++;
		SHA256(in, sizeof(in), block);
		memcpy(out + at, block, left < 32 ? left : 32);
	}
}

static void put_point(struct card *c, EVP_PKEY *fresh, struct apdu_response *r)
{
	uint8_t point[65];
	size_t len;

	assert_true(EVP_PKEY_get_octet_string_param(
		fresh, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point),
		&len));
	if (c->lie == NO_POINT)
		point[64] ^= 1;
	if (c->lie == COMPRESSED) {
		point[0] = 2 + (point[64] & 1);
		len = 33;
	}
	apdu_put_tlv(r, 0x5f49, point, len);
}

static void begin(struct card *c, const struct apdu *a, EVP_PKEY *fresh,
		  EVP_PKEY *peer, struct apdu_response *r)
{
	const uint8_t info[] = { c->usage, 0x88, c->key_len };
	const size_t n = c->key_len;
	uint8_t secret[64], keys[5 * 32];

	agree(fresh, peer, secret);
	agree(c->key, c->peer, secret + 32);
	derive(secret, info, keys, 5 * n);
	assert_int_equal(se_cmac(keys, n,
				 (const struct t2_vec[]){ { a->data, a->len },
							  { r->data, r->len } },
				 2, c->session.chain),
			 0);
	apdu_put_tlv(r, 0x86, c->session.chain, 16);
	c->session.key_len = c->key_len;
	c->session.mac_len = 8;
	c->session.level = c->usage == 0x3c ? 0x33 : 0x11;
	memcpy(c->session.enc, keys + n, n);
	memcpy(c->session.mac, keys + 2 * n, n);
	memcpy(c->session.rmac, keys + 3 * n, n);
	memcpy(c->dek, keys + 4 * n, n);
	c->opened++;
}

static EVP_PKEY *point_key(const uint8_t *point)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_true(EVP_PKEY_set1_encoded_public_key(key, point, 65));
	return key;
}

static u16 mutual(struct card *c, const struct apdu *a, struct apdu_response *r)
{
	const uint8_t *p = a->data;
	EVP_PKEY *fresh = EVP_EC_gen("P-256"), *peer;

	/* A6 { 90 protocol, 95 usage, 80 type, 81 length } 5F49 point */
	assert_int_equal(a->len, 2 + 13 + 3 + 65);
	assert_memory_equal(p, "\xa6\x0d\x90\2\x11\1\x95\1", 8);
	c->usage = p[8];
	assert_memory_equal(p + 9, "\x80\1\x88\x81\1", 5);
	c->key_len = p[14];
	assert_memory_equal(p + 15, "\x5f\x49\x41", 3);
	if (!c->peer)
		return SW_CONDITIONS;
	peer = point_key(p + 18);
	memset(&c->session, 0, sizeof(c->session));
	put_point(c, fresh, r);
	begin(c, a, fresh, peer, r);
	EVP_PKEY_free(fresh);
	EVP_PKEY_free(peer);
	if (c->lie == LONGER)
		apdu_put_byte(r, 0);
	c->answer_len = r->len;
	memcpy(c->answer, r->data, r->len);
	if (c->flip)
		r->data[(c->flip - 1) / 8] ^= 1 << (c->flip - 1) % 8;
	return SW_OK;
}

static void put_certificates(const struct card *c, struct apdu_response *r)
{
	uint8_t der[2048], *p = der;

	i2d_X509(c->issuer, &p);
	i2d_X509(c->cert, &p);
	apdu_put_tlv(r, 0xbf21, der, (size_t)(p - der));
}

static u16 obey(struct card *c, struct apdu *a, struct apdu_response *r)
{
	const uint8_t *p = a->data;
	X509 *x;

	switch (a->ins) {
	case 0xca:
		put_certificates(c, r);
		return SW_OK;
	case 0x2a:
		x = d2i_X509(NULL, &p, (long)a->len);
		assert_non_null(x);
		EVP_PKEY_free(c->peer);
		c->peer = X509_get_pubkey(x);
		X509_free(x);
		return SW_OK;
	case 0x82:
		return mutual(c, a, r);
	}
	return SW_INS;
}

static int transmit(void *ctx, const uint8_t *command, size_t len,
		    uint8_t *response, size_t *response_len)
{
	struct card *c = ctx;
	struct apdu_response r = { .data = response };
	uint8_t copy[4200];
	struct apdu a;
	u16 sw;

	c->commands++;
	memcpy(copy, command, len);
	assert_true(apdu_parse(&a, copy, len));
	if (c->session.level) {
		assert_int_equal(scp03_unwrap(&c->session, &a), 0);
		apdu_put(&r, a.data, a.len);
		sw = SW_OK;
		assert_int_equal(scp03_wrap(&c->session, &r, sw), 0);
	} else {
		sw = obey(c, &a, &r);
	}
	response[r.len] = sw >> 8;
	response[r.len + 1] = sw & 0xff;
	*response_len = r.len + 2;
	return 0;
}

/*
 * The world
 */
static X509 *certificate(EVP_PKEY *key, const char *name)
{
	X509 *x = X509_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, EVP_sha256()));
	return x;
}

static int setup(void **state)
{
	struct stand *s = calloc(1, sizeof(*s));

	s->soft.key = EVP_EC_gen("P-256");
	s->central_key = EVP_EC_gen("P-256");
	s->other_key = EVP_EC_gen("P-256");
	s->soft.cert = certificate(s->soft.key, "module");
	s->soft.issuer = certificate(s->other_key, "signer");
	s->central = certificate(s->central_key, "central");
	s->other = certificate(s->other_key, "other");
	s->card = (struct gp_card){ .transmit = transmit,
				    .ctx = &s->soft,
				    .name = "soft" };
	s->p = (struct gp_scp11a){ .key = s->central_key,
				   .cert = s->central,
				   .card = s->soft.cert };
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stand *s = *state;

	gp_close(&s->card);
	EVP_PKEY_free(s->soft.key);
	EVP_PKEY_free(s->soft.peer);
	EVP_PKEY_free(s->central_key);
	EVP_PKEY_free(s->other_key);
	X509_free(s->soft.cert);
	X509_free(s->soft.issuer);
	X509_free(s->central);
	X509_free(s->other);
	free(s);
	return 0;
}

static void reset(struct stand *s)
{
	gp_close(&s->card);
	scp03_wipe(&s->soft.session);
}

static void talk(struct stand *s)
{
	uint8_t data[300];
	const struct gp_command c = {
		0x80, 0xe2, 0, 0, data, sizeof(data), 256
	};
	struct gp_response r;

	memset(data, 0x42, sizeof(data));
	for (int i = 0; i < 3; i++) {
		ok(gp_send(&s->card, &c, &r, &s->e));
		assert_int_equal(r.sw, 0x9000);
		assert_int_equal(r.len, sizeof(data));
		assert_memory_equal(r.data, data, sizeof(data));
	}
}

static void channel(void **state)
{
	struct stand *s = *state;

	for (unsigned int i = 0; i < 6; i++) {
		s->p.key_len = i % 3 * 16;
		s->p.mac_only = i > 2;
		ok(gp_scp11a_open(&s->card, &s->p, &s->e));
		assert_int_equal(s->soft.key_len, i % 3 == 1 ? 16 : 32);
		assert_int_equal(s->soft.usage, i > 2 ? 0x34 : 0x3c);
		assert_int_equal(gp_opened(&s->card)->protocol, 0x11);
		assert_memory_equal(s->card.session->dek, s->soft.dek,
				    s->soft.key_len);
		assert_int_equal(s->card.session->dek_len, s->soft.key_len);
		talk(s);
		reset(s);
	}
	s->p.key_len = 24;
	refused(gp_scp11a_open(&s->card, &s->p, &s->e), -EINVAL, "not 24");
}

static int wanted(void *arg, X509 *issuer, X509 *card, struct error *e)
{
	const struct stand *s = arg;

	assert_int_equal(X509_cmp(issuer, s->soft.issuer), 0);
	if (X509_cmp(card, s->soft.cert))
		return error_set(e, EKEYREJECTED, "somebody else");
	return 0;
}

static void who_it_is(void **state)
{
	struct stand *s = *state;
	X509 *own = s->soft.cert;

	s->p.card = NULL;
	refused(gp_scp11a_open(&s->card, &s->p, &s->e), -EINVAL, "nobody said");
	s->p.verify = wanted;
	s->p.arg = s;
	ok(gp_scp11a_open(&s->card, &s->p, &s->e));
	reset(s);
	s->p.verify = NULL;
	s->p.card = s->other;
	refused(gp_scp11a_open(&s->card, &s->p, &s->e), -EKEYREJECTED,
		"soft: it has another certificate");
	s->p.card = own;
	assert_int_equal(s->soft.opened, 1);
	/* nothing was shown to it that it could use */
	assert_int_equal(s->soft.commands, 3 + 2);
}

/* Somebody in between has the certificates, and neither of the keys. */
static void without_the_key(void **state)
{
	struct stand *s = *state;
	EVP_PKEY *own = s->soft.key;

	s->soft.key = s->other_key;
	refused(gp_scp11a_open(&s->card, &s->p, &s->e), -EKEYREJECTED,
		"soft: its receipt is wrong");
	scp03_wipe(&s->soft.session);
	s->soft.key = own;
	/* what the module would see of a host with another key */
	s->p.key = s->other_key;
	refused(gp_scp11a_open(&s->card, &s->p, &s->e), -EKEYREJECTED,
		"soft: its receipt is wrong");
}

static void what_is_no_point(void **state)
{
	struct stand *s = *state;

	s->soft.lie = NO_POINT;
	refused(gp_scp11a_open(&s->card, &s->p, &s->e), -EPROTO,
		"soft: its public key is not a point of P-256");
	scp03_wipe(&s->soft.session);
	s->soft.lie = LONGER;
	refused(gp_scp11a_open(&s->card, &s->p, &s->e), -EPROTO,
		"not a public key and a receipt");
	scp03_wipe(&s->soft.session);
	s->soft.lie = COMPRESSED;
	refused(gp_scp11a_open(&s->card, &s->p, &s->e), -EPROTO,
		"not a public key and a receipt");
}

static void each_bit_of_the_answer(void **state)
{
	struct stand *s = *state;

	ok(gp_scp11a_open(&s->card, &s->p, &s->e));
	reset(s);
	for (size_t bit = 1; bit <= 8 * s->soft.answer_len; bit++) {
		s->soft.flip = bit;
		if (!gp_scp11a_open(&s->card, &s->p, &s->e))
			fail_msg("bit %zu does not matter", bit - 1);
		assert_null(s->card.session);
		scp03_wipe(&s->soft.session);
	}
}

#define CASE(name, function)                          \
	{                                             \
		name, function, setup, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("A11 a channel of each strength", channel),
		CASE("A28 no channel with another module", who_it_is),
		CASE("A22 A28 no channel without the key of the certificate",
		     without_the_key),
		CASE("A11 a public key that is none", what_is_no_point),
		CASE("A11 B10 each bit of the answer is changed",
		     each_bit_of_the_answer),
	};

	return cmocka_run_group_tests_name("gp_scp11a", tests, NULL, NULL);
}
