// SPDX-License-Identifier: MIT
/*
 * secmod init: the identity key is made and certified by the manufacturer, who
 * learns by a credential only this TPM can open that it sits in this TPM (A8).
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pki/pki.h"
#include "secmod/cli.h"

struct init {
	struct cli *c;
	const char *endpoint, *root_file, *serial, *vault_file, *ek_file, *tcti;
	int discard, yes, timeout_ms;

	X509 *root;
	int vault;
	struct channel *channel;
	struct secmod_init_begin begun;
	uint8_t *ek_cert;
	size_t ek_cert_len;
};

static int check_manufacturer(void *arg, X509 *leaf, STACK_OF(X509) *sent,
			      struct error *e)
{
	struct init *in = arg;

	(void)sent;
	if (pki_check(leaf, PKI_ROLE_UNIT_TLS, in->root, time(NULL), e) < 0)
		return error_set(e, EKEYREJECTED,
				 "'%s' is not the manufacturer of '%s': %s",
				 in->endpoint, in->root_file, e->text);
	return 0;
}

static int read_root(struct init *in, struct error *e)
{
	int rc = pki_read_cert(in->root_file, &in->root, e);

	return rc ? rc :
		    pki_check(in->root, PKI_ROLE_MANUFACTURER, in->root,
			      time(NULL), e);
}

static int check_state(struct init *in, struct error *e)
{
	struct secmod_info info;
	int rc;

	if (!in->discard)
		return cli_require_state(in->c, SECMOD_STATE_VIRGIN,
					 "initializing", e);
	rc = cli_info(in->c, &info, e);
	if (rc || info.state == SECMOD_STATE_VIRGIN)
		return rc;
	return cli_confirm(
		"the module in this TPM, its identity and its keys will be destroyed",
		in->yes, e);
}

static int read_ek_cert(struct init *in, struct error *e)
{
	int rc = in->ek_file ? ek_read_file(in->ek_file, &in->ek_cert,
					    &in->ek_cert_len, e) :
			       ek_read_tpm(in->tcti, &in->ek_cert,
					   &in->ek_cert_len, e);

	if (rc == 0 && in->ek_cert_len == 0)
		cli_step(
			in->c,
			"the TPM holds no EK certificate: the manufacturer must allow that");
	return rc;
}

static int begin(struct init *in, struct error *e)
{
	uint32_t flags = in->discard ? SECMOD_INIT_DISCARD : 0;
	int rc;

	if (in->ek_cert && ek_is_rsa(in->ek_cert, in->ek_cert_len))
		flags |= SECMOD_INIT_EK_RSA;
	rc = secmod_init_begin(in->c->m, flags, &in->begun);
	if (rc)
		return cli_refused(in->c, rc, "making the identity key", e);
	cli_step(in->c, "the identity key is made");
	return 0;
}

static int send_request(struct init *in, struct error *e)
{
	struct message *m = message_new(MSG_CERTIFY_REQUEST);
	struct wire_certify_request *r;

	if (m) {
		r = m->u.certify_request;
		r->version = 1;
		if (wire_set_text(r->serial, in->serial) ||
		    wire_set_octets(r->ek_public, in->begun.ek_public,
				    in->begun.ek_public_len) ||
		    wire_set_octets(r->ek_certificate, in->ek_cert,
				    in->ek_cert_len) ||
		    wire_set_octets(r->identity_public,
				    in->begun.identity_public,
				    in->begun.identity_public_len)) {
			message_free(m);
			m = NULL;
		}
	}
	return unit_send(in->channel, m, e);
}

static int send_activation(struct init *in, const uint8_t *credential,
			   size_t len, struct error *e)
{
	struct message *m = message_new(MSG_ACTIVATION);

	if (m && wire_set_octets(m->u.activation->secret, credential, len)) {
		message_free(m);
		m = NULL;
	}
	return unit_send(in->channel, m, e);
}

static int answer_challenge(struct init *in, struct error *e)
{
	struct wire_credential *w;
	uint8_t credential[64];
	struct message *m;
	size_t len;
	int rc = channel_expect(in->channel, MSG_CREDENTIAL, &m, e);

	if (rc)
		return rc;
	w = m->u.credential;
	rc = secmod_init_activate(in->c->m, ASN1_STRING_get0_data(w->blob),
				  (size_t)ASN1_STRING_length(w->blob),
				  ASN1_STRING_get0_data(w->secret),
				  (size_t)ASN1_STRING_length(w->secret),
				  credential, &len);
	message_free(m);
	if (rc) {
		cli_refused(in->c, rc, "answering the manufacturer's challenge",
			    e);
		channel_refuse(in->channel, -rc, e->text);
		return rc;
	}
	rc = send_activation(in, credential, len, e);
	OPENSSL_cleanse(credential, sizeof(credential));
	return rc;
}

static int store(struct init *in, const struct wire_certified *w,
		 struct error *e)
{
	unsigned char *checking = NULL, *identity = NULL;
	int checking_len, identity_len, rc;

	if (X509_cmp(w->checking, in->root) != 0)
		return error_set(
			e, EKEYREJECTED,
			"the manufacturer sent another checking certificate than '%s'",
			in->root_file);
	rc = pki_check(w->identity, PKI_ROLE_IDENTITY, in->root, time(NULL), e);
	if (rc)
		return rc;
	checking_len = i2d_X509(w->checking, &checking);
	identity_len = i2d_X509(w->identity, &identity);
	if (checking_len < 0 || identity_len < 0) {
		rc = error_set(e, ENOMEM, "out of memory");
	} else {
		rc = secmod_init_complete(in->c->m, checking,
					  (size_t)checking_len, identity,
					  (size_t)identity_len, in->vault);
		if (rc)
			cli_refused(in->c, rc, "storing the certificates", e);
	}
	OPENSSL_free(checking);
	OPENSSL_free(identity);
	return rc;
}

static int converse(struct init *in, struct error *e)
{
	struct message *m;
	int rc = send_request(in, e);

	if (rc == 0)
		rc = answer_challenge(in, e);
	if (rc == 0)
		rc = channel_expect(in->channel, MSG_CERTIFIED, &m, e);
	if (rc)
		return rc;
	cli_step(in->c, "the manufacturer has certified it");
	rc = store(in, m->u.certified, e);
	message_free(m);
	return rc;
}

static int report(struct init *in, struct error *e)
{
	struct secmod_info info;
	char uid[2 * SECMOD_UID_SIZE + 1], srk[80];
	int rc = cli_info(in->c, &info, e);

	if (rc)
		return rc;
	pki_hex(info.uid, sizeof(info.uid), uid);
	cli_sysfs(in->c, "tpm/srk_name", srk, sizeof(srk));
	if (in->c->json)
		return cli_print_json(
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "device",
				  in->c->device, "state",
				  secmod_state_name(info.state), "uid", uid,
				  "serial", in->serial, "vault", in->vault_file,
				  "srk_name", srk),
			e);
	cli_step(in->c, "module %s, uid %s, vault '%s', state %s", in->serial,
		 uid, in->vault_file, secmod_state_name(info.state));
	cli_step(
		in->c,
		"to have the driver refuse another TPM, write to /etc/modprobe.d/secmod.conf: options secmod srk=%s",
		srk);
	return 0;
}

/* What can fail without trace comes first, the vault and the TPM last. */
static int initialize(struct init *in, struct error *e)
{
	int rc = read_root(in, e);

	if (rc == 0)
		rc = check_state(in, e);
	if (rc == 0)
		rc = read_ek_cert(in, e);
	if (rc == 0)
		rc = unit_connect(in->endpoint, NULL, NULL, check_manufacturer,
				  in, in->timeout_ms, &in->channel, e);
	if (rc)
		return rc;
	cli_step(in->c, "connected to the manufacturer");
	in->vault = vault_create(in->vault_file, e);
	if (in->vault < 0)
		return in->vault;
	rc = begin(in, e);
	if (rc == 0)
		rc = converse(in, e);
	if (rc)
		unlink(in->vault_file);
	else
		vault_finish(in->vault_file);
	close(in->vault);
	return rc ? rc : report(in, e);
}

int cmd_init(struct cli *c, int argc, char **argv, struct error *e)
{
	struct init in = { .c = c,
			   .vault_file = CLI_VAULT,
			   .tcti = "device:/dev/tpmrm0" };
	const char *timeout = NULL;
	const struct cli_option options[] = {
		{ "root", &in.root_file, NULL },
		{ "serial", &in.serial, NULL },
		{ "vault", &in.vault_file, NULL },
		{ "ek-cert", &in.ek_file, NULL },
		{ "tcti", &in.tcti, NULL },
		{ "timeout", &timeout, NULL },
		{ "discard", NULL, &in.discard },
		{ "yes", NULL, &in.yes },
		{ NULL, NULL, NULL },
	};
	int rc = cli_parse(c, argc, argv, options, 1, 1, &in.endpoint);

	if (rc == 0)
		rc = cli_timeout(timeout, &in.timeout_ms);
	if (rc)
		return rc;
	if (!in.root_file || !in.serial)
		return cli_misuse("--root and --serial are needed");
	if (!pki_serial_valid(in.serial))
		return cli_misuse(
			"--serial: '%s' is not 1 to %d letters, digits, and . _ - after the first",
			in.serial, SECMOD_SERIAL_MAX);
	rc = initialize(&in, e);
	channel_close(in.channel);
	X509_free(in.root);
	free(in.ek_cert);
	return rc;
}
