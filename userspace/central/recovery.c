// SPDX-License-Identifier: MIT
/*
 * The recovery of cryptograms at the key management server (B6): it sees the central
 * system's certificate, whose key stays in a process of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "central/access.h"
#include "pki/pki.h"

#define CERTIFICATE "kms.pem"

static int open_identity(struct recovery *r, const struct options *o,
			 struct site *s, struct error *e)
{
	char *uri = NULL;
	int ret = site_key_uri(s, &uri, e);

	if (!ret && !s->cert)
		ret = site_open_certificate(s, e);
	if (!ret)
		ret = keyproc_start(uri, NULL, o->dir, &r->kms.key, e);
	free(uri);
	r->kms.cert = s->cert;
	return ret;
}

int recovery_open(struct recovery *r, const struct options *o, struct site *s,
		  struct error *e)
{
	char path[SITE_PATH_MAX];
	int ret;

	r->at_kms = !!o->kms;
	if (!o->kms)
		return o->kms_cert || o->kms_label ?
			       error_set(e, EINVAL,
					 "which key management server? --kms "
					 "names it") :
			       0;
	r->kms.endpoint = o->kms;
	r->kms.hsm = o->kms_label ? o->kms_label : "hsm1";
	pthread_mutex_init(&r->lock, NULL);
	ret = site_path(s, CERTIFICATE, path, e);
	if (!ret)
		ret = pki_read_cert(o->kms_cert ? o->kms_cert : path,
				    &r->kms.server, e);
	return ret ? ret : open_identity(r, o, s, e);
}

void recovery_close(struct recovery *r)
{
	X509_free(r->kms.server);
	EVP_PKEY_free(r->kms.key);
	if (r->at_kms)
		pthread_mutex_destroy(&r->lock);
	*r = (struct recovery){ 0 };
}

/*
 * One at a time: so does the server. Whatever fails here says nothing about the module,
 * which was told nothing yet: it is left for later.
 */
int recovery_ask(struct recovery *r, unsigned int version,
		 const uint8_t uid[HSM1_UID_SIZE], const uint8_t point[65],
		 struct hsm1_credential *out, struct error *e)
{
	struct error why = { "" };
	int ret;

	pthread_mutex_lock(&r->lock);
	ret = hsm1_kms_recover(&r->kms, version, uid, point, out, &why);
	pthread_mutex_unlock(&r->lock);
	return ret ? error_set(e, EREMOTEIO, "key management server '%s': %s",
			       r->kms.endpoint, why.text) :
		     0;
}
