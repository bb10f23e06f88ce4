// SPDX-License-Identifier: MIT
/*
 * The recovery key used here for an HSM 1 (B6): what it agrees on with the ephemeral key
 * of a cryptogram, as a credential that only the TPM of that HSM 1 opens. The
 * cryptogram itself does not come here, so that the random number is known to HSM 1 only.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <tss2/tss2_mu.h>

#include "kms/kms.h"
#include "pki/pki.h"

static int agree(const struct kms *k, const struct custody_object *object,
		 const struct custody_approvals *a, const uint8_t *point,
		 uint8_t z[32], struct error *e)
{
	struct custody_tpm t;
	int ret = kms_tpm(k, &t, e);

	if (ret)
		return ret;
	ret = custody_agree(&t, k->authority, object, a, point, z, e);
	custody_tpm_close(&t);
	return ret;
}

static int put_credential(const struct custody_credential *c,
			  struct message **reply, struct error *e)
{
	uint8_t blob[sizeof(c->blob)], secret[sizeof(c->secret)];
	struct message *m = message_new(MSG_CREDENTIAL);
	size_t blob_len = 0, secret_len = 0;

	if (m &&
	    Tss2_MU_TPM2B_ID_OBJECT_Marshal(&c->blob, blob, sizeof(blob),
					    &blob_len) == TSS2_RC_SUCCESS &&
	    Tss2_MU_TPM2B_ENCRYPTED_SECRET_Marshal(
		    &c->secret, secret, sizeof(secret), &secret_len) ==
		    TSS2_RC_SUCCESS &&
	    !wire_set_octets(m->u.credential->blob, blob, blob_len) &&
	    !wire_set_octets(m->u.credential->secret, secret, secret_len)) {
		*reply = m;
		return 0;
	}
	message_free(m);
	return error_set(e, ENOMEM, "out of memory");
}

static int note(const struct kms *k, const struct wire_recover_request *q,
		struct error *e)
{
	char what[64], uid[33];

	pki_hex(ASN1_STRING_get0_data(q->uid), 16, uid);
	snprintf(what, sizeof(what), "recovery %u, module %s",
		 (unsigned int)q->recovery, uid);
	return audit(k, "recover", what, wire_text(q->hsm), e);
}

int recover(struct kms *k, const struct wire_recover_request *q,
	    struct message **reply, struct error *e)
{
	struct custody_credential c;
	struct custody_approvals a;
	struct custody_object o;
	struct hsm h;
	uint8_t z[32];
	int ret;

	*reply = NULL;
	if (!strcmp(wire_text(q->hsm), KMS_HERE))
		return error_set(e, EINVAL, "'%s' is no HSM 1", KMS_HERE);
	ret = hsm_find(k, wire_text(q->hsm), &h, e);
	if (!ret)
		ret = keys_load(k, CUSTODY_RECOVERY, q->recovery, &o, e);
	if (!ret)
		ret = approvals_load(k, &o, KMS_HERE, &a, e);
	if (!ret)
		ret = note(k, q, e);
	if (!ret)
		ret = agree(k, &o, &a, ASN1_STRING_get0_data(q->point), z, e);
	if (!ret)
		ret = custody_credential_make(&h.ek, &h.storage, z, sizeof(z),
					      &c, e);
	OPENSSL_cleanse(z, sizeof(z));
	return ret ? ret : put_credential(&c, reply, e);
}
