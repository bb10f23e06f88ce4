// SPDX-License-Identifier: MIT
/*
 * secmod personalize: connects the module to a personalization unit, relays
 * between it and the kernel, and clears the connection down (A1, A3, A7–A10).
 * The kernel checks everything itself; what is checked here is so that a wrong
 * unit is told from the right one before a key is made.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hsm/hsm.h"
#include "pki/pki.h"
#include "secmod/cli.h"

#define OPERATING_MS 10000 /* from closing the session to the state */

struct perso {
	struct cli *c;
	const char *endpoint;
	int timeout_ms;

	struct secmod_info info;
	struct certs certs;
	EVP_PKEY *key; /* identity key */
	X509 *signer; /* of the PU, as its TLS chain showed it */
	struct channel *channel;
};

/* The PU's TLS certificate is issued by the signer it sends along, that by the checking key. */
static int check_unit(void *arg, X509 *leaf, STACK_OF(X509) *sent,
		      struct error *e)
{
	struct perso *p = arg;
	X509 *signer = sk_X509_value(sent, 0);

	if (!signer)
		return error_set(
			e, EKEYREJECTED,
			"'%s' sent no signing certificate with its own",
			p->endpoint);
	if (pki_check_chain(leaf, PKI_ROLE_UNIT_TLS, signer, p->certs.checking,
			    time(NULL), e) < 0)
		return error_set(
			e, EKEYREJECTED,
			"'%s' is no personalization unit of this module's manufacturer: %s",
			p->endpoint, e->text);
	X509_free(p->signer);
	p->signer = signer;
	X509_up_ref(signer);
	return 0;
}

static int open_identity(struct perso *p, struct error *e)
{
	char uri[256];
	int rc = certs_read(p->c, &p->certs, e);

	if (rc)
		return rc;
	if (!p->certs.checking || !p->certs.identity)
		return error_set(
			e, ENOENT,
			"'%s' has no identity certificate: initialize it anew (secmod init --discard)",
			p->c->device);
	snprintf(uri, sizeof(uri), "secmod:identity?device=%s", p->c->device);
	return hsm_open_key(uri, &p->key, e);
}

static int send_request(struct perso *p, struct error *e)
{
	struct message *m = message_new(MSG_PERSO_REQUEST);

	if (m) {
		m->u.perso_request->version = 1;
		m->u.perso_request->epoch = p->info.epoch;
		if (wire_set_octets(m->u.perso_request->uid, p->info.uid,
				    sizeof(p->info.uid)) ||
		    wire_set_cert(&m->u.perso_request->identity,
				  p->certs.identity)) {
			message_free(m);
			m = NULL;
		}
	}
	return unit_send(p->channel, m, e);
}

static int begin(struct perso *p, const struct wire_perso_offer *offer,
		 struct secmod_perso_begin *begun, struct error *e)
{
	unsigned char *der = NULL;
	int len, rc;

	if (X509_cmp(offer->signer, p->signer) != 0)
		return error_set(
			e, EKEYREJECTED,
			"the personalization unit offers another signing certificate than it came with");
	len = i2d_X509(offer->signer, &der);
	if (len < 0)
		return error_set(e, ENOMEM, "out of memory");
	rc = secmod_perso_begin(p->c->m, der, (size_t)len,
				ASN1_STRING_get0_data(offer->salt),
				ASN1_STRING_get0_data(offer->nonce), begun);
	OPENSSL_free(der);
	return rc ? cli_refused(p->c, rc, "making the module key", e) : 0;
}

static int send_key(struct perso *p, const struct secmod_perso_begin *b,
		    struct error *e)
{
	struct message *m = message_new(MSG_MODULE_KEY);
	struct wire_module_key *k;

	if (m) {
		k = m->u.module_key;
		k->epoch = b->epoch;
		k->time = b->time;
		if (wire_set_octets(k->public_area, b->public_area,
				    b->public_len) ||
		    wire_set_octets(k->creation, b->creation,
				    b->creation_len) ||
		    wire_set_octets(k->attest, b->attest, b->attest_len) ||
		    wire_set_octets(k->signature, b->signature,
				    sizeof(b->signature)) ||
		    wire_set_octets(k->module_nonce, b->module_nonce,
				    sizeof(b->module_nonce))) {
			message_free(m);
			m = NULL;
		}
	}
	return unit_send(p->channel, m, e);
}

static int make_key(struct perso *p, struct error *e)
{
	struct secmod_perso_begin begun;
	struct message *m;
	int rc = channel_expect(p->channel, MSG_PERSO_OFFER, &m, e);

	if (rc)
		return rc;
	rc = begin(p, m->u.perso_offer, &begun, e);
	message_free(m);
	if (rc) {
		channel_refuse(p->channel, -rc, e->text);
		return rc;
	}
	cli_step(p->c, "the module key is made");
	return send_key(p, &begun, e);
}

/* Tells the PU how it ended; whether it hears that changes nothing any more. */
static void send_done(struct perso *p, int accepted, const char *reason)
{
	struct message *m = message_new(MSG_PERSO_DONE);
	struct error ignored;
	char text[256];

	snprintf(text, sizeof(text), "%.255s", reason);
	if (m) {
		m->u.perso_done->accepted = accepted ? 0xff : 0;
		if (wire_set_text(m->u.perso_done->reason, text)) {
			message_free(m);
			m = NULL;
		}
	}
	unit_send(p->channel, m, &ignored);
}

static int store_bundle(struct perso *p, struct error *e)
{
	const ASN1_OCTET_STRING *bundle;
	struct message *m;
	int rc = channel_expect(p->channel, MSG_PERSO_BUNDLE, &m, e);

	if (rc)
		return rc;
	bundle = m->u.perso_bundle->bundle;
	rc = secmod_perso_complete(p->c->m, ASN1_STRING_get0_data(bundle),
				   (size_t)ASN1_STRING_length(bundle));
	message_free(m);
	if (rc)
		cli_refused(p->c, rc, "checking the bundle", e);
	send_done(p, rc == 0, rc ? e->text : "");
	return rc;
}

static int converse(struct perso *p, struct error *e)
{
	char name[128];
	int rc = unit_connect(p->endpoint, p->certs.identity, p->key,
			      check_unit, p, p->timeout_ms, &p->channel, e);

	if (rc)
		return rc;
	pki_describe(p->signer, name, sizeof(name));
	cli_step(p->c, "connected to personalization unit '%s'", name);
	rc = send_request(p, e);
	if (rc == 0)
		rc = make_key(p, e);
	if (rc == 0)
		rc = store_bundle(p, e);
	if (rc)
		return rc;
	cli_step(p->c, "certificates and policy are checked and stored");
	channel_close(p->channel);
	p->channel = NULL;
	cli_step(p->c, "the connection is cleared down");
	return 0;
}

/* Closing the session file is what makes the module operating. */
static int end_session(struct perso *p, struct error *e)
{
	struct cli *c = p->c;
	int rc;

	secmod_close(c->m);
	c->m = NULL;
	rc = cli_open(c, e);
	if (rc)
		return rc;
	rc = secmod_wait(c->m, 1u << SECMOD_STATE_OPERATING, OPERATING_MS);
	if (rc < 0)
		return cli_refused(c, rc, "becoming operating", e);
	return cli_info(c, &p->info, e);
}

static int report(struct perso *p, struct error *e)
{
	char serial[SECMOD_SERIAL_MAX + 1];

	cli_serial(&p->info, serial);
	if (p->c->json)
		return cli_print_json(
			json_pack("{s:s, s:s, s:s, s:I, s:I}", "device",
				  p->c->device, "state",
				  secmod_state_name(p->info.state), "serial",
				  serial, "epoch", (json_int_t)p->info.epoch,
				  "personalized_at",
				  (json_int_t)p->info.personalized_at),
			e);
	cli_step(p->c, "module %s, epoch %llu, state %s", serial,
		 (unsigned long long)p->info.epoch,
		 secmod_state_name(p->info.state));
	return 0;
}

static int personalize(struct perso *p, struct error *e)
{
	int rc = cli_require_state(p->c, SECMOD_STATE_PERSONALIZATION,
				   "personalizing", e);

	if (rc == 0)
		rc = cli_info(p->c, &p->info, e);
	if (rc == 0)
		rc = open_identity(p, e);
	if (rc == 0)
		rc = converse(p, e);
	if (rc == 0)
		rc = end_session(p, e);
	return rc ? rc : report(p, e);
}

int cmd_personalize(struct cli *c, int argc, char **argv, struct error *e)
{
	struct perso p = { .c = c };
	const char *timeout = NULL;
	const struct cli_option options[] = {
		{ "timeout", &timeout, NULL },
		{ NULL, NULL, NULL },
	};
	int rc = cli_parse(c, argc, argv, options, 1, 1, &p.endpoint);

	if (rc == 0)
		rc = cli_timeout(timeout, &p.timeout_ms);
	if (rc)
		return rc;
	rc = personalize(&p, e);
	channel_close(p.channel);
	X509_free(p.signer);
	EVP_PKEY_free(p.key);
	certs_release(&p.certs);
	return rc;
}
