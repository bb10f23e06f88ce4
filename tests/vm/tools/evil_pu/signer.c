// SPDX-License-Identifier: MIT
/* Cases that spoil the signing certificate: PERSO_BEGIN has to refuse them. */
#include <stdio.h>

#include <linux/secmod.h>

#include "evil_pu.h"

/* What another would make with keys of its own. */
static void claim(struct evil *e, X509 *signer, EVP_PKEY *key)
{
	X509_free(e->signer);
	e->signer = signer;
	e->key = key;
}

static char *name_of(X509 *cert)
{
	static char name[128];

	pki_describe(cert, name, sizeof(name));
	return name;
}

static void signer_is_module(struct evil *e)
{
	EVP_PKEY *key = evil_key();

	claim(e,
	      evil_issue(PKI_ROLE_MODULE, "module", key, e->true_signer,
			 e->unit_key),
	      key);
}

static void signer_is_identity(struct evil *e)
{
	EVP_PKEY *key = evil_key();

	claim(e,
	      evil_issue(PKI_ROLE_IDENTITY, "identity", key, e->root,
			 e->root_key),
	      key);
}

static void signer_is_foreign(struct evil *e)
{
	EVP_PKEY *root_key = evil_key(), *key = evil_key();
	char name[128];
	X509 *root;

	snprintf(name, sizeof(name), "%s", name_of(e->root));
	root = evil_issue(PKI_ROLE_MANUFACTURER, name, root_key, NULL,
			  root_key);
	claim(e,
	      evil_issue(PKI_ROLE_SIGNER, name_of(e->true_signer), key, root,
			 root_key),
	      key);
	X509_free(root);
	EVP_PKEY_free(root_key);
}

#define SPOIL_SIGNER(name, ...)                   \
	static void signer_##name(struct evil *e) \
	{                                         \
		X509 *cert = e->signer;           \
		__VA_ARGS__;                      \
		evil_sign(cert, e->root_key);     \
	}

SPOIL_SIGNER(role_module, evil_set_role(cert, ROLE(3)))
SPOIL_SIGNER(role_identity, evil_set_role(cert, ROLE(1)))
SPOIL_SIGNER(two_roles, evil_set_role(cert, ROLE(2) "," ROLE(3)))
SPOIL_SIGNER(no_role, evil_set_role(cert, "clientAuth"))
SPOIL_SIGNER(expired, evil_expire(cert))
SPOIL_SIGNER(not_yet, evil_delay(cert))
SPOIL_SIGNER(critical, evil_set_ext(cert, "1.2.3.4", "critical,DER:0500"))
SPOIL_SIGNER(no_ca, evil_set_ext(cert, "basicConstraints", "critical,CA:FALSE"))
SPOIL_SIGNER(no_basic, evil_set_ext(cert, "basicConstraints", NULL))
SPOIL_SIGNER(no_pathlen,
	     evil_set_ext(cert, "basicConstraints", "critical,CA:TRUE"))
SPOIL_SIGNER(pathlen_1, evil_set_ext(cert, "basicConstraints",
				     "critical,CA:TRUE,pathlen:1"))
SPOIL_SIGNER(no_usage, evil_set_ext(cert, "keyUsage", NULL))
SPOIL_SIGNER(usage, evil_set_ext(cert, "keyUsage", "critical,digitalSignature"))
SPOIL_SIGNER(version, X509_set_version(cert, 1))
SPOIL_SIGNER(issuer, X509_set_issuer_name(cert, X509_get_subject_name(cert)))

static void signer_signature(struct evil *e)
{
	EVP_PKEY *key = evil_key();

	evil_sign(e->signer, key);
	EVP_PKEY_free(key);
}

const struct evil_case evil_signer_cases[] = {
	{ "signer-is-module", "the signer is a module with a certificate",
	  .signer = signer_is_module },
	{ "signer-is-identity", "the signer has an identity certificate",
	  .signer = signer_is_identity },
	{ "signer-foreign", "the signer is of another manufacturer",
	  .signer = signer_is_foreign },
	{ "signer-signature", "the signer is certified by another key",
	  .signer = signer_signature },
	{ "signer-issuer", "the signer names another issuer",
	  .signer = signer_issuer },
	{ "signer-role-module", "the signer's role is module",
	  .signer = signer_role_module },
	{ "signer-role-identity", "the signer's role is identity",
	  .signer = signer_role_identity },
	{ "signer-two-roles", "the signer has two roles",
	  .signer = signer_two_roles },
	{ "signer-no-role", "the signer has no role",
	  .signer = signer_no_role },
	{ "signer-expired", "the signer has expired",
	  .signer = signer_expired },
	{ "signer-not-yet", "the signer is not valid yet",
	  .signer = signer_not_yet },
	{ "signer-critical", "the signer has an unknown critical extension",
	  .signer = signer_critical },
	{ "signer-no-ca", "the signer's CA flag is off",
	  .signer = signer_no_ca },
	{ "signer-no-basic", "the signer has no basic constraints",
	  .signer = signer_no_basic },
	{ "signer-no-pathlen", "the signer has no path length",
	  .signer = signer_no_pathlen },
	{ "signer-pathlen-1", "the signer's path length is 1",
	  .signer = signer_pathlen_1 },
	{ "signer-no-usage", "the signer has no key usage",
	  .signer = signer_no_usage },
	{ "signer-usage", "the signer may not sign certificates",
	  .signer = signer_usage },
	{ "signer-version", "the signer's certificate is of version 2",
	  .signer = signer_version },
	{ 0 },
};
