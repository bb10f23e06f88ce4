/* SPDX-License-Identifier: MIT */
/* The central system: what its files share, by file. */
#ifndef SECMOD_CENTRAL_CENTRAL_H
#define SECMOD_CENTRAL_CENTRAL_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/error.h"
#include "store/store.h"

#define CENTRAL_DIR "/var/lib/secmod-central"

struct options {
	const char *dir, *key, *name, *root, *reason, *user, *fingerprint;
	const char *module;
	const char *hsm1, *hsm1_user, *kms, *kms_cert, *kms_label;
	int version, parallel, failed;
	int key_lifetime_s, key_messages, sealed_only;
	int json, keys, check_only, foreground, verbose, register_auto;
	int max_connections, idle_s, limit_s;
};

/*
 * site.c: the directory. root.pem: the manufacturer's certificate; key.uri: where
 * the private key is; central.csr, central.pem: its certificate with the signer's;
 * central.db: the store; central.sock: the running server's local socket.
 */
#define SITE_PATH_MAX 512
struct site {
	const char *dir;
	X509 *root, *cert, *signer;
	struct store *store;
};

int site_path(const struct site *s, const char *file, char path[SITE_PATH_MAX],
	      struct error *e);
/* root.pem and the store: what every command needs. */
int site_open(struct site *s, const char *dir, struct error *e);
/* root.pem and central.pem as they are, without the store. */
int site_open_roots(struct site *s, const char *dir, struct error *e);
/* central.pem, checked against root.pem. */
int site_open_certificate(struct site *s, struct error *e);
/* URI in key.uri, freed with free(). */
int site_key_uri(const struct site *s, char **uri, struct error *e);
void site_close(struct site *s);

/* admit.c: who may take part (A22, A23, A28) */
struct admission {
	struct store *store;
	X509 *root;
	int register_auto; /* an unknown module of an enabled signer is registered */
};

struct member { /* a module that takes part */
	uint8_t uid[STORE_UID_SIZE];
	char uid_text[2 * STORE_UID_SIZE + 1];
	char serial[33];
	char fingerprint[65], signer[65];
	int64_t epoch;
	time_t not_after; /* of its chain */
};

/*
 * The peer has proved the possession of @leaf's key. May it take part? @sent: what it
 * sent beside @leaf. Records what it presented. -EACCES, -EKEYREJECTED,
 * -EKEYEXPIRED or -ESTALE with a text for both sides; other errors are ours.
 */
int admit(const struct admission *a, X509 *leaf, STACK_OF(X509) *sent,
	  time_t now, struct member *out, struct error *e);
/* Is this -errno the store's trouble rather than a verdict on the peer? */
int store_trouble(int r);
/* May it still? Asked for each message. */
int admit_still(struct store *store, const struct member *m, time_t now,
		struct error *e);

/* actor.c: who administers, for the audit log */
int audit(struct store *s, const char *action, const char *object,
	  const char *detail, struct error *e);

/* keyuser.c: the process that holds the private key, and the key as others see it */
/*
 * Starts it: it opens @uri, becomes @user, and from then on carries out the requests
 * below. @key signs through it; the calling process never sees the private key.
 */
int keyproc_start(const char *uri, const char *user, const char *dir,
		  EVP_PKEY **key, struct error *e);
/*
 * A transaction @id sealed by the module @uid; @text is good until the next request.
 * -ENOKEY, -EKEYEXPIRED, -EBADMSG: see keyring_open().
 */
int keyproc_open(const uint8_t uid[STORE_UID_SIZE],
		 const uint8_t id[STORE_ID_SIZE], const uint8_t *sealed,
		 size_t len, const uint8_t **text, size_t *text_len,
		 struct error *e);
/* The answer to transaction @id, with the transaction key of the number @key. */
int keyproc_seal(uint32_t key, const uint8_t id[STORE_ID_SIZE],
		 const uint8_t *text, size_t len, const uint8_t **sealed,
		 size_t *sealed_len, struct error *e);
/*
 * Starts a session with the module (keyring/session.c). The descriptors stay the
 * caller's, who closes them.
 */
int keyproc_session(X509 *module, X509 *signer, int relay, int client,
		    struct error *e);

/* client.c: what commands ask of the running server */
/*
 * A descriptor that is a conversation with the connected module @uid (common/relay.h),
 * or -errno. -ECONNREFUSED, -ENOENT: there is no server; -EREMOTEIO: it says why not.
 */
int client_relay(const char *dir, const char *uid, struct error *e);
/* A descriptor for session_ask() of a session with the connected module @uid. */
int client_session(const char *dir, const char *uid, struct error *e);
/* Calls @fn with the UID of each connected module; what is not 0 ends it. */
int client_connected(const char *dir, int (*fn)(void *arg, const char *uid),
		     void *arg, struct error *e);

/* cmd_status.c, access.c */
int find_module(const struct options *o, const char *which,
		struct store_module *m, char uid[2 * STORE_UID_SIZE + 1],
		struct error *e);
/* What the connected module says of its keysets, to the central system only. */
struct gp_keysets;
int ask_keysets(const char *dir, const char *uid, struct gp_keysets *keysets,
		struct error *e);

/* commands */
/* Disabling without a word why is refused. */
int need_reason(const struct options *o, int enabled, struct error *e);
int cmd_init(const struct options *o, int argc, char **argv, struct error *e);
int cmd_serve(const struct options *o, int argc, char **argv, struct error *e);
int cmd_module_list(const struct options *o, int argc, char **argv,
		    struct error *e);
int cmd_module_show(const struct options *o, int argc, char **argv,
		    struct error *e);
int cmd_module_add(const struct options *o, int argc, char **argv,
		   struct error *e);
int cmd_module_enable(const struct options *o, int argc, char **argv,
		      struct error *e);
int cmd_module_disable(const struct options *o, int argc, char **argv,
		       struct error *e);
int cmd_signer_list(const struct options *o, int argc, char **argv,
		    struct error *e);
int cmd_signer_add(const struct options *o, int argc, char **argv,
		   struct error *e);
int cmd_signer_enable(const struct options *o, int argc, char **argv,
		      struct error *e);
int cmd_signer_disable(const struct options *o, int argc, char **argv,
		       struct error *e);
int cmd_certificate_enable(const struct options *o, int argc, char **argv,
			   struct error *e);
int cmd_certificate_disable(const struct options *o, int argc, char **argv,
			    struct error *e);
int cmd_module_identity(const struct options *o, int argc, char **argv,
			struct error *e);
int cmd_key_list(const struct options *o, int argc, char **argv,
		 struct error *e);
int cmd_key_revoke(const struct options *o, int argc, char **argv,
		   struct error *e);
int cmd_issue(const struct options *o, int argc, char **argv, struct error *e);
int cmd_campaign_start(const struct options *o, int argc, char **argv,
		       struct error *e);
int cmd_campaign_resume(const struct options *o, int argc, char **argv,
			struct error *e);
int cmd_campaign_status(const struct options *o, int argc, char **argv,
			struct error *e);
int cmd_campaign_abort(const struct options *o, int argc, char **argv,
		       struct error *e);
int cmd_reset_order(const struct options *o, int argc, char **argv,
		    struct error *e);
int cmd_reset_list(const struct options *o, int argc, char **argv,
		   struct error *e);
int cmd_reset_proof(const struct options *o, int argc, char **argv,
		    struct error *e);
int cmd_status(const struct options *o, int argc, char **argv, struct error *e);
int cmd_ledger(const struct options *o, int argc, char **argv, struct error *e);
int cmd_audit(const struct options *o, int argc, char **argv, struct error *e);

/* print.c */
struct json_t;
void print_time(int64_t when, char out[32]); /* UTC, "-" for 0 */
int print_json(struct json_t *value, struct error *e); /* takes it over */

#endif
