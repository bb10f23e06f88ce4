/* SPDX-License-Identifier: MIT */
/* secmod-kms: the key management server, HSM 2. The map of the program. */
#ifndef SECMOD_KMS_KMS_H
#define SECMOD_KMS_KMS_H

#include "common/channel.h"
#include "custody/custody.h"

#define KMS_DIR "/var/lib/secmod-kms"
#define KMS_HERE \
	"here" /* approvals for this very TPM have this for the HSM's name */
#define EK_CAS 16

struct options {
	const char *dir, *tcti, *authority, *key, *request, *response, *out;
	const char *to, *ek_ca[EK_CAS + 1], *ek_allow, *user;
	const char *clients[EK_CAS + 1]; /* certificates that may ask */
	int json, public_only, verbose;
};

/*
 * office.c: the directory. kms.json: which TPM, whose authority; keys/, hsm/,
 * approvals/: a document each; audit.log.
 */
struct kms {
	const char *dir;
	char tcti[256];
	EVP_PKEY *authority; /* public half */
	TPM2B_PUBLIC storage; /* of this TPM */
	TPM2B_NAME storage_name;
	int lock;
	int serving; /* the log was checked when this began */
};

int kms_create(const char *dir, const char *tcti, const char *authority,
	       struct error *e);
/* One program at a time: the others wait. */
int kms_open(const char *dir, struct kms *k, struct error *e);
void kms_close(struct kms *k);
/* @dir/@format, freed by the caller */
int kms_path(const struct kms *k, char **path, struct error *e,
	     const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Opens the TPM and requires that it is the one of before. */
int kms_tpm(const struct kms *k, struct custody_tpm *t, struct error *e);
/* Opens the authority's private key and requires that it is this authority's. */
int kms_authority_key(const struct kms *k, const char *uri, EVP_PKEY **key,
		      struct error *e);

/*
 * keys.c
 */
int keys_load(const struct kms *k, enum custody_kind kind, unsigned int version,
	      struct custody_object *o, struct error *e);
int keys_store(const struct kms *k, const struct custody_object *o,
	       struct error *e);
/* The highest version there is, 0 without any. */
unsigned int keys_latest(const struct kms *k, enum custody_kind kind);
/* Command-line words: a kind and a version. */
int keys_parse(const struct kms *k, char **words, struct custody_object *o,
	       struct error *e);

/*
 * hsm.c: HSMs that keys may go to
 */
struct hsm {
	char label[CUSTODY_LABEL_MAX + 1];
	TPM2B_PUBLIC storage, ek;
	TPM2B_NAME name; /* of the storage key */
	int certified; /* signature is there */
	uint8_t challenge[CUSTODY_DIGEST_SIZE]; /* SHA-256 of what it must answer */
	uint8_t signature
		[CUSTODY_SIGNATURE_SIZE]; /* the authority's, over the name */
};
int hsm_load(const struct kms *k, const char *label, struct hsm *h,
	     struct error *e);
int hsm_store(const struct kms *k, const struct hsm *h, struct error *e);
/* The authority vouches that this storage key is in a genuine TPM. */
int hsm_certify(struct hsm *h, EVP_PKEY *authority, struct error *e);
int hsm_check_certified(const struct kms *k, const struct hsm *h,
			struct error *e);
/* An HSM that is certified, or this one's own storage key for "here". */
int hsm_find(const struct kms *k, const char *label, struct hsm *h,
	     struct error *e);

/* approvals.c */
int approvals_load(const struct kms *k, const struct custody_object *o,
		   const char *label, struct custody_approvals *a,
		   struct error *e);
int approvals_store(const struct kms *k, const struct custody_object *o,
		    const char *label, const struct custody_approvals *a,
		    struct error *e);

/* audit.c: audit.log, a JSON object a line, each with the digest of the one before */
int audit(const struct kms *k, const char *event, const char *object,
	  const char *detail, struct error *e);
/* Calls @fn for each line; -EBADMSG where the chain is broken. */
int audit_each(const struct kms *k, int (*fn)(void *arg, const char *line),
	       void *arg, struct error *e);

/* tls.c: tls.key, tls.pem: who the server is; its clients have a copy of the latter */
int tls_create(const struct kms *k, struct error *e);
int tls_open(const struct kms *k, SSL_CTX **ctx, struct error *e);

/* recover.c: one RecoverRequest (B6, carried out here) */
int recover(struct kms *k, const struct wire_recover_request *q,
	    struct message **reply, struct error *e);

/* cmd_*.c: 0 or -errno */
int cmd_authority(const struct options *o, int argc, char **argv,
		  struct error *e);
int cmd_init(const struct options *o, int argc, char **argv, struct error *e);
int cmd_generate(const struct options *o, int argc, char **argv,
		 struct error *e);
int cmd_list(const struct options *o, int argc, char **argv, struct error *e);
int cmd_enroll(const struct options *o, int argc, char **argv, struct error *e);
int cmd_certify(const struct options *o, int argc, char **argv,
		struct error *e);
int cmd_approve(const struct options *o, int argc, char **argv,
		struct error *e);
int cmd_export(const struct options *o, int argc, char **argv, struct error *e);
int cmd_serve(const struct options *o, int argc, char **argv, struct error *e);
int cmd_log(const struct options *o, int argc, char **argv, struct error *e);

#endif
