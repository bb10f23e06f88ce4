// SPDX-License-Identifier: MIT
/* The certificates that are in the module. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pki/pki.h"
#include "secmod/cli.h"

static int read_one(struct cli *c, enum secmod_cert kind, unsigned int index,
		    X509 **out, struct error *e)
{
	const unsigned char *p;
	char what[48];
	uint8_t *der;
	size_t len;
	int rc = secmod_get_cert(c->m, kind, index, &der, &len);

	*out = NULL;
	if (rc == -ENOENT)
		return 0;
	snprintf(what, sizeof(what), "reading the %s certificate",
		 secmod_cert_name(kind));
	if (rc < 0)
		return cli_refused(c, rc, what, e);
	p = der;
	*out = d2i_X509(NULL, &p, (long)len);
	secmod_free(der);
	if (!*out)
		return error_set_ssl(e, EBADMSG, "%s: malformed", what);
	return 0;
}

static int read_central(struct cli *c, struct certs *certs, struct error *e)
{
	X509 *cert;
	int rc;

	certs->central = sk_X509_new_null();
	if (!certs->central)
		return error_set(e, ENOMEM, "out of memory");
	for (unsigned int i = 0; i < SECMOD_CENTRAL_MAX; i++) {
		rc = read_one(c, SECMOD_CERT_CENTRAL, i, &cert, e);
		if (rc || !cert)
			return rc;
		if (!sk_X509_push(certs->central, cert)) {
			X509_free(cert);
			return error_set(e, ENOMEM, "out of memory");
		}
	}
	return 0;
}

int certs_read(struct cli *c, struct certs *certs, struct error *e)
{
	int rc;

	memset(certs, 0, sizeof(*certs));
	rc = read_one(c, SECMOD_CERT_CHECKING, 0, &certs->checking, e);
	if (rc == 0)
		rc = read_one(c, SECMOD_CERT_IDENTITY, 0, &certs->identity, e);
	if (rc == 0)
		rc = read_one(c, SECMOD_CERT_SIGNER, 0, &certs->signer, e);
	if (rc == 0)
		rc = read_one(c, SECMOD_CERT_MODULE, 0, &certs->module, e);
	if (rc == 0)
		rc = read_central(c, certs, e);
	if (rc)
		certs_release(certs);
	return rc;
}

void certs_release(struct certs *certs)
{
	X509_free(certs->checking);
	X509_free(certs->identity);
	X509_free(certs->signer);
	X509_free(certs->module);
	sk_X509_pop_free(certs->central, X509_free);
	memset(certs, 0, sizeof(*certs));
}

int certs_each(const struct certs *certs, certs_fn fn, void *arg,
	       struct error *e)
{
	const struct {
		enum secmod_cert kind;
		X509 *cert;
	} single[] = {
		{ SECMOD_CERT_CHECKING, certs->checking },
		{ SECMOD_CERT_IDENTITY, certs->identity },
		{ SECMOD_CERT_SIGNER, certs->signer },
		{ SECMOD_CERT_MODULE, certs->module },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]) && !rc; i++)
		if (single[i].cert)
			rc = fn(arg, single[i].kind, 0, single[i].cert, e);
	for (int i = 0; i < sk_X509_num(certs->central) && !rc; i++)
		rc = fn(arg, SECMOD_CERT_CENTRAL, (unsigned int)i,
			sk_X509_value(certs->central, i), e);
	return rc;
}

static void format_asn1_time(const ASN1_TIME *t, char out[32])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm))
		format_time(timegm(&tm), out);
	else
		snprintf(out, 32, "unknown");
}

static void format_name(const X509_NAME *name, char *out, size_t size)
{
	BIO *b = BIO_new(BIO_s_mem());
	int n = -1;

	if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(b, out, (int)size - 1);
	out[n > 0 ? n : 0] = '\0';
	BIO_free(b);
}

json_t *cert_json(enum secmod_cert kind, unsigned int index, X509 *cert)
{
	char subject[256], issuer[256], from[32], until[32], fingerprint[65];

	format_name(X509_get_subject_name(cert), subject, sizeof(subject));
	format_name(X509_get_issuer_name(cert), issuer, sizeof(issuer));
	format_asn1_time(X509_get0_notBefore(cert), from);
	format_asn1_time(X509_get0_notAfter(cert), until);
	pki_fingerprint(cert, fingerprint);
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "kind",
			 secmod_cert_name(kind), "index", (int)index, "subject",
			 subject, "issuer", issuer, "not_before", from,
			 "not_after", until, "fingerprint", fingerprint);
}

void cert_line(X509 *cert, char *out, size_t size)
{
	char until[32], fingerprint[65], name[128];

	pki_describe(cert, name, sizeof(name));
	format_asn1_time(X509_get0_notAfter(cert), until);
	pki_fingerprint(cert, fingerprint);
	snprintf(out, size, "%s, until %.10s, sha256 %.16s…", name, until,
		 fingerprint);
}
