/* SPDX-License-Identifier: MIT */
/*
 * The messages of docs/protocol/secmod.asn1 as OpenSSL ASN.1 templates.
 * d2i accepts DER only: message_decode() re-encodes and compares.
 */
#ifndef SECMOD_COMMON_WIRE_H
#define SECMOD_COMMON_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/asn1t.h>
#include <openssl/x509.h>

#include "common/error.h"

#define WIRE_MAX 65536

enum message_type {
	MSG_ERROR = 0,
	MSG_PERSO_REQUEST = 1,
	MSG_PERSO_OFFER = 2,
	MSG_MODULE_KEY = 3,
	MSG_PERSO_BUNDLE = 4,
	MSG_PERSO_DONE = 5,
	MSG_CERTIFY_REQUEST = 8,
	MSG_CREDENTIAL = 9,
	MSG_ACTIVATION = 10,
	MSG_CERTIFIED = 11,
	MSG_TRANSACTION = 16,
	MSG_TRANSACTION_REPLY = 17,
	MSG_RELAY_OPEN = 18,
	MSG_RELAY_COMMAND = 19,
	MSG_RELAY_RESPONSE = 20,
	MSG_RELAY_CLOSE = 21,
	MSG_KEY_REQUEST = 22,
	MSG_KEY_ANSWER = 23,
	MSG_RECOVER_REQUEST = 24,
	MSG_SEALED_TRANSACTION = 25,
	MSG_SEALED_REPLY = 26,
};

struct wire_policy {
	uint64_t max_keys, max_lifetime, max_messages, keyset_tries;
};

/* Field types: ASN1_OCTET_STRING, uint64_t (embedded UINT64), ASN1_UTF8STRING, X509. */
struct wire_error {
	uint64_t code;
	ASN1_UTF8STRING *text;
};
struct wire_perso_request {
	uint64_t version;
	ASN1_OCTET_STRING *uid;
	uint64_t epoch;
	X509 *identity;
};
struct wire_perso_offer {
	ASN1_OCTET_STRING *salt, *nonce;
	X509 *signer;
};
struct wire_module_key {
	ASN1_OCTET_STRING *public_area, *creation, *attest, *signature,
		*module_nonce;
	uint64_t epoch, time;
};
struct wire_perso_bundle {
	ASN1_OCTET_STRING *bundle;
};
struct wire_perso_done {
	int accepted;
	ASN1_UTF8STRING *reason;
};
struct wire_certify_request {
	uint64_t version;
	ASN1_UTF8STRING *serial;
	ASN1_OCTET_STRING *ek_public, *ek_certificate, *identity_public;
};
struct wire_credential {
	ASN1_OCTET_STRING *blob, *secret;
};
struct wire_activation {
	ASN1_OCTET_STRING *secret;
};
struct wire_certified {
	X509 *checking, *identity;
};
struct wire_transaction {
	ASN1_OCTET_STRING *id, *payload;
};
struct wire_transaction_reply {
	ASN1_OCTET_STRING *id;
	uint64_t status, row;
	ASN1_OCTET_STRING *payload;
};
struct wire_relay_open {
	uint64_t conversation;
};
struct wire_relay_command {
	uint64_t conversation;
	ASN1_OCTET_STRING *command;
};
struct wire_relay_response {
	uint64_t conversation, status;
	ASN1_OCTET_STRING *response;
};
struct wire_relay_close {
	uint64_t conversation;
};
struct wire_key_request {
	uint64_t kvn;
};
struct wire_key_answer {
	uint64_t kvn, status, id, lifetime, messages;
	ASN1_UTF8STRING *text;
};
struct wire_sealed_transaction {
	ASN1_OCTET_STRING *id, *sealed;
};
struct wire_sealed_reply {
	ASN1_OCTET_STRING *id, *sealed;
};

/* secmod-central to secmod-kms; the reply is a Credential */
struct wire_recover_request {
	uint64_t version;
	ASN1_UTF8STRING *hsm;
	uint64_t recovery;
	ASN1_OCTET_STRING *uid, *point;
};

struct message {
	int type; /* enum message_type: which member */
	union {
		struct wire_error *error;
		struct wire_perso_request *perso_request;
		struct wire_perso_offer *perso_offer;
		struct wire_module_key *module_key;
		struct wire_perso_bundle *perso_bundle;
		struct wire_perso_done *perso_done;
		struct wire_certify_request *certify_request;
		struct wire_credential *credential;
		struct wire_activation *activation;
		struct wire_certified *certified;
		struct wire_transaction *transaction;
		struct wire_transaction_reply *transaction_reply;
		struct wire_relay_open *relay_open;
		struct wire_relay_command *relay_command;
		struct wire_relay_response *relay_response;
		struct wire_relay_close *relay_close;
		struct wire_key_request *key_request;
		struct wire_key_answer *key_answer;
		struct wire_sealed_transaction *sealed_transaction;
		struct wire_sealed_reply *sealed_reply;
		struct wire_recover_request *recover_request;
		void *any; /* whichever it is */
	} u;
};

/* Makes an empty message of @type with all its fields; NULL when out of memory. */
struct message *message_new(int type);
void message_free(struct message *m);
const char *message_name(int type);
/* DER, freed with OPENSSL_free(). Returns the length, or -EMSGSIZE when a field is
 * outside the limits of the schema (an empty field counts as one), or -ENOMEM. */
int message_encode(const struct message *m, unsigned char **der);
/* -EPROTO with a text for unknown types, sizes outside the schema, BER, trailing bytes. */
int message_decode(const unsigned char *der, size_t len, struct message **m,
		   struct error *e);

struct wire_tbs_bundle {
	ASN1_OBJECT *type;
	uint64_t version;
	ASN1_OCTET_STRING *uid;
	uint64_t epoch;
	ASN1_OCTET_STRING *module_nonce, *salt;
	uint64_t time;
	X509 *module;
	STACK_OF(X509) *central;
	struct wire_policy *policy;
};
struct wire_bundle {
	struct wire_tbs_bundle *tbs;
	ASN1_OCTET_STRING *signature;
};
/* wire_bundle_new(), wire_bundle_free(), d2i_wire_bundle(), i2d_wire_bundle(), ... */
DECLARE_ASN1_FUNCTIONS_name(struct wire_policy, wire_policy)
	DECLARE_ASN1_FUNCTIONS_name(struct wire_tbs_bundle, wire_tbs_bundle)
		DECLARE_ASN1_FUNCTIONS_name(struct wire_bundle, wire_bundle)

			struct wire_erasure_proof {
	uint64_t version;
	ASN1_OCTET_STRING *uid, *nonce;
	uint64_t epoch;
	ASN1_OCTET_STRING *public_area, *nv_public, *attest, *signature;
	X509 *identity, *signer, *module;
	uint64_t module_epoch;
};
DECLARE_ASN1_FUNCTIONS_name(struct wire_erasure_proof, wire_erasure_proof)

	/* Strict, as message_decode(): DER only, nothing behind, sizes of the schema. */
	int wire_bundle_decode(const unsigned char *der, size_t len,
			       struct wire_bundle **b, struct error *e);
int wire_erasure_proof_decode(const unsigned char *der, size_t len,
			      struct wire_erasure_proof **p, struct error *e);

/* Setters for fields made by message_new() and the _new() functions; 0 or -ENOMEM. */
int wire_set_octets(ASN1_OCTET_STRING *field, const void *data, size_t len);
int wire_set_text(ASN1_UTF8STRING *field, const char *text);
/* Replaces the certificate in @field by @cert (a further reference to it). */
int wire_set_cert(X509 **field, X509 *cert);
/* The text of a decoded field: no NUL and no control character is in it. */
const char *wire_text(const ASN1_UTF8STRING *field);

#endif
