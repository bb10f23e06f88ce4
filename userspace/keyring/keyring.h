/* SPDX-License-Identifier: MIT */
/*
 * What the process with the central system's private key does with it beside
 * TLS: SCP11a with modules, and the transaction keys that it makes and puts into
 * them that way. The keys are in its memory only; restarted, it makes new ones.
 */
#ifndef SECMOD_KEYRING_KEYRING_H
#define SECMOD_KEYRING_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/error.h"
#include "gp/gp.h"

#define KEYRING_UID_SIZE 16
#define KEYRING_OVERHEAD 30 /* of a sealed message: header and tag */
#define KEYRING_GRACE_S 120 /* a replaced key opens what was under way */

/*
 * keyring.c: transaction keys by id. Thread-safe. Formats: linux/secmod_transaction.h.
 */
struct keyring;
struct keyring *keyring_new(void);
void keyring_free(struct keyring *ring);
/* A key of the same module and version is replaced. */
int keyring_add(struct keyring *ring, const uint8_t uid[KEYRING_UID_SIZE],
		const struct gp_transaction_key *key, struct error *e);
void keyring_revoke(struct keyring *ring, const uint8_t uid[KEYRING_UID_SIZE],
		    uint8_t kvn);
/*
 * A message sealed by the module @uid; @text has room for @len bytes, *@text_len gets how
 * many there are. -ENOKEY: no such key, -EKEYEXPIRED, -EBADMSG: changed, or of another module.
 * -ESTALE: opened before, or so long after others that nobody can tell. What came
 * is remembered with the key, as long as that: neither survives the process.
 */
int keyring_open(struct keyring *ring, const uint8_t uid[KEYRING_UID_SIZE],
		 const void *aad, size_t aad_len, const uint8_t *sealed,
		 size_t len, uint8_t *text, size_t *text_len, struct error *e);
/* For the module, with the key of @id; @sealed has room for @len + KEYRING_OVERHEAD. */
int keyring_seal(struct keyring *ring, uint32_t id, const void *aad,
		 size_t aad_len, const uint8_t *text, size_t len,
		 uint8_t *sealed, struct error *e);
/* The key id in the header of a sealed message; 0 when it is none. */
uint32_t keyring_id(const uint8_t *sealed, size_t len);

/*
 * session.c: one SCP11a session with a module, for one client. The client sends requests on
 * a SOCK_SEQPACKET pair and gets an answer to each; closing it ends the session.
 */
enum session_kind {
	SESSION_KEYSETS, /* what has the module? */
	SESSION_TRANSPORT, /* put a transport keyset */
	SESSION_KEY, /* make a transaction key, put it, keep it */
	SESSION_REVOKE,
	SESSION_RESET,
	SESSION_KINDS
};

struct session_request {
	int kind;
	struct gp_keyset transport;
	uint8_t kvn; /* transport, key, revoke */
	uint32_t id, lifetime; /* key */
	uint64_t messages;
	uint64_t epoch; /* reset */
	uint8_t nonce[32];
};

struct session_answer {
	int status; /* 0 or -errno */
	struct error e;
	struct gp_keysets keysets;
	struct gp_key_info info;
	uint8_t proof[2048]; /* reset: the module's words */
	size_t proof_len;
};

struct session_identity {
	EVP_PKEY *key;
	X509 *cert, *root;
	struct keyring *ring;
};

/*
 * In the process with the key. @relay: see common/relay.h, "ok" comes first. The module
 * has to have the certificate @module, issued by @signer, which has to be issued by
 * the root. Returns when the client has gone; closes both descriptors.
 */
void session_serve(const struct session_identity *id, int relay, int client,
		   X509 *module, X509 *signer);
/* In the other. 0 or -errno with a text. */
int session_ask(int fd, const struct session_request *q,
		struct session_answer *a, struct error *e);

#endif
