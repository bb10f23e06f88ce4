/* SPDX-License-Identifier: MIT */
/* Between the files of HSM 1. All but client.c runs inside its process. */
#ifndef SECMOD_HSM1_INTERNAL_H
#define SECMOD_HSM1_INTERNAL_H

#include <pthread.h>

#include "custody/custody.h"
#include "hsm1/hsm1.h"

#define HSM1_RANDOM_SIZE 32
#define HSM1_KEYS_MAX 64 /* keys of all kinds and versions */

/*
 * derive.c: SP 800-108 in counter mode with CMAC (5.1), AES-256
 */
enum { KEY_ENC, KEY_MAC, KEY_DEK, KEYS };
/* "secmod MK ENC 38": what a label looks like */
#define DERIVE_LABEL_MAX 32
void derive_label(enum custody_kind kind, uint8_t kvn, int key,
		  char label[DERIVE_LABEL_MAX]);
uint8_t derive_kvn(enum custody_kind kind, unsigned int version);
struct hsm1_key;
int derive_keyset(const struct hsm1_key *block, const uint8_t *context,
		  size_t len, struct gp_keyset *keys, struct hsm1_keyset *info,
		  struct error *e);
/* Gives the block of @k to the kernel, if that does the same with it, and forgets it. */
void derive_in_kernel(struct hsm1_key *k);

/*
 * cmac.c: handles with a key in the kernel. Prepared before the process gives up its
 * system calls; HSM1_KEYS_MAX of them can be opened, by one thread at a time.
 */
#define CMAC_SIZE 16
struct kcapi_handle;
void cmac_prepare(void);
/* NULL: the kernel does not do it */
struct kcapi_handle *cmac_open(const uint8_t key[CUSTODY_BLOCK_SIZE]);
void cmac_close(struct kcapi_handle *h);
/* SP 800-108, counter mode: counter || @fixed. By any number of threads. */
int cmac_derive(struct kcapi_handle *h, const uint8_t *fixed, size_t len,
		uint8_t *out, size_t out_len);

/*
 * cryptogram.c: CMS AuthEnvelopedData (RFC 5083, 5084, 5753): UID and random number,
 * encrypted to the recovery key
 */
#define CRYPTOGRAM_ID_SIZE 20 /* names the key: first bytes of its digest */
#define CRYPTOGRAM_SIZE 326
int cryptogram_make(EVP_PKEY *recovery, const uint8_t id[CRYPTOGRAM_ID_SIZE],
		    const uint8_t uid[HSM1_UID_SIZE],
		    const uint8_t random[HSM1_RANDOM_SIZE],
		    uint8_t out[CRYPTOGRAM_SIZE], struct error *e);
/* What is in one; pointers into it. */
struct cryptogram {
	const uint8_t *point; /* the ephemeral key: 04 x y */
	const uint8_t *id, *wrapped, *nonce, *content, *tag;
};
int cryptogram_parse(const uint8_t *der, size_t len, struct cryptogram *out,
		     struct error *e);
/* @z: what the recovery key and the ephemeral key agree on. -EKEYREJECTED when
 * anything was changed, or it was made for another module than @uid. */
int cryptogram_open(const struct cryptogram *c, const uint8_t z[32],
		    const uint8_t uid[HSM1_UID_SIZE],
		    uint8_t random[HSM1_RANDOM_SIZE], struct error *e);

/*
 * vault.c: the directory, and the keys in memory
 */
struct hsm1_key {
	struct custody_object object;
	struct custody_approvals approvals;
	uint8_t block[CUSTODY_BLOCK_SIZE];
	struct kcapi_handle
		*cmac; /* has the block, which is zeros here; or NULL */
};

struct vault {
	const char *dir;
	int tpm_is_device; /* else it is emulated, behind a local socket */
	EVP_PKEY *authority;
	TPM2B_PUBLIC ek;
	struct custody_tpm tpm;
	pthread_mutex_t lock; /* guards tpm and keys */
	struct hsm1_key *keys; /* HSM1_KEYS_MAX, locked into memory */
	size_t count;
};

int vault_open(const char *dir, struct vault *v, struct error *e);
void vault_close(struct vault *v);
/* Unseals what is in the directory. */
int vault_load(struct vault *v, struct error *e);
int vault_import(struct vault *v, const char *document, size_t len,
		 char text[HSM1_TEXT_MAX], struct error *e);
/* A copy; @version 0: the newest. Wipe it. -ENOENT */
int vault_find(struct vault *v, enum custody_kind kind, unsigned int version,
	       struct hsm1_key *out, struct error *e);
/* The recovery key that a cryptogram names. */
int vault_find_recovery(struct vault *v, const uint8_t id[CRYPTOGRAM_ID_SIZE],
			struct hsm1_key *out, struct error *e);
/* The version of a kind's block whose keysets have this KVN: the newest of them. */
int vault_find_kvn(struct vault *v, enum custody_kind kind, uint8_t kvn,
		   unsigned int *version, struct error *e);
void vault_id(const struct custody_object *o, uint8_t id[CRYPTOGRAM_ID_SIZE]);
/* The imported recovery key and @point. */
int vault_agree(struct vault *v, const struct hsm1_key *k,
		const uint8_t point[65], uint8_t z[32], struct error *e);
/* A credential for this TPM */
int vault_credential(struct vault *v, const struct custody_credential *c,
		     TPM2B_DIGEST *out, struct error *e);
/* From the TPM and the kernel */
int vault_random(struct vault *v, uint8_t out[HSM1_RANDOM_SIZE],
		 struct error *e);

/*
 * sandbox.c
 */
struct sandbox {
	int local_sockets; /* to be left: the TPM is behind one */
	int memory_locked, network_namespace, system_calls;
};
/* No network, no other program, no new code: only what is open stays usable. */
int sandbox_enter(struct sandbox *s, struct error *e);

/*
 * message.c: requests and answers, a packet each
 */
enum hsm1_op {
	HSM1_IMPORT,
	HSM1_STATUS,
	HSM1_ISSUE,
	HSM1_REPLACE,
	HSM1_EXPECT,
	HSM1_EXPLAIN,
	HSM1_OPS
};

struct hsm1_message {
	enum hsm1_op op;
	uint8_t uid[HSM1_UID_SIZE];
	struct hsm1_versions versions;
	struct gp_keyset transport;
	int can_recover; /* somebody is there to ask the key management server */
	size_t len; /* document or cryptogram */
	uint8_t data[HSM1_TEXT_MAX];
};

enum hsm1_word {
	HSM1_DONE, /* the last one */
	HSM1_STORE, /* data is the cryptogram; answered by a reply */
	HSM1_RECOVER, /* version and point; answered by a reply with a credential */
};

struct hsm1_reply {
	enum hsm1_word word;
	int status;
	struct error e;
	struct hsm1_result result;
	unsigned int version;
	uint8_t point[65];
	struct hsm1_credential credential;
	size_t len;
	uint8_t data[HSM1_TEXT_MAX];
};

/* Sends a packet, with descriptors. 0 or -errno */
int message_send(int fd, const void *data, size_t len, const int *fds,
		 int count);
/* Receives one of exactly @len bytes; -ECONNRESET. Descriptors that were not sent are -1. */
int message_recv(int fd, void *data, size_t len, int *fds, int count);

/*
 * procedure.c: one request, on a thread of its own
 */
struct procedure {
	struct vault *vault;
	const struct sandbox *sandbox;
	int answer, relay; /* relay may be -1 */
	struct hsm1_message m;
	struct hsm1_reply r;
};
void procedure_run(struct procedure *p);
/* issue.c */
int procedure_issue(struct procedure *p, struct error *e);
int procedure_replace(struct procedure *p, struct error *e);

/* process.c: never returns */
void hsm1_process(int fd, const char *dir, const char *user)
	__attribute__((noreturn));

#endif
