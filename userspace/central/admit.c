// SPDX-License-Identifier: MIT
/*
 * Who may take part (A22, A23, A28). The chain is walked, never searched: the
 * peer names its signer by sending it, and the registry's own copy is what its
 * certificate is checked with.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "central/central.h"
#include "common/log.h"
#include "pki/pki.h"

int store_trouble(int r)
{
	return r == -EIO || r == -EBUSY || r == -ENOSPC || r == -ENOMEM;
}

/* The signer that the peer sent, as it is registered. */
static int find_signer(struct store *store, STACK_OF(X509) *sent,
		       char fingerprint[65], X509 **signer, struct error *e)
{
	const unsigned char *p;
	uint8_t *der;
	size_t len;
	int r;

	if (sk_X509_num(sent) < 1)
		return error_set(e, EKEYREJECTED,
				 "no signing certificate came with the "
				 "certificate");
	pki_fingerprint(sk_X509_value(sent, 0), fingerprint);
	r = store_signer_der(store, fingerprint, &der, &len, e);
	if (r == -ENOENT)
		return error_set(e, EACCES, "signer %.16s is not registered",
				 fingerprint);
	if (r)
		return r;
	p = der;
	*signer = d2i_X509(NULL, &p, len);
	free(der);
	return *signer ? 0 :
			 error_set_ssl(e, EIO, "signer %.16s is damaged",
				       fingerprint);
}

static int read_member(X509 *leaf, struct member *m, struct error *e)
{
	uint64_t epoch;

	if (pki_get_uid(leaf, m->uid) ||
	    pki_get_serial(leaf, m->serial, sizeof(m->serial)) ||
	    pki_get_epoch(leaf, &epoch) || epoch > INT64_MAX)
		return error_set(e, EKEYREJECTED,
				 "the certificate names no UID, serial number "
				 "or epoch");
	pki_hex(m->uid, sizeof(m->uid), m->uid_text);
	pki_fingerprint(leaf, m->fingerprint);
	m->epoch = epoch;
	return 0;
}

static void limit_validity(X509 *cert, time_t *not_after)
{
	struct tm tm;
	time_t t;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
		t = 0;
	else
		t = timegm(&tm);
	if (t < *not_after)
		*not_after = t;
}

static int check_switch(const struct store_switch *sw, const char *what,
			const char *name, struct error *e)
{
	if (sw->enabled)
		return 0;
	return error_set(e, EACCES, "%s %s is disabled: %s", what, name,
			 sw->reason[0] ? sw->reason : "no reason given");
}

/* Everything an administrator can change while the module is connected. */
static int check_standing(const struct store_standing *st,
			  const struct member *m, struct error *e)
{
	char name[17];
	int r;

	snprintf(name, sizeof(name), "%.16s", m->signer);
	if (!st->signer_known)
		return error_set(e, EACCES, "signer %s is not registered",
				 name);
	r = check_switch(&st->signer, "signer", name, e);
	if (r)
		return r;
	snprintf(name, sizeof(name), "%.16s", m->fingerprint);
	r = check_switch(&st->cert, "certificate", name, e);
	if (r)
		return r;
	if (!st->module_known)
		return error_set(e, EACCES, "module %s (%s) is not registered",
				 m->serial, m->uid_text);
	r = check_switch(&st->module, "module", m->serial, e);
	if (r)
		return r;
	if (m->epoch < st->epoch)
		return error_set(e, ESTALE,
				 "the certificate of epoch %lld is superseded "
				 "by one of epoch %lld",
				 (long long)m->epoch, (long long)st->epoch);
	return 0;
}

static int register_module(struct store *store, const struct member *m,
			   struct error *e)
{
	struct store_audit a = { .actor = "secmod-central serve",
				 .action = "module add",
				 .object = m->uid_text,
				 .detail = m->serial };
	int r = store_module_add(store, m->uid, m->serial, e);

	return r ? r : store_audit_add(store, &a, e);
}

/* The serial number in the registry was agreed on with the manufacturer. */
static int check_serial(struct store *store, const struct member *m,
			struct error *e)
{
	struct store_module known;
	int r = store_module_find(store, m->uid_text, &known, e);

	if (!r && strcmp(known.serial, m->serial))
		r = error_set(e, EKEYREJECTED,
			      "the certificate says serial number '%s', the "
			      "registry '%s'",
			      m->serial, known.serial);
	return r;
}

static int record(struct store *store, X509 *leaf, const struct member *m,
		  struct error *e)
{
	struct store_cert cert = { .epoch = m->epoch };
	unsigned char *der = NULL;
	int len = i2d_X509(leaf, &der), r;

	if (len < 0)
		return error_set_ssl(e, EIO, "cannot encode a certificate");
	cert.der = der;
	cert.der_len = len;
	memcpy(cert.uid, m->uid, sizeof(cert.uid));
	memcpy(cert.fingerprint, m->fingerprint, sizeof(cert.fingerprint));
	memcpy(cert.signer, m->signer, sizeof(cert.signer));
	r = store_module_seen(store, &cert, e);
	OPENSSL_free(der);
	return r;
}

static int admit_locked(const struct admission *a, X509 *leaf,
			const struct member *m, struct error *e)
{
	struct store_standing st;
	int r = store_standing(a->store, m->uid, m->fingerprint, m->signer, &st,
			       e);

	if (r)
		return r;
	if (!st.module_known && a->register_auto) {
		/* what else stands against it still counts */
		st.module_known = st.module.enabled = 1;
		r = check_standing(&st, m, e);
		if (!r)
			r = register_module(a->store, m, e);
	} else {
		r = check_standing(&st, m, e);
		if (!r)
			r = check_serial(a->store, m, e);
	}
	return r ? r : record(a->store, leaf, m, e);
}

static int admit_checked(const struct admission *a, X509 *leaf,
			 const struct member *m, struct error *e)
{
	int r = store_begin(a->store, e);

	if (r)
		return r;
	r = admit_locked(a, leaf, m, e);
	if (!r)
		return store_commit(a->store, e);
	store_rollback(a->store);
	return r;
}

int admit(const struct admission *a, X509 *leaf, STACK_OF(X509) *sent,
	  time_t now, struct member *out, struct error *e)
{
	X509 *signer = NULL;
	int r;

	memset(out, 0, sizeof(*out));
	if (!leaf)
		return error_set(e, EACCES, "the peer has no certificate");
	r = find_signer(a->store, sent, out->signer, &signer, e);
	if (r)
		return r;
	r = pki_check_chain(leaf, PKI_ROLE_MODULE, signer, a->root, now, e);
	if (!r)
		r = read_member(leaf, out, e);
	if (!r) {
		out->not_after = INT64_MAX;
		limit_validity(leaf, &out->not_after);
		limit_validity(signer, &out->not_after);
		limit_validity(a->root, &out->not_after);
		r = admit_checked(a, leaf, out, e);
	}
	X509_free(signer);
	return r;
}

int admit_still(struct store *store, const struct member *m, time_t now,
		struct error *e)
{
	struct store_standing st;
	int r;

	if (now > m->not_after)
		return error_set(e, EKEYEXPIRED,
				 "the certificate has expired meanwhile");
	r = store_standing(store, m->uid, m->fingerprint, m->signer, &st, e);
	return r ? r : check_standing(&st, m, e);
}
