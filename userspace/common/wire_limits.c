// SPDX-License-Identifier: MIT
/* The sizes and ranges of docs/protocol/secmod.asn1, which templates cannot express. */
#include <errno.h>
#include <stddef.h>

#include "common/wire_items.h"

#define LIMIT(kind, type, field, min, max)                                  \
	{                                                                   \
		kind, offsetof(struct wire_##type, field), #field, min, max \
	}
#define OCTETS(type, field, min, max) LIMIT(KIND_OCTETS, type, field, min, max)
#define TEXT(type, field, min, max) LIMIT(KIND_TEXT, type, field, min, max)
#define NUMBER(type, field, min, max) LIMIT(KIND_NUMBER, type, field, min, max)
#define UID(type, field) OCTETS(type, field, 16, 16)
#define NONCE(type, field) OCTETS(type, field, 32, 32)
#define SIGNATURE(type, field) OCTETS(type, field, 64, 64)
#define TPM_PUBLIC(type, field) OCTETS(type, field, 1, 640)
#define TPM_ATTEST(type, field) OCTETS(type, field, 1, 512)
#define COUNT(type, field) NUMBER(type, field, 0, INT64_MAX) /* Time, Epoch */
#define CONVERSATION(type) NUMBER(type, conversation, 0, UINT32_MAX)
#define END                      \
	{                        \
		.kind = KIND_END \
	}

const struct wire_limit wire_limits_error[] = {
	NUMBER(error, code, 0, 65535),
	TEXT(error, text, 0, 255),
	END,
};

const struct wire_limit wire_limits_perso_request[] = {
	NUMBER(perso_request, version, 1, 1),
	UID(perso_request, uid),
	COUNT(perso_request, epoch),
	END,
};

const struct wire_limit wire_limits_perso_offer[] = {
	NONCE(perso_offer, salt),
	NONCE(perso_offer, nonce),
	END,
};

const struct wire_limit wire_limits_module_key[] = {
	TPM_PUBLIC(module_key, public_area),
	OCTETS(module_key, creation, 1, 512),
	TPM_ATTEST(module_key, attest),
	SIGNATURE(module_key, signature),
	NONCE(module_key, module_nonce),
	COUNT(module_key, epoch),
	COUNT(module_key, time),
	END,
};

/* no limit in the schema: what fits into a message */
const struct wire_limit wire_limits_perso_bundle[] = {
	OCTETS(perso_bundle, bundle, 0, WIRE_MAX),
	END,
};

const struct wire_limit wire_limits_perso_done[] = {
	TEXT(perso_done, reason, 0, 255),
	END,
};

const struct wire_limit wire_limits_certify_request[] = {
	NUMBER(certify_request, version, 1, 1),
	TEXT(certify_request, serial, 1, 32),
	TPM_PUBLIC(certify_request, ek_public),
	OCTETS(certify_request, ek_certificate, 0, 4096),
	TPM_PUBLIC(certify_request, identity_public),
	END,
};

const struct wire_limit wire_limits_credential[] = {
	OCTETS(credential, blob, 1, 256),
	OCTETS(credential, secret, 1, 512),
	END,
};

const struct wire_limit wire_limits_activation[] = {
	OCTETS(activation, secret, 1, 64),
	END,
};

const struct wire_limit wire_limits_certified[] = { END };

const struct wire_limit wire_limits_transaction[] = {
	OCTETS(transaction, id, 16, 16),
	OCTETS(transaction, payload, 0, 32768),
	END,
};

const struct wire_limit wire_limits_transaction_reply[] = {
	OCTETS(transaction_reply, id, 16, 16),
	NUMBER(transaction_reply, status, 0, 65535),
	COUNT(transaction_reply, row),
	OCTETS(transaction_reply, payload, 0, 32768),
	END,
};

const struct wire_limit wire_limits_relay_open[] = {
	CONVERSATION(relay_open),
	END,
};

const struct wire_limit wire_limits_relay_command[] = {
	CONVERSATION(relay_command),
	OCTETS(relay_command, command, 1, 4105),
	END,
};

const struct wire_limit wire_limits_relay_response[] = {
	CONVERSATION(relay_response),
	NUMBER(relay_response, status, 0, 65535),
	OCTETS(relay_response, response, 0, 4098),
	END,
};

const struct wire_limit wire_limits_relay_close[] = {
	CONVERSATION(relay_close),
	END,
};

const struct wire_limit wire_limits_key_request[] = {
	NUMBER(key_request, kvn, 0x40, 0x5f),
	END,
};

const struct wire_limit wire_limits_key_answer[] = {
	NUMBER(key_answer, kvn, 0x40, 0x5f),
	NUMBER(key_answer, status, 0, 65535),
	NUMBER(key_answer, id, 0, UINT32_MAX),
	NUMBER(key_answer, lifetime, 0, UINT32_MAX),
	COUNT(key_answer, messages),
	TEXT(key_answer, text, 0, 255),
	END,
};

const struct wire_limit wire_limits_sealed_transaction[] = {
	OCTETS(sealed_transaction, id, 16, 16),
	OCTETS(sealed_transaction, sealed, 30, 32798),
	END,
};

const struct wire_limit wire_limits_sealed_reply[] = {
	OCTETS(sealed_reply, id, 16, 16),
	OCTETS(sealed_reply, sealed, 30, 32862),
	END,
};

const struct wire_limit wire_limits_recover_request[] = {
	NUMBER(recover_request, version, 1, 1),
	TEXT(recover_request, hsm, 1, 32),
	NUMBER(recover_request, recovery, 1, 9999),
	UID(recover_request, uid),
	OCTETS(recover_request, point, 65, 65),
	END,
};

const struct wire_limit wire_limits_policy[] = {
	NUMBER(policy, max_keys, 0, 64),
	NUMBER(policy, max_lifetime, 0, UINT32_MAX),
	COUNT(policy, max_messages),
	NUMBER(policy, keyset_tries, 1, 255),
	END,
};

const struct wire_limit wire_limits_tbs_bundle[] = {
	NUMBER(tbs_bundle, version, 1, 1),
	UID(tbs_bundle, uid),
	COUNT(tbs_bundle, epoch),
	NONCE(tbs_bundle, module_nonce),
	NONCE(tbs_bundle, salt),
	COUNT(tbs_bundle, time),
	LIMIT(KIND_CERTS, tbs_bundle, central, 1, 4),
	END,
};

const struct wire_limit wire_limits_bundle[] = {
	SIGNATURE(bundle, signature),
	END,
};

const struct wire_limit wire_limits_erasure_proof[] = {
	NUMBER(erasure_proof, version, 1, 1),
	UID(erasure_proof, uid),
	NONCE(erasure_proof, nonce),
	COUNT(erasure_proof, epoch),
	TPM_PUBLIC(erasure_proof, public_area),
	OCTETS(erasure_proof, nv_public, 1, 128),
	TPM_ATTEST(erasure_proof, attest),
	SIGNATURE(erasure_proof, signature),
	COUNT(erasure_proof, module_epoch),
	END,
};

static int check_range(uint64_t value, const struct wire_limit *l,
		       const char *what, struct error *e)
{
	if (value >= l->min && value <= l->max)
		return 0;
	return error_set(e, EPROTO, "%s: %s of %s%llu is outside %llu..%llu",
			 what, l->name, l->kind == KIND_NUMBER ? "" : "size ",
			 (unsigned long long)value, (unsigned long long)l->min,
			 (unsigned long long)l->max);
}

/* SIZE counts characters; control characters would forge log lines and a NUL
 * would make two readers see two texts. */
static int check_text(const ASN1_UTF8STRING *s, const struct wire_limit *l,
		      const char *what, struct error *e)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int left = ASN1_STRING_length(s), n;
	unsigned long c;
	uint64_t chars;

	for (chars = 0; left > 0; chars++, p += n, left -= n) {
		n = UTF8_getc(p, left, &c);
		if (n <= 0)
			return error_set(e, EPROTO, "%s: %s is not UTF-8", what,
					 l->name);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			return error_set(e, EPROTO,
					 "%s: %s holds a control character",
					 what, l->name);
	}
	return check_range(chars, l, what, e);
}

static int check_field(const void *field, const struct wire_limit *l,
		       const char *what, struct error *e)
{
	switch (l->kind) {
	case KIND_OCTETS:
		return check_range(
			ASN1_STRING_length(*(ASN1_STRING *const *)field), l,
			what, e);
	case KIND_TEXT:
		return check_text(*(ASN1_UTF8STRING *const *)field, l, what, e);
	case KIND_NUMBER:
		return check_range(*(const uint64_t *)field, l, what, e);
	case KIND_CERTS:
		return check_range(sk_X509_num(*(STACK_OF(X509) *const *)field),
				   l, what, e);
	case KIND_END:
		break;
	}
	return 0;
}

int wire_check_limits(const void *object, const struct wire_limit *limits,
		      const char *what, struct error *e)
{
	const struct wire_limit *l;
	int ret;

	for (l = limits; l->kind != KIND_END; l++) {
		ret = check_field((const char *)object + l->offset, l, what, e);
		if (ret)
			return ret;
	}
	return 0;
}
