// SPDX-License-Identifier: MIT
/*
 * secmod reset: destroys the module key (A2, A21) and keeps the proof. Who later
 * doubts the erasure needs the dead key's certificates, which go with it:
 * they are read before.
 */
#include <errno.h>
#include <unistd.h>

#include "common/wire.h"
#include "pki/pki.h"
#include "secmod/cli.h"

#define ERASED "the module key is destroyed; "

struct reset {
	struct cli *c;
	const char *proof_file, *vault_file, *checking_file, *identity_file;
	int yes;
	uint64_t epoch; /* before a reset with a fresh vault */
	uint8_t nonce[SECMOD_NONCE_SIZE];

	struct certs certs;
	struct outfile out;
	struct secmod_reset done;
};

static int prepare_proof(struct reset *r, struct error *e)
{
	int rc;

	if (r->vault_file)
		return error_set(
			e, EINVAL,
			"--proof: without its vault the module has no certificate of the key it destroys: leave the option out, 'secmod attest' shows the new epoch");
	rc = cli_require_state(
		r->c, SECMOD_STATE_OPERATING,
		"--proof: only a certified key can be proved dead", e);
	if (rc == 0)
		rc = certs_read(r->c, &r->certs, e);
	return rc ? rc : outfile_begin(&r->out, r->proof_file, e);
}

static int fill_proof(const struct reset *r, struct wire_erasure_proof *p)
{
	const struct secmod_reset *d = &r->done;
	struct secmod_info info;

	if (secmod_info(r->c->m, &info) < 0 ||
	    pki_get_epoch(r->certs.module, &p->module_epoch) < 0)
		return -EBADMSG;
	p->version = 1;
	p->epoch = d->epoch;
	if (wire_set_octets(p->uid, info.uid, sizeof(info.uid)) ||
	    wire_set_octets(p->nonce, r->nonce, sizeof(r->nonce)) ||
	    wire_set_octets(p->public_area, d->public_area, d->public_len) ||
	    wire_set_octets(p->nv_public, d->nv_public, d->nv_public_len) ||
	    wire_set_octets(p->attest, d->attest, d->attest_len) ||
	    wire_set_octets(p->signature, d->signature, sizeof(d->signature)) ||
	    wire_set_cert(&p->identity, r->certs.identity) ||
	    wire_set_cert(&p->signer, r->certs.signer) ||
	    wire_set_cert(&p->module, r->certs.module))
		return -ENOMEM;
	return 0;
}

static int write_proof(struct reset *r, struct error *e)
{
	struct wire_erasure_proof *p = wire_erasure_proof_new();
	unsigned char *der = NULL;
	int rc = -ENOMEM, len;

	if (!r->done.public_len)
		rc = -ENODATA; /* without it nobody can verify */
	else if (p)
		rc = fill_proof(r, p);
	len = rc == 0 ? i2d_wire_erasure_proof(p, &der) : -1;
	if (len < 0)
		rc = error_set(e, EIO, ERASED "its proof cannot be assembled");
	else
		rc = outfile_commit(&r->out, der, (size_t)len, e);
	OPENSSL_free(der);
	wire_erasure_proof_free(p);
	return rc;
}

static int cert_of_file(const char *path, unsigned char **der, int *len,
			struct error *e)
{
	X509 *cert;
	int rc = pki_read_cert(path, &cert, e);

	if (rc)
		return rc;
	*der = NULL;
	*len = i2d_X509(cert, der);
	X509_free(cert);
	return *len < 0 ? error_set(e, ENOMEM, "out of memory") : 0;
}

/* A module with another epoch may hold to the vault though its last step failed. */
static int nothing_done(struct reset *r)
{
	struct secmod_info info;
	struct error ignored;

	return !cli_info(r->c, &info, &ignored) && info.epoch == r->epoch;
}

static int reset_fresh(struct reset *r, struct error *e)
{
	unsigned char *checking = NULL, *identity = NULL;
	int checking_len, identity_len, vault, rc;
	struct secmod_info info;

	rc = cli_info(r->c, &info, e);
	if (rc)
		return rc;
	r->epoch = info.epoch;
	rc = cert_of_file(r->checking_file, &checking, &checking_len, e);
	if (rc == 0)
		rc = cert_of_file(r->identity_file, &identity, &identity_len,
				  e);
	if (rc)
		goto out_free;
	rc = vault = vault_create(r->vault_file, e);
	if (rc < 0)
		goto out_free;
	rc = secmod_reset_fresh_vault(r->c->m, r->nonce, vault, checking,
				      (size_t)checking_len, identity,
				      (size_t)identity_len, &r->done);
	if (rc) {
		cli_refused(r->c, rc, "resetting with a fresh vault", e);
		if (nothing_done(r))
			unlink(r->vault_file);
	} else {
		vault_finish(r->vault_file);
	}
	close(vault);
out_free:
	OPENSSL_free(checking);
	OPENSSL_free(identity);
	return rc;
}

static int reset_module(struct reset *r, struct error *e)
{
	int rc;

	if (r->vault_file)
		return reset_fresh(r, e);
	rc = secmod_reset(r->c->m, r->nonce, &r->done);
	return rc ? cli_refused(r->c, rc, "resetting", e) : 0;
}

static int report(const struct reset *r, struct error *e)
{
	if (r->c->json)
		return cli_print_json(
			json_pack(
				"{s:s, s:s, s:I, s:b, s:o, s:s}", "device",
				r->c->device, "state",
				secmod_state_name(SECMOD_STATE_PERSONALIZATION),
				"epoch", (json_int_t)r->done.epoch,
				"key_destroyed", r->done.public_len != 0,
				"nonce", json_hex(r->nonce, sizeof(r->nonce)),
				"proof", r->proof_file ? r->proof_file : ""),
			e);
	cli_step(r->c, "%s the epoch is %llu",
		 r->done.public_len ? "the module key is destroyed," :
				      "there was no module key,",
		 (unsigned long long)r->done.epoch);
	if (r->proof_file)
		cli_step(r->c, "the proof is in '%s'", r->proof_file);
	return 0;
}

static int reset(struct reset *r, struct error *e)
{
	int rc = cli_open(r->c, e);

	if (rc == 0)
		rc = cli_confirm("the module key will be destroyed", r->yes, e);
	if (rc == 0 && r->proof_file)
		rc = prepare_proof(r, e);
	if (rc == 0)
		rc = reset_module(r, e);
	if (rc == 0 && r->proof_file)
		rc = write_proof(r, e);
	return rc ? rc : report(r, e);
}

int cmd_reset(struct cli *c, int argc, char **argv, struct error *e)
{
	struct reset r = { .c = c, .out.fd = -1 };
	const char *nonce = NULL;
	const struct cli_option options[] = {
		{ "proof", &r.proof_file, NULL },
		{ "nonce", &nonce, NULL },
		{ "yes", NULL, &r.yes },
		{ "fresh-vault", &r.vault_file, NULL },
		{ "checking-cert", &r.checking_file, NULL },
		{ "identity-cert", &r.identity_file, NULL },
		{ NULL, NULL, NULL },
	};
	int rc = cli_parse(c, argc, argv, options, 0, 0, NULL);

	if (rc)
		return rc;
	if (!r.vault_file != !r.checking_file ||
	    !r.vault_file != !r.identity_file)
		return cli_misuse(
			"--fresh-vault, --checking-cert and --identity-cert go together");
	rc = cli_nonce(nonce, r.nonce, e);
	if (rc)
		return rc;
	rc = reset(&r, e);
	outfile_abort(&r.out);
	certs_release(&r.certs);
	return rc;
}
