// SPDX-License-Identifier: MIT
/*
 * Identity certificates of a manufacturer that are right but for one thing.
 *
 * usage: evil_identity MANUFACTURER OUT [IDENTITY]
 *
 * Writes OUT/NAME.der for each of the names below, after the certificate IDENTITY (PEM);
 * without it over a key that no module has. OUT/checking.der is the manufacturer's own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/secmod.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "common/log.h"
#include "hsm/hsm.h"
#include "pki/pki.h"

#define ROLE(n) SECMOD_OID_ARC_TEXT ".1." #n

static struct error err;

/* What the certificates say, and who signs them. */
struct world {
	X509 *root;
	EVP_PKEY *root_key, *key, *other;
	uint8_t uid[16];
	char serial[SECMOD_SERIAL_MAX + 1];
};

static void must(int ret)
{
	if (ret)
		fatal("%s", err.text);
}

static X509 *issue(const struct world *w, EVP_PKEY *key, EVP_PKEY *issuer_key)
{
	const struct pki_request req = {
		.role = PKI_ROLE_IDENTITY,
		.serial = w->serial,
		.uid = w->uid,
		.days = 30,
	};
	X509 *cert;

	must(pki_issue(&req, key, w->root, issuer_key, &cert, &err));
	return cert;
}

static X509 *good(struct world *w)
{
	return issue(w, w->key, w->root_key);
}

static X509 *of_other_key(struct world *w)
{
	return issue(w, w->other, w->root_key);
}

static X509 *of_other_uid(struct world *w)
{
	X509 *cert;

	w->uid[15] ^= 1;
	cert = good(w);
	w->uid[15] ^= 1;
	return cert;
}

static X509 *of_other_issuer(struct world *w)
{
	return issue(w, w->key, w->other);
}

static X509 *of_other_role(struct world *w)
{
	X509 *cert = good(w);
	X509_EXTENSION *role =
		X509V3_EXT_nconf(NULL, NULL, "extendedKeyUsage", ROLE(5));
	int at = X509_get_ext_by_NID(cert, NID_ext_key_usage, -1);

	X509_EXTENSION_free(X509_delete_ext(cert, at));
	if (!role || !X509_add_ext(cert, role, at) ||
	    X509_sign(cert, w->root_key, EVP_sha256()) <= 0)
		fatal("cannot change the role");
	X509_EXTENSION_free(role);
	return cert;
}

static X509 *expired(struct world *w)
{
	X509 *cert = good(w);

	X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), -3600);
	if (X509_sign(cert, w->root_key, EVP_sha256()) <= 0)
		fatal("cannot sign a certificate");
	return cert;
}

static const struct {
	const char *name;
	X509 *(*make)(struct world *w);
} certs[] = {
	{ "good", good },
	{ "other-key", of_other_key },
	{ "other-uid", of_other_uid },
	{ "other-issuer", of_other_issuer },
	{ "other-role", of_other_role },
	{ "expired", expired },
};

static void write_der(const char *dir, const char *name, X509 *cert)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.der", dir, name);
	f = fopen(path, "wb");
	if (!f || i2d_X509_fp(f, cert) != 1 || fclose(f))
		fatal("%s: %s", path, strerror(errno));
}

static void open_world(struct world *w, const char *maker, const char *identity)
{
	char path[512];
	X509 *cert;

	snprintf(path, sizeof(path), "%s/root.pem", maker);
	must(pki_read_cert(path, &w->root, &err));
	must(hsm_open_remembered(maker, &w->root_key, &err));
	w->other = EVP_EC_gen("P-256");
	w->key = EVP_EC_gen("P-256");
	snprintf(w->serial, sizeof(w->serial), "nobody");
	if (!identity)
		return;
	EVP_PKEY_free(w->key);
	must(pki_read_cert(identity, &cert, &err));
	w->key = X509_get_pubkey(cert);
	if (!w->key || pki_get_uid(cert, w->uid) ||
	    pki_get_serial(cert, w->serial, sizeof(w->serial)))
		fatal("%s is no identity certificate", identity);
	X509_free(cert);
}

int main(int argc, char **argv)
{
	struct world w = { 0 };
	X509 *cert;
	size_t i;

	log_init("evil_identity", 0);
	if (argc != 3 && argc != 4)
		fatal("usage: evil_identity MANUFACTURER OUT [IDENTITY]");
	open_world(&w, argv[1], argv[3]);
	write_der(argv[2], "checking", w.root);
	for (i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
		cert = certs[i].make(&w);
		write_der(argv[2], certs[i].name, cert);
		X509_free(cert);
	}
	EVP_PKEY_free(w.key);
	EVP_PKEY_free(w.other);
	EVP_PKEY_free(w.root_key);
	X509_free(w.root);
	return 0;
}
