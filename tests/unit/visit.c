// SPDX-License-Identifier: GPL-2.0-only
/* One personalization of a soft module by a unit. */
#include "visit.h"

#include "common/endpoint.h"
#include "common/wire.h"
#include "hsm/backend.h"
#include "pki/peer.h"
#include "provider/backend.h"

#define LONG_MS 20000

static struct soft_module *the_module;

/* The identity key in the software TPM, for TLS. */
static int soft_open(const char *uri, void **priv, unsigned char point[65],
		     struct error *e)
{
	(void)uri;
	(void)e;
	*priv = the_module;
	point[0] = 4;
	memcpy(point + 1, the_module->identity.point.x, 32);
	memcpy(point + 33, the_module->identity.point.y, 32);
	return 0;
}

static int soft_sign_message(void *priv, const unsigned char *msg, size_t len,
			     unsigned char sig[64], struct error *e)
{
	(void)e;
	soft_module_sign(priv, msg, len, sig);
	return 0;
}

static int soft_restricted(void *priv)
{
	(void)priv;
	return 1;
}

static void soft_close(void *priv)
{
	(void)priv;
}

static const struct key_backend soft_backend = {
	.scheme = "soft",
	.open = soft_open,
	.sign_message = soft_sign_message,
	.restricted = soft_restricted,
	.close = soft_close,
};

static int send_message(struct channel *ch, struct message *m, struct error *e)
{
	int ret = channel_send(ch, m, e);

	message_free(m);
	return ret;
}

static int send_request(struct visit *v, struct channel *ch)
{
	struct message *m = message_new(MSG_PERSO_REQUEST);

	m->u.perso_request->version = 1;
	m->u.perso_request->epoch = v->epoch;
	wire_set_octets(m->u.perso_request->uid, v->uid, 16);
	wire_set_cert(&m->u.perso_request->identity, v->claimed);
	return send_message(ch, m, &v->e);
}

static int take_offer(struct visit *v, struct channel *ch)
{
	struct message *m;
	int ret = channel_expect(ch, MSG_PERSO_OFFER, &m, &v->e);

	if (ret)
		return ret;
	memcpy(v->salt, ASN1_STRING_get0_data(m->u.perso_offer->salt), 32);
	memcpy(v->nonce, ASN1_STRING_get0_data(m->u.perso_offer->nonce), 32);
	X509_free(v->signer);
	v->signer = X509_dup(m->u.perso_offer->signer);
	message_free(m);
	return 0;
}

static int send_key(struct visit *v, struct channel *ch)
{
	struct message *m = message_new(MSG_MODULE_KEY);
	struct wire_module_key *k = m->u.module_key;
	const struct tpm_birth *b = &v->birth;

	k->epoch = v->claimed_epoch;
	k->time = b->time;
	wire_set_octets(k->public_area, b->public_area, b->public_len);
	wire_set_octets(k->creation, b->creation, b->creation_len);
	wire_set_octets(k->attest, b->attest, b->attest_len);
	wire_set_octets(k->signature, b->signature, 64);
	wire_set_octets(k->module_nonce, b->module_nonce, 32);
	return send_message(ch, m, &v->e);
}

static int send_done(struct visit *v, struct channel *ch)
{
	struct message *m = message_new(MSG_PERSO_DONE);

	m->u.perso_done->accepted = v->refuse ? 0 : 0xff;
	wire_set_text(m->u.perso_done->reason, v->refuse ? "no taste" : "");
	return send_message(ch, m, &v->e);
}

/* The bundle as the kernel would check it. */
static int take_bundle(struct visit *v, struct channel *ch)
{
	struct pki_bundle_expect x = {
		.uid = v->module->uid,
		.module_nonce = v->module->module_nonce,
		.salt = v->salt,
		.epoch = v->module->epoch,
		.signer = v->signer,
		.when = time(NULL),
	};
	const ASN1_OCTET_STRING *der;
	struct wire_bundle *b;
	struct message *m;
	int ret = channel_expect(ch, MSG_PERSO_BUNDLE, &m, &v->e);

	if (ret)
		return ret;
	der = m->u.perso_bundle->bundle;
	ret = tpm_check_birth(&v->birth, v->module->identity_public,
			      &x.module_key, &v->e);
	if (!ret)
		ret = wire_bundle_decode(ASN1_STRING_get0_data(der),
					 ASN1_STRING_length(der), &b, &v->e);
	if (!ret) {
		ret = pki_bundle_check(b, &x, &v->e);
		v->module_cert = X509_dup(b->tbs->module);
		wire_bundle_free(b);
	}
	EVP_PKEY_free(x.module_key);
	message_free(m);
	return ret;
}

static int converse(struct visit *v, struct channel *ch)
{
	int ret;

	ret = send_request(v, ch);
	if (!ret)
		ret = take_offer(v, ch);
	if (ret)
		return ret;
	v->salt[0] ^= v->wrong_salt;
	if (!v->birth.attest) {
		v->module->clock = v->clock;
		soft_module_birth(v->module, v->salt, v->nonce, &v->birth);
		v->module->clock = 0;
	}
	ret = send_key(v, ch);
	if (!ret)
		ret = take_bundle(v, ch);
	return ret || v->vanish ? ret : send_done(v, ch);
}

int visit_run(struct visit *v, const char *endpoint, X509 *root)
{
	SSL_CTX *ctx = channel_ctx(0, v->cert, v->key, NULL, &v->e);
	struct channel *ch;
	int fd, ret;

	assert_non_null(ctx);
	fd = endpoint_connect(endpoint, LONG_MS, &v->e);
	ret = fd < 0 ? fd :
		       channel_open(fd, 0, ctx, pki_peer_unit, root, LONG_MS,
				    &ch, &v->e);
	if (!ret) {
		ret = converse(v, ch);
		channel_close(ch);
	}
	SSL_CTX_free(ctx);
	return ret;
}

EVP_PKEY *visit_identity_key(struct soft_module *m)
{
	struct error e;
	EVP_PKEY *key;

	the_module = m;
	assert_int_equal(provider_register_backend(&soft_backend), 0);
	if (hsm_open_provider_key("soft:identity", &key, &e))
		fail_msg("%s", e.text);
	return key;
}

void visit_end(struct visit *v)
{
	X509_free(v->signer);
	X509_free(v->module_cert);
}
