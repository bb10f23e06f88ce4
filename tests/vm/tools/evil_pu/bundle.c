// SPDX-License-Identifier: MIT
/* Cases that spoil the bundle around good certificates. */
#include <stdio.h>
#include <string.h>

#include <linux/secmod.h>

#include "common/log.h"
#include "evil_pu.h"

static void tbs_uid(struct evil *e, struct wire_tbs_bundle *tbs)
{
	uint8_t uid[16];

	evil_wrong(uid, e->uid, sizeof(uid));
	wire_set_octets(tbs->uid, uid, sizeof(uid));
}

static void tbs_nonce(struct evil *e, struct wire_tbs_bundle *tbs)
{
	uint8_t nonce[32];

	evil_wrong(nonce, e->module_nonce, sizeof(nonce));
	wire_set_octets(tbs->module_nonce, nonce, sizeof(nonce));
}

static void tbs_salt(struct evil *e, struct wire_tbs_bundle *tbs)
{
	uint8_t salt[32];

	evil_wrong(salt, e->salt, sizeof(salt));
	wire_set_octets(tbs->salt, salt, sizeof(salt));
}

static void tbs_epoch(struct evil *e, struct wire_tbs_bundle *tbs)
{
	tbs->epoch = e->epoch + 1;
}

static void tbs_type(struct evil *e, struct wire_tbs_bundle *tbs)
{
	(void)e;
	ASN1_OBJECT_free(tbs->type);
	tbs->type = pki_oid(PKI_ARC_MSG, SECMOD_MSG_BUNDLE + 1);
}

static void tbs_version(struct evil *e, struct wire_tbs_bundle *tbs)
{
	(void)e;
	tbs->version = 2;
}

static void tbs_no_central(struct evil *e, struct wire_tbs_bundle *tbs)
{
	(void)e;
	X509_free(sk_X509_pop(tbs->central));
}

static void tbs_five_central(struct evil *e, struct wire_tbs_bundle *tbs)
{
	X509 *cert = sk_X509_value(tbs->central, 0);

	(void)e;
	while (sk_X509_num(tbs->central) < SECMOD_CENTRAL_MAX + 1) {
		X509_up_ref(cert);
		sk_X509_push(tbs->central, cert);
	}
}

static void tbs_policy(struct evil *e, struct wire_tbs_bundle *tbs)
{
	(void)e;
	tbs->policy->keyset_tries = 0;
}

static EVP_PKEY *sign_with_other(struct evil *e)
{
	(void)e;
	return evil_key();
}

static EVP_PKEY *sign_with_root(struct evil *e)
{
	return e->root_key;
}

static void der_signature(struct evil *e)
{
	e->der[e->len - 1] ^= 1;
}

static void der_signature_zero(struct evil *e)
{
	memset(e->der + e->len - SECMOD_SIG_SIZE, 0, SECMOD_SIG_SIZE);
}

static void put(struct evil *e, const void *data, size_t len)
{
	e->der = OPENSSL_realloc(e->der, e->len + len);
	if (!e->der)
		fatal("out of memory");
	memcpy(e->der + e->len, data, len);
	e->len += len;
}

static void der_trailing(struct evil *e)
{
	put(e, "\0", 1);
}

static void der_truncated(struct evil *e)
{
	e->len--;
}

/* 30 82 xx xx ... -> 30 80 ... 00 00: only the outer length is not DER */
static void der_indefinite(struct evil *e)
{
	unsigned char *body = e->der + 4;

	if (e->der[1] != 0x82)
		fatal("the bundle is shorter than expected");
	e->der[1] = 0x80;
	memmove(e->der + 2, body, e->len - 4);
	e->len -= 2;
	put(e, "\0\0", 2);
}

/* 30 82 xx xx -> 30 83 00 xx xx */
static void der_long_length(struct evil *e)
{
	put(e, "", 1);
	memmove(e->der + 3, e->der + 2, e->len - 3);
	e->der[1] = 0x83;
	e->der[2] = 0;
}

/* An element after the signature, inside the outer sequence. */
static void der_extra(struct evil *e)
{
	size_t len = (e->der[2] << 8 | e->der[3]) + 2;

	put(e, "\5\0", 2);
	e->der[2] = len >> 8;
	e->der[3] = len;
}

static void der_replay(struct evil *e)
{
	unsigned char data[SECMOD_BUNDLE_MAX];
	size_t len;
	FILE *f;

	f = e->replay ? fopen(e->replay, "re") : NULL;
	len = f ? fread(data, 1, sizeof(data), f) : 0;
	if (!len)
		fatal("replay needs --replay with a recorded bundle");
	fclose(f);
	e->len = 0;
	put(e, data, len);
}

/* A valid DER of the largest size a message takes, beyond what a bundle may have. */
static void der_huge(struct evil *e)
{
	static const unsigned char zeros[SECMOD_BUNDLE_MAX];

	put(e, zeros, sizeof(zeros));
}

const struct evil_case evil_bundle_cases[] = {
	{ "none", "a good bundle", .signer = NULL },
	{ "replay", "a bundle recorded before", .der = der_replay },
	{ "bundle-uid", "the bundle is for another UID", .tbs = tbs_uid },
	{ "bundle-nonce", "the bundle has another nonce", .tbs = tbs_nonce },
	{ "bundle-salt", "the bundle has another salt", .tbs = tbs_salt },
	{ "bundle-epoch", "the bundle is for another epoch", .tbs = tbs_epoch },
	{ "bundle-type", "the bundle is another kind of message",
	  .tbs = tbs_type },
	{ "bundle-version", "the bundle is of version 2", .tbs = tbs_version },
	{ "bundle-no-central", "the bundle has no central certificate",
	  .tbs = tbs_no_central },
	{ "bundle-five-central", "the bundle has five central certificates",
	  .tbs = tbs_five_central },
	{ "bundle-policy", "the bundle's policy is out of range",
	  .tbs = tbs_policy },
	{ "signature-other-key", "the bundle is signed by another key",
	  .sign_with = sign_with_other },
	{ "signature-root", "the bundle is signed by the checking key",
	  .sign_with = sign_with_root },
	{ "signature-broken", "one bit of the bundle's signature is wrong",
	  .der = der_signature },
	{ "signature-zero", "the bundle's signature is r = s = 0",
	  .der = der_signature_zero },
	{ "trailing", "a byte follows the bundle", .der = der_trailing },
	{ "truncated", "the bundle's last byte is missing",
	  .der = der_truncated },
	{ "extra", "an element follows the signature", .der = der_extra },
	{ "ber-indefinite", "the bundle's length is indefinite (BER)",
	  .der = der_indefinite },
	{ "ber-length", "the bundle's length is longer than needed (BER)",
	  .der = der_long_length },
	{ "huge", "the bundle is larger than a module takes", .der = der_huge },
	{ 0 },
};
