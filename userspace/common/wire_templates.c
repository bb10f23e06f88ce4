// SPDX-License-Identifier: MIT
/* docs/protocol/secmod.asn1 as OpenSSL ASN.1 templates, in the order of the schema. */
#include "common/wire.h"
#include "common/wire_items.h"

/* the schema, one field a line */
/* clang-format off */
#define FIELD(type, field, asn1) ASN1_SIMPLE(struct wire_##type, field, asn1)
#define NUMBER(type, field) ASN1_EMBED(struct wire_##type, field, UINT64)
#define OCTETS(type, field) FIELD(type, field, ASN1_OCTET_STRING)
#define TEXT(type, field) FIELD(type, field, ASN1_UTF8STRING)
#define SEQUENCE(type) ASN1_SEQUENCE(wire_##type)
#define SEQUENCE_END(type) \
	static_ASN1_SEQUENCE_END_name(struct wire_##type, wire_##type)
#define SHARED_END(type) ASN1_SEQUENCE_END_name(struct wire_##type, wire_##type)
/* Message ::= CHOICE: each alternative is its type in an explicit tag */
#define ALTERNATIVE(type, tag)                                             \
	ASN1_ITEM_TEMPLATE(wire_alt_##type) = ASN1_EX_TEMPLATE_TYPE(       \
		ASN1_TFLG_EXPTAG | ASN1_TFLG_CONTEXT, tag, type, wire_##type) \
	ASN1_ITEM_TEMPLATE_END(wire_alt_##type)

SEQUENCE(policy) = {
	NUMBER(policy, max_keys),
	NUMBER(policy, max_lifetime),
	NUMBER(policy, max_messages),
	NUMBER(policy, keyset_tries),
} SHARED_END(policy)

SEQUENCE(tbs_bundle) = {
	FIELD(tbs_bundle, type, ASN1_OBJECT),
	NUMBER(tbs_bundle, version),
	OCTETS(tbs_bundle, uid),
	NUMBER(tbs_bundle, epoch),
	OCTETS(tbs_bundle, module_nonce),
	OCTETS(tbs_bundle, salt),
	NUMBER(tbs_bundle, time),
	FIELD(tbs_bundle, module, X509),
	ASN1_SEQUENCE_OF(struct wire_tbs_bundle, central, X509),
	FIELD(tbs_bundle, policy, wire_policy),
} SHARED_END(tbs_bundle)

SEQUENCE(bundle) = {
	FIELD(bundle, tbs, wire_tbs_bundle),
	OCTETS(bundle, signature),
} SHARED_END(bundle)

SEQUENCE(erasure_proof) = {
	NUMBER(erasure_proof, version),
	OCTETS(erasure_proof, uid),
	OCTETS(erasure_proof, nonce),
	NUMBER(erasure_proof, epoch),
	OCTETS(erasure_proof, public_area),
	OCTETS(erasure_proof, nv_public),
	OCTETS(erasure_proof, attest),
	OCTETS(erasure_proof, signature),
	FIELD(erasure_proof, identity, X509),
	FIELD(erasure_proof, signer, X509),
	FIELD(erasure_proof, module, X509),
	NUMBER(erasure_proof, module_epoch),
} SHARED_END(erasure_proof)

SEQUENCE(error) = {
	NUMBER(error, code),
	TEXT(error, text),
} SEQUENCE_END(error)

SEQUENCE(perso_request) = {
	NUMBER(perso_request, version),
	OCTETS(perso_request, uid),
	NUMBER(perso_request, epoch),
	FIELD(perso_request, identity, X509),
} SEQUENCE_END(perso_request)

SEQUENCE(perso_offer) = {
	OCTETS(perso_offer, salt),
	OCTETS(perso_offer, nonce),
	FIELD(perso_offer, signer, X509),
} SEQUENCE_END(perso_offer)

SEQUENCE(module_key) = {
	OCTETS(module_key, public_area),
	OCTETS(module_key, creation),
	OCTETS(module_key, attest),
	OCTETS(module_key, signature),
	OCTETS(module_key, module_nonce),
	NUMBER(module_key, epoch),
	NUMBER(module_key, time),
} SEQUENCE_END(module_key)

SEQUENCE(perso_bundle) = {
	OCTETS(perso_bundle, bundle),
} SEQUENCE_END(perso_bundle)

SEQUENCE(perso_done) = {
	FIELD(perso_done, accepted, ASN1_BOOLEAN),
	TEXT(perso_done, reason),
} SEQUENCE_END(perso_done)

SEQUENCE(certify_request) = {
	NUMBER(certify_request, version),
	TEXT(certify_request, serial),
	OCTETS(certify_request, ek_public),
	OCTETS(certify_request, ek_certificate),
	OCTETS(certify_request, identity_public),
} SEQUENCE_END(certify_request)

SEQUENCE(credential) = {
	OCTETS(credential, blob),
	OCTETS(credential, secret),
} SEQUENCE_END(credential)

SEQUENCE(activation) = {
	OCTETS(activation, secret),
} SEQUENCE_END(activation)

SEQUENCE(certified) = {
	FIELD(certified, checking, X509),
	FIELD(certified, identity, X509),
} SEQUENCE_END(certified)

SEQUENCE(transaction) = {
	OCTETS(transaction, id),
	OCTETS(transaction, payload),
} SEQUENCE_END(transaction)

SEQUENCE(transaction_reply) = {
	OCTETS(transaction_reply, id),
	NUMBER(transaction_reply, status),
	NUMBER(transaction_reply, row),
	OCTETS(transaction_reply, payload),
} SEQUENCE_END(transaction_reply)

SEQUENCE(relay_open) = {
	NUMBER(relay_open, conversation),
} SEQUENCE_END(relay_open)

SEQUENCE(relay_command) = {
	NUMBER(relay_command, conversation),
	OCTETS(relay_command, command),
} SEQUENCE_END(relay_command)

SEQUENCE(relay_response) = {
	NUMBER(relay_response, conversation),
	NUMBER(relay_response, status),
	OCTETS(relay_response, response),
} SEQUENCE_END(relay_response)

SEQUENCE(relay_close) = {
	NUMBER(relay_close, conversation),
} SEQUENCE_END(relay_close)

SEQUENCE(key_request) = {
	NUMBER(key_request, kvn),
} SEQUENCE_END(key_request)

SEQUENCE(key_answer) = {
	NUMBER(key_answer, kvn),
	NUMBER(key_answer, status),
	NUMBER(key_answer, id),
	NUMBER(key_answer, lifetime),
	NUMBER(key_answer, messages),
	TEXT(key_answer, text),
} SEQUENCE_END(key_answer)

SEQUENCE(sealed_transaction) = {
	OCTETS(sealed_transaction, id),
	OCTETS(sealed_transaction, sealed),
} SEQUENCE_END(sealed_transaction)

SEQUENCE(sealed_reply) = {
	OCTETS(sealed_reply, id),
	OCTETS(sealed_reply, sealed),
} SEQUENCE_END(sealed_reply)

SEQUENCE(recover_request) = {
	NUMBER(recover_request, version),
	TEXT(recover_request, hsm),
	NUMBER(recover_request, recovery),
	OCTETS(recover_request, uid),
	OCTETS(recover_request, point),
} SEQUENCE_END(recover_request)

IMPLEMENT_ASN1_FUNCTIONS_fname(struct wire_policy, wire_policy, wire_policy)
IMPLEMENT_ASN1_FUNCTIONS_fname(struct wire_tbs_bundle, wire_tbs_bundle,
			       wire_tbs_bundle)
IMPLEMENT_ASN1_FUNCTIONS_fname(struct wire_bundle, wire_bundle, wire_bundle)
IMPLEMENT_ASN1_FUNCTIONS_fname(struct wire_erasure_proof, wire_erasure_proof,
			       wire_erasure_proof)

ALTERNATIVE(error, MSG_ERROR)
ALTERNATIVE(perso_request, MSG_PERSO_REQUEST)
ALTERNATIVE(perso_offer, MSG_PERSO_OFFER)
ALTERNATIVE(module_key, MSG_MODULE_KEY)
ALTERNATIVE(perso_bundle, MSG_PERSO_BUNDLE)
ALTERNATIVE(perso_done, MSG_PERSO_DONE)
ALTERNATIVE(certify_request, MSG_CERTIFY_REQUEST)
ALTERNATIVE(credential, MSG_CREDENTIAL)
ALTERNATIVE(activation, MSG_ACTIVATION)
ALTERNATIVE(certified, MSG_CERTIFIED)
ALTERNATIVE(transaction, MSG_TRANSACTION)
ALTERNATIVE(transaction_reply, MSG_TRANSACTION_REPLY)
ALTERNATIVE(relay_open, MSG_RELAY_OPEN)
ALTERNATIVE(relay_command, MSG_RELAY_COMMAND)
ALTERNATIVE(relay_response, MSG_RELAY_RESPONSE)
ALTERNATIVE(relay_close, MSG_RELAY_CLOSE)
ALTERNATIVE(key_request, MSG_KEY_REQUEST)
ALTERNATIVE(key_answer, MSG_KEY_ANSWER)
ALTERNATIVE(sealed_transaction, MSG_SEALED_TRANSACTION)
ALTERNATIVE(sealed_reply, MSG_SEALED_REPLY)
ALTERNATIVE(recover_request, MSG_RECOVER_REQUEST)
