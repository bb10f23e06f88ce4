// SPDX-License-Identifier: MIT
/* Fields of certificates that are the project's own, and their names in messages. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/secmod.h>
#include <openssl/x509v3.h>

#include "common/der.h"
#include "pki/oid.h"

int pki_serial_valid(const char *serial)
{
	size_t len = strlen(serial), i;

	if (!len || len > SECMOD_SERIAL_MAX)
		return 0;
	for (i = 0; i < len; i++) {
		unsigned char c = serial[i];

		if (c >= 0x80 || !(isalnum(c) || (i && strchr("._-", c))))
			return 0;
	}
	return 1;
}

/*
 * The only attribute @nid of the subject: two would let two readers see two
 * modules. PrintableString and UTF8String alone hold what we mean as bytes.
 */
static int get_attribute(X509 *cert, int nid, const char **text, size_t *len)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	const ASN1_STRING *value;
	int at, type;

	at = X509_NAME_get_index_by_NID((X509_NAME *)name, nid, -1);
	if (at < 0)
		return -ENOENT;
	if (X509_NAME_get_index_by_NID((X509_NAME *)name, nid, at) >= 0)
		return -EBADMSG;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	type = ASN1_STRING_type(value);
	if (type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING)
		return -EBADMSG;
	*text = (const char *)ASN1_STRING_get0_data(value);
	*len = ASN1_STRING_length(value);
	return 0;
}

int pki_get_uid(X509 *cert, uint8_t uid[16])
{
	char hex[2 * SECMOD_UID_SIZE + 1];
	const char *text;
	size_t len;
	int ret;

	ret = get_attribute(cert, NID_userId, &text, &len);
	if (ret)
		return ret;
	if (len != 2 * SECMOD_UID_SIZE)
		return -EBADMSG;
	memcpy(hex, text, len);
	hex[len] = 0;
	return pki_unhex(hex, uid, SECMOD_UID_SIZE);
}

int pki_get_serial(X509 *cert, char *serial, size_t size)
{
	char copy[SECMOD_SERIAL_MAX + 1];
	const char *text;
	size_t len;
	int ret;

	ret = get_attribute(cert, NID_serialNumber, &text, &len);
	if (ret)
		return ret;
	if (len > SECMOD_SERIAL_MAX || memchr(text, 0, len))
		return -EBADMSG;
	memcpy(copy, text, len);
	copy[len] = 0;
	if (len >= size || !pki_serial_valid(copy))
		return -EBADMSG;
	memcpy(serial, copy, len + 1);
	return 0;
}

/* The content of our extension @number as an @item, to be freed by the caller. */
static int get_ext(X509 *cert, int number, const ASN1_ITEM *item, void **out)
{
	ASN1_OBJECT *oid = pki_oid(PKI_ARC_EXT, number);
	const ASN1_OCTET_STRING *value;
	const unsigned char *p;
	int at, len;

	*out = NULL;
	if (!oid)
		return -ENOMEM;
	at = X509_get_ext_by_OBJ(cert, oid, -1);
	if (at >= 0 && X509_get_ext_by_OBJ(cert, oid, at) >= 0)
		at = -2;
	ASN1_OBJECT_free(oid);
	if (at < 0)
		return at == -2 ? -EBADMSG : -ENOENT;
	value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	p = ASN1_STRING_get0_data(value);
	len = ASN1_STRING_length(value);
	if (der_check(p, len, "extension", NULL))
		return -EBADMSG;
	*out = ASN1_item_d2i(NULL, &p, len, item);
	return *out ? 0 : -EBADMSG;
}

static int get_octets(X509 *cert, int number, uint8_t *out, int len)
{
	const ASN1_ITEM *item = ASN1_ITEM_rptr(ASN1_OCTET_STRING);
	void *value;
	int ret;

	ret = get_ext(cert, number, item, &value);
	if (ret)
		return ret;
	if (ASN1_STRING_length(value) == len)
		memcpy(out, ASN1_STRING_get0_data(value), len);
	else
		ret = -EBADMSG;
	ASN1_item_free(value, item);
	return ret;
}

int pki_get_nonce(X509 *cert, uint8_t nonce[32])
{
	return get_octets(cert, SECMOD_EXT_NONCE, nonce, SECMOD_NONCE_SIZE);
}

int pki_get_salt(X509 *cert, uint8_t salt[32])
{
	return get_octets(cert, SECMOD_EXT_SALT, salt, SECMOD_SALT_SIZE);
}

int pki_get_epoch(X509 *cert, uint64_t *epoch)
{
	const ASN1_ITEM *item = ASN1_ITEM_rptr(ASN1_INTEGER);
	void *value;
	int ret;

	ret = get_ext(cert, SECMOD_EXT_EPOCH, item, &value);
	if (ret)
		return ret;
	if (!ASN1_INTEGER_get_uint64(epoch, value) || *epoch > INT64_MAX)
		ret = -EBADMSG;
	ASN1_item_free(value, item);
	return ret;
}

void pki_hex(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * len] = 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int pki_unhex(const char *text, uint8_t *out, size_t len)
{
	int high, low;
	size_t i;

	for (i = 0; i < len; i++) {
		high = digit(text[2 * i]);
		low = high < 0 ? -1 : digit(text[2 * i + 1]);
		if (low < 0)
			return -EBADMSG;
		out[i] = high << 4 | low;
	}
	return text[2 * len] ? -EBADMSG : 0;
}

void pki_fingerprint(X509 *cert, char out[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	unsigned int len = 0;

	X509_digest(cert, EVP_sha256(), digest, &len);
	pki_hex(digest, 32, out);
}

static int get_name(X509 *cert, int nid, char *out, size_t size)
{
	const char *text;
	size_t len, i;

	if (get_attribute(cert, nid, &text, &len) || !len)
		return -ENOENT;
	for (i = 0; i < len && i + 1 < size; i++)
		out[i] = (unsigned char)text[i] < 0x20 ? '?' : text[i];
	out[i] = 0;
	return 0;
}

void pki_describe(X509 *cert, char *out, size_t size)
{
	if (get_name(cert, NID_commonName, out, size) &&
	    get_name(cert, NID_serialNumber, out, size))
		snprintf(out, size, "without a name");
}
