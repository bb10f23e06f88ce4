// SPDX-License-Identifier: MIT
/* Seeds of wire_fuzz.c: one message of each type, proofs of erasure. */
#include "common/wire.h"
#include "linux/secmod.h"
#include "seeds.h"
#include "tests/vectors/chunks.inc"

static X509 *cert(const char *hex)
{
	struct output o = { .len = 0 };
	const unsigned char *p = o.data;
	X509 *x509;

	put_hex(&o, hex);
	x509 = d2i_X509(NULL, &p, (long)o.len);
	CHECK(x509);
	return x509;
}

static void set_cert(X509 **field, const char *hex)
{
	X509_free(*field);
	*field = cert(hex);
}

static void octets(ASN1_OCTET_STRING *field, size_t len)
{
	static const uint8_t bytes[1024] = { 1, 2, 3, 4 };

	CHECK(!wire_set_octets(field, bytes, len));
}

static void text(ASN1_UTF8STRING *field, const char *value)
{
	CHECK(!wire_set_text(field, value));
}

static void fill_error(struct message *m)
{
	m->u.error->code = 22;
	text(m->u.error->text, "no");
}

static void fill_perso_request(struct message *m)
{
	m->u.perso_request->version = 1;
	octets(m->u.perso_request->uid, 16);
	m->u.perso_request->epoch = 7;
	set_cert(&m->u.perso_request->identity, CERT_MODULE);
}

static void fill_perso_offer(struct message *m)
{
	octets(m->u.perso_offer->salt, 32);
	octets(m->u.perso_offer->nonce, 32);
	set_cert(&m->u.perso_offer->signer, CERT_PU);
}

static void fill_module_key(struct message *m)
{
	struct wire_module_key *k = m->u.module_key;

	octets(k->public_area, 90);
	octets(k->creation, 100);
	octets(k->attest, 110);
	octets(k->signature, 64);
	octets(k->module_nonce, 32);
	k->epoch = 7;
	k->time = 1893456000;
}

static void fill_perso_bundle(struct message *m)
{
	octets(m->u.perso_bundle->bundle, 100);
}

static void fill_perso_done(struct message *m)
{
	m->u.perso_done->accepted = 0xff;
}

static void fill_certify_request(struct message *m)
{
	struct wire_certify_request *r = m->u.certify_request;

	r->version = 1;
	text(r->serial, MODULE_SERIAL);
	octets(r->ek_public, 122);
	octets(r->ek_certificate, 500);
	octets(r->identity_public, 90);
}

static void fill_credential(struct message *m)
{
	octets(m->u.credential->blob, 70);
	octets(m->u.credential->secret, 70);
}

static void fill_activation(struct message *m)
{
	octets(m->u.activation->secret, 32);
}

static void fill_certified(struct message *m)
{
	set_cert(&m->u.certified->checking, CERT_ROOT);
	set_cert(&m->u.certified->identity, CERT_MODULE);
}

static void fill_transaction(struct message *m)
{
	octets(m->u.transaction->id, 16);
	octets(m->u.transaction->payload, 20);
}

static void fill_transaction_reply(struct message *m)
{
	octets(m->u.transaction_reply->id, 16);
	m->u.transaction_reply->row = 3;
	octets(m->u.transaction_reply->payload, 20);
}

static void fill_relay_open(struct message *m)
{
	m->u.relay_open->conversation = 5;
}

static void fill_relay_command(struct message *m)
{
	m->u.relay_command->conversation = 5;
	octets(m->u.relay_command->command, 14);
}

static void fill_relay_response(struct message *m)
{
	m->u.relay_response->conversation = 5;
	octets(m->u.relay_response->response, 2);
}

static void fill_relay_close(struct message *m)
{
	m->u.relay_close->conversation = UINT32_MAX;
}

static void fill_recover_request(struct message *m)
{
	struct wire_recover_request *r = m->u.recover_request;

	r->version = r->recovery = 1;
	text(r->hsm, "hsm1");
	octets(r->uid, 16);
	octets(r->point, 65);
}

static void fill_key_request(struct message *m)
{
	m->u.key_request->kvn = 0x40;
}

static void fill_key_answer(struct message *m)
{
	m->u.key_answer->kvn = 0x40;
	m->u.key_answer->id = 7;
	m->u.key_answer->lifetime = 3600;
	m->u.key_answer->messages = 1000;
	text(m->u.key_answer->text, "no");
}

static void fill_sealed_transaction(struct message *m)
{
	octets(m->u.sealed_transaction->id, 16);
	octets(m->u.sealed_transaction->sealed, 40);
}

static void fill_sealed_reply(struct message *m)
{
	octets(m->u.sealed_reply->id, 16);
	octets(m->u.sealed_reply->sealed, 40);
}

static const struct {
	int type;
	void (*fill)(struct message *m);
} messages[] = {
	{ MSG_ERROR, fill_error },
	{ MSG_PERSO_REQUEST, fill_perso_request },
	{ MSG_PERSO_OFFER, fill_perso_offer },
	{ MSG_MODULE_KEY, fill_module_key },
	{ MSG_PERSO_BUNDLE, fill_perso_bundle },
	{ MSG_PERSO_DONE, fill_perso_done },
	{ MSG_CERTIFY_REQUEST, fill_certify_request },
	{ MSG_CREDENTIAL, fill_credential },
	{ MSG_ACTIVATION, fill_activation },
	{ MSG_CERTIFIED, fill_certified },
	{ MSG_TRANSACTION, fill_transaction },
	{ MSG_TRANSACTION_REPLY, fill_transaction_reply },
	{ MSG_RELAY_OPEN, fill_relay_open },
	{ MSG_RELAY_COMMAND, fill_relay_command },
	{ MSG_RELAY_RESPONSE, fill_relay_response },
	{ MSG_RELAY_CLOSE, fill_relay_close },
	{ MSG_KEY_REQUEST, fill_key_request },
	{ MSG_KEY_ANSWER, fill_key_answer },
	{ MSG_SEALED_TRANSACTION, fill_sealed_transaction },
	{ MSG_SEALED_REPLY, fill_sealed_reply },
	{ MSG_RECOVER_REQUEST, fill_recover_request },
};

static void seed_proof(void)
{
	struct wire_erasure_proof *p = wire_erasure_proof_new();
	struct output o = { .len = 0 };
	unsigned char *der = NULL;
	int len;

	CHECK(p);
	p->version = 1;
	octets(p->uid, 16);
	octets(p->nonce, 32);
	p->epoch = 8;
	octets(p->public_area, 90);
	octets(p->nv_public, 14);
	octets(p->attest, 120);
	octets(p->signature, 64);
	set_cert(&p->identity, CERT_MODULE);
	set_cert(&p->signer, CERT_PU);
	set_cert(&p->module, CERT_MODULE);
	p->module_epoch = MODULE_EPOCH;
	len = i2d_wire_erasure_proof(p, &der);
	CHECK(len > 0);
	seed("wire", der, (size_t)len);
	put_u8(&o, 4);
	put(&o, der, (size_t)len);
	seed("attest", o.data, o.len);
	OPENSSL_free(der);
	wire_erasure_proof_free(p);
}

void seeds_wire(void)
{
	unsigned char *der;
	struct message *m;
	size_t i;
	int len;

	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		m = message_new(messages[i].type);
		CHECK(m);
		messages[i].fill(m);
		len = message_encode(m, &der);
		CHECK(len > 0);
		seed("wire", der, (size_t)len);
		OPENSSL_free(der);
		message_free(m);
	}
	seed_proof();
}
