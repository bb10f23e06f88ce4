// SPDX-License-Identifier: MIT
/*
 * The module's side of a personalization without any check of its own: what a
 * hostile unit sends reaches the kernel as it is.
 *
 * usage: perso_client DEVICE ENDPOINT [intrude]
 *
 * Prints "begin: VERDICT", "complete: VERDICT" and, after the session, "state: NAME";
 * VERDICT is "ok" or the errno's name, a colon and the kernel's reason. Exits 0 when the
 * kernel was asked, 1 when something else went wrong before.
 *
 * "intrude": in between, calls that are out of place on this file, and on another one,
 * with lines of the same kind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "common/process.h"
#include "hsm/hsm.h"
#include "libsecmod/libsecmod.h"

#define MESSAGE_MS 60000

static struct error err;

static int accept_any(void *arg, X509 *leaf, STACK_OF(X509) *sent,
		      struct error *e)
{
	(void)arg;
	(void)leaf;
	(void)sent;
	(void)e;
	return 0;
}

static X509 *identity_of(struct secmod *m)
{
	const uint8_t *p;
	uint8_t *der;
	size_t len;
	X509 *cert;

	if (secmod_get_cert(m, SECMOD_CERT_IDENTITY, 0, &der, &len))
		fatal("%s", secmod_reason(m));
	p = der;
	cert = d2i_X509(NULL, &p, len);
	secmod_free(der);
	if (!cert)
		fatal("the identity certificate is malformed");
	return cert;
}

static struct channel *connect_to(const char *device, const char *endpoint,
				  X509 *identity)
{
	struct channel *ch;
	char uri[512];
	EVP_PKEY *key;
	SSL_CTX *ctx;
	int fd;

	snprintf(uri, sizeof(uri), "secmod:identity?device=%s", device);
	if (hsm_open_key(uri, &key, &err))
		fatal("%s", err.text);
	ctx = channel_ctx(0, identity, key, NULL, &err);
	if (!ctx)
		fatal("%s", err.text);
	fd = endpoint_connect(endpoint, MESSAGE_MS, &err);
	if (fd < 0 ||
	    channel_open(fd, 0, ctx, accept_any, NULL, MESSAGE_MS, &ch, &err))
		fatal("%s", err.text);
	SSL_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ch;
}

static void send_message(struct channel *ch, struct message *m)
{
	if (!m || channel_send(ch, m, &err))
		fatal("%s", m ? err.text : "out of memory");
	message_free(m);
}

static void send_request(struct channel *ch, struct secmod *m, X509 *identity)
{
	struct message *out = message_new(MSG_PERSO_REQUEST);
	struct secmod_info info;

	if (secmod_info(m, &info))
		fatal("%s", secmod_reason(m));
	out->u.perso_request->version = 1;
	out->u.perso_request->epoch = info.epoch;
	wire_set_octets(out->u.perso_request->uid, info.uid, sizeof(info.uid));
	wire_set_cert(&out->u.perso_request->identity, identity);
	send_message(ch, out);
}

static void send_key(struct channel *ch, const struct secmod_perso_begin *b)
{
	struct message *out = message_new(MSG_MODULE_KEY);
	struct wire_module_key *k = out->u.module_key;

	wire_set_octets(k->public_area, b->public_area, b->public_len);
	wire_set_octets(k->creation, b->creation, b->creation_len);
	wire_set_octets(k->attest, b->attest, b->attest_len);
	wire_set_octets(k->signature, b->signature, sizeof(b->signature));
	wire_set_octets(k->module_nonce, b->module_nonce,
			sizeof(b->module_nonce));
	k->epoch = b->epoch;
	k->time = b->time;
	send_message(ch, out);
}

static void send_done(struct channel *ch, int accepted, const char *reason)
{
	struct message *out = message_new(MSG_PERSO_DONE);
	char text[256];

	snprintf(text, sizeof(text), "%.255s", reason);
	out->u.perso_done->accepted = accepted ? 0xff : 0;
	wire_set_text(out->u.perso_done->reason, text);
	send_message(ch, out);
}

/* What "intrude" needs of the offer and of the bundle. */
static struct {
	struct secmod *other; /* NULL: no intruder */
	unsigned char *signer;
	int signer_len;
	uint8_t salt[SECMOD_SALT_SIZE], nonce[SECMOD_NONCE_SIZE];
} intruder;

/* Returns @ret, printed. */
static int verdict(const char *step, struct secmod *m, int ret)
{
	if (ret)
		printf("%s: %s: %s\n", step, strerrorname_np(-ret),
		       secmod_reason(m));
	else
		printf("%s: ok\n", step);
	return ret;
}

static void try_begin(const char *step, struct secmod *m)
{
	struct secmod_perso_begin b;

	verdict(step, m,
		secmod_perso_begin(m, intruder.signer, intruder.signer_len,
				   intruder.salt, intruder.nonce, &b));
}

static void try_sign(const char *step, struct secmod *m)
{
	static const uint8_t digest[32];
	uint8_t sig[SECMOD_SIG_SIZE];

	verdict(step, m,
		secmod_sign(m, SECMOD_KEY_MODULE, SECMOD_HASH_SHA256, digest,
			    sizeof(digest), sig));
}

/* Another file, with all that the session has. */
static void intrude(const char *when, const uint8_t *bundle, int len)
{
	struct secmod *m = intruder.other;
	struct secmod_reset r;
	char step[64];

	snprintf(step, sizeof(step), "%s, another file begins", when);
	try_begin(step, m);
	snprintf(step, sizeof(step), "%s, another file completes", when);
	verdict(step, m, secmod_perso_complete(m, bundle, (size_t)len));
	snprintf(step, sizeof(step), "%s, another file resets", when);
	verdict(step, m, secmod_reset(m, intruder.nonce, &r));
	snprintf(step, sizeof(step), "%s, another file detaches", when);
	verdict(step, m, secmod_detach(m));
	snprintf(step, sizeof(step), "%s, another file signs", when);
	try_sign(step, m);
}

/* The session's own file, once the bundle is stored. */
static void overdo(struct secmod *m, const uint8_t *bundle, int len)
{
	struct secmod_reset r;

	try_begin("stored, begins", m);
	verdict("stored, completes", m,
		secmod_perso_complete(m, bundle, (size_t)len));
	verdict("stored, resets", m, secmod_reset(m, intruder.nonce, &r));
	verdict("stored, detaches", m, secmod_detach(m));
	try_sign("stored, signs", m);
}

static int begin(struct channel *ch, struct secmod *m)
{
	const struct wire_perso_offer *o;
	struct secmod_perso_begin b;
	unsigned char *der = NULL;
	struct message *in;
	int len, ret;

	if (channel_expect(ch, MSG_PERSO_OFFER, &in, &err))
		fatal("%s", err.text);
	o = in->u.perso_offer;
	len = i2d_X509(o->signer, &der);
	ret = secmod_perso_begin(m, der, len, ASN1_STRING_get0_data(o->salt),
				 ASN1_STRING_get0_data(o->nonce), &b);
	verdict("begin", m, ret);
	if (!ret)
		send_key(ch, &b);
	intruder.signer = der;
	intruder.signer_len = len;
	memcpy(intruder.salt, ASN1_STRING_get0_data(o->salt),
	       sizeof(intruder.salt));
	memcpy(intruder.nonce, ASN1_STRING_get0_data(o->nonce),
	       sizeof(intruder.nonce));
	message_free(in);
	return ret;
}

static int complete(struct channel *ch, struct secmod *m)
{
	const ASN1_OCTET_STRING *bundle;
	struct message *in;
	const uint8_t *der;
	int len, ret;

	if (channel_expect(ch, MSG_PERSO_BUNDLE, &in, &err))
		fatal("%s", err.text);
	bundle = in->u.perso_bundle->bundle;
	der = ASN1_STRING_get0_data(bundle);
	len = ASN1_STRING_length(bundle);
	if (intruder.other)
		intrude("begun", der, len);
	ret = verdict("complete", m,
		      secmod_perso_complete(m, der, (size_t)len));
	if (intruder.other && !ret) {
		overdo(m, der, len);
		intrude("stored", der, len);
	}
	message_free(in);
	return ret;
}

static void print_state(const char *device)
{
	struct secmod_info info;
	struct secmod *m;

	if (secmod_open(device, &m))
		fatal("%s", secmod_reason(NULL));
	if (secmod_info(m, &info))
		fatal("%s", secmod_reason(m));
	printf("state: %s\n", secmod_state_name(info.state));
	secmod_close(m);
}

int main(int argc, char **argv)
{
	struct channel *ch;
	struct secmod *m;
	char reason[256];
	X509 *identity;
	int ret;

	log_init("perso_client", 0);
	if (argc != 3 && !(argc == 4 && !strcmp(argv[3], "intrude")))
		fatal("usage: perso_client DEVICE ENDPOINT [intrude]");
	process_harden();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (secmod_open(argv[1], &m))
		fatal("%s", secmod_reason(NULL));
	if (argc == 4 && secmod_open(argv[1], &intruder.other))
		fatal("%s", secmod_reason(NULL));
	identity = identity_of(m);
	ch = connect_to(argv[1], argv[2], identity);
	send_request(ch, m, identity);
	ret = begin(ch, m);
	if (!ret)
		ret = complete(ch, m);
	snprintf(reason, sizeof(reason), "%s", ret ? secmod_reason(m) : "");
	send_done(ch, !ret, reason);
	channel_close(ch);
	secmod_close(m);
	secmod_close(intruder.other);
	OPENSSL_free(intruder.signer);
	X509_free(identity);
	print_state(argv[1]);
	return 0;
}
