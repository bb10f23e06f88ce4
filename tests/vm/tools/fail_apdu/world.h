/* SPDX-License-Identifier: MIT */
/* A module whose calls fail when told to, and everybody who speaks to it. */
#ifndef SECMOD_VM_FAIL_APDU_WORLD_H
#define SECMOD_VM_FAIL_APDU_WORLD_H

#include "gp/gp.h"
#include "keyring/keyring.h"
#include "libsecmod/libsecmod.h"

#define KRK 0x31
#define MK 0x38 /* and the one after it, in turns */
#define KDC 0x30
#define TXN 0x40
#define GROUP 0x0101
#define SECRET 0x8001

/**
 * struct world
 * @module: the file under test, opened anew for each place
 * @card: the conversation on it
 * @vault: its path
 * @key: of the central system; @cert: for it
 * @ring: transaction keys of the central system
 * @master: KVN of the master keyset that there is
 * @armed: let a place of the next call fail
 * @ins: the command whose call it is; 0: a call that is no command
 * @n: which place
 * @struck: it did
 * @error: of the call, 0 when it was answered
 */
struct world {
	struct secmod *module;
	struct gp_card card;
	const char *vault;
	uint8_t uid[KEYRING_UID_SIZE];
	EVP_PKEY *key;
	X509 *cert;
	struct keyring *ring;
	uint8_t master;
	int control;
	int armed;
	uint8_t ins;
	unsigned int n;
	int struck;
	int error;
};

extern struct world w;
extern const uint8_t purse[5]; /* an application */

/* What anybody may know of the module's keys and applications. */
struct snapshot {
	struct gp_status status;
	struct gp_key_info info;
	uint32_t ids[SECMOD_TXN_KEYS_MAX];
	uint8_t group[256];
	size_t group_len;
	uint16_t selected; /* status word of selecting the application */
};

void world_open(const char *directory, const char *vault);
/* Attaches the module if it had to let go of its vault. */
void look(struct snapshot *s);

/* Ends the program when they fail. */
void open_file(void);
void open_central(void);
void open_keyset(uint8_t kvn);
void find_master(void);
struct gp_keyset keys_of(uint8_t kvn);
void put_txn(void);
int put_new_txn(struct error *e);
void must(int rc, const struct error *e);

/* The parts that a trial makes fail. */
int faulted(unsigned long request, void *arg);
int scp11a(struct error *e);
int seal_messages(struct error *e);
int open_messages(struct error *e);
int list_keys(struct error *e);
int use_key(struct error *e);

/**
 * struct trial - one call under test
 * @name: for the log
 * @ins: of the command, or 0
 * @changes: a success is seen in the snapshot
 * @once: and cannot be repeated
 * @before: brings the module to where it can be called
 * @act: calls it: 0 or -errno
 */
struct trial {
	const char *name;
	uint8_t ins;
	int changes, once;
	void (*before)(void);
	int (*act)(struct error *e);
};

extern const struct trial trials[];
extern const size_t trials_count;

#endif
