// SPDX-License-Identifier: MIT
/* The module certificate, and the bundle around it. */
#include <errno.h>
#include <stdio.h>

#include <linux/secmod.h>

#include "pu/pu.h"

#define MODULE_DAYS 1826 /* five years; an end is a new personalization */
#define NAME_MAX_SIZE 64

int certify_module(struct session *s, struct error *e)
{
	char name[NAME_MAX_SIZE];
	struct pki_request req = {
		.role = PKI_ROLE_MODULE,
		.common_name = name,
		.serial = s->serial,
		.uid = s->uid,
		.nonce = s->module_nonce,
		.salt = s->salt,
		.epoch = s->epoch,
		.days = s->o->days ? s->o->days : MODULE_DAYS,
	};

	snprintf(name, sizeof(name), "secmod %s", s->serial);
	return pki_issue(&req, s->module_key, s->unit->signer, s->unit->key,
			 &s->module, e);
}

static int add_central(struct wire_tbs_bundle *tbs, STACK_OF(X509) *central)
{
	X509 *cert;
	int i;

	for (i = 0; i < sk_X509_num(central); i++) {
		cert = sk_X509_value(central, i);
		if (!X509_up_ref(cert))
			return -ENOMEM;
		if (!sk_X509_push(tbs->central, cert)) {
			X509_free(cert);
			return -ENOMEM;
		}
	}
	return 0;
}

static int fill(struct wire_tbs_bundle *tbs, const struct session *s)
{
	ASN1_OBJECT_free(tbs->type);
	tbs->type = pki_oid(PKI_ARC_MSG, SECMOD_MSG_BUNDLE);
	tbs->version = 1;
	tbs->epoch = s->epoch;
	tbs->time = s->now;
	*tbs->policy = s->o->policy;
	if (!tbs->type || wire_set_octets(tbs->uid, s->uid, UID_SIZE) ||
	    wire_set_octets(tbs->module_nonce, s->module_nonce, NONCE_SIZE) ||
	    wire_set_octets(tbs->salt, s->salt, NONCE_SIZE) ||
	    wire_set_cert(&tbs->module, s->module))
		return -ENOMEM;
	return add_central(tbs, s->unit->central);
}

/* What the module will check is checked here: its refusal comes too late to help. */
static int check(struct wire_bundle *b, const struct session *s,
		 struct error *e)
{
	struct pki_bundle_expect x = {
		.uid = s->uid,
		.module_nonce = s->module_nonce,
		.salt = s->salt,
		.epoch = s->epoch,
		.module_key = s->module_key,
		.signer = s->unit->signer,
		.when = s->now,
	};

	return pki_bundle_check(b, &x, e);
}

int make_bundle(const struct session *s, unsigned char **der, size_t *len,
		struct error *e)
{
	struct wire_bundle *b = wire_bundle_new();
	int n = 0, ret;

	*der = NULL;
	if (!b || fill(b->tbs, s))
		ret = error_set(e, ENOMEM, "out of memory");
	else
		ret = pki_bundle_sign(b, s->unit->key, e);
	if (!ret)
		ret = check(b, s, e);
	if (!ret) {
		n = i2d_wire_bundle(b, der);
		if (n <= 0)
			ret = error_set_ssl(e, EIO, "cannot encode the bundle");
		else if (n > SECMOD_BUNDLE_MAX)
			ret = error_set(
				e, EMSGSIZE,
				"the bundle of %d bytes is larger than a module takes",
				n);
	}
	*len = n > 0 ? n : 0;
	wire_bundle_free(b);
	return ret;
}
