// SPDX-License-Identifier: MIT
/*
 * The command "signer": the personalization units whose certificates count. The only
 * way in is this command (A22): the file must verify with the manufacturer's
 * checking key, and its fingerprint can be compared with one told by other means.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "central/central.h"
#include "pki/pki.h"

static int append_signer(void *arg, const struct store_signer *signer)
{
	json_t *j = json_pack("{s:s,s:s,s:b,s:s,s:I,s:I}", "fingerprint",
			      signer->fingerprint, "name", signer->name,
			      "enabled", signer->sw.enabled, "reason",
			      signer->sw.reason, "changed",
			      (json_int_t)signer->sw.changed, "added",
			      (json_int_t)signer->added);

	return json_array_append_new(arg, j) ? -ENOMEM : 0;
}

static int print_signer(void *arg, const struct store_signer *signer)
{
	(void)arg;
	printf("%s %-8s %-24s %s\n", signer->fingerprint,
	       signer->sw.enabled ? "enabled" : "disabled", signer->name,
	       signer->sw.reason);
	return 0;
}

int cmd_signer_list(const struct options *o, int argc, char **argv,
		    struct error *e)
{
	json_t *list = o->json ? json_array() : NULL;
	struct site s;
	int r = site_open(&s, o->dir, e);

	(void)argc;
	(void)argv;
	if (r) {
		json_decref(list);
		return r;
	}
	if (!o->json)
		printf("%-64s %-8s %-24s %s\n", "FINGERPRINT", "STATE", "NAME",
		       "REASON");
	r = store_signers(s.store, o->json ? append_signer : print_signer, list,
			  e);
	site_close(&s);
	if (o->json && !r)
		return print_json(list, e);
	json_decref(list);
	return r;
}

static int check_signer(const struct options *o, X509 *cert, X509 *root,
			struct store_signer *out, struct error *e)
{
	int r = pki_check_chain(cert, PKI_ROLE_SIGNER, NULL, root, time(NULL),
				e);

	if (r)
		return r;
	pki_fingerprint(cert, out->fingerprint);
	if (o->fingerprint && strcasecmp(o->fingerprint, out->fingerprint))
		return error_set(e, EKEYREJECTED,
				 "the certificate's fingerprint is %s, not the "
				 "one given: it is not the certificate you "
				 "were told of",
				 out->fingerprint);
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
				      NID_commonName, out->name,
				      sizeof(out->name)) < 0)
		out->name[0] = '\0';
	return 0;
}

static int add_signer(struct store *store, X509 *cert,
		      const struct store_signer *signer, struct error *e)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der), r;

	if (len < 0)
		return error_set_ssl(e, EIO, "cannot encode a certificate");
	r = store_begin(store, e);
	if (!r)
		r = store_signer_add(store, signer, der, len, e);
	if (!r)
		r = audit(store, "signer add", signer->fingerprint,
			  signer->name, e);
	if (!r)
		r = store_commit(store, e);
	OPENSSL_free(der);
	return r;
}

int cmd_signer_add(const struct options *o, int argc, char **argv,
		   struct error *e)
{
	struct store_signer signer = { 0 };
	X509 *cert = NULL;
	struct site s;
	int r = site_open(&s, o->dir, e);

	(void)argc;
	if (r)
		return r;
	r = pki_read_cert(argv[0], &cert, e);
	if (!r)
		r = check_signer(o, cert, s.root, &signer, e);
	if (!r)
		r = add_signer(s.store, cert, &signer, e);
	X509_free(cert);
	site_close(&s);
	if (r)
		return r;
	printf("signer '%s' is registered, fingerprint %s\n", signer.name,
	       signer.fingerprint);
	if (!o->fingerprint)
		printf("compare the fingerprint with the personalization "
		       "unit's, by another way than the file came\n");
	return 0;
}
