/* SPDX-License-Identifier: MIT */
/* secmod-manufacturer: who owns the checking key. The map of the program. */
#ifndef SECMOD_MANUFACTURER_H
#define SECMOD_MANUFACTURER_H

#include <jansson.h>

#include "common/channel.h"
#include "pki/ek.h"
#include "pki/pki.h"

#define INSTANCES_MAX 16 /* modules on one TPM, as the driver has it */
#define EK_CAS 15

struct options {
	const char *dir, *key, *name, *csr, *public_key, *out, *user;
	const char *ek_ca[EK_CAS + 1], *ek_allow; /* NULL at the end of ek_ca */
	int days, instances, once, json, verbose;
};

/* The checking key and its certificate, and the directory they are kept in. */
struct office {
	const char *dir;
	X509 *root;
	EVP_PKEY *key;
};

/* office.c */
int office_open(struct office *o, const char *dir, struct error *e);
void office_close(struct office *o);
/* @dir/@name, freed by the caller; NULL when out of memory */
char *office_path(const char *dir, const char *name);

/* cmd_*.c: 0 or -errno */
int cmd_init(const struct options *o, int argc, char **argv, struct error *e);
int cmd_certify_signer(const struct options *o, int argc, char **argv,
		       struct error *e);
int cmd_serve(const struct options *o, int argc, char **argv, struct error *e);
int cmd_list(const struct options *o, int argc, char **argv, struct error *e);
int cmd_release(const struct options *o, int argc, char **argv,
		struct error *e);

/* register.c: what was issued to whom, in issued.log */
struct entry {
	const char *serial, *uid, *ek; /* ek: digest, see ek_check() */
	X509 *identity;
};
/*
 * Is @entry's serial number free, or this module's already, and are fewer than
 * @instances other serial numbers on its TPM? -EEXIST with a text.
 */
int register_check(const char *dir, const struct entry *entry, int instances,
		   struct error *e);
int register_issued(const char *dir, const struct entry *entry,
		    struct error *e);
int register_refused(const char *dir, const char *serial, const char *reason,
		     struct error *e);
/* Frees a serial number and the EK that had it. -ENOENT */
int register_release(const char *dir, const char *serial, struct error *e);
/* Calls @fn for each line as JSON; unreadable ones are skipped with a warning. */
int register_each(const char *dir, int (*fn)(void *arg, json_t *event),
		  void *arg, struct error *e);

/* certify.c: one connection, from CertifyRequest to Certified */
struct certifier {
	const struct office *office;
	const struct ek_policy *ek;
	int days, instances;
};
int certify_one(const struct certifier *c, struct channel *ch, struct error *e);

#endif
