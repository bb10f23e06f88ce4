/* SPDX-License-Identifier: MIT */
/* Between the files of the wire format: its templates and its limits. */
#ifndef SECMOD_COMMON_WIRE_ITEMS_H
#define SECMOD_COMMON_WIRE_ITEMS_H

#include "common/wire.h"

/* wire_templates.c: the alternatives of Message, with their tags */
DECLARE_ASN1_ITEM(wire_alt_error)
DECLARE_ASN1_ITEM(wire_alt_perso_request)
DECLARE_ASN1_ITEM(wire_alt_perso_offer)
DECLARE_ASN1_ITEM(wire_alt_module_key)
DECLARE_ASN1_ITEM(wire_alt_perso_bundle)
DECLARE_ASN1_ITEM(wire_alt_perso_done)
DECLARE_ASN1_ITEM(wire_alt_certify_request)
DECLARE_ASN1_ITEM(wire_alt_credential)
DECLARE_ASN1_ITEM(wire_alt_activation)
DECLARE_ASN1_ITEM(wire_alt_certified)
DECLARE_ASN1_ITEM(wire_alt_transaction)
DECLARE_ASN1_ITEM(wire_alt_transaction_reply)
DECLARE_ASN1_ITEM(wire_alt_relay_open)
DECLARE_ASN1_ITEM(wire_alt_relay_command)
DECLARE_ASN1_ITEM(wire_alt_relay_response)
DECLARE_ASN1_ITEM(wire_alt_relay_close)
DECLARE_ASN1_ITEM(wire_alt_key_request)
DECLARE_ASN1_ITEM(wire_alt_key_answer)
DECLARE_ASN1_ITEM(wire_alt_sealed_transaction)
DECLARE_ASN1_ITEM(wire_alt_sealed_reply)

DECLARE_ASN1_ITEM(wire_alt_recover_request)

/* wire_limits.c: what the schema says about one field */
enum wire_kind { KIND_END, KIND_OCTETS, KIND_TEXT, KIND_NUMBER, KIND_CERTS };

struct wire_limit {
	enum wire_kind kind;
	size_t offset;
	const char *name;
	uint64_t min, max;
};

extern const struct wire_limit wire_limits_error[];
extern const struct wire_limit wire_limits_perso_request[];
extern const struct wire_limit wire_limits_perso_offer[];
extern const struct wire_limit wire_limits_module_key[];
extern const struct wire_limit wire_limits_perso_bundle[];
extern const struct wire_limit wire_limits_perso_done[];
extern const struct wire_limit wire_limits_certify_request[];
extern const struct wire_limit wire_limits_credential[];
extern const struct wire_limit wire_limits_activation[];
extern const struct wire_limit wire_limits_certified[];
extern const struct wire_limit wire_limits_transaction[];
extern const struct wire_limit wire_limits_transaction_reply[];
extern const struct wire_limit wire_limits_relay_open[];
extern const struct wire_limit wire_limits_relay_command[];
extern const struct wire_limit wire_limits_relay_response[];
extern const struct wire_limit wire_limits_relay_close[];
extern const struct wire_limit wire_limits_key_request[];
extern const struct wire_limit wire_limits_key_answer[];
extern const struct wire_limit wire_limits_sealed_transaction[];
extern const struct wire_limit wire_limits_sealed_reply[];
extern const struct wire_limit wire_limits_recover_request[];
extern const struct wire_limit wire_limits_policy[];
extern const struct wire_limit wire_limits_tbs_bundle[];
extern const struct wire_limit wire_limits_bundle[];
extern const struct wire_limit wire_limits_erasure_proof[];

/*
 * Holds each field of @object against @limits; @what names the object in the
 * text. Returns 0 or -EPROTO.
 */
int wire_check_limits(const void *object, const struct wire_limit *limits,
		      const char *what, struct error *e);

#endif
