// SPDX-License-Identifier: GPL-2.0-only
/* Reads and checks the personalization bundle. */
#include "bundle.h"

static const u8 oid_bundle[] = { SECMOD_OID_ARC, 3, SECMOD_MSG_BUNDLE };

#define U63_MAX (~0ull >> 1)

static bool read_policy(struct tlv_reader *r, struct secmod_policy *p)
{
	struct tlv_reader in;
	struct tlv seq;

	if (!tlv_expect(r, TLV_SEQUENCE, &seq))
		return false;
	tlv_enter(&in, &seq);
	return tlv_u64(&in, &p->max_keys) && tlv_u64(&in, &p->max_lifetime) &&
	       tlv_u64(&in, &p->max_messages) && tlv_u64(&in, &p->keyset_tries) && tlv_done(&in) &&
	       p->max_keys <= 64 && p->max_lifetime <= 0xffffffff && p->max_messages <= U63_MAX &&
	       p->keyset_tries >= 1 && p->keyset_tries <= 255;
}

static bool read_central(struct tlv_reader *r, struct bundle *b)
{
	struct tlv_reader in;
	struct tlv seq;

	if (!tlv_expect(r, TLV_SEQUENCE, &seq))
		return false;
	tlv_enter(&in, &seq);
	while (tlv_more(&in)) {
		if (b->central_count == SECMOD_CENTRAL_MAX ||
		    !tlv_expect(&in, TLV_SEQUENCE, &b->central[b->central_count]))
			return false;
		b->central_count++;
	}
	return tlv_done(&in) && b->central_count;
}

static const char *read_tbs(struct bundle *b)
{
	struct tlv_reader r;
	struct tlv oid;
	u64 version;

	tlv_enter(&r, &b->tbs);
	if (!tlv_expect(&r, TLV_OID, &oid) || !tlv_equal(&oid, oid_bundle, sizeof(oid_bundle)))
		return "its type is not that of a bundle";
	if (!tlv_u64(&r, &version) || version != 1)
		return "its version is not 1";
	if (!tlv_fixed(&r, TLV_OCTET_STRING, b->uid, sizeof(b->uid)) || !tlv_u64(&r, &b->epoch) ||
	    b->epoch > U63_MAX ||
	    !tlv_fixed(&r, TLV_OCTET_STRING, b->module_nonce, sizeof(b->module_nonce)) ||
	    !tlv_fixed(&r, TLV_OCTET_STRING, b->salt, sizeof(b->salt)) || !tlv_u64(&r, &b->time) ||
	    b->time > U63_MAX)
		return "UID, epoch, nonce, salt or time is malformed";
	if (!tlv_expect(&r, TLV_SEQUENCE, &b->module))
		return "it has no module certificate";
	if (!read_central(&r, b))
		return "it does not have one to four central certificates";
	if (!read_policy(&r, &b->policy))
		return "its policy is malformed";
	return tlv_done(&r) ? NULL : "something follows the policy";
}

static const char *read_bundle(struct bundle *b, const u8 *der, size_t len)
{
	struct tlv_reader r;
	struct tlv seq;

	tlv_open(&r, der, len);
	if (!tlv_expect(&r, TLV_SEQUENCE, &seq))
		return "it is no DER sequence";
	if (!tlv_done(&r))
		return "bytes follow it";
	tlv_enter(&r, &seq);
	if (!tlv_expect(&r, TLV_SEQUENCE, &b->tbs) ||
	    !tlv_fixed(&r, TLV_OCTET_STRING, b->signature, sizeof(b->signature)) || !tlv_done(&r))
		return "it is not signed content and signature";
	return read_tbs(b);
}

int bundle_parse(struct bundle *b, const u8 *der, size_t len, struct refusal *why)
{
	const char *wrong;

	memset(b, 0, sizeof(*b));
	wrong = read_bundle(b, der, len);
	if (wrong)
		return refuse(why, -EBADMSG, "bundle: %s", wrong);
	return 0;
}

static int check_fit(const struct bundle *b, const struct bundle_expect *e, struct refusal *why)
{
	if (memcmp(b->uid, e->uid, sizeof(b->uid)))
		return refuse(why, -ESTALE, "bundle: made for another module");
	if (b->epoch != e->epoch)
		return refuse(why, -ESTALE, "bundle: made for epoch %llu, not %llu",
			      (unsigned long long)b->epoch, (unsigned long long)e->epoch);
	if (memcmp(b->module_nonce, e->module_nonce, sizeof(b->module_nonce)))
		return refuse(why, -ESTALE,
			      "bundle: answers another module nonce, it may be a replay");
	if (memcmp(b->salt, e->salt, sizeof(b->salt)))
		return refuse(why, -ESTALE, "bundle: made for another salt");
	return 0;
}

static int check_module_cert(const struct bundle *b, const struct bundle_expect *e,
			     const struct cert *signer, struct cert *c,
			     const struct cert_verifier *v)
{
	static const char what[] = "module certificate";
	int rc;

	rc = cert_parse(c, b->module.whole, b->module.whole_len, what, v->why);
	if (!rc)
		rc = cert_check(c, signer, SECMOD_ROLE_MODULE, what, v);
	if (rc)
		return rc;
	if (memcmp(c->point, e->point, sizeof(c->point)))
		return refuse(v->why, -EKEYREJECTED,
			      "%s: it is over another key than the one just made", what);
	if (memcmp(c->uid, e->uid, sizeof(c->uid)))
		return refuse(v->why, -ESTALE, "%s: UID is another module's", what);
	if (strcmp(c->serial, e->serial))
		return refuse(v->why, -ESTALE, "%s: serial number is another", what);
	if (!c->has_nonce || memcmp(c->nonce, e->module_nonce, sizeof(c->nonce)))
		return refuse(v->why, -ESTALE, "%s: module nonce is another", what);
	if (!c->has_salt || memcmp(c->salt, e->salt, sizeof(c->salt)))
		return refuse(v->why, -ESTALE, "%s: salt is another", what);
	if (!c->has_epoch || c->epoch != e->epoch)
		return refuse(v->why, -ESTALE, "%s: epoch is another", what);
	return 0;
}

int bundle_check(const struct bundle *b, const struct bundle_expect *expect,
		 const struct cert *signer, const struct cert_verifier *v)
{
	static const char what[] = "central certificate";
	struct cert c;
	u32 i;
	int rc;

	rc = v->verify(v->ctx, signer->point, b->tbs.whole, b->tbs.whole_len, b->signature);
	if (rc == -EKEYREJECTED)
		return refuse(v->why, rc, "bundle: signature is wrong");
	if (!rc)
		rc = check_fit(b, expect, v->why);
	if (!rc)
		rc = check_module_cert(b, expect, signer, &c, v);
	for (i = 0; !rc && i < b->central_count; i++) {
		rc = cert_parse(&c, b->central[i].whole, b->central[i].whole_len, what, v->why);
		if (!rc)
			rc = cert_check(&c, signer, SECMOD_ROLE_CENTRAL, what, v);
	}
	return rc;
}
