/* SPDX-License-Identifier: MIT */
/*
 * libsecmod: the driver's ioctls as verbs on a security module.
 *
 * Functions return 0 or -errno; the error numbers are those of <linux/secmod.h>.
 * secmod_reason() tells the last failure in words: the kernel's own where it
 * gave one. Nothing is printed. A handle may be used by several threads and
 * survives fork(); each thread has its own reason.
 *
 * Initialization and personalization sessions belong to the handle: closing it
 * ends them, which takes an unfinished one back.
 */
#ifndef LIBSECMOD_H
#define LIBSECMOD_H

#include <stddef.h>
#include <stdint.h>

#include <linux/secmod.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SECMOD_DEVICE "/dev/secmod0"
#define SECMOD_MESSAGE_MAX 1024 /* of the identity key */

struct secmod;

/* Opens a module; @device NULL is SECMOD_DEVICE. */
int secmod_open(const char *device, struct secmod **out);
/* NULL is fine. */
void secmod_close(struct secmod *m);
/* The descriptor, to poll(): POLLIN | POLLPRI after a change of state. */
int secmod_fd(const struct secmod *m);
/* The path given to secmod_open(). */
const char *secmod_device(const struct secmod *m);
/*
 * Why the last call of this thread on @m failed, lower case, no full stop, never
 * NULL; with @m NULL, why the last secmod_open() did. Valid until the next call.
 */
const char *secmod_reason(const struct secmod *m);

int secmod_info(struct secmod *m, struct secmod_info *info);
/*
 * Waits until the state is one of @states (bits 1 << SECMOD_STATE_…) for @timeout_ms (-1:
 * for ever). Returns the state, or -ETIMEDOUT, or -EINTR when a signal came.
 */
int secmod_wait(struct secmod *m, unsigned int states, int timeout_ms);

/* @fd: the vault, open for reading and writing; the caller may close it after. */
int secmod_attach(struct secmod *m, int fd);
int secmod_attach_file(struct secmod *m, const char *path);
/* Gives the vault back: detached. */
int secmod_detach(struct secmod *m);

/* @flags: 0 or SECMOD_INIT_DISCARD. */
int secmod_init_begin(struct secmod *m, unsigned int flags,
		      struct secmod_init_begin *out);
/* @blob and @secret with their length fields; @credential gets at most 64 bytes. */
int secmod_init_activate(struct secmod *m, const void *blob, size_t blob_len,
			 const void *secret, size_t secret_len,
			 uint8_t credential[64], size_t *credential_len);
int secmod_init_complete(struct secmod *m, const void *checking_cert,
			 size_t checking_len, const void *identity_cert,
			 size_t identity_len, int vault_fd);

int secmod_perso_begin(struct secmod *m, const void *signer_cert,
		       size_t signer_len, const uint8_t salt[SECMOD_SALT_SIZE],
		       const uint8_t pu_nonce[SECMOD_NONCE_SIZE],
		       struct secmod_perso_begin *out);
/* Success makes the module operating as soon as the handle is closed. */
int secmod_perso_complete(struct secmod *m, const void *bundle,
			  size_t bundle_len);

int secmod_attest(struct secmod *m, const uint8_t nonce[SECMOD_NONCE_SIZE],
		  struct secmod_attestation *out);

/* Destroys the module key. */
int secmod_reset(struct secmod *m, const uint8_t nonce[SECMOD_NONCE_SIZE],
		 struct secmod_reset *out);
/* The same when the vault is lost: @vault_fd is a new file, the certificates those of init. */
int secmod_reset_fresh_vault(struct secmod *m,
			     const uint8_t nonce[SECMOD_NONCE_SIZE],
			     int vault_fd, const void *checking_cert,
			     size_t checking_len, const void *identity_cert,
			     size_t identity_len, struct secmod_reset *out);

/* DER, freed with secmod_free(). -ENOENT: there is none. */
int secmod_get_cert(struct secmod *m, enum secmod_cert kind, unsigned int index,
		    uint8_t **der, size_t *len);
void secmod_free(void *p);

/*
 * Module key: @data is a digest made with @hash. Identity key: @data is a message of at
 * most SECMOD_MESSAGE_MAX bytes, @hash SECMOD_HASH_SHA256. @sig: r and s.
 */
int secmod_sign(struct secmod *m, enum secmod_key key, enum secmod_hash hash,
		const void *data, size_t len, uint8_t sig[SECMOD_SIG_SIZE]);

/*
 * One command APDU to the security executive (docs/executive.md), and its response, which
 * has a status word also when the command is refused. The conversation is the handle's.
 */
int secmod_transmit(struct secmod *m, const void *command, size_t len,
		    uint8_t response[SECMOD_RESPONSE_MAX],
		    size_t *response_len);

/* Bytes of a message. */
struct secmod_bytes {
	const void *data;
	size_t len;
};

/*
 * Seals a message with the transaction key @kvn, of whose value nobody outside of the
 * kernel knows: @sealed gets SECMOD_SEAL_OVERHEAD bytes more than the text has; @sealed_len
 * is the room there, then what was written. @aad is authenticated and not sent; NULL is none.
 */
int secmod_seal(struct secmod *m, unsigned int kvn,
		const struct secmod_bytes *aad, const struct secmod_bytes *text,
		void *sealed, size_t *sealed_len);
/* Opens what the central system sealed, once. */
int secmod_unseal(struct secmod *m, const struct secmod_bytes *aad,
		  const struct secmod_bytes *sealed, void *text,
		  size_t *text_len);
/*
 * The same with many, SECMOD_SEAL_COUNT_MAX in a system call. 0 also when messages were
 * refused: each has its result, secmod_reason() is not changed.
 */
int secmod_seal_many(struct secmod *m, unsigned int kvn,
		     struct secmod_message *messages, size_t count);
int secmod_unseal_many(struct secmod *m, struct secmod_message *messages,
		       size_t count);
/* Lists out->count transaction keys, never their values; and what the policy allows. */
int secmod_txn_keys(struct secmod *m,
		    struct secmod_txn_key keys[SECMOD_TXN_KEYS_MAX],
		    struct secmod_keys *out);

/* A key of an application: the application's name, and the data group that holds it. */
struct secmod_app_key {
	const void *aid;
	size_t aid_len;
	uint16_t dgi;
};

/*
 * SECMOD_USE_MAC: @out gets the AES-CMAC, 16 bytes; @iv is NULL. SECMOD_USE_ENCRYPT and
 * SECMOD_USE_DECRYPT: AES-CBC of whole blocks, also in place. *@out_len is the room.
 */
int secmod_use_key(struct secmod *m, const struct secmod_app_key *name,
		   enum secmod_use use, const uint8_t iv[16],
		   const struct secmod_bytes *in, void *out, size_t *out_len);

/* Names as in the documents ("personalization"); "unknown" for other values. */
const char *secmod_state_name(unsigned int state);
const char *secmod_key_name(unsigned int key);
const char *secmod_cert_name(unsigned int kind);
const char *secmod_role_name(unsigned int role);
/* What an error number means to this driver, for when the kernel gave no reason. */
const char *secmod_error_text(int errnum);

#ifdef __cplusplus
}
#endif

#endif
