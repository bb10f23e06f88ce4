// SPDX-License-Identifier: MIT
/* What spoils a certificate or a value, and nothing else. */
#include <string.h>

#include <openssl/x509v3.h>

#include "common/log.h"
#include "evil_pu.h"

void evil_set_ext(X509 *cert, const char *oid, const char *value)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 0);
	X509_EXTENSION *ext;
	int at = X509_get_ext_by_OBJ(cert, obj, -1);

	ASN1_OBJECT_free(obj);
	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, at));
	if (!value)
		return;
	ext = X509V3_EXT_nconf(NULL, NULL, oid, value);
	if (!ext || !X509_add_ext(cert, ext, at))
		fatal("cannot set extension %s", oid);
	X509_EXTENSION_free(ext);
}

void evil_set_role(X509 *cert, const char *roles)
{
	evil_set_ext(cert, "extendedKeyUsage", roles);
}

void evil_expire(X509 *cert)
{
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), -3600);
}

void evil_delay(X509 *cert)
{
	X509_gmtime_adj(X509_getm_notBefore(cert), 86400);
}

void evil_wrong(uint8_t *out, const uint8_t *in, size_t len)
{
	memcpy(out, in, len);
	out[len - 1] ^= 1;
}
