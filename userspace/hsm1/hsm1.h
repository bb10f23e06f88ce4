/* SPDX-License-Identifier: MIT */
/*
 * HSM 1: a process without network that has the blocks, derives the keys of modules
 * from them and puts them into modules through a relay. Keys never leave it.
 *
 * Calls may come from several threads; procedures run side by side.
 */
#ifndef SECMOD_HSM1_HSM1_H
#define SECMOD_HSM1_HSM1_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/error.h"
#include "gp/gp.h"

#define HSM1_DIR "/var/lib/secmod-hsm1"
#define HSM1_UID_SIZE 16
#define HSM1_CRYPTOGRAM_MAX 1024
#define HSM1_TEXT_MAX 8192

struct hsm1;

/*
 * Makes @dir for the TPM at @tcti. What the authority, whose public key is in the
 * file @authority, has not approved is not imported.
 */
int hsm1_init(const char *dir, const char *tcti, const char *authority,
	      struct error *e);
/* For people to compare by another way: hex of the name, of SHA-256 of the public key. */
struct hsm1_names {
	char storage[69], endorsement[65];
};

/* The request for secmod-kms: storage key, endorsement key; and the answer to its
 * challenge. No HSM 1 may run on @dir. */
int hsm1_request(const char *dir, const char *out, struct hsm1_names *names,
		 struct error *e);
int hsm1_answer(const char *dir, const char *challenge, const char *out,
		struct error *e);

/*
 * Starts the process: it opens the TPM, becomes @user (NULL: stays), gives up network and
 * most system calls. Call it before there are threads or peers: it is a fork.
 */
int hsm1_start(const char *dir, const char *user, struct hsm1 **out,
	       struct error *e);
/* Ends it; its procedures break off. NULL is fine. */
void hsm1_stop(struct hsm1 *h);

/* Takes in a document of "secmod-kms export"; @text says what it was. */
int hsm1_import(struct hsm1 *h, const char *document, size_t len,
		char text[HSM1_TEXT_MAX], struct error *e);
/* JSON: the keys it has, how it protects itself. */
int hsm1_status(struct hsm1 *h, char text[HSM1_TEXT_MAX], struct error *e);

/* Versions of blocks and key pair; 0: the newest, or what the module and the
 * cryptogram were made with. */
struct hsm1_versions {
	unsigned int master, replacement, recovery;
};

/* What became of a keyset, without its keys. */
struct hsm1_keyset {
	unsigned int version; /* of the block */
	uint8_t kvn;
	uint8_t kcv[3][GP_KCV_SIZE]; /* ENC, MAC, DEK */
};

struct hsm1_result {
	struct hsm1_keyset master, replacement;
	unsigned int recovery; /* version of the key pair */
};

/* For HSM 1's TPM only: TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET without lengths. */
struct hsm1_credential {
	uint8_t blob[256], secret[512];
	size_t blob_len, secret_len;
};

/*
 * The key management server that has the recovery key. The two know each other by
 * their certificates; what is exchanged is for HSM 1's TPM only, whoever carries it.
 */
struct hsm1_kms {
	const char *endpoint, *hsm; /* the label HSM 1 was enrolled under */
	X509 *server; /* its tls.pem */
	X509 *cert; /* ours, which "secmod-kms serve --client" has */
	EVP_PKEY *key;
};
/* For hsm1_ops.recover, with a struct hsm1_kms */
int hsm1_kms_recover(const struct hsm1_kms *kms, unsigned int version,
		     const uint8_t uid[HSM1_UID_SIZE], const uint8_t point[65],
		     struct hsm1_credential *out, struct error *e);

struct hsm1_ops {
	/*
	 * Puts the cryptogram where it is found by UID: on the disk when this returns 0.
	 * Called before any key goes into the module. -EEXIST and others stop the issuance.
	 */
	int (*store)(void *arg, const uint8_t uid[HSM1_UID_SIZE],
		     const uint8_t *cryptogram, size_t len, struct error *e);
	/*
	 * Has the key management server use the recovery key @version (B6, carried out at
	 * the KMS): @point is the cryptogram's ephemeral key. NULL: only what was imported.
	 */
	int (*recover)(void *arg, unsigned int version,
		       const uint8_t uid[HSM1_UID_SIZE],
		       const uint8_t point[65], struct hsm1_credential *out,
		       struct error *e);
	void *arg;
};

/*
 * B3 to B5: draws the random number, derives KRK and MK, encrypts the random number,
 * has the cryptogram stored, and fills the two slots under the transport keyset
 * (KVN 30). @relay: see common/relay.h; stays the caller's.
 */
int hsm1_issue(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE], int relay,
	       const struct gp_keyset *transport,
	       const struct hsm1_versions *versions, const struct hsm1_ops *ops,
	       struct hsm1_result *out, struct error *e);
/* Goes on with an issuance that broke off after @cryptogram was stored. */
int hsm1_resume(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE], int relay,
		const uint8_t *cryptogram, size_t len,
		const struct gp_keyset *transport,
		const struct hsm1_versions *versions,
		const struct hsm1_ops *ops, struct hsm1_result *out,
		struct error *e);
/*
 * B7, B8: regains the random number from @cryptogram, re-derives the KRK, and replaces the
 * MK under it. A module that has the new MK already is left as it is, unless that is locked.
 */
int hsm1_replace(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE], int relay,
		 const uint8_t *cryptogram, size_t len,
		 const struct hsm1_versions *versions,
		 const struct hsm1_ops *ops, struct hsm1_result *out,
		 struct error *e);

/* B4: which master keyset a module has or gets; compare with what it says (DF22). */
int hsm1_expect(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE],
		unsigned int version, struct hsm1_keyset *out, struct error *e);
/* The same derivation with all its inputs as text, and no key. */
int hsm1_explain(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE],
		 unsigned int version, char text[HSM1_TEXT_MAX],
		 struct error *e);

#endif
