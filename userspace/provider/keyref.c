// SPDX-License-Identifier: MIT
/* The file form of a key reference. */
#include <errno.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/pem.h>

#include "provider/keyref.h"

#define TAG_SEQUENCE 0x30
#define TAG_UTF8STRING 0x0c

/* One DER length of at most 255; moves @p behind it. */
static int read_length(const unsigned char **p, const unsigned char *end,
		       size_t *len)
{
	if (end - *p < 1)
		return -EBADMSG;
	*len = *(*p)++;
	if (*len < 0x80)
		return 0;
	if (*len != 0x81 || end - *p < 1 || **p < 0x80)
		return -EBADMSG;
	*len = *(*p)++;
	return 0;
}

static int read_tag(const unsigned char **p, const unsigned char *end,
		    unsigned char tag)
{
	size_t len;

	if (end - *p < 1 || *(*p)++ != tag || read_length(p, end, &len) < 0 ||
	    len != (size_t)(end - *p))
		return -EBADMSG;
	return 0;
}

/*
 * By hand and not by a template: libcrypto offers every DER file of a program to
 * this decoder, and all but the rarest must be turned down without an error.
 */
int keyref_parse(const unsigned char *der, size_t len,
		 char uri[KEYREF_URI_MAX + 1])
{
	const unsigned char *p = der, *end = der + len;
	size_t n;

	if (read_tag(&p, end, TAG_SEQUENCE) < 0 ||
	    read_tag(&p, end, TAG_UTF8STRING) < 0)
		return -EBADMSG;
	n = (size_t)(end - p);
	if (n == 0 || n > KEYREF_URI_MAX || memchr(p, '\0', n))
		return -EBADMSG;
	memcpy(uri, p, n);
	uri[n] = '\0';
	return 0;
}

static int write_pem(BIO *out, const unsigned char *der, int len)
{
	return PEM_write_bio(out, KEYREF_LABEL, "", der, len) > 0 ? 0 : -EIO;
}

int keyref_write(BIO *out, const char *uri)
{
	/* tag and length twice, a byte more each from 128 on */
	unsigned char der[KEYREF_URI_MAX + 6], *p = der;
	size_t len = strlen(uri);
	int inner;

	if (len == 0 || len > KEYREF_URI_MAX - 3)
		return -EINVAL;
	inner = ASN1_object_size(0, (int)len, V_ASN1_UTF8STRING);
	ASN1_put_object(&p, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	ASN1_put_object(&p, 0, (int)len, V_ASN1_UTF8STRING, V_ASN1_UNIVERSAL);
	memcpy(p, uri, len);
	return write_pem(out, der, (int)(p - der) + (int)len);
}
