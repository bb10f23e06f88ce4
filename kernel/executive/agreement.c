// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a channel with the module key and the key of a central system: Amendment F 1.3,
 * 5.1 (SCP11a) and 6.5. The agreement with the module key happens inside the TPM.
 */
#include "executive.h"

/* Key identifiers: Amendment F 1.3, 5.1. There is one key of each, so 0 names it, too. */
enum {
	KID_CA_KLOC = 0x10,
	KID_SD_ECKA = 0x11,
};

/* P2 of PERFORM SECURITY OPERATION: more certificates of the chain follow. */
#define MORE_FOLLOW 0x80

static bool refers_to(u8 p1, u8 p2, u8 kid)
{
	return !p1 && (!p2 || p2 == kid);
}

/* What is too large for the stack. */
struct peer_check {
	struct cert signer;
	struct cert central;
};

static int check_central(struct secmod *sm, struct peer_check *w, const struct apdu *a)
{
	static const char what[] = "central certificate";
	const struct record_cert *signer = &sm->record->signer;
	struct cert_verifier v = secmod_verifier(sm);
	int rc;

	rc = cert_parse(&w->signer, signer->der, signer->len, "signing certificate", &sm->why);
	rc = rc ?: cert_parse(&w->central, a->data, a->len, what, &sm->why);
	if (rc)
		return rc;
	rc = secmod_tpm_begin(sm);
	if (rc)
		return rc;
	rc = cert_check(&w->central, &w->signer, SECMOD_ROLE_CENTRAL, what, &v);
	secmod_tpm_end(sm);
	return rc;
}

/* What a check that failed is to the other side. */
static u16 status_of(int rc)
{
	switch (rc) {
	case -EBADMSG:
		return SW_DATA;
	case -EKEYREJECTED:
	case -EKEYEXPIRED:
		return SW_SECURITY;
	}
	return SW_FAILED;
}

/* A chain may begin with it: it is here already, and believed for that reason only. */
static u16 check_signer(struct secmod *sm, const struct apdu *a)
{
	const struct record_cert *signer = &sm->record->signer;

	if (a->len == signer->len && !memcmp(a->data, signer->der, a->len))
		return SW_OK;
	refuse(&sm->why, -EKEYREJECTED,
	       "certificate chain: it begins with another certificate than this module's signer");
	return SW_SECURITY;
}

/* PERFORM SECURITY OPERATION: Amendment F, 6.4 */
u16 agreement_certificate(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	struct peer_check *w;
	int rc;

	channel_close(x);
	x->peer_known = false;
	if (!refers_to(a->p1, a->p2 & ~MORE_FOLLOW, KID_CA_KLOC))
		return SW_P1P2;
	if (x->sm->state != SECMOD_STATE_OPERATING)
		return SW_CONDITIONS;
	if (a->p2 & MORE_FOLLOW)
		return check_signer(x->sm, a);
	w = kzalloc(sizeof(*w), GFP_KERNEL);
	if (!w)
		return SW_FAILED;
	rc = check_central(x->sm, w, a);
	if (!rc) {
		BUILD_BUG_ON(sizeof(x->peer) != sizeof(w->central.point));
		memcpy(&x->peer, w->central.point, sizeof(x->peer));
		x->peer_known = true;
	}
	kfree(w);
	return rc ? status_of(rc) : SW_OK;
}

/* Both shared secrets: of fresh keys, for secrecy to come; of certified keys, for who. */
static int agree(struct executive *x, const struct scp11_request *q, struct t2_point *own,
		 u8 secret[2 * T2_COORD_SIZE])
{
	struct secmod *sm = x->sm;
	int rc = t2_ecdh_p256(&q->peer, own, secret);

	if (rc)
		return refuse(&sm->why, rc == -EINVAL ? -EBADMSG : rc,
			      "key agreement: ephemeral key of the other side: error %d", -rc);
	rc = secmod_tpm_begin(sm);
	if (rc)
		return rc;
	rc = secmod_agree(sm, &x->peer, secret + T2_COORD_SIZE);
	secmod_tpm_end(sm);
	return rc;
}

/* MUTUAL AUTHENTICATE: Amendment F, 6.5 */
u16 agreement_authenticate(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	u8 secret[2 * T2_COORD_SIZE];
	struct scp11_request q;
	struct t2_point own;
	u16 sw;
	int rc;

	if (!refers_to(a->p1, a->p2, KID_SD_ECKA))
		return SW_P1P2;
	if (!x->peer_known)
		return SW_CONDITIONS;
	sw = scp11_parse(&q, a);
	if (sw != SW_OK)
		return sw;
	rc = agree(x, &q, &own, secret);
	rc = rc ?: scp11_begin(&x->scp, &q, secret, &own, r, x->dek);
	memzero_explicit(secret, sizeof(secret));
	if (rc)
		return status_of(rc);
	x->dek_len = q.key_len;
	x->keysets = x->sm->keysets_changed;
	x->kvn = 0;
	x->channel = CHANNEL_CENTRAL;
	return SW_OK;
}
