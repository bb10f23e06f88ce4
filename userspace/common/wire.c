// SPDX-License-Identifier: MIT
/* Messages: to DER and back, strictly. */
#include <errno.h>
#include <string.h>

#include <openssl/err.h>

#include "common/der.h"
#include "common/wire_items.h"

/* Message ::= CHOICE, EXPLICIT TAGS: context class, constructed, the type */
#define TAG_OF(type) (0xa0 | (type))

struct message_kind {
	int type;
	const char *name;
	ASN1_ITEM_EXP *item;
	const struct wire_limit *limits;
};

#define KIND(type, name, field)                              \
	{                                                    \
		type, name, ASN1_ITEM_ref(wire_alt_##field), \
			wire_limits_##field                  \
	}

static const struct message_kind kinds[] = {
	KIND(MSG_ERROR, "Error", error),
	KIND(MSG_PERSO_REQUEST, "PersoRequest", perso_request),
	KIND(MSG_PERSO_OFFER, "PersoOffer", perso_offer),
	KIND(MSG_MODULE_KEY, "ModuleKey", module_key),
	KIND(MSG_PERSO_BUNDLE, "PersoBundle", perso_bundle),
	KIND(MSG_PERSO_DONE, "PersoDone", perso_done),
	KIND(MSG_CERTIFY_REQUEST, "CertifyRequest", certify_request),
	KIND(MSG_CREDENTIAL, "Credential", credential),
	KIND(MSG_ACTIVATION, "Activation", activation),
	KIND(MSG_CERTIFIED, "Certified", certified),
	KIND(MSG_TRANSACTION, "Transaction", transaction),
	KIND(MSG_TRANSACTION_REPLY, "TransactionReply", transaction_reply),
	KIND(MSG_RELAY_OPEN, "RelayOpen", relay_open),
	KIND(MSG_RELAY_COMMAND, "RelayCommand", relay_command),
	KIND(MSG_RELAY_RESPONSE, "RelayResponse", relay_response),
	KIND(MSG_RELAY_CLOSE, "RelayClose", relay_close),
	KIND(MSG_KEY_REQUEST, "KeyRequest", key_request),
	KIND(MSG_KEY_ANSWER, "KeyAnswer", key_answer),
	KIND(MSG_SEALED_TRANSACTION, "SealedTransaction", sealed_transaction),
	KIND(MSG_SEALED_REPLY, "SealedReply", sealed_reply),
	KIND(MSG_RECOVER_REQUEST, "RecoverRequest", recover_request),
};

static const struct message_kind *find_kind(int type)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

const char *message_name(int type)
{
	const struct message_kind *k = find_kind(type);

	return k ? k->name : "unknown message";
}

/* OpenSSL's BOOLEAN starts as -1, absent. */
static void set_defaults(struct message *m)
{
	if (m->type == MSG_PERSO_DONE)
		m->u.perso_done->accepted = 0;
}

struct message *message_new(int type)
{
	const struct message_kind *k = find_kind(type);
	struct message *m;

	if (!k)
		return NULL;
	m = OPENSSL_zalloc(sizeof(*m));
	if (!m)
		return NULL;
	m->type = type;
	m->u.any = ASN1_item_new(ASN1_ITEM_ptr(k->item));
	if (!m->u.any) {
		OPENSSL_free(m);
		return NULL;
	}
	set_defaults(m);
	return m;
}

void message_free(struct message *m)
{
	const struct message_kind *k;

	if (!m)
		return;
	k = find_kind(m->type);
	/* the one secret that travels in a message */
	if (m->type == MSG_ACTIVATION && m->u.activation->secret->data)
		OPENSSL_cleanse(m->u.activation->secret->data,
				m->u.activation->secret->length);
	ASN1_item_free(m->u.any, ASN1_ITEM_ptr(k->item));
	OPENSSL_free(m);
}

int message_encode(const struct message *m, unsigned char **der)
{
	const struct message_kind *k = find_kind(m->type);
	int len;

	*der = NULL;
	if (wire_check_limits(m->u.any, k->limits, k->name, NULL))
		return -EMSGSIZE;
	len = ASN1_item_i2d(m->u.any, der, ASN1_ITEM_ptr(k->item));
	ERR_clear_error();
	if (len <= 0)
		return -ENOMEM;
	if (len > WIRE_MAX) {
		OPENSSL_clear_free(*der, len);
		*der = NULL;
		return -EMSGSIZE;
	}
	return len;
}

/*
 * der_check() refuses BER anywhere; re-encoding refuses what is DER but has
 * another form in the schema.
 */
static int decode_item(const unsigned char *der, size_t len,
		       const ASN1_ITEM *item, const char *what, void **out,
		       struct error *e)
{
	const unsigned char *p = der;
	unsigned char *again = NULL;
	void *value;
	int n, ret;

	if (len > WIRE_MAX)
		return error_set(e, EPROTO, "%s is larger than %d bytes", what,
				 WIRE_MAX);
	ret = der_check(der, len, what, e);
	if (ret)
		return ret;
	value = ASN1_item_d2i(NULL, &p, len, item);
	if (!value)
		return error_set_ssl(e, EPROTO, "%s does not follow the schema",
				     what);
	n = ASN1_item_i2d(value, &again, item);
	if (n < 0 || (size_t)n != len || memcmp(again, der, len))
		ret = error_set(e, EPROTO, "%s is not encoded as DER", what);
	OPENSSL_clear_free(again, n > 0 ? n : 0);
	if (ret)
		ASN1_item_free(value, item);
	else
		*out = value;
	return ret;
}

int message_decode(const unsigned char *der, size_t len, struct message **out,
		   struct error *e)
{
	const struct message_kind *k;
	struct message *m;
	int ret;

	*out = NULL;
	if (!len)
		return error_set(e, EPROTO, "empty message");
	k = (der[0] & 0xe0) == TAG_OF(0) ? find_kind(der[0] & 0x1f) : NULL;
	if (!k)
		return error_set(e, EPROTO,
				 "unknown message, first byte 0x%02x", der[0]);
	m = OPENSSL_zalloc(sizeof(*m));
	if (!m)
		return error_set(e, ENOMEM, "out of memory");
	m->type = k->type;
	ret = decode_item(der, len, ASN1_ITEM_ptr(k->item), k->name, &m->u.any,
			  e);
	if (ret) {
		OPENSSL_free(m);
		return ret;
	}
	ret = wire_check_limits(m->u.any, k->limits, k->name, e);
	if (ret) {
		message_free(m);
		return ret;
	}
	*out = m;
	return 0;
}

static int check_bundle(const struct wire_bundle *b, struct error *e)
{
	int ret;

	ret = wire_check_limits(b, wire_limits_bundle, "bundle", e);
	if (!ret)
		ret = wire_check_limits(b->tbs, wire_limits_tbs_bundle,
					"bundle", e);
	if (!ret)
		ret = wire_check_limits(b->tbs->policy, wire_limits_policy,
					"policy", e);
	return ret;
}

int wire_bundle_decode(const unsigned char *der, size_t len,
		       struct wire_bundle **out, struct error *e)
{
	void *value = NULL;
	int ret;

	*out = NULL;
	ret = decode_item(der, len, ASN1_ITEM_rptr(wire_bundle), "bundle",
			  &value, e);
	if (ret)
		return ret;
	ret = check_bundle(value, e);
	if (ret)
		wire_bundle_free(value);
	else
		*out = value;
	return ret;
}

int wire_erasure_proof_decode(const unsigned char *der, size_t len,
			      struct wire_erasure_proof **out, struct error *e)
{
	void *value = NULL;
	int ret;

	*out = NULL;
	ret = decode_item(der, len, ASN1_ITEM_rptr(wire_erasure_proof),
			  "proof of erasure", &value, e);
	if (ret)
		return ret;
	ret = wire_check_limits(value, wire_limits_erasure_proof,
				"proof of erasure", e);
	if (ret)
		wire_erasure_proof_free(value);
	else
		*out = value;
	return ret;
}

int wire_set_octets(ASN1_OCTET_STRING *field, const void *data, size_t len)
{
	return ASN1_OCTET_STRING_set(field, data, len) ? 0 : -ENOMEM;
}

int wire_set_text(ASN1_UTF8STRING *field, const char *text)
{
	return ASN1_STRING_set(field, text, -1) ? 0 : -ENOMEM;
}

int wire_set_cert(X509 **field, X509 *cert)
{
	if (!X509_up_ref(cert))
		return -ENOMEM;
	X509_free(*field);
	*field = cert;
	return 0;
}

/* OpenSSL ends every string with a NUL; an empty one may have no data. */
const char *wire_text(const ASN1_UTF8STRING *field)
{
	const char *text = (const char *)ASN1_STRING_get0_data(field);

	return text ? text : "";
}
