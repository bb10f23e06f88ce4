/* SPDX-License-Identifier: MIT */
/* secmod-pu: the personalization unit. The map of the program. */
#ifndef SECMOD_PU_H
#define SECMOD_PU_H

#include <jansson.h>

#include "common/channel.h"
#include "common/wire.h"
#include "pki/pki.h"

#define UID_SIZE 16
#define NONCE_SIZE 32

struct options {
	const char *dir, *key, *name, *csr, *public_key, *out, *user;
	int days, tolerance, once, json, existing, verbose;
	struct wire_policy policy;
};

/* The signing key, its certificate, what it hands out, and where that is kept. */
struct unit {
	const char *dir;
	X509 *root, *signer;
	EVP_PKEY *key;
	STACK_OF(X509) *central; /* may be empty */
};

/* unit.c */
int unit_open(struct unit *u, const char *dir, struct error *e);
void unit_close(struct unit *u);
/* @dir/@name, freed by the caller; NULL when out of memory */
char *unit_path(const char *dir, const char *name);
/* Reads the central certificates anew; an empty stack when there are none. */
int unit_read_central(const char *dir, STACK_OF(X509) **out, struct error *e);
int unit_write_central(const char *dir, STACK_OF(X509) *central,
		       struct error *e);

/* cmd_*.c: 0 or -errno */
int cmd_init(const struct options *o, int argc, char **argv, struct error *e);
int cmd_add_central(const struct options *o, int argc, char **argv,
		    struct error *e);
int cmd_remove_central(const struct options *o, int argc, char **argv,
		       struct error *e);
int cmd_serve(const struct options *o, int argc, char **argv, struct error *e);
int cmd_log(const struct options *o, int argc, char **argv, struct error *e);
int cmd_list(const struct options *o, int argc, char **argv, struct error *e);
int cmd_certificate(const struct options *o, int argc, char **argv,
		    struct error *e);

/* What one personalization is about; grows as it goes. */
struct session {
	const struct unit *unit;
	const struct options *o;
	struct channel *ch;
	X509 *identity;
	char serial[33];
	uint8_t uid[UID_SIZE];
	char uid_hex[2 * UID_SIZE + 1];
	uint64_t epoch, module_time;
	uint8_t salt[NONCE_SIZE], nonce[NONCE_SIZE], module_nonce[NONCE_SIZE];
	EVP_PKEY *module_key;
	X509 *module; /* its certificate */
	time_t now;
};

/* personalize.c: one connection, from PersoRequest to PersoDone */
int personalize(const struct unit *u, const struct options *o,
		struct channel *ch, struct error *e);

/* certify.c: issues the module certificate; puts all into a signed bundle. */
int certify_module(struct session *s, struct error *e);
int make_bundle(const struct session *s, unsigned char **der, size_t *len,
		struct error *e);

/*
 * record.c: personalizations.log, one JSON object a line; A23: from it each
 * certificate can be had again.
 */
int record_issued(const struct session *s, const unsigned char *bundle,
		  size_t bundle_len, struct error *e);
int record_result(const struct session *s, int accepted, const char *reason,
		  struct error *e);
int record_refused(const struct session *s, const char *reason,
		   struct error *e);
int record_central(const struct unit *u, X509 *cert, const char *event,
		   struct error *e);
int record_each(const char *dir, int (*fn)(void *arg, json_t *event), void *arg,
		struct error *e);

#endif
