/* SPDX-License-Identifier: MIT */
/* Between the process with the private key and the one that started it. */
#ifndef SECMOD_CENTRAL_KEYPROC_H
#define SECMOD_CENTRAL_KEYPROC_H

#include "common/error.h"
#include "keyring/keyring.h"
#include "provider/backend.h"

#define KEY_DATA_MAX \
	40960 /* a transaction with its overhead, or two certificates */
#define KEY_AAD_SIZE 16 /* id of a transaction */

struct key_hello {
	int status;
	unsigned char point[KEY_POINT_SIZE];
	struct error e;
};

enum key_kind {
	KEY_SIGN, /* data: a digest */
	KEY_OPEN, /* data: a sealed message */
	KEY_SEAL, /* data: a text, for the module's key @id */
	KEY_SESSION, /* data: module and signing certificate; two descriptors */
	KEY_KINDS
};

/* A record is as long as its data. */
struct key_request {
	int kind;
	int hash_nid; /* sign */
	uint32_t id; /* seal */
	uint8_t uid[KEYRING_UID_SIZE], aad[KEY_AAD_SIZE]; /* open, seal */
	size_t len;
	unsigned char data[KEY_DATA_MAX];
};

struct key_answer {
	int status;
	struct error e;
	size_t len;
	unsigned char data[KEY_DATA_MAX];
};

/* keyproc.c: never returns */
void key_process(int fd, const char *uri, const char *user, const char *dir)
	__attribute__((noreturn));

#endif
