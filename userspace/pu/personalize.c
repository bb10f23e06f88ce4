// SPDX-License-Identifier: MIT
/*
 * One personalization. The client has proved possession of the identity key
 * in TLS; what counts is the attestation by that key: this module key was
 * made in this module's TPM, now, with our salt (A8, A9, A10).
 */
#include <errno.h>
#include <string.h>

#include <openssl/rand.h>

#include "common/log.h"
#include "pki/tpm.h"
#include "pu/pu.h"

static const uint8_t *data_of(const ASN1_OCTET_STRING *s)
{
	return ASN1_STRING_get0_data(s);
}

static size_t len_of(const ASN1_OCTET_STRING *s)
{
	return ASN1_STRING_length(s);
}

/* Who is it? The names come from the certificate that TLS was made with. */
static int identify(struct session *s, struct error *e)
{
	s->identity = channel_peer(s->ch);
	if (pki_get_uid(s->identity, s->uid) ||
	    pki_get_serial(s->identity, s->serial, sizeof(s->serial)))
		return error_set(e, EKEYREJECTED,
				 "the identity certificate names no module");
	pki_hex(s->uid, UID_SIZE, s->uid_hex);
	return 0;
}

static int take_request(struct session *s, struct error *e)
{
	const struct wire_perso_request *r;
	struct message *m;
	int ret;

	ret = channel_expect(s->ch, MSG_PERSO_REQUEST, &m, e);
	if (ret)
		return ret;
	r = m->u.perso_request;
	s->epoch = r->epoch;
	if (memcmp(data_of(r->uid), s->uid, UID_SIZE))
		ret = error_set(
			e, EKEYREJECTED,
			"the request is for another module than the identity certificate's");
	else if (X509_cmp(r->identity, s->identity))
		ret = error_set(
			e, EKEYREJECTED,
			"the request has another identity certificate than the connection");
	message_free(m);
	return ret;
}

static int send_offer(struct session *s, struct error *e)
{
	struct message *m;
	int ret;

	if (RAND_bytes(s->salt, sizeof(s->salt)) != 1 ||
	    RAND_bytes(s->nonce, sizeof(s->nonce)) != 1)
		return error_set_ssl(e, EIO, "no random numbers");
	m = message_new(MSG_PERSO_OFFER);
	if (!m ||
	    wire_set_octets(m->u.perso_offer->salt, s->salt, NONCE_SIZE) ||
	    wire_set_octets(m->u.perso_offer->nonce, s->nonce, NONCE_SIZE) ||
	    wire_set_cert(&m->u.perso_offer->signer, s->unit->signer))
		ret = error_set(e, ENOMEM, "out of memory");
	else
		ret = channel_send(s->ch, m, e);
	message_free(m);
	return ret;
}

/* A module whose clock is wrong would refuse our certificates, or outlive them. */
static int check_clock(const struct session *s, struct error *e)
{
	uint64_t now = s->now;
	uint64_t apart = now > s->module_time ? now - s->module_time :
						s->module_time - now;

	if (apart <= (uint64_t)s->o->tolerance)
		return 0;
	return error_set(
		e, EKEYREJECTED,
		"the module's clock is %llu seconds %s ours, %d are tolerated: set it",
		(unsigned long long)apart,
		now > s->module_time ? "behind" : "ahead of", s->o->tolerance);
}

static int check_birth(struct session *s, const struct wire_module_key *k,
		       struct error *e)
{
	struct tpm_birth b = {
		.public_area = data_of(k->public_area),
		.creation = data_of(k->creation),
		.attest = data_of(k->attest),
		.public_len = len_of(k->public_area),
		.creation_len = len_of(k->creation),
		.attest_len = len_of(k->attest),
		.signature = data_of(k->signature),
		.uid = s->uid,
		.serial = s->serial,
		.epoch = s->epoch,
		.time = k->time,
		.salt = s->salt,
		.pu_nonce = s->nonce,
		.module_nonce = s->module_nonce,
	};

	return tpm_check_birth(&b, X509_get0_pubkey(s->identity),
			       &s->module_key, e);
}

static int take_key(struct session *s, struct error *e)
{
	const struct wire_module_key *k;
	struct message *m;
	int ret = 0;

	ret = channel_expect(s->ch, MSG_MODULE_KEY, &m, e);
	if (ret)
		return ret;
	k = m->u.module_key;
	memcpy(s->module_nonce, data_of(k->module_nonce), NONCE_SIZE);
	s->module_time = k->time;
	s->now = time(NULL);
	if (k->epoch != s->epoch)
		ret = error_set(
			e, ESTALE,
			"the module was reset during the personalization");
	if (!ret)
		ret = check_birth(s, k, e);
	if (!ret)
		ret = check_clock(s, e);
	message_free(m);
	return ret;
}

static int send_bundle(struct session *s, const unsigned char *der, size_t len,
		       struct error *e)
{
	struct message *m = message_new(MSG_PERSO_BUNDLE);
	int ret;

	if (!m || wire_set_octets(m->u.perso_bundle->bundle, der, len))
		ret = error_set(e, ENOMEM, "out of memory");
	else
		ret = channel_send(s->ch, m, e);
	message_free(m);
	return ret;
}

/* A23: on the disk before it leaves, so that no certificate is out unknown. */
static int hand_over(struct session *s, struct error *e)
{
	unsigned char *der;
	size_t len;
	int ret;

	ret = certify_module(s, e);
	if (ret)
		return ret;
	ret = make_bundle(s, &der, &len, e);
	if (!ret)
		ret = record_issued(s, der, len, e);
	if (!ret)
		ret = send_bundle(s, der, len, e);
	OPENSSL_free(der);
	return ret;
}

static int take_result(struct session *s, struct error *e)
{
	const char *reason;
	struct message *m;
	int ret, accepted;

	ret = channel_expect(s->ch, MSG_PERSO_DONE, &m, e);
	if (ret) {
		/* it may have the bundle: the log says that we do not know */
		record_result(s, -1, e->text, NULL);
		return ret;
	}
	accepted = m->u.perso_done->accepted != 0;
	reason = wire_text(m->u.perso_done->reason);
	ret = record_result(s, accepted, reason, e);
	if (!ret && accepted)
		log_info(
			"personalized module %s, serial number '%s', epoch %llu",
			s->uid_hex, s->serial, (unsigned long long)s->epoch);
	else if (!ret)
		ret = error_set(e, EREMOTEIO,
				"module %s refused the bundle: %s", s->uid_hex,
				reason);
	message_free(m);
	return ret;
}

static int run(struct session *s, struct error *e)
{
	int ret;

	ret = identify(s, e);
	if (!ret)
		ret = take_request(s, e);
	if (!ret && !sk_X509_num(s->unit->central))
		ret = error_set(
			e, ENOENT,
			"the unit has no central certificate: add-central comes first");
	if (!ret)
		ret = send_offer(s, e);
	if (!ret)
		ret = take_key(s, e);
	if (!ret)
		ret = hand_over(s, e);
	if (ret) {
		channel_refuse(s->ch, -ret, e->text);
		record_refused(s, e->text, NULL);
		return ret;
	}
	return take_result(s, e);
}

int personalize(const struct unit *u, const struct options *o,
		struct channel *ch, struct error *e)
{
	struct session s = { .unit = u, .o = o, .ch = ch };
	int ret;

	ret = run(&s, e);
	EVP_PKEY_free(s.module_key);
	X509_free(s.module);
	return ret;
}
