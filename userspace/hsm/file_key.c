// SPDX-License-Identifier: MIT
/* Keys in PEM files: for tests, and where a disk is thought safe enough. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "hsm/backend.h"

static const char *path_of(const char *uri)
{
	return uri + strlen("file:");
}

/* Never asks on a terminal: a daemon has none. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static int is_p256(EVP_PKEY *key)
{
	char group[32];

	return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) &&
	       !strcmp(group, "prime256v1");
}

static int check_file(int fd, const char *uri, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "key '%s' is not a file", uri);
	if (st.st_mode & 077)
		return error_set(e, EPERM,
				 "key '%s' is open to others: chmod 600", uri);
	return 0;
}

static int read_key(int fd, const char *uri, EVP_PKEY **key, struct error *e)
{
	BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);

	if (bio)
		*key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (!*key)
		return error_set_ssl(
			e, EBADMSG,
			"key '%s' is no private key in PEM without a passphrase",
			uri);
	if (is_p256(*key))
		return 0;
	EVP_PKEY_free(*key);
	*key = NULL;
	return error_set(e, EINVAL, "key '%s' is not of the curve P-256", uri);
}

static int file_open(const char *uri, EVP_PKEY **key, struct error *e)
{
	int fd, ret;

	fd = open(path_of(uri), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(e, errno, "cannot open key '%s': %s", uri,
				 strerror(errno));
	ret = check_file(fd, uri, e);
	if (!ret)
		ret = read_key(fd, uri, key, e);
	close(fd);
	return ret;
}

static int write_key(int fd)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);
	int ok;

	ok = key && bio &&
	     PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL,
					   NULL) &&
	     !fsync(fd);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return ok;
}

static int file_create(const char *uri, struct error *e)
{
	int fd, ok;

	fd = open(path_of(uri), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(e, errno, "cannot make key '%s': %s%s", uri,
				 strerror(errno),
				 errno == EEXIST ? ": choose another name" :
						   "");
	ok = write_key(fd);
	close(fd);
	if (ok)
		return 0;
	unlink(path_of(uri));
	return error_set_ssl(e, EIO, "cannot make key '%s'", uri);
}

const struct hsm_backend hsm_file = {
	.scheme = "file",
	.open = file_open,
	.create = file_create,
};
