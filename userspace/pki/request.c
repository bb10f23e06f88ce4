// SPDX-License-Identifier: MIT
/* Requests for certificates, and bare public keys, in PEM files. */
#include <errno.h>
#include <string.h>

#include <openssl/pem.h>

#include "common/log.h"
#include "pki/request.h"

static int set_name(X509_REQ *req, const char *name)
{
	X509_NAME *subject = X509_REQ_get_subject_name(req);

	return X509_NAME_add_entry_by_NID(subject, NID_commonName,
					  V_ASN1_UTF8STRING,
					  (const unsigned char *)name, -1, -1,
					  0);
}

static int write_request(const char *path, X509_REQ *req, struct error *e)
{
	BIO *bio = BIO_new_file(path, "w");
	int err = errno, ok;

	if (!bio)
		return error_set(e, err ? err : EIO, "cannot write '%s': %s",
				 path, strerror(err));
	ok = PEM_write_bio_X509_REQ(bio, req) && BIO_flush(bio) > 0;
	BIO_free(bio);
	return ok ? 0 : error_set_ssl(e, EIO, "cannot write '%s'", path);
}

int pki_write_csr(const char *path, const char *name, EVP_PKEY *key,
		  struct error *e)
{
	X509_REQ *req = X509_REQ_new();
	int ret;

	if (req && X509_REQ_set_version(req, 0) && set_name(req, name) &&
	    X509_REQ_set_pubkey(req, key) &&
	    X509_REQ_sign(req, key, EVP_sha256()) > 0)
		ret = write_request(path, req, e);
	else
		ret = error_set_ssl(e, EIO, "cannot make a request");
	X509_REQ_free(req);
	return ret;
}

static int open_pem(const char *path, BIO **bio, struct error *e)
{
	*bio = BIO_new_file(path, "r");
	if (*bio)
		return 0;
	return error_set_ssl(e, errno ? errno : EIO, "cannot open '%s'", path);
}

static int require_p256(const char *path, EVP_PKEY **key, struct error *e)
{
	char group[32];

	if (EVP_PKEY_get_group_name(*key, group, sizeof(group), NULL) &&
	    !strcmp(group, "prime256v1"))
		return 0;
	EVP_PKEY_free(*key);
	*key = NULL;
	return error_set(e, EINVAL, "the key in '%s' is not of the curve P-256",
			 path);
}

int pki_read_csr(const char *path, EVP_PKEY **key, struct error *e)
{
	X509_REQ *req;
	BIO *bio;
	int ret;

	*key = NULL;
	ret = open_pem(path, &bio, e);
	if (ret)
		return ret;
	req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!req)
		return error_set_ssl(e, EBADMSG,
				     "'%s' holds no certificate request in PEM",
				     path);
	*key = X509_REQ_get_pubkey(req);
	if (!*key || X509_REQ_verify(req, *key) != 1) {
		EVP_PKEY_free(*key);
		*key = NULL;
		ret = error_set_ssl(
			e, EKEYREJECTED,
			"the request in '%s' is not signed by its own key",
			path);
	}
	X509_REQ_free(req);
	return ret ? ret : require_p256(path, key, e);
}

int pki_read_public(const char *path, EVP_PKEY **key, struct error *e)
{
	BIO *bio;
	int ret;

	*key = NULL;
	ret = open_pem(path, &bio, e);
	if (ret)
		return ret;
	*key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!*key)
		return error_set_ssl(e, EBADMSG,
				     "'%s' holds no public key in PEM", path);
	return require_p256(path, key, e);
}

int pki_read_applicant(const char *csr, const char *public, EVP_PKEY **key,
		       struct error *e)
{
	if (csr)
		return pki_read_csr(csr, key, e);
	log_warn(
		"nothing proves that the owner of the key in '%s' asks for this: --csr would",
		public);
	return pki_read_public(public, key, e);
}
