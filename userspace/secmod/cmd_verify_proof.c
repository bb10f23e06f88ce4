// SPDX-License-Identifier: MIT
/* secmod verify-proof: a proof of erasure against the manufacturer's certificate, offline. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "pki/tpm.h"
#include "secmod/cli.h"

static int read_proof(const char *path, struct wire_erasure_proof **p,
		      struct error *e)
{
	uint8_t *der;
	size_t len;
	int rc = read_file(path, WIRE_MAX, &der, &len, e);

	if (rc)
		return rc;
	rc = wire_erasure_proof_decode(der, len, p, e);
	if (rc)
		error_set(e, -rc, "'%s' is no proof of erasure: %s", path,
			  e->text);
	free(der);
	return rc;
}

/* @expected NULL: any, for a proof of a reset nobody had a challenge for. */
static int check_nonce(const struct wire_erasure_proof *p, const char *expected,
		       struct error *e)
{
	uint8_t nonce[SECMOD_NONCE_SIZE];
	int rc;

	if (!expected)
		return 0;
	rc = cli_nonce(expected, nonce, e);
	if (rc == 0 &&
	    memcmp(nonce, ASN1_STRING_get0_data(p->nonce), sizeof(nonce)) != 0)
		rc = error_set(e, EKEYREJECTED,
			       "the proof answers another nonce");
	return rc;
}

static int report(struct cli *c, const struct wire_erasure_proof *p,
		  struct error *e)
{
	const uint8_t *uid = ASN1_STRING_get0_data(p->uid);
	char serial[SECMOD_SERIAL_MAX + 1] = "", fingerprint[65], hex[33];

	pki_get_serial(p->identity, serial, sizeof(serial));
	pki_fingerprint(p->module, fingerprint);
	pki_hex(uid, SECMOD_UID_SIZE, hex);
	if (c->json)
		return cli_print_json(
			json_pack("{s:b, s:s, s:s, s:s, s:I, s:I, s:o}",
				  "valid", 1, "serial", serial, "uid", hex,
				  "module_certificate", fingerprint,
				  "module_epoch", (json_int_t)p->module_epoch,
				  "epoch", (json_int_t)p->epoch, "nonce",
				  json_hex(ASN1_STRING_get0_data(p->nonce),
					   SECMOD_NONCE_SIZE)),
			e);
	cli_step(c, "the proof holds: module %s (uid %s) has no key any more",
		 serial, hex);
	cli_step(c, "for certificate sha256 %s", fingerprint);
	cli_step(c, "its key was bound to epoch %llu, the TPM is at %llu",
		 (unsigned long long)p->module_epoch,
		 (unsigned long long)p->epoch);
	return 0;
}

int cmd_verify_proof(struct cli *c, int argc, char **argv, struct error *e)
{
	const char *path, *root_file = NULL, *nonce = NULL;
	const struct cli_option options[] = {
		{ "root", &root_file, NULL },
		{ "nonce", &nonce, NULL },
		{ NULL, NULL, NULL },
	};
	struct wire_erasure_proof *p = NULL;
	X509 *root = NULL;
	int rc = cli_parse(c, argc, argv, options, 1, 1, &path);

	if (rc)
		return rc;
	if (!root_file)
		return cli_misuse("--root is needed");
	rc = pki_read_cert(root_file, &root, e);
	if (rc == 0)
		rc = read_proof(path, &p, e);
	if (rc == 0)
		rc = check_nonce(p, nonce, e);
	if (rc == 0) {
		rc = tpm_check_erasure(p, root, e);
		if (rc)
			error_set(e, -rc, "'%s' does not hold: %s", path,
				  e->text);
	}
	if (rc == 0)
		rc = report(c, p, e);
	wire_erasure_proof_free(p);
	X509_free(root);
	return rc;
}
