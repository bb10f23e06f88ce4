// SPDX-License-Identifier: MIT
/*
 * Certificates: checked. Each rule is a function of its own and says what it found
 * and which section of RFC 5280 asks for it. Nothing is searched: the caller
 * names the issuer and the role.
 */
#include <errno.h>
#include <string.h>

#include <linux/secmod.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/der.h"
#include "pki/oid.h"

#define X509_V3 2
#define SERIAL_MAX 20
#define POINT_SIZE 65 /* 04, x, y */

struct check {
	X509 *cert, *issuer;
	enum pki_role role;
	const struct pki_role_rules *rules;
};

static int raw_equal(const unsigned char *a, int a_len, const unsigned char *b,
		     int b_len)
{
	return a_len > 0 && a_len == b_len && !memcmp(a, b, a_len);
}

/*
 * OpenSSL keeps a certificate's signed part as it came. Encoding it anew shows
 * what der_check() cannot: defaults written out, wrong forms of time.
 */
static const char *check_encoding(const struct check *c)
{
	unsigned char *der = NULL, *again = NULL;
	X509 *copy = X509_dup(c->cert);
	int len, again_len, ok;

	len = i2d_X509(c->cert, &der);
	if (copy)
		i2d_re_X509_tbs(copy, NULL);
	again_len = copy ? i2d_X509(copy, &again) : -1;
	ok = len > 0 && !der_check(der, len, "certificate", NULL) &&
	     raw_equal(der, len, again, again_len);
	X509_free(copy);
	OPENSSL_free(der);
	OPENSSL_free(again);
	if (!ok)
		return "it is not DER (RFC 5280, 4.1)";
	return len <= SECMOD_CERT_MAX ? NULL : "it is larger than 2048 bytes";
}

static const char *check_version(const struct check *c)
{
	if (X509_get_version(c->cert) != X509_V3)
		return "it is not version 3 (RFC 5280, 4.1.2.1)";
	return NULL;
}

static const char *check_serial(const struct check *c)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(c->cert);
	int i, len = ASN1_STRING_length(serial), zero = 1;

	for (i = 0; i < len; i++)
		zero = zero && !ASN1_STRING_get0_data(serial)[i];
	if (zero || ASN1_STRING_type(serial) != V_ASN1_INTEGER)
		return "the serial number is not positive (RFC 5280, 4.1.2.2)";
	/* 20 octets with the sign, as the kernel counts */
	if (len + (ASN1_STRING_get0_data(serial)[0] >> 7) > SERIAL_MAX)
		return "the serial number is too long (RFC 5280, 4.1.2.2)";
	return NULL;
}

static int is_ecdsa_sha256(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;
	int type;

	X509_ALGOR_get0(&oid, &type, NULL, alg);
	return OBJ_obj2nid(oid) == NID_ecdsa_with_SHA256 &&
	       type == V_ASN1_UNDEF;
}

static const char *check_algorithm(const struct check *c)
{
	const X509_ALGOR *outer;

	X509_get0_signature(NULL, &outer, c->cert);
	if (!is_ecdsa_sha256(outer) ||
	    !is_ecdsa_sha256(X509_get0_tbs_sigalg(c->cert)))
		return "the signature algorithm is not ecdsa-with-SHA256 without parameters (RFC 5758, 3.2)";
	return NULL;
}

/* Byte by byte, as the kernel does: no folding of case or space. */
static int names_equal(const X509_NAME *a, const X509_NAME *b)
{
	const unsigned char *a_der, *b_der;
	size_t a_len, b_len;

	return X509_NAME_get0_der((X509_NAME *)a, &a_der, &a_len) &&
	       X509_NAME_get0_der((X509_NAME *)b, &b_der, &b_len) &&
	       raw_equal(a_der, a_len, b_der, b_len);
}

static const char *check_names(const struct check *c)
{
	const X509_NAME *issuer = X509_get_issuer_name(c->cert);

	if (!X509_NAME_entry_count(issuer) ||
	    !X509_NAME_entry_count(X509_get_subject_name(c->cert)))
		return "it has an empty name (RFC 5280, 4.1.2.4, 4.1.2.6)";
	if (!names_equal(issuer, X509_get_subject_name(c->issuer)))
		return "its issuer has another name (RFC 5280, 6.1.3 (a)(4))";
	return NULL;
}

static const char *check_unique_ids(const struct check *c)
{
	const ASN1_BIT_STRING *issuer, *subject;

	X509_get0_uids(c->cert, &issuer, &subject);
	if (issuer || subject)
		return "it has a unique identifier (RFC 5280, 4.1.2.8)";
	return NULL;
}

static int is_p256(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;
	const void *param;
	int type;

	X509_ALGOR_get0(&oid, &type, &param, alg);
	return OBJ_obj2nid(oid) == NID_X9_62_id_ecPublicKey &&
	       type == V_ASN1_OBJECT &&
	       OBJ_obj2nid(param) == NID_X9_62_prime256v1;
}

static const char *check_public_key(const struct check *c)
{
	const unsigned char *point;
	X509_ALGOR *alg;
	int len;

	X509_PUBKEY_get0_param(NULL, &point, &len, &alg,
			       X509_get_X509_PUBKEY(c->cert));
	if (!is_p256(alg) || len != POINT_SIZE ||
	    point[0] != POINT_CONVERSION_UNCOMPRESSED ||
	    !X509_get0_pubkey(c->cert))
		return "the key is not an uncompressed point of P-256 (RFC 5480, 2)";
	return NULL;
}

static int may_be_critical(const X509_EXTENSION *ext)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object((void *)ext));

	return nid == NID_basic_constraints || nid == NID_key_usage;
}

static const char *check_extensions(const struct check *c)
{
	int i, n = X509_get_ext_count(c->cert);
	const ASN1_OCTET_STRING *value;
	const ASN1_OBJECT *oid;
	X509_EXTENSION *ext;

	for (i = 0; i < n; i++) {
		ext = X509_get_ext(c->cert, i);
		oid = X509_EXTENSION_get_object(ext);
		value = X509_EXTENSION_get_data(ext);
		if (X509_get_ext_by_OBJ(c->cert, oid, i) >= 0)
			return "it has an extension twice (RFC 5280, 4.2)";
		if (X509_EXTENSION_get_critical(ext) && !may_be_critical(ext))
			return "it has an unknown critical extension (RFC 5280, 4.2)";
		if (der_check(ASN1_STRING_get0_data(value),
			      ASN1_STRING_length(value), "extension", NULL))
			return "an extension is not DER (RFC 5280, 4.2)";
	}
	return NULL;
}

static const char *check_constraints(const struct check *c)
{
	BASIC_CONSTRAINTS *bc;
	long pathlen = -1;
	int crit, ca;

	bc = X509_get_ext_d2i(c->cert, NID_basic_constraints, &crit, NULL);
	if (!bc || crit != 1) {
		BASIC_CONSTRAINTS_free(bc);
		return "it has no critical basic constraints (RFC 5280, 4.2.1.9)";
	}
	ca = bc->ca != 0;
	if (bc->pathlen)
		pathlen = ASN1_INTEGER_get(bc->pathlen);
	BASIC_CONSTRAINTS_free(bc);
	if (ca && !c->rules->ca)
		return "it is a CA, which its role is not (RFC 5280, 4.2.1.9)";
	if (!ca && c->rules->ca)
		return "it is no CA (RFC 5280, 4.2.1.9)";
	/* what a root's limit allows below it is for check_issuer() */
	if (c->role != PKI_ROLE_MANUFACTURER && pathlen != c->rules->pathlen)
		return c->rules->ca ?
			       "its path length is not 0 (RFC 5280, 4.2.1.9)" :
			       "it has a path length (RFC 5280, 4.2.1.9)";
	return NULL;
}

static const char *check_usage(const struct check *c)
{
	ASN1_BIT_STRING *bits;
	uint32_t usage = 0;
	int crit, i;

	bits = X509_get_ext_d2i(c->cert, NID_key_usage, &crit, NULL);
	for (i = 0; bits && i < 8; i++)
		if (ASN1_BIT_STRING_get_bit(bits, i))
			usage |= 0x80 >> i;
	if (bits && ASN1_BIT_STRING_get_bit(bits, 8))
		usage |= X509v3_KU_DECIPHER_ONLY;
	ASN1_BIT_STRING_free(bits);
	if (!bits || crit != 1)
		return "it has no critical key usage (RFC 5280, 4.2.1.3)";
	if ((usage & c->rules->usage) != c->rules->usage)
		return "its key usage lacks what the role needs (RFC 5280, 4.2.1.3)";
	if (usage & ~(c->rules->usage | c->rules->usage_optional))
		return "its key usage has more than the role needs (RFC 5280, 4.2.1.3)";
	return NULL;
}

static const char *check_role(const struct check *c)
{
	enum pki_role role;
	int crit = -1;

	EXTENDED_KEY_USAGE_free(
		X509_get_ext_d2i(c->cert, NID_ext_key_usage, &crit, NULL));
	if (pki_get_role(c->cert, &role))
		return "it does not have exactly one role (RFC 5280, 4.2.1.12)";
	if (role != c->role)
		return "it has another role (RFC 5280, 4.2.1.12)";
	return NULL;
}

static const char *check_key_ids(const struct check *c)
{
	const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(c->cert);
	const ASN1_OCTET_STRING *aki = X509_get0_authority_key_id(c->cert);
	const ASN1_OCTET_STRING *issuer = X509_get0_subject_key_id(c->issuer);

	if (!own || !aki || !issuer)
		return "it or its issuer lacks a key identifier (RFC 5280, 4.2.1.1, 4.2.1.2)";
	if (ASN1_OCTET_STRING_cmp(aki, issuer))
		return "its issuer has another key identifier (RFC 5280, 4.2.1.1)";
	return NULL;
}

static const char *check_module_name(const struct check *c)
{
	char serial[SECMOD_SERIAL_MAX + 1];
	uint8_t uid[SECMOD_UID_SIZE];

	if (!c->rules->names_module)
		return NULL;
	if (pki_get_uid(c->cert, uid))
		return "its subject has no UID of 32 digits";
	if (pki_get_serial(c->cert, serial, sizeof(serial)))
		return "its subject has no well-formed serial number";
	return NULL;
}

static const char *check_birth(const struct check *c)
{
	uint8_t value[SECMOD_NONCE_SIZE];
	uint64_t epoch;

	if (c->role != PKI_ROLE_MODULE)
		return NULL;
	if (pki_get_nonce(c->cert, value) || pki_get_salt(c->cert, value) ||
	    pki_get_epoch(c->cert, &epoch))
		return "it lacks nonce, salt or epoch";
	return NULL;
}

/* The issuer by itself: what it is may not rest on the caller having asked. */
static const char *check_issuer(const struct check *c)
{
	struct check above = { .cert = c->issuer, .issuer = c->issuer };

	if (pki_get_role(c->issuer, &above.role) || !pki_rules(above.role) ||
	    !(c->rules->issuers & 1u << above.role))
		return "its issuer has a role that may not issue it (RFC 5280, 6.1.4)";
	above.rules = pki_rules(above.role);
	if (check_constraints(&above) || check_usage(&above))
		return "its issuer is no CA (RFC 5280, 6.1.4 (k), (n))";
	if (c->rules->ca && c->role != PKI_ROLE_MANUFACTURER &&
	    X509_get_pathlen(c->issuer) == 0)
		return "its issuer may not certify a CA (RFC 5280, 4.2.1.9)";
	return NULL;
}

static const char *check_signature(const struct check *c)
{
	EVP_PKEY *key = X509_get0_pubkey(c->issuer);

	if (!key || X509_verify(c->cert, key) != 1)
		return "the signature is not by its issuer (RFC 5280, 6.1.3 (a)(1))";
	return NULL;
}

/* in this order: cheap ones first, the signature last */
static const char *(*const checks[])(const struct check *) = {
	check_encoding,	   check_version,    check_serial,     check_algorithm,
	check_names,	   check_unique_ids, check_public_key, check_extensions,
	check_constraints, check_usage,	     check_role,       check_key_ids,
	check_module_name, check_birth,	     check_issuer,     check_signature,
};

/*
 * RFC 5280, 4.1.2.5: UTCTime up to 2049 and GeneralizedTime after, in Zulu. The kernel
 * counts from 1970.
 */
static int time_well_formed(const ASN1_TIME *t)
{
	int type = ASN1_STRING_type(t);
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm) ||
	    ASN1_STRING_length(t) != (type == V_ASN1_UTCTIME ? 13 : 15) ||
	    ASN1_STRING_get0_data(t)[ASN1_STRING_length(t) - 1] != 'Z')
		return 0;
	return tm.tm_year + 1900 >= (type == V_ASN1_UTCTIME ? 1970 : 2050);
}

static int check_validity(X509 *cert, const char *role, const char *name,
			  time_t when, struct error *e)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert);
	const ASN1_TIME *to = X509_get0_notAfter(cert);

	if (!time_well_formed(from) || !time_well_formed(to))
		return error_set(
			e, EKEYREJECTED,
			"%s certificate '%s': a time is malformed (RFC 5280, 4.1.2.5)",
			role, name);
	if (ASN1_TIME_cmp_time_t(from, when) > 0)
		return error_set(
			e, EKEYEXPIRED,
			"%s certificate '%s': it is not valid yet (RFC 5280, 6.1.3 (a)(2))",
			role, name);
	if (ASN1_TIME_cmp_time_t(to, when) < 0)
		return error_set(
			e, EKEYEXPIRED,
			"%s certificate '%s': it has expired (RFC 5280, 6.1.3 (a)(2))",
			role, name);
	return 0;
}

int pki_check(X509 *cert, enum pki_role role, X509 *issuer, time_t when,
	      struct error *e)
{
	struct check c = { .cert = cert, .issuer = issuer, .role = role };
	const char *bad = NULL;
	char name[128];
	size_t i;

	pki_describe(cert, name, sizeof(name));
	c.rules = pki_rules(role);
	if (!c.rules)
		return error_set(e, EKEYREJECTED, "there is no role %d", role);
	for (i = 0; !bad && i < sizeof(checks) / sizeof(checks[0]); i++)
		bad = checks[i](&c);
	ERR_clear_error();
	if (bad)
		return error_set(e, EKEYREJECTED, "%s certificate '%s': %s",
				 c.rules->name, name, bad);
	return check_validity(cert, c.rules->name, name, when, e);
}

int pki_check_chain(X509 *leaf, enum pki_role role, X509 *signer, X509 *root,
		    time_t when, struct error *e)
{
	int ret;

	ret = pki_check(root, PKI_ROLE_MANUFACTURER, root, when, e);
	if (!ret && signer)
		ret = pki_check(signer, PKI_ROLE_SIGNER, root, when, e);
	if (!ret)
		ret = pki_check(leaf, role, signer ? signer : root, when, e);
	return ret;
}
