// SPDX-License-Identifier: MIT
/* Certificates: made. */
#include <errno.h>
#include <string.h>

#include <linux/secmod.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include "pki/oid.h"

#define X509_V3 2
#define SERIAL_BITS 128
#define BACKDATED 300 /* clocks differ */
#define KEY_ID_SIZE 20

/* RFC 5280, 4.1.2.2: positive, at most 20 octets, not to be guessed */
static int set_serial(X509 *cert)
{
	BIGNUM *bn = BN_new();
	int ok;

	ok = bn &&
	     BN_rand(bn, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	     BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert));
	BN_free(bn);
	return ok;
}

static int set_validity(X509 *cert, int days)
{
	return X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATED) &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL);
}

static int add_name(X509_NAME *name, int nid, const char *value)
{
	if (!value)
		return 1;
	return X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING,
					  (const unsigned char *)value, -1, -1,
					  0);
}

static int set_subject(X509 *cert, const struct pki_request *req)
{
	X509_NAME *name = X509_get_subject_name(cert);
	char uid[2 * SECMOD_UID_SIZE + 1];

	if (req->uid)
		pki_hex(req->uid, SECMOD_UID_SIZE, uid);
	return add_name(name, NID_commonName, req->common_name) &&
	       add_name(name, NID_serialNumber, req->serial) &&
	       add_name(name, NID_userId, req->uid ? uid : NULL);
}

static int add_ext(X509 *cert, int nid, void *value, int critical)
{
	return value &&
	       X509_add1_ext_i2d(cert, nid, value, critical, X509V3_ADD_APPEND);
}

static int add_constraints(X509 *cert, const struct pki_role_rules *r)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	int ok = bc != NULL;

	if (ok && r->ca) {
		bc->ca = 0xff;
		if (r->pathlen >= 0) {
			bc->pathlen = ASN1_INTEGER_new();
			ok = bc->pathlen &&
			     ASN1_INTEGER_set(bc->pathlen, r->pathlen);
		}
	}
	ok = ok && add_ext(cert, NID_basic_constraints, bc, 1);
	BASIC_CONSTRAINTS_free(bc);
	return ok;
}

/* X509v3_KU_*: the first eight bits of the string, the lowest bit index on top */
static int add_usage(X509 *cert, uint32_t usage)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	int ok = bits != NULL, i;

	for (i = 0; ok && i < 8; i++)
		if (usage & (0x80 >> i))
			ok = ASN1_BIT_STRING_set_bit(bits, i, 1);
	ok = ok && add_ext(cert, NID_key_usage, bits, 1);
	ASN1_BIT_STRING_free(bits);
	return ok;
}

static int push_oid(EXTENDED_KEY_USAGE *eku, ASN1_OBJECT *oid)
{
	if (oid && sk_ASN1_OBJECT_push(eku, oid))
		return 1;
	ASN1_OBJECT_free(oid);
	return 0;
}

static int add_extended_usage(X509 *cert, enum pki_role role,
			      const struct pki_role_rules *r)
{
	EXTENDED_KEY_USAGE *eku;
	int ok;

	if (role == PKI_ROLE_MANUFACTURER)
		return 1;
	eku = EXTENDED_KEY_USAGE_new();
	ok = eku && push_oid(eku, pki_oid(PKI_ARC_ROLE, role));
	if (ok && r->tls_client)
		ok = push_oid(eku, OBJ_nid2obj(NID_client_auth));
	if (ok && r->tls_server)
		ok = push_oid(eku, OBJ_nid2obj(NID_server_auth));
	ok = ok && add_ext(cert, NID_ext_key_usage, eku, 0);
	EXTENDED_KEY_USAGE_free(eku);
	return ok;
}

/* RFC 7093, 2, method 1: leftmost 160 bits of SHA-256 of the key's bits */
static ASN1_OCTET_STRING *key_id(X509 *cert)
{
	ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);
	unsigned char digest[EVP_MAX_MD_SIZE];
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

	if (id && bits &&
	    EVP_Digest(ASN1_STRING_get0_data(bits), ASN1_STRING_length(bits),
		       digest, NULL, EVP_sha256(), NULL) &&
	    ASN1_OCTET_STRING_set(id, digest, KEY_ID_SIZE))
		return id;
	ASN1_OCTET_STRING_free(id);
	return NULL;
}

static int add_key_ids(X509 *cert, X509 *issuer)
{
	const ASN1_OCTET_STRING *issuer_id;
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
	ASN1_OCTET_STRING *id = key_id(cert);
	int ok;

	issuer_id = issuer ? X509_get0_subject_key_id(issuer) : id;
	if (aki && issuer_id)
		aki->keyid = ASN1_OCTET_STRING_dup(issuer_id);
	ok = aki && aki->keyid &&
	     add_ext(cert, NID_subject_key_identifier, id, 0) &&
	     add_ext(cert, NID_authority_key_identifier, aki, 0);
	AUTHORITY_KEYID_free(aki);
	ASN1_OCTET_STRING_free(id);
	return ok;
}

/* An extension of the project's own: the DER of an @item in the extnValue. */
static int add_own_ext(X509 *cert, int number, void *value,
		       const ASN1_ITEM *item)
{
	ASN1_OBJECT *oid = pki_oid(PKI_ARC_EXT, number);
	ASN1_OCTET_STRING *der = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	int ok = 0;

	if (oid && der && value) {
		der->length = ASN1_item_i2d(value, &der->data, item);
		if (der->length > 0)
			ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, der);
		ok = ext && X509_add_ext(cert, ext, -1);
	}
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(der);
	ASN1_OBJECT_free(oid);
	return ok;
}

static int add_octets(X509 *cert, int number, const uint8_t *data, size_t len)
{
	ASN1_OCTET_STRING *value;
	int ok;

	if (!data)
		return 1;
	value = ASN1_OCTET_STRING_new();
	ok = value && ASN1_OCTET_STRING_set(value, data, len) &&
	     add_own_ext(cert, number, value,
			 ASN1_ITEM_rptr(ASN1_OCTET_STRING));
	ASN1_OCTET_STRING_free(value);
	return ok;
}

static int add_epoch(X509 *cert, uint64_t epoch)
{
	ASN1_INTEGER *value = ASN1_INTEGER_new();
	int ok;

	ok = value && ASN1_INTEGER_set_uint64(value, epoch) &&
	     add_own_ext(cert, SECMOD_EXT_EPOCH, value,
			 ASN1_ITEM_rptr(ASN1_INTEGER));
	ASN1_INTEGER_free(value);
	return ok;
}

static int add_extensions(X509 *cert, const struct pki_request *req,
			  const struct pki_role_rules *r, X509 *issuer)
{
	return add_constraints(cert, r) &&
	       add_usage(cert, r->usage | r->usage_optional) &&
	       add_extended_usage(cert, req->role, r) &&
	       add_key_ids(cert, issuer) &&
	       add_octets(cert, SECMOD_EXT_NONCE, req->nonce,
			  SECMOD_NONCE_SIZE) &&
	       add_octets(cert, SECMOD_EXT_SALT, req->salt, SECMOD_SALT_SIZE) &&
	       (!req->nonce || add_epoch(cert, req->epoch));
}

static int check_request(const struct pki_request *req, struct error *e)
{
	const struct pki_role_rules *r = pki_rules(req->role);

	if (!r)
		return error_set(e, EINVAL, "there is no role %d", req->role);
	if (!req->common_name && !(req->serial && req->uid))
		return error_set(
			e, EINVAL,
			"a certificate needs a name, or serial number and UID");
	if (r->names_module && !(req->serial && req->uid))
		return error_set(e, EINVAL,
				 "the role %s needs serial number and UID",
				 r->name);
	if (req->serial && !pki_serial_valid(req->serial))
		return error_set(
			e, EINVAL,
			"'%s' is no serial number: 1 to %d letters, digits, and . _ - after the first",
			req->serial, SECMOD_SERIAL_MAX);
	if (req->role == PKI_ROLE_MODULE && !(req->nonce && req->salt))
		return error_set(e, EINVAL,
				 "a module certificate needs nonce and salt");
	return 0;
}

int pki_issue(const struct pki_request *req, EVP_PKEY *key, X509 *issuer,
	      EVP_PKEY *issuer_key, X509 **out, struct error *e)
{
	const X509_NAME *issuer_name;
	X509 *cert;
	int ret;

	*out = NULL;
	ret = check_request(req, e);
	if (ret)
		return ret;
	cert = X509_new();
	if (!cert)
		return error_set(e, ENOMEM, "out of memory");
	issuer_name = X509_get_subject_name(issuer ? issuer : cert);
	if (!X509_set_version(cert, X509_V3) || !set_serial(cert) ||
	    !set_validity(cert, req->days) || !set_subject(cert, req) ||
	    !X509_set_issuer_name(cert, issuer_name) ||
	    !X509_set_pubkey(cert, key) ||
	    !add_extensions(cert, req, pki_rules(req->role), issuer) ||
	    !X509_sign(cert, issuer_key, EVP_sha256())) {
		X509_free(cert);
		return error_set_ssl(e, EIO, "cannot issue a %s certificate",
				     pki_role_name(req->role));
	}
	*out = cert;
	return 0;
}
