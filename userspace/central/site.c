// SPDX-License-Identifier: MIT
/* The directory of the central system. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/central.h"
#include "pki/pki.h"

int site_path(const struct site *s, const char *file, char path[SITE_PATH_MAX],
	      struct error *e)
{
	if (snprintf(path, SITE_PATH_MAX, "%s/%s", s->dir, file) >=
	    SITE_PATH_MAX)
		return error_set(e, ENAMETOOLONG, "'%s' is too long a path",
				 s->dir);
	return 0;
}

static int open_root(struct site *s, const char *dir, struct error *e)
{
	char path[SITE_PATH_MAX];
	int r;

	*s = (struct site){ .dir = dir };
	r = site_path(s, "root.pem", path, e);
	return r ? r : pki_read_cert(path, &s->root, e);
}

int site_open_roots(struct site *s, const char *dir, struct error *e)
{
	char path[SITE_PATH_MAX];
	int r = open_root(s, dir, e);

	if (!r)
		r = site_path(s, "central.pem", path, e);
	if (!r)
		r = pki_read_cert(path, &s->cert, e);
	if (r)
		site_close(s);
	return r;
}

int site_open(struct site *s, const char *dir, struct error *e)
{
	char path[SITE_PATH_MAX];
	int r = open_root(s, dir, e);

	if (!r)
		r = site_path(s, "central.db", path, e);
	if (!r)
		r = store_open(path, 0, &s->store, e);
	if (r)
		site_close(s);
	return r;
}

int site_open_certificate(struct site *s, struct error *e)
{
	STACK_OF(X509) *chain = NULL;
	char path[SITE_PATH_MAX];
	int r = site_path(s, "central.pem", path, e);

	if (!r)
		r = pki_read_chain(path, &chain, e);
	if (r)
		return r;
	if (sk_X509_num(chain) != 2) {
		r = error_set(e, EINVAL,
			      "'%s' holds %d certificates; it takes two: the "
			      "central system's and its signer's",
			      path, sk_X509_num(chain));
	} else {
		s->cert = sk_X509_shift(chain);
		s->signer = sk_X509_shift(chain);
		r = pki_check_chain(s->cert, PKI_ROLE_CENTRAL, s->signer,
				    s->root, time(NULL), e);
	}
	sk_X509_pop_free(chain, X509_free);
	return r;
}

int site_key_uri(const struct site *s, char **uri, struct error *e)
{
	char path[SITE_PATH_MAX], line[SITE_PATH_MAX] = "";
	int r = site_path(s, "key.uri", path, e);
	FILE *f;

	if (r)
		return r;
	f = fopen(path, "re");
	if (!f)
		return error_set(e, errno,
				 "cannot open '%s': %s; 'init' writes it", path,
				 strerror(errno));
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	if (!line[0])
		return error_set(e, EINVAL, "'%s' holds no key URI", path);
	*uri = strdup(line);
	return *uri ? 0 : error_set(e, ENOMEM, "out of memory");
}

void site_close(struct site *s)
{
	X509_free(s->root);
	X509_free(s->cert);
	X509_free(s->signer);
	store_close(s->store);
	*s = (struct site){ 0 };
}
