// SPDX-License-Identifier: MIT
/*
 * The command "init": makes the directory, the key and the request for its
 * certificate, which a personalization unit certifies ("secmod-pu add-central").
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "central/central.h"
#include "hsm/hsm.h"
#include "pki/pki.h"

/* A new file that is on the disk when this returns; never over an old one. */
static int new_file(const char *path, FILE **out, struct error *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(e, errno, "cannot make '%s': %s", path,
				 strerror(errno));
	*out = fdopen(fd, "w");
	return *out ? 0 : error_set(e, ENOMEM, "out of memory");
}

static int finish_file(FILE *f, const char *path, int ok, struct error *e)
{
	int err;

	ok = ok && !fflush(f) && !fsync(fileno(f));
	err = ok ? 0 : errno ? errno : EIO;
	fclose(f);
	return ok ? 0 :
		    error_set(e, err, "cannot write '%s': %s", path,
			      strerror(err));
}

static int write_uri(const struct site *s, const char *uri, struct error *e)
{
	char path[SITE_PATH_MAX];
	FILE *f;
	int r = site_path(s, "key.uri", path, e);

	if (!r)
		r = new_file(path, &f, e);
	return r ? r : finish_file(f, path, fprintf(f, "%s\n", uri) > 0, e);
}

static X509_REQ *make_request(EVP_PKEY *key, const char *name)
{
	X509_REQ *req = X509_REQ_new();

	if (req && X509_REQ_set_version(req, X509_REQ_VERSION_1) &&
	    X509_NAME_add_entry_by_txt(
		    X509_REQ_get_subject_name(req), "CN", MBSTRING_UTF8,
		    (const unsigned char *)name, -1, -1, 0) &&
	    X509_REQ_set_pubkey(req, key) &&
	    X509_REQ_sign(req, key, EVP_sha256()))
		return req;
	X509_REQ_free(req);
	return NULL;
}

static int write_request(const struct site *s, EVP_PKEY *key, const char *name,
			 struct error *e)
{
	X509_REQ *req = make_request(key, name);
	char path[SITE_PATH_MAX];
	FILE *f;
	int r;

	if (!req)
		return error_set_ssl(e, EIO, "cannot make a request for '%s'",
				     name);
	r = site_path(s, "central.csr", path, e);
	if (!r)
		r = new_file(path, &f, e);
	if (!r)
		r = finish_file(f, path, PEM_write_X509_REQ(f, req), e);
	X509_REQ_free(req);
	if (!r)
		printf("'%s' is the request: have a personalization unit "
		       "certify it (secmod-pu add-central), then put its "
		       "answer at '%s/central.pem'\n",
		       path, s->dir);
	return r;
}

static int copy_root(const struct site *s, const char *from, struct error *e)
{
	char path[SITE_PATH_MAX];
	X509 *root = NULL;
	int r = site_path(s, "root.pem", path, e);

	if (r || !from)
		return r;
	r = pki_read_cert(from, &root, e);
	if (!r)
		r = pki_check(root, PKI_ROLE_MANUFACTURER, root, time(NULL), e);
	if (!r)
		r = pki_write_cert(path, root, e);
	X509_free(root);
	return r;
}

static int make_store(struct site *s, const char *name, struct error *e)
{
	char path[SITE_PATH_MAX];
	int r = site_path(s, "central.db", path, e);

	if (!r)
		r = store_open(path, 1, &s->store, e);
	return r ? r : audit(s->store, "init", name, "", e);
}

static int make_key(const struct site *s, const char *uri, const char *name,
		    struct error *e)
{
	EVP_PKEY *key = NULL;
	int r = hsm_create_key(uri, &key, e);

	if (!r)
		r = write_uri(s, uri, e);
	if (!r)
		r = write_request(s, key, name, e);
	EVP_PKEY_free(key);
	return r;
}

static void sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/* key.uri relative to nothing: the server may be started from anywhere */
static int default_uri(const char *dir, char **uri, struct error *e)
{
	char *real = realpath(dir, NULL);
	int n = real ? asprintf(uri, "file:%s/central.key", real) : -1;

	free(real);
	return n < 0 ? error_set(e, errno, "cannot resolve '%s'", dir) : 0;
}

/*
 * All but the key, which stays with who made it: the server opens it before it
 * becomes @user, whose process on the network then cannot read it.
 */
static int give_away(const struct site *s, const char *user, struct error *e)
{
	static const char *const files[] = {
		".",	      "root.pem",	"key.uri",	 "central.csr",
		"central.db", "central.db-wal", "central.db-shm"
	};
	struct passwd *pw = getpwnam(user);
	char path[SITE_PATH_MAX];

	if (!pw)
		return error_set(e, ENOENT, "there is no user '%s'", user);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int r = site_path(s, files[i], path, e);

		if (r)
			return r;
		if (lchown(path, pw->pw_uid, pw->pw_gid) && errno != ENOENT)
			return error_set(e, errno, "cannot give '%s' to %s: %s",
					 path, user, strerror(errno));
	}
	return 0;
}

int cmd_init(const struct options *o, int argc, char **argv, struct error *e)
{
	struct site s = { .dir = o->dir };
	char *uri = NULL;
	int r;

	(void)argc;
	(void)argv;
	if (!o->name || !o->name[0])
		return error_set(e, EINVAL,
				 "give the central system's name: --name NAME");
	if (mkdir(o->dir, 0700) && errno != EEXIST)
		return error_set(e, errno, "cannot make '%s': %s", o->dir,
				 strerror(errno));
	r = o->key ? 0 : default_uri(o->dir, &uri, e);
	if (!r)
		r = copy_root(&s, o->root, e);
	if (!r)
		r = make_key(&s, o->key ? o->key : uri, o->name, e);
	if (!r)
		r = make_store(&s, o->name, e);
	if (!r && o->user)
		r = give_away(&s, o->user, e);
	if (!r)
		sync_dir(o->dir);
	free(uri);
	site_close(&s);
	return r;
}
