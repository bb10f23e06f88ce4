/* SPDX-License-Identifier: MIT */
/*
 * Keys that leave a TPM only for another one, and only when an authority has
 * said so: what the key management server (HSM 2) and HSM 1 share.
 *
 * Each object's policy is PolicyAuthorize(authority, reference), and the reference is
 * kind and version ("secmod master 3"). An approval is the authority's signature on
 * one policy for that reference. Three are given, each for one HSM:
 *   export  PolicyDuplicationSelect(this object, that storage key): HSM 2's TPM
 *           duplicates this object to that key and to no other; and who gets it knows
 *           that the authority meant this very object, for the name holds a digest
 *           of the secret
 *   use     PolicySecret(storage key), PolicyCommandCode: a TPM carries out this one
 *           command with it while that storage key is in it, which is fixed to its TPM
 *   public  no policy: a signature over the name, for who needs the public key only
 */
#ifndef SECMOD_CUSTODY_CUSTODY_H
#define SECMOD_CUSTODY_CUSTODY_H

#include <jansson.h>
#include <openssl/evp.h>
#include <tss2/tss2_esys.h>

#include "common/error.h"

#define CUSTODY_BLOCK_SIZE 32
#define CUSTODY_KCV_SIZE 3
#define CUSTODY_VERSION_MAX 9999
#define CUSTODY_LABEL_MAX 32
#define CUSTODY_DIGEST_SIZE 32
#define CUSTODY_SIGNATURE_SIZE 64

enum custody_kind {
	CUSTODY_MASTER, /* block that master keys are derived from */
	CUSTODY_REPLACEMENT, /* block that key replacement keys are derived from */
	CUSTODY_RECOVERY, /* key pair: decrypts the random numbers of issuance */
	CUSTODY_KINDS
};

struct custody_object {
	enum custody_kind kind;
	unsigned int version;
	uint8_t kcv[CUSTODY_KCV_SIZE];
	TPM2B_PUBLIC public;
	TPM2B_PRIVATE private; /* size 0: the public half only */
};

const char *custody_kind_name(enum custody_kind kind);
int custody_kind_parse(const char *text, enum custody_kind *kind,
		       struct error *e);
/* 1 to 32 letters, digits, - and _ */
int custody_check_label(const char *label, struct error *e);

/*
 * template.c: public areas, and what is refused about them, by name
 */
/* The storage key: a primary of the owner, so there is nothing to keep. */
extern const TPM2B_PUBLIC custody_storage_template;
int custody_check_storage(const TPM2B_PUBLIC *pub, struct error *e);
int custody_object_template(enum custody_kind kind, unsigned int version,
			    EVP_PKEY *authority, TPM2B_PUBLIC *out,
			    struct error *e);
/* Is @o's public area as custody_object_template() makes it? */
int custody_check_object(const struct custody_object *o, EVP_PKEY *authority,
			 struct error *e);
/* Of a P-256 area. */
int custody_public_key(const TPM2B_PUBLIC *pub, EVP_PKEY **key,
		       struct error *e);
int custody_name(const TPM2B_PUBLIC *pub, TPM2B_NAME *name, struct error *e);
/* of a block: first bytes of AES-ECB(block, 16 bytes 01) */
int custody_block_kcv(const uint8_t block[CUSTODY_BLOCK_SIZE],
		      uint8_t kcv[CUSTODY_KCV_SIZE], struct error *e);
/* of a key pair: first bytes of its name's digest */
int custody_pair_kcv(const TPM2B_PUBLIC *pub, uint8_t kcv[CUSTODY_KCV_SIZE],
		     struct error *e);

/*
 * policy.c
 */
enum custody_right {
	CUSTODY_EXPORT,
	CUSTODY_USE,
	CUSTODY_PUBLIC,
	CUSTODY_RIGHTS
};

struct custody_approvals {
	/* by right; given tells which are there */
	int given[CUSTODY_RIGHTS];
	uint8_t signature[CUSTODY_RIGHTS][CUSTODY_SIGNATURE_SIZE];
};

const char *custody_right_name(enum custody_right right);
void custody_reference(enum custody_kind kind, unsigned int version,
		       TPM2B_NONCE *ref);
/* The public area under which a TPM verifies the authority's signatures. */
int custody_authority_public(EVP_PKEY *authority, TPM2B_PUBLIC *out,
			     struct error *e);
/* What the objects with this reference have as authPolicy. */
int custody_object_policy(EVP_PKEY *authority, enum custody_kind kind,
			  unsigned int version,
			  uint8_t policy[CUSTODY_DIGEST_SIZE], struct error *e);
/* The command that makes use of a kind. */
TPM2_CC custody_command(enum custody_kind kind);
/* The policy an approval is for; @storage: name of the storage key. */
int custody_policy(const struct custody_object *o, const TPM2B_NAME *storage,
		   enum custody_right right,
		   uint8_t policy[CUSTODY_DIGEST_SIZE], struct error *e);
int custody_approve(EVP_PKEY *authority, const struct custody_object *o,
		    const TPM2B_NAME *storage, enum custody_right right,
		    struct custody_approvals *a, struct error *e);
/* -EKEYREJECTED when it is not given, or the authority has not signed it. */
int custody_check_approval(EVP_PKEY *authority, const struct custody_object *o,
			   const TPM2B_NAME *storage, enum custody_right right,
			   const struct custody_approvals *a, struct error *e);

/*
 * tpm.c: a connection to a TPM, its storage key loaded
 */
struct custody_tpm {
	ESYS_CONTEXT *esys;
	ESYS_TR storage;
	TPM2B_PUBLIC public;
	TPM2B_NAME name;
};

int custody_tpm_open(const char *tcti, struct custody_tpm *t, struct error *e);
void custody_tpm_close(struct custody_tpm *t);
/* Is it still the TPM whose storage key had @name? -ESTALE */
int custody_tpm_is(const struct custody_tpm *t, const TPM2B_NAME *name,
		   struct error *e);
void custody_flush(struct custody_tpm *t, ESYS_TR *object);
/* A session whose parameters no bus sees: salted by the storage key. */
int custody_session(struct custody_tpm *t, TPM2_SE kind, ESYS_TR *session,
		    struct error *e);
int custody_load(struct custody_tpm *t, const struct custody_object *o,
		 ESYS_TR *object, struct error *e);
/*
 * A policy session in which the TPM allows @right on @o, the authority's signature
 * checked by the TPM. @storage: name of the new parent, for CUSTODY_EXPORT.
 */
int custody_authorize(struct custody_tpm *t, EVP_PKEY *authority,
		      const struct custody_object *o, const TPM2B_NAME *storage,
		      enum custody_right right,
		      const struct custody_approvals *a, ESYS_TR *session,
		      struct error *e);
/* use: the block, into @out of CUSTODY_BLOCK_SIZE */
int custody_unseal(struct custody_tpm *t, EVP_PKEY *authority,
		   const struct custody_object *o,
		   const struct custody_approvals *a, uint8_t *out,
		   struct error *e);
/* use: x coordinate of private key times @point (04, x, y) */
int custody_agree(struct custody_tpm *t, EVP_PKEY *authority,
		  const struct custody_object *o,
		  const struct custody_approvals *a, const uint8_t point[65],
		  uint8_t z[32], struct error *e);

/*
 * ek.c: the endorsement key of a TPM, templates L-1 and L-2
 */
struct custody_ek {
	TPM2B_PUBLIC public;
	uint8_t *certificate; /* DER, NULL: none; freed with custody_ek_free() */
	size_t certificate_len;
};
int custody_ek_read(struct custody_tpm *t, struct custody_ek *ek,
		    struct error *e);
void custody_ek_free(struct custody_ek *ek);
/* A secret made for this TPM and its storage key: at most 32 bytes. */
struct custody_credential {
	TPM2B_ID_OBJECT blob;
	TPM2B_ENCRYPTED_SECRET secret;
};
int custody_credential_make(const TPM2B_PUBLIC *ek, const TPM2B_PUBLIC *storage,
			    const uint8_t *data, size_t len,
			    struct custody_credential *out, struct error *e);
int custody_credential_open(struct custody_tpm *t, const TPM2B_PUBLIC *ek,
			    const struct custody_credential *c,
			    TPM2B_DIGEST *out, struct error *e);

/*
 * file.c: JSON documents; binary values are hex. Written to a temporary file,
 * fsynced, renamed, the directory fsynced.
 */
int custody_write(const char *path, json_t *document, struct error *e);
/* Requires the member "type" to be @type. */
int custody_read(const char *path, const char *type, json_t **document,
		 struct error *e);
/* A new document; NULL when out of memory, then the setters do nothing. */
json_t *custody_document(const char *type);
void custody_put(json_t *doc, const char *key, const void *data, size_t len);
/* Between @min and @max bytes; -EBADMSG */
int custody_get(const json_t *doc, const char *key, void *data, size_t min,
		size_t max, size_t *len, struct error *e);
const char *custody_text(const json_t *doc, const char *key);
/* TPM structures in documents, by MU */
void custody_put_public(json_t *doc, const char *key, const TPM2B_PUBLIC *pub);
int custody_get_public(const json_t *doc, const char *key, TPM2B_PUBLIC *pub,
		       struct error *e);
/* kind, version, kcv, public; private when @with_private */
void custody_put_object(json_t *doc, const struct custody_object *o);
int custody_get_object(const json_t *doc, struct custody_object *o,
		       struct error *e);
void custody_put_approvals(json_t *doc, const struct custody_approvals *a);
int custody_get_approvals(const json_t *doc, struct custody_approvals *a,
			  struct error *e);
void custody_put_credential(json_t *doc, const struct custody_credential *c);
int custody_get_credential(const json_t *doc, struct custody_credential *c,
			   struct error *e);

/*
 * export.c: an object on its way to HSM 1
 */
struct custody_export {
	struct custody_object
		object; /* private: the duplicate; size 0: public half */
	TPM2B_ENCRYPTED_SECRET seed;
	struct custody_credential inner; /* the inner wrapper's key */
	struct custody_approvals approvals;
	char hsm[CUSTODY_LABEL_MAX + 1];
};
json_t *custody_export_document(const struct custody_export *x);
int custody_export_parse(const json_t *doc, struct custody_export *x,
			 struct error *e);

#endif
