/* SPDX-License-Identifier: MIT */
/* Between the files of the PKI: the project's object identifiers and its table of roles. */
#ifndef SECMOD_PKI_OID_H
#define SECMOD_PKI_OID_H

#include "pki/pki.h"

struct pki_role_rules {
	const char *name;
	int ca;
	int pathlen; /* -1: none */
	uint32_t usage; /* X509v3_KU_*: these bits must be set, */
	uint32_t usage_optional; /* these may, all others not */
	int tls_client, tls_server; /* extended key usages beside the role */
	unsigned int issuers; /* bits 1 << role: who may issue it */
	int names_module; /* subject has serial number and UID */
};

const struct pki_role_rules *pki_rules(enum pki_role role);

/* The number n of arc.@arc.n, or -1 for an OID that is not there. */
int pki_oid_number(const ASN1_OBJECT *oid, enum pki_arc arc);
/* Exactly one role among the extended key usages: 0 and @role, else -EBADMSG. No
 * extended key usage at all is the manufacturer. */
int pki_get_role(X509 *cert, enum pki_role *role);

#endif
