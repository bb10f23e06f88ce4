/* SPDX-License-Identifier: GPL-2.0-only */
/* The map of the driver: its central struct, its locks, prototypes by file. */
#ifndef SECMOD_H
#define SECMOD_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "slot.h"
#include "state.h"
#include "tpm/t2.h"
#include "transaction/transaction.h"

#define SECMOD_INSTANCES_MAX 16
#define SECMOD_BLOCK 8 /* handles and indices of one instance */
#define SECMOD_PCRS 24
#define SECMOD_SRK 0x81000001u /* TCG: storage root key */

struct tpm_chip;
struct tpm_buf;

/**
 * struct secmod_handles - the block of one instance
 * @identity: persistent handle of the identity key
 * @key: persistent handle of the module key
 * @epoch: NV index of the epoch counter
 * @vault: NV index of the vault counter
 * @root: NV index of the root secret
 * @srk: persistent handle of a storage root key of our own, where the one at
 *	SECMOD_SRK is not usable
 */
struct secmod_handles {
	u32 identity;
	u32 key;
	u32 srk;
	u32 epoch;
	u32 vault;
	u32 root;
};

/**
 * struct secmod_stats - counters for sysfs; atomic, read without a lock
 * @operations: ioctls that did what they were asked
 * @refusals: ioctls that returned an error
 * @tpm_ns: time in which the TPM worked on commands
 */
struct secmod_stats {
	atomic64_t operations;
	atomic64_t refusals;
	atomic64_t tpm_ns;
};

struct executive;
struct secmod_file;
struct init_session;
struct perso_session;

/**
 * struct secmod - one security module
 * @dev: /sys/class/secmod/secmodN
 * @cdev: /dev/secmodN
 * @index: N
 * @published: the device node is there
 * @changed: woken when @generation changes
 * @stats: counters
 * @handles: its block in the TPM, constant after probe
 * @txn: transaction keys, with locks of their own
 * @lock: protects everything below. Order: @lock, then the TPM chip
 *	(secmod_tpm_begin()), then locks of the file system under the vault;
 *	never the chip and the file system together. Those of @txn come after all of
 *	these, and under them none of these is taken.
 * @state: enum secmod_state; written under @lock, read by sysfs and poll without
 * @generation: changes of state, likewise
 * @why: the refusal of the operation under way
 * @last_error: the last refusal of any file
 * @tpm: connection, valid between secmod_tpm_begin() and secmod_tpm_end()
 * @chip_buf: the core's buffer, for the transport
 * @root_known: @root and @pin were read from the TPM since boot
 * @root: root secret
 * @pin: binds the checking certificate to the root secret, as made at init
 * @srk: storage root key, as read; its name is compared with the record's
 * @srk_handle: where it is: SECMOD_SRK or our own
 * @srk_name: of it
 * @identity: public area of the identity key
 * @identity_name: of it
 * @identity_auth: authValue of it
 * @epoch_nv: public area of the epoch counter
 * @epoch_name: of it
 * @vault_name: name of the vault counter
 * @root_name: name of the root secret's index
 * @uid: of the module
 * @serial: from the identity certificate, "" while not attached
 * @epoch: value of the epoch counter
 * @vault_counter: value of the vault counter
 * @record: what the vault holds, NULL while not attached
 * @vault: the attached file
 * @vault_doubtful: content for the next value of @vault_counter may have been written
 * @keysets_changed: how often a keyset was put or deleted: ends the channels before
 * @executives: what is said in APDUs on the open files
 * @acting: the one whose command runs, NULL when none does
 * @keyset_wait: by slot: no channel is opened before this time, nanoseconds since boot
 * @session: the open file that holds the session, NULL when there is none
 * @init: the initialization session
 * @perso: the personalization session
 * @tpm_info: manufacturer and firmware for sysfs, constant after probe
 */
struct secmod {
	struct device dev;
	struct cdev cdev;
	int index;
	bool published;
	wait_queue_head_t changed;
	struct secmod_stats stats;
	struct secmod_handles handles;
	struct txn txn;

	struct mutex lock; /* of all that follows */
	u32 state;
	u32 generation;
	struct refusal why;
	struct refusal last_error;
	struct t2 tpm;
	struct tpm_buf *chip_buf;
	bool root_known;
	u8 root[32];
	u8 pin[T2_DIGEST_SIZE];
	struct t2_public srk;
	u32 srk_handle;
	struct t2_name srk_name;
	struct t2_public identity;
	struct t2_name identity_name;
	u8 identity_auth[32];
	struct t2_nv_public epoch_nv;
	struct t2_name epoch_name;
	struct t2_name vault_name;
	struct t2_name root_name;
	u8 uid[SECMOD_UID_SIZE];
	char serial[SECMOD_SERIAL_MAX + 1];
	u64 epoch;
	u64 vault_counter;
	struct record *record;
	struct file *vault;
	bool vault_doubtful;
	u32 keysets_changed;
	struct hlist_head executives;
	struct executive *acting;
	u64 keyset_wait[RECORD_KEYSETS];
	struct secmod_file *session;
	struct init_session *init;
	struct perso_session *perso;
	struct {
		u32 manufacturer;
		u32 firmware[2];
	} tpm_info;
};

/**
 * struct secmod_file - one open file
 * @sm: its module
 * @seen: generation at the last SECMOD_IOC_INFO
 * @why_lock: commands that do not wait for sm->lock leave their reason too
 * @why: the last refusal on this file
 * @executive: what was said in APDUs on it, NULL until then; protected by sm->lock
 */
struct secmod_file {
	struct secmod *sm;
	u32 seen;
	spinlock_t why_lock; /* of @why */
	struct refusal why;
	struct executive *executive;
};

/* main.c */
extern struct class secmod_class;

/* device.c: meets userspace memory, as messages.c does, and nothing else */
int secmod_device_add(struct secmod *sm, dev_t devt);
void secmod_device_del(struct secmod *sm);
void secmod_set_state(struct secmod *sm, u32 event);

/* suspend.c */
extern const struct dev_pm_ops secmod_pm;

/* sysfs.c */
extern const struct attribute_group *secmod_groups[];

/* crypto.c */
int secmod_crypto_get(void);
void secmod_crypto_put(void);

/* tpm_chip.c: all TPM work stands between begin and end, which lock the chip */
int secmod_chip_get(void);
void secmod_chip_put(void);
struct device *secmod_chip_device(void);
int secmod_tpm_open(struct secmod *sm);
void secmod_tpm_close(struct secmod *sm);
int secmod_tpm_begin(struct secmod *sm);
void secmod_tpm_end(struct secmod *sm);
/* Makes a reason from a failed command; @doing is a gerund phrase. Returns @rc. */
int secmod_tpm_refuse(struct secmod *sm, int rc, const char *doing);
/* A cert_verifier callback: ECDSA with SHA-256, checked by the TPM. */
int secmod_tpm_verify(void *sm, const u8 point[CERT_POINT_SIZE], const void *data, size_t len,
		      const u8 sig[SECMOD_SIG_SIZE]);
struct cert_verifier secmod_verifier(struct secmod *sm);

/* pcr.c: the module parameter pcrs= */
bool secmod_pcr_wanted(void);
int secmod_pcr_select(struct secmod *sm, u8 select[3]);
int secmod_pcr_session(struct secmod *sm, struct t2_session *s);
int secmod_pcr_bank(struct secmod *sm);

/* nv.c: the counters and the root secret */
int secmod_nv_foreign(struct secmod *sm, u32 *counters);
int secmod_nv_probe(struct secmod *sm);
int secmod_nv_create(struct secmod *sm);
int secmod_nv_remove(struct secmod *sm);
int secmod_nv_counter(struct secmod *sm, u32 index, u64 *value);
int secmod_nv_read_counter(struct secmod *sm, u32 index, u64 *value);
int secmod_nv_increment(struct secmod *sm, u32 index, u64 *value);
int secmod_root_write(struct secmod *sm);
int secmod_root_read(struct secmod *sm);
int secmod_root_lock(struct secmod *sm);
int secmod_root_bar(struct secmod *sm);
void secmod_nv_entity(struct secmod *sm, u32 index, struct t2_entity *e);

/* keys.c: storage root key, identity key, module key */
int secmod_srk_parameter(void);
int secmod_srk_find(struct secmod *sm);
int secmod_srk_choose(struct secmod *sm, bool *made);
int secmod_srk_missing(struct secmod *sm, u32 *missing);
int secmod_salted_session(struct secmod *sm, struct t2_session *s, u8 attributes);
int secmod_guard_begin(struct secmod *sm, struct t2_session *s);
void secmod_guard_last(struct t2_session *s);
void secmod_guard_end(struct secmod *sm, struct t2_session *s);
int secmod_identity_find(struct secmod *sm);
int secmod_identity_create(struct secmod *sm);
void secmod_identity_entity(struct secmod *sm, struct t2_entity *e, struct t2_session *s);
int secmod_key_public(struct secmod *sm, const struct t2_point *point, struct t2_public *pub);
int secmod_key_create(struct secmod *sm, const u8 auth[RECORD_AUTH_SIZE],
		      const u8 outside[T2_DIGEST_SIZE], struct t2_created *created,
		      const u8 statement[T2_DIGEST_SIZE], struct t2_attest *attest,
		      struct t2_signature *sig);
int secmod_evict(struct secmod *sm, u32 handle);
int secmod_foreign(struct secmod *sm, u32 *ours);

/* vault.c */
struct file *secmod_vault_get(struct secmod *sm, int fd);
int secmod_vault_take(struct secmod *sm, struct file *file);
void secmod_vault_release(struct secmod *sm);
int secmod_vault_load(struct secmod *sm, struct file *file, struct record **out);
int secmod_vault_write(struct secmod *sm, struct file *file, const struct record *r);
int secmod_vault_commit(struct secmod *sm, struct record *next);
struct record *record_alloc(void);
void record_free(struct record *r);

/* attach.c */
int secmod_probe(struct secmod *sm);
int secmod_attach(struct secmod *sm, struct file *file);
void secmod_detach(struct secmod *sm);
int secmod_key_check(struct secmod *sm, const u8 key_name[RECORD_NAME_SIZE]);

/* preflight.c */
int secmod_preflight(struct secmod *sm, bool rsa);

/* init.c */
int secmod_init_begin(struct secmod_file *f, struct secmod_init_begin *arg);
int secmod_init_activate(struct secmod_file *f, struct secmod_init_activate *arg);
int secmod_init_complete(struct secmod_file *f, const u8 *checking, size_t checking_len,
			 const u8 *identity, size_t identity_len, struct file *file);
void secmod_init_abort(struct secmod *sm);
int secmod_pin(struct secmod *sm, const u8 *checking, size_t len, u8 pin[T2_DIGEST_SIZE]);
struct record *secmod_record_new(struct secmod *sm, const u8 *checking, size_t checking_len,
				 const u8 *identity, size_t identity_len);

/* personalize.c */
int secmod_perso_begin(struct secmod_file *f, const u8 *signer, size_t signer_len,
		       struct secmod_perso_begin *arg);
int secmod_perso_complete(struct secmod_file *f, const u8 *bundle, size_t len);
void secmod_perso_close(struct secmod *sm);
void secmod_perso_forget(struct secmod *sm);

/* reset.c */
int secmod_attest(struct secmod *sm, struct secmod_attestation *arg);
int secmod_reset(struct secmod *sm, struct secmod_reset *arg, const u8 *checking,
		 size_t checking_len, const u8 *identity, size_t identity_len, struct file *file);

/* sign.c */
int secmod_sign(struct secmod *sm, u32 key, u16 hash, const u8 *data, size_t len,
		u8 signature[SECMOD_SIG_SIZE]);
int secmod_agree(struct secmod *sm, const struct t2_point *peer, u8 x[T2_COORD_SIZE]);

#endif
