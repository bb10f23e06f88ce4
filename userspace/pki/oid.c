// SPDX-License-Identifier: MIT
/* The project's object identifiers and its table of roles. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/secmod.h>
#include <openssl/x509v3.h>

#include "pki/oid.h"

#define BY(role) (1u << PKI_ROLE_##role)
#define CA_USAGE X509v3_KU_KEY_CERT_SIGN
#define SIGN_USAGE X509v3_KU_DIGITAL_SIGNATURE

/*
 * The signer has digitalSignature because it signs bundles. Stock verifiers take
 * the extended key usages of a CA as a limit on what it certifies: it has both.
 */
static const struct pki_role_rules rules[] = {
	[PKI_ROLE_MANUFACTURER] = {
		.name = "manufacturer",
		.ca = 1,
		.pathlen = -1,
		.usage = CA_USAGE,
		.usage_optional = X509v3_KU_CRL_SIGN,
		.issuers = BY(MANUFACTURER),
	},
	[PKI_ROLE_IDENTITY] = {
		.name = "identity",
		.pathlen = -1,
		.usage = SIGN_USAGE,
		.tls_client = 1,
		.issuers = BY(MANUFACTURER),
		.names_module = 1,
	},
	[PKI_ROLE_SIGNER] = {
		.name = "signer",
		.ca = 1,
		.pathlen = 0,
		.usage = CA_USAGE | SIGN_USAGE,
		.usage_optional = X509v3_KU_CRL_SIGN,
		.tls_client = 1,
		.tls_server = 1,
		.issuers = BY(MANUFACTURER),
	},
	[PKI_ROLE_MODULE] = {
		.name = "module",
		.pathlen = -1,
		.usage = SIGN_USAGE,
		.tls_client = 1,
		.issuers = BY(SIGNER),
		.names_module = 1,
	},
	[PKI_ROLE_CENTRAL] = {
		.name = "central",
		.pathlen = -1,
		.usage = SIGN_USAGE,
		.tls_server = 1,
		.issuers = BY(SIGNER),
	},
	[PKI_ROLE_UNIT_TLS] = {
		.name = "unit-tls",
		.pathlen = -1,
		.usage = SIGN_USAGE,
		.tls_server = 1,
		.issuers = BY(SIGNER) | BY(MANUFACTURER),
	},
	[PKI_ROLE_RECOVERY] = {
		.name = "recovery",
		.pathlen = -1,
		.usage = SIGN_USAGE,
		.issuers = BY(MANUFACTURER),
	},
};

#define ROLES (sizeof(rules) / sizeof(rules[0]))

const struct pki_role_rules *pki_rules(enum pki_role role)
{
	return (size_t)role < ROLES ? &rules[role] : NULL;
}

const char *pki_role_name(enum pki_role role)
{
	return (size_t)role < ROLES ? rules[role].name : "unknown";
}

ASN1_OBJECT *pki_oid(enum pki_arc arc, int number)
{
	char text[sizeof(SECMOD_OID_ARC_TEXT) + 32];

	snprintf(text, sizeof(text), SECMOD_OID_ARC_TEXT ".%d.%d", arc, number);
	return OBJ_txt2obj(text, 1);
}

int pki_oid_number(const ASN1_OBJECT *oid, enum pki_arc arc)
{
	static const unsigned char prefix[] = { SECMOD_OID_ARC };
	const unsigned char *der = OBJ_get0_data(oid);
	size_t len = OBJ_length(oid);

	if (len <= sizeof(prefix) + 1 || memcmp(der, prefix, sizeof(prefix)) ||
	    der[sizeof(prefix)] != arc)
		return -1;
	/* of several bytes: no number this version knows, but of our arc */
	if (len > sizeof(prefix) + 2)
		return 128;
	return der[sizeof(prefix) + 1];
}

int pki_get_role(X509 *cert, enum pki_role *role)
{
	EXTENDED_KEY_USAGE *eku;
	int i, n, crit, found = 0;

	eku = X509_get_ext_d2i(cert, NID_ext_key_usage, &crit, NULL);
	*role = PKI_ROLE_MANUFACTURER;
	if (!eku)
		return crit == -1 ? 0 : -EBADMSG;
	for (i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		n = pki_oid_number(sk_ASN1_OBJECT_value(eku, i), PKI_ARC_ROLE);
		if (n < 0)
			continue;
		*role = n;
		found++;
	}
	EXTENDED_KEY_USAGE_free(eku);
	return found == 1 ? 0 : -EBADMSG;
}
