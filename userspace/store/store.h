/* SPDX-License-Identifier: MIT */
/*
 * The central system's memory: which signers and modules take part, what they
 * booked, who administered it. One SQLite file; what a function has reported
 * as done (after store_commit(), where one is open) survives a power cut.
 *
 * Any number of processes may have it open: a command that disables a module is
 * seen by the running server at its next store_standing().
 *
 * All functions return 0 or -errno with a text. -ENOENT: no such object.
 * -EEXIST: there is one already. -EBUSY: another process holds the write lock
 * for longer than the busy limit. -EIO: the database failed.
 */
#ifndef SECMOD_STORE_STORE_H
#define SECMOD_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define STORE_UID_SIZE 16
#define STORE_ID_SIZE 16 /* of a transaction */
#define STORE_TEXT_MAX 256

struct store;

/* @create: make the file when it is not there; else -ENOENT. */
int store_open(const char *path, int create, struct store **out,
	       struct error *e);
/* NULL is fine. An open transaction is taken back. */
void store_close(struct store *s);

/*
 * A write transaction around several calls; takes the write lock at once, so
 * that what is read inside cannot change until the commit. Without one each
 * call commits by itself.
 */
int store_begin(struct store *s, struct error *e);
/* On an error everything since store_begin() is taken back. */
int store_commit(struct store *s, struct error *e);
void store_rollback(struct store *s);

/* Changes when another process has committed something. */
int64_t store_version(struct store *s);

struct store_switch { /* what an administrator can turn off */
	int enabled;
	char reason[STORE_TEXT_MAX]; /* of the last change, may be empty */
	int64_t changed; /* seconds since 1970 */
};

struct store_signer {
	char fingerprint[65];
	char name[STORE_TEXT_MAX];
	struct store_switch sw;
	int64_t added;
};

struct store_module {
	uint8_t uid[STORE_UID_SIZE];
	char serial[33];
	struct store_switch sw;
	int64_t added;
	/* of its newest certificate; empty and 0 when it never came */
	char fingerprint[65];
	int64_t epoch;
	int64_t first_seen, last_seen;
};

struct store_cert { /* of a module, as it presented it */
	char fingerprint[65];
	uint8_t uid[STORE_UID_SIZE];
	char signer[65]; /* fingerprint of its issuer */
	int64_t epoch;
	const uint8_t *der;
	size_t der_len;
};

/* May the holder of this certificate take part now? */
struct store_standing {
	struct store_switch signer, module, cert;
	int signer_known, module_known;
	int64_t epoch; /* highest seen of this module */
};

/* signers.c */
int store_signer_add(struct store *s, const struct store_signer *signer,
		     const uint8_t *der, size_t der_len, struct error *e);
/* @der is written with malloc()ed memory. */
int store_signer_der(struct store *s, const char *fingerprint, uint8_t **der,
		     size_t *der_len, struct error *e);
/* @which: fingerprint (any unique beginning of 8 or more digits) or name. */
int store_signer_find(struct store *s, const char *which,
		      struct store_signer *out, struct error *e);
int store_signer_switch(struct store *s, const char *fingerprint, int enabled,
			const char *reason, struct error *e);
/* A callback's value other than 0 ends the walk and is returned. */
typedef int (*store_signer_fn)(void *arg, const struct store_signer *signer);
int store_signers(struct store *s, store_signer_fn fn, void *arg,
		  struct error *e);

/* modules.c */
int store_module_add(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		     const char *serial, struct error *e);
/* @which: UID as 32 hex digits, or serial number. -ENOTUNIQ when several match. */
int store_module_find(struct store *s, const char *which,
		      struct store_module *out, struct error *e);
int store_module_switch(struct store *s, const uint8_t uid[STORE_UID_SIZE],
			int enabled, const char *reason, struct error *e);
/*
 * Records that the module has presented @cert. Raises the module's epoch; never
 * lowers it: -ESTALE when a newer certificate was seen before.
 */
int store_module_seen(struct store *s, const struct store_cert *cert,
		      struct error *e);
typedef int (*store_module_fn)(void *arg, const struct store_module *module);
int store_modules(struct store *s, store_module_fn fn, void *arg,
		  struct error *e);
/* A certificate that was presented, and who signed it; @der is malloc()ed memory. */
int store_cert_der(struct store *s, const char *fingerprint, char signer[65],
		   uint8_t **der, size_t *len, struct error *e);
/* Certificates by fingerprint; one that was never seen can be disabled too. */
int store_cert_switch(struct store *s, const char *fingerprint, int enabled,
		      const char *reason, struct error *e);
int store_standing(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		   const char *fingerprint, const char *signer,
		   struct store_standing *out, struct error *e);

/* ledger.c */
struct store_entry {
	int64_t row; /* out of store_book() */
	int64_t time;
	uint8_t uid[STORE_UID_SIZE];
	uint8_t id[STORE_ID_SIZE];
	char fingerprint[65]; /* of the certificate it came with */
	const uint8_t *payload;
	size_t payload_len;
};

/*
 * Books @entry and writes its row. A transaction id counts once for each module: the
 * same id with the same payload gives the row of the first time and sets
 * @replayed; with another payload -EEXIST.
 */
int store_book(struct store *s, struct store_entry *entry, int *replayed,
	       struct error *e);
typedef int (*store_entry_fn)(void *arg, const struct store_entry *entry);
/* @uid NULL: of all modules. In the order of their rows, those after @after. */
int store_ledger(struct store *s, const uint8_t *uid, int64_t after,
		 store_entry_fn fn, void *arg, struct error *e);

struct store_audit {
	int64_t row, time;
	const char *actor, *action, *object, *detail;
};

/* Belongs into the same store_begin() as the action it tells of. */
int store_audit_add(struct store *s, const struct store_audit *a,
		    struct error *e);
typedef int (*store_audit_fn)(void *arg, const struct store_audit *a);
int store_audits(struct store *s, store_audit_fn fn, void *arg,
		 struct error *e);

#endif
