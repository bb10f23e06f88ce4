// SPDX-License-Identifier: MIT
/* Certificates in PEM files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "pki/pki.h"

static int open_file(const char *path, BIO **bio, struct error *e)
{
	int err;

	*bio = BIO_new_file(path, "r");
	if (*bio)
		return 0;
	err = errno ? errno : EIO;
	ERR_clear_error();
	return error_set(e, err, "cannot open '%s': %s", path, strerror(err));
}

int pki_read_cert(const char *path, X509 **out, struct error *e)
{
	BIO *bio;
	int ret;

	*out = NULL;
	ret = open_file(path, &bio, e);
	if (ret)
		return ret;
	*out = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!*out)
		return error_set_ssl(e, EBADMSG,
				     "'%s' holds no certificate in PEM", path);
	return 0;
}

static int read_all(BIO *bio, STACK_OF(X509) *chain)
{
	X509 *cert;

	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (!sk_X509_push(chain, cert)) {
			X509_free(cert);
			return -ENOMEM;
		}
	/* the end is "no start line"; anything else is a damaged certificate */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return -EBADMSG;
	ERR_clear_error();
	return sk_X509_num(chain) ? 0 : -EBADMSG;
}

int pki_read_chain(const char *path, STACK_OF(X509) **out, struct error *e)
{
	STACK_OF(X509) *chain;
	BIO *bio;
	int ret;

	*out = NULL;
	ret = open_file(path, &bio, e);
	if (ret)
		return ret;
	chain = sk_X509_new_null();
	ret = chain ? read_all(bio, chain) : -ENOMEM;
	if (ret)
		error_set_ssl(e, -ret,
			      "'%s' is no chain of certificates in PEM", path);
	BIO_free(bio);
	if (ret)
		sk_X509_pop_free(chain, X509_free);
	else
		*out = chain;
	return ret;
}

/* Certificates are public: 0644 whatever the umask. */
static int write_certs(int fd, STACK_OF(X509) *certs)
{
	BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);
	int i, ok = bio && !fchmod(fd, 0644);

	for (i = 0; ok && i < sk_X509_num(certs); i++)
		ok = PEM_write_bio_X509(bio, sk_X509_value(certs, i));
	ok = ok && BIO_flush(bio) > 0 && !fsync(fd);
	BIO_free(bio);
	return ok ? 0 : -EIO;
}

int pki_write_chain(const char *path, STACK_OF(X509) *certs, struct error *e)
{
	char *temp;
	int fd, ret;

	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return error_set(e, ENOMEM, "out of memory");
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		ret = error_set(e, errno, "cannot write beside '%s': %s", path,
				strerror(errno));
		free(temp);
		return ret;
	}
	ret = write_certs(fd, certs);
	close(fd);
	if (!ret && rename(temp, path))
		ret = -errno;
	if (ret) {
		error_set(e, -ret, "cannot write '%s': %s", path,
			  strerror(-ret));
		unlink(temp);
	}
	ERR_clear_error();
	free(temp);
	return ret;
}

int pki_write_cert(const char *path, X509 *cert, struct error *e)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	int ret;

	if (certs && sk_X509_push(certs, cert))
		ret = pki_write_chain(path, certs, e);
	else
		ret = error_set(e, ENOMEM, "out of memory");
	sk_X509_free(certs);
	return ret;
}
