// SPDX-License-Identifier: MIT
/* The commands "enable" and "disable" of modules, signers and certificates. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "central/central.h"
#include "pki/pki.h"

int need_reason(const struct options *o, int enabled, struct error *e)
{
	if (enabled || (o->reason && o->reason[0]))
		return 0;
	return error_set(e, EINVAL,
			 "give the reason: --reason TEXT goes into the audit "
			 "log and to the one refused");
}

/* What is switched, as the audit log and as the administrator names it. */
struct subject {
	const char *kind;
	/* finds what @which names, switches it and fills in its names */
	int (*apply)(struct subject *x, struct store *s, const char *which,
		     struct error *e);
	int enabled;
	const char *reason;
	char id[65], name[STORE_TEXT_MAX + 2];
};

static int apply_module(struct subject *x, struct store *s, const char *which,
			struct error *e)
{
	struct store_module m;
	int r = store_module_find(s, which, &m, e);

	if (r)
		return r;
	pki_hex(m.uid, sizeof(m.uid), x->id);
	snprintf(x->name, sizeof(x->name), "%s", m.serial);
	return store_module_switch(s, m.uid, x->enabled, x->reason, e);
}

static int apply_signer(struct subject *x, struct store *s, const char *which,
			struct error *e)
{
	struct store_signer signer;
	int r = store_signer_find(s, which, &signer, e);

	if (r)
		return r;
	snprintf(x->id, sizeof(x->id), "%s", signer.fingerprint);
	snprintf(x->name, sizeof(x->name), "'%s'", signer.name);
	return store_signer_switch(s, signer.fingerprint, x->enabled, x->reason,
				   e);
}

/* @which: a file or the fingerprint itself. */
static int apply_certificate(struct subject *x, struct store *s,
			     const char *which, struct error *e)
{
	X509 *cert;
	int r;

	if (access(which, R_OK)) {
		snprintf(x->id, sizeof(x->id), "%s", which);
	} else {
		r = pki_read_cert(which, &cert, e);
		if (r)
			return r;
		pki_fingerprint(cert, x->id);
		X509_free(cert);
	}
	snprintf(x->name, sizeof(x->name), "%s", x->id);
	return store_cert_switch(s, x->id, x->enabled, x->reason, e);
}

static int apply(struct subject *x, struct store *s, const char *which,
		 struct error *e)
{
	char action[64];
	int r = store_begin(s, e);

	if (!r)
		r = x->apply(x, s, which, e);
	if (r)
		return r;
	snprintf(action, sizeof(action), "%s %s", x->kind,
		 x->enabled ? "enable" : "disable");
	r = audit(s, action, x->id, x->reason, e);
	return r ? r : store_commit(s, e);
}

/* The store is closed when something fails: nothing of it stays. */
static int switch_it(struct subject x, const struct options *o,
		     const char *which, struct error *e)
{
	struct site s;
	int r = need_reason(o, x.enabled, e);

	if (!r)
		r = site_open(&s, o->dir, e);
	if (r)
		return r;
	x.reason = o->reason ? o->reason : "";
	r = apply(&x, s.store, which, e);
	site_close(&s);
	if (!r)
		printf("%s %s is %s\n", x.kind, x.name,
		       x.enabled ? "enabled" : "disabled");
	return r;
}

#define SWITCH(kind_, verb, on)                                            \
	int cmd_##kind_##_##verb(const struct options *o, int argc,        \
				 char **argv, struct error *e)             \
	{                                                                  \
		(void)argc;                                                \
		return switch_it((struct subject){ .kind = #kind_,         \
						   .apply = apply_##kind_, \
						   .enabled = (on) },      \
				 o, argv[0], e);                           \
	}

SWITCH(module, enable, 1)
SWITCH(module, disable, 0)
SWITCH(signer, enable, 1)
SWITCH(signer, disable, 0)
SWITCH(certificate, enable, 1)
SWITCH(certificate, disable, 0)
