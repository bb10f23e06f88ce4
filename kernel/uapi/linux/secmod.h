/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The contract between secmod.ko and userspace.
 *
 * Every argument starts with its size, as the caller knows it. A shorter one
 * than the kernel's reads as if its tail were zero; a longer one is accepted when
 * its unknown tail is zero. Reserved fields and unknown flags must be zero.
 * Numbers are in host byte order unless declared __be; signatures, points and
 * TPM structures are big endian as their standards say.
 *
 * What the error numbers mean, for every ioctl:
 *
 *  ENOTTY        the kernel does not know this ioctl
 *  EINVAL        a field has a value that is never right (size too small, bad length)
 *  E2BIG         the unknown tail of the argument is not zero, or data exceed a limit
 *  EOPNOTSUPP    an unknown flag, or a value this version does not support
 *  EFAULT        a pointer cannot be read or written
 *  EPERM         CAP_SYS_ADMIN is missing
 *  EBADFD        the state of the module does not allow this (see SECMOD_IOC_INFO)
 *  EBUSY         another open file holds the session
 *  EACCES        the TPM or a rule forbids it to this caller
 *  EINTR         a fatal signal came while waiting; nothing was done
 *  ENOSPC        the output does not fit; the length field says what it takes
 *  ENOENT        the object asked for does not exist (no such certificate)
 *  EBADMSG       malformed data: DER, TPM structure, vault
 *  EKEYREJECTED  a signature or a rule of certificates does not hold
 *  EKEYEXPIRED   a certificate is outside its validity period
 *  ESTALE        an older copy: vault, bundle or epoch
 *  EEXIST        a foreign object stands on a handle of the module
 *  EIO           the TPM or the vault's file system failed
 *  ENODEV        the TPM is gone
 *
 * SECMOD_IOC_REASON tells the last refusal on this file as text.
 */
#ifndef _UAPI_LINUX_SECMOD_H
#define _UAPI_LINUX_SECMOD_H

#include <linux/ioctl.h>
#include <linux/secmod_executive.h>
#include <linux/secmod_transaction.h>
#include <linux/types.h>

#define SECMOD_ABI_VERSION 1

#define SECMOD_UID_SIZE 16 /* first bytes of SHA-256 over the identity key's public area */
#define SECMOD_NONCE_SIZE 32
#define SECMOD_SALT_SIZE 32
#define SECMOD_SIG_SIZE 64 /* r and s of P-256 */
#define SECMOD_SERIAL_MAX 32 /* characters of a serial number */
#define SECMOD_PUBLIC_MAX 640 /* marshalled TPMT_PUBLIC */
#define SECMOD_ATTEST_MAX 512 /* marshalled TPMS_ATTEST or TPMS_CREATION_DATA */
#define SECMOD_CERT_MAX 2048 /* DER of one certificate */
#define SECMOD_BUNDLE_MAX 16384 /* DER of a personalization bundle */
#define SECMOD_CENTRAL_MAX 4 /* central certificates in a bundle */
#define SECMOD_REASON_MAX 256

/*
 * OIDs of the project: the arc 2.25.184078804434078780937188407950041110596
 * (UUID 8a7c49c4-c412-45db-8992-a65fa1935844), as DER content octets.
 * arc.1.n: extended key usages (roles)      arc.2.n: certificate extensions
 * arc.3.n: types of signed messages
 */
#define SECMOD_OID_ARC_TEXT "2.25.184078804434078780937188407950041110596"
#define SECMOD_OID_ARC                                                                            \
	0x69, 0x82, 0x94, 0xfc, 0xa4, 0xf1, 0x98, 0xc1, 0x92, 0x97, 0xb7, 0x89, 0xc9, 0xa9, 0xcb, \
		0xfa, 0x8c, 0xcd, 0xb0, 0x44
#define SECMOD_ROLE_IDENTITY 1
#define SECMOD_ROLE_SIGNER 2
#define SECMOD_ROLE_MODULE 3
#define SECMOD_ROLE_CENTRAL 4
#define SECMOD_ROLE_UNIT_TLS 5
#define SECMOD_ROLE_RECOVERY 6
#define SECMOD_EXT_NONCE 1 /* OCTET STRING, module nonce */
#define SECMOD_EXT_SALT 2 /* OCTET STRING, salt of the PU */
#define SECMOD_EXT_EPOCH 3 /* INTEGER, epoch of the module */
#define SECMOD_MSG_BUNDLE 1

/* States, see docs/states.md. */
enum secmod_state {
	SECMOD_STATE_VIRGIN = 0,
	SECMOD_STATE_DETACHED = 1,
	SECMOD_STATE_PERSONALIZATION = 2,
	SECMOD_STATE_OPERATING = 3,
	SECMOD_STATE_FAILED = 4,
};

enum secmod_key {
	SECMOD_KEY_IDENTITY = 0, /* restricted: signs what the TPM hashes, 1024 bytes at most */
	SECMOD_KEY_MODULE = 1, /* signs digests, in state operating */
};

enum secmod_hash {
	SECMOD_HASH_SHA256 = 0x000b, /* values of TPM_ALG_ID */
	SECMOD_HASH_SHA384 = 0x000c,
	SECMOD_HASH_SHA512 = 0x000d,
};

enum secmod_cert {
	SECMOD_CERT_CHECKING = 0, /* the manufacturer's, holds the checking key */
	SECMOD_CERT_IDENTITY = 1,
	SECMOD_CERT_SIGNER = 2, /* of the PU that made the module certificate */
	SECMOD_CERT_MODULE = 3,
	SECMOD_CERT_CENTRAL = 4, /* index 0 … SECMOD_CENTRAL_MAX-1 */
};

/**
 * struct secmod_info - SECMOD_IOC_INFO: what the module is; any state, any caller
 * @size: in: size of this struct as the caller knows it
 * @abi_version: out: SECMOD_ABI_VERSION of the kernel
 * @features: out: bits to come, 0
 * @state: out: enum secmod_state
 * @generation: out: changes with each change of state; poll() reports a change
 *	since the last SECMOD_IOC_INFO on the same file as POLLIN | POLLPRI
 * @epoch: out: value of the epoch counter, 0 when virgin
 * @uid: out: unique id, zeros when virgin
 * @serial: out: serial number from the identity certificate, zero padded
 * @personalized_at: out: seconds since 1970 from the bundle, 0 when not personalized
 */
struct secmod_info {
	__u32 size;
	__u32 abi_version;
	__u64 features;
	__u32 state;
	__u32 generation;
	__u64 epoch;
	__u8 uid[SECMOD_UID_SIZE];
	__u8 serial[SECMOD_SERIAL_MAX];
	__u64 personalized_at;
};

/**
 * struct secmod_reason - SECMOD_IOC_REASON: the last refusal on this file
 * @size: in
 * @error: out: errno of that refusal, 0 when there was none
 * @text: out: which check failed on which object, NUL terminated
 */
struct secmod_reason {
	__u32 size;
	__u32 error;
	char text[SECMOD_REASON_MAX];
};

/**
 * struct secmod_attach - SECMOD_IOC_ATTACH: give the module its vault
 * @size: in
 * @flags: in: 0
 * @fd: in: regular file, open for reading and writing, one link
 * @reserved: in: 0
 *
 * State detached -> the state recorded in the vault. CAP_SYS_ADMIN.
 * ESTALE: the file is an older copy. EBADMSG: it is no vault of this module, or damaged.
 */
struct secmod_attach {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 reserved;
};

#define SECMOD_INIT_DISCARD 1 /* destroy an existing module of this TPM first */
#define SECMOD_INIT_EK_RSA 2 /* endorsement key by TCG template L-1, not L-2 */

/**
 * struct secmod_init_begin - SECMOD_IOC_INIT_BEGIN: make the identity key
 * @size: in
 * @flags: in: SECMOD_INIT_DISCARD, SECMOD_INIT_EK_RSA
 * @uid: out
 * @ek_public_len: out: bytes of @ek_public
 * @identity_public_len: out: bytes of @identity_public
 * @reserved: in: 0
 * @ek_public: out: TPMT_PUBLIC of the endorsement key: P-256, or RSA 2048 with
 *	SECMOD_INIT_EK_RSA (TCG EK Credential Profile, templates L-2 and L-1)
 * @identity_public: out: TPMT_PUBLIC of the new identity key
 *
 * State virgin; with SECMOD_INIT_DISCARD also detached and failed: the module's
 * objects in the TPM are removed for ever. The open file becomes the
 * initialization session; closing it before SECMOD_IOC_INIT_COMPLETE takes
 * everything back. CAP_SYS_ADMIN.
 * EEXIST: a foreign object is on a handle of the block (parameter handles=).
 * EOPNOTSUPP: the TPM lacks something. EACCES: one of its authorizations is set, or a
 * hierarchy disabled. EBUSY: its slots are taken. ENOSPC: its NV space is. None of them
 * changes anything, a module to be discarded included.
 */
struct secmod_init_begin {
	__u32 size;
	__u32 flags;
	__u8 uid[SECMOD_UID_SIZE];
	__u16 ek_public_len;
	__u16 identity_public_len;
	__u32 reserved;
	__u8 ek_public[SECMOD_PUBLIC_MAX];
	__u8 identity_public[SECMOD_PUBLIC_MAX];
};

/**
 * struct secmod_init_activate - SECMOD_IOC_INIT_ACTIVATE: answer the manufacturer's challenge
 * @size: in
 * @flags: in: 0
 * @blob: in: TPM2B_ID_OBJECT with its length field, as TPM2_MakeCredential gives it
 * @secret: in: TPM2B_ENCRYPTED_SECRET with its length field
 * @blob_len: in: bytes of @blob
 * @secret_len: in: bytes of @secret
 * @info_len: out: bytes of @info
 * @reserved: in: 0
 * @info: out: the credential (TPM2_ActivateCredential certInfo)
 *
 * Only in the initialization session. EBADMSG: made for another key or TPM.
 */
struct secmod_init_activate {
	__u32 size;
	__u32 flags;
	__u8 blob[256];
	__u8 secret[512];
	__u16 blob_len;
	__u16 secret_len;
	__u16 info_len;
	__u16 reserved;
	__u8 info[64];
};

/**
 * struct secmod_init_complete - SECMOD_IOC_INIT_COMPLETE: store the certificates
 * @size: in
 * @flags: in: 0
 * @checking_cert: in: pointer to the DER of the manufacturer's certificate
 * @identity_cert: in: pointer to the DER of the identity certificate
 * @checking_cert_len: in: at most SECMOD_CERT_MAX
 * @identity_cert_len: in: at most SECMOD_CERT_MAX
 * @fd: in: the vault: regular file, open for reading and writing, one link
 * @reserved: in: 0
 *
 * virgin -> personalization. The identity certificate must verify with the
 * checking key, have the role identity, this key and this UID.
 */
struct secmod_init_complete {
	__u32 size;
	__u32 flags;
	__aligned_u64 checking_cert;
	__aligned_u64 identity_cert;
	__u32 checking_cert_len;
	__u32 identity_cert_len;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct secmod_perso_begin - SECMOD_IOC_PERSO_BEGIN: make the module key
 * @size: in
 * @flags: in: 0
 * @signer_cert: in: pointer to the DER of the PU's signing certificate
 * @signer_cert_len: in: at most SECMOD_CERT_MAX
 * @reserved: in: 0
 * @salt: in: variation value of the PU (goes to TPM2_StirRandom and outsideInfo)
 * @pu_nonce: in: challenge of the PU
 * @module_nonce: out: challenge of the module
 * @epoch: out
 * @time: out: seconds since 1970, clock of the module
 * @signature: out: by the identity key over @attest
 * @public_len: out: bytes of @public_area
 * @creation_len: out: bytes of @creation
 * @attest_len: out: bytes of @attest
 * @reserved2: in: 0
 * @public_area: out: TPMT_PUBLIC of the module key
 * @creation: out: TPMS_CREATION_DATA; outsideInfo is SHA-256 over salt and pu_nonce
 * @attest: out: TPMS_ATTEST of TPM2_CertifyCreation; extraData is SHA-256 over
 *	struct secmod_perso_statement
 *
 * State personalization. The open file becomes the personalization session
 * (EBUSY when another is). Beginning again on it starts over. CAP_SYS_ADMIN.
 */
struct secmod_perso_begin {
	__u32 size;
	__u32 flags;
	__aligned_u64 signer_cert;
	__u32 signer_cert_len;
	__u32 reserved;
	__u8 salt[SECMOD_SALT_SIZE];
	__u8 pu_nonce[SECMOD_NONCE_SIZE];
	__u8 module_nonce[SECMOD_NONCE_SIZE];
	__u64 epoch;
	__u64 time;
	__u8 signature[SECMOD_SIG_SIZE];
	__u16 public_len;
	__u16 creation_len;
	__u16 attest_len;
	__u16 reserved2;
	__u8 public_area[SECMOD_PUBLIC_MAX];
	__u8 creation[SECMOD_ATTEST_MAX];
	__u8 attest[SECMOD_ATTEST_MAX];
};

/* What the identity key vouches for at PERSO_BEGIN; hashed with SHA-256. */
#define SECMOD_PERSO_MAGIC "secmod-perso-v1" /* 16 bytes with its NUL */
struct secmod_perso_statement {
	__u8 magic[16];
	__u8 uid[SECMOD_UID_SIZE];
	__u8 serial[SECMOD_SERIAL_MAX]; /* zero padded */
	__be64 epoch;
	__be64 time;
	__u8 pu_nonce[SECMOD_NONCE_SIZE];
	__u8 module_nonce[SECMOD_NONCE_SIZE];
};

/**
 * struct secmod_perso_complete - SECMOD_IOC_PERSO_COMPLETE: check and store the bundle
 * @size: in
 * @flags: in: 0
 * @bundle: in: pointer to the DER of the bundle (docs/protocol/secmod.asn1)
 * @bundle_len: in: at most SECMOD_BUNDLE_MAX
 * @reserved: in: 0
 *
 * Only in the personalization session after SECMOD_IOC_PERSO_BEGIN. The module
 * becomes operating when the file is closed.
 */
struct secmod_perso_complete {
	__u32 size;
	__u32 flags;
	__aligned_u64 bundle;
	__u32 bundle_len;
	__u32 reserved;
};

/**
 * struct secmod_attestation - SECMOD_IOC_ATTEST: signed statement of epoch and state
 * @size: in
 * @flags: in: 0
 * @nonce: in: challenge of the verifier
 * @epoch: out
 * @state: out: enum secmod_state
 * @attest_len: out: bytes of @attest
 * @nv_public_len: out: bytes of @nv_public
 * @signature: out: by the identity key over @attest
 * @key_digest: out: digest of the module key's name, zeros when there is none
 * @nv_public: out: TPMS_NV_PUBLIC of the epoch counter
 * @attest: out: TPMS_ATTEST of TPM2_NV_Certify over the epoch counter; extraData is
 *	SHA-256 over struct secmod_attest_statement
 *
 * States personalization and operating.
 */
struct secmod_attestation {
	__u32 size;
	__u32 flags;
	__u8 nonce[SECMOD_NONCE_SIZE];
	__u64 epoch;
	__u32 state;
	__u16 attest_len;
	__u16 nv_public_len;
	__u8 signature[SECMOD_SIG_SIZE];
	__u8 key_digest[32];
	__u8 nv_public[128];
	__u8 attest[SECMOD_ATTEST_MAX];
};

#define SECMOD_ATTEST_MAGIC "secmod-attest-1" /* 16 bytes with its NUL */
#define SECMOD_RESET_MAGIC "secmod-reset-v1"
struct secmod_attest_statement {
	__u8 magic[16];
	__u8 uid[SECMOD_UID_SIZE];
	__u8 nonce[SECMOD_NONCE_SIZE];
	__be32 state;
	__u8 reserved[4];
	__u8 key_digest[32]; /* attest: of the module key; reset: of the key it killed */
};

#define SECMOD_RESET_FRESH_VAULT 1 /* the old vault is lost: start a new one */

/**
 * struct secmod_reset - SECMOD_IOC_RESET: destroy the module key
 * @size: in
 * @flags: in: 0 or SECMOD_RESET_FRESH_VAULT
 * @nonce: in: goes into the proof of erasure
 * @checking_cert: in: with SECMOD_RESET_FRESH_VAULT, the certificate given at init
 * @identity_cert: in: likewise
 * @checking_cert_len: in
 * @identity_cert_len: in
 * @fd: in: with SECMOD_RESET_FRESH_VAULT the new vault, else ignored and -1
 * @public_len: out: bytes of @public_area, 0 when there was no module key
 * @attest_len: out: bytes of @attest
 * @nv_public_len: out: bytes of @nv_public
 * @reserved: in: 0
 * @epoch: out: the new epoch
 * @signature: out: by the identity key over @attest
 * @public_area: out: TPMT_PUBLIC of the destroyed module key
 * @nv_public: out: TPMS_NV_PUBLIC of the epoch counter
 * @attest: out: as in struct secmod_attestation, magic SECMOD_RESET_MAGIC
 *
 * operating or personalization -> personalization; with SECMOD_RESET_FRESH_VAULT
 * also detached and failed. The increment of the epoch counter is the erasure:
 * when this returns an error after it, the key is dead all the same and the reset
 * is finished at the next attach. CAP_SYS_ADMIN.
 */
struct secmod_reset {
	__u32 size;
	__u32 flags;
	__u8 nonce[SECMOD_NONCE_SIZE];
	__aligned_u64 checking_cert;
	__aligned_u64 identity_cert;
	__u32 checking_cert_len;
	__u32 identity_cert_len;
	__s32 fd;
	__u16 public_len;
	__u16 attest_len;
	__u16 nv_public_len;
	__u16 reserved;
	__u32 reserved2;
	__u64 epoch;
	__u8 signature[SECMOD_SIG_SIZE];
	__u8 public_area[SECMOD_PUBLIC_MAX];
	__u8 nv_public[128];
	__u8 attest[SECMOD_ATTEST_MAX];
};

/**
 * struct secmod_get_cert - SECMOD_IOC_GET_CERT: read a certificate of the module
 * @size: in
 * @kind: in: enum secmod_cert
 * @index: in: for SECMOD_CERT_CENTRAL, else 0
 * @len: in: room at @data; out: bytes of the certificate
 * @data: in: pointer, written
 *
 * ENOENT: there is none. ENOSPC: @len says what it takes.
 */
struct secmod_get_cert {
	__u32 size;
	__u32 kind;
	__u32 index;
	__u32 len;
	__aligned_u64 data;
};

/**
 * struct secmod_sign - SECMOD_IOC_SIGN: sign inside the TPM
 * @size: in
 * @key: in: enum secmod_key
 * @hash: in: enum secmod_hash; SECMOD_HASH_SHA256 for the identity key
 * @len: in: bytes at @data: the digest (module key) or at most 1024 bytes of
 *	message (identity key)
 * @data: in: pointer
 * @signature: out: r and s
 *
 * Module key: state operating. Identity key: personalization and operating.
 * EACCES from the identity key: the message looks like a TPM structure.
 */
struct secmod_sign {
	__u32 size;
	__u32 key;
	__u32 hash;
	__u32 len;
	__aligned_u64 data;
	__u8 signature[SECMOD_SIG_SIZE];
};

/**
 * struct secmod_detach - SECMOD_IOC_DETACH: give the vault's file back
 * @size: in
 * @flags: in: 0
 *
 * operating or personalization -> detached. Wipes what the vault held from memory.
 * EBUSY while a session is open. CAP_SYS_ADMIN.
 */
struct secmod_detach {
	__u32 size;
	__u32 flags;
};

#define SECMOD_IOC_MAGIC 0xbe
#define SECMOD_IOC_INFO _IOWR(SECMOD_IOC_MAGIC, 0, struct secmod_info)
#define SECMOD_IOC_REASON _IOWR(SECMOD_IOC_MAGIC, 1, struct secmod_reason)
#define SECMOD_IOC_ATTACH _IOW(SECMOD_IOC_MAGIC, 2, struct secmod_attach)
#define SECMOD_IOC_INIT_BEGIN _IOWR(SECMOD_IOC_MAGIC, 3, struct secmod_init_begin)
#define SECMOD_IOC_INIT_ACTIVATE _IOWR(SECMOD_IOC_MAGIC, 4, struct secmod_init_activate)
#define SECMOD_IOC_INIT_COMPLETE _IOW(SECMOD_IOC_MAGIC, 5, struct secmod_init_complete)
#define SECMOD_IOC_PERSO_BEGIN _IOWR(SECMOD_IOC_MAGIC, 6, struct secmod_perso_begin)
#define SECMOD_IOC_PERSO_COMPLETE _IOW(SECMOD_IOC_MAGIC, 7, struct secmod_perso_complete)
#define SECMOD_IOC_ATTEST _IOWR(SECMOD_IOC_MAGIC, 8, struct secmod_attestation)
#define SECMOD_IOC_RESET _IOWR(SECMOD_IOC_MAGIC, 9, struct secmod_reset)
#define SECMOD_IOC_GET_CERT _IOWR(SECMOD_IOC_MAGIC, 10, struct secmod_get_cert)
#define SECMOD_IOC_SIGN _IOWR(SECMOD_IOC_MAGIC, 11, struct secmod_sign)
#define SECMOD_IOC_DETACH _IOW(SECMOD_IOC_MAGIC, 12, struct secmod_detach)
#define SECMOD_IOC_APDU _IOWR(SECMOD_IOC_MAGIC, 13, struct secmod_apdu)
#define SECMOD_IOC_SEAL _IOW(SECMOD_IOC_MAGIC, 14, struct secmod_messages)
#define SECMOD_IOC_OPEN _IOW(SECMOD_IOC_MAGIC, 15, struct secmod_messages)
#define SECMOD_IOC_KEYS _IOWR(SECMOD_IOC_MAGIC, 16, struct secmod_keys)
#define SECMOD_IOC_USE_KEY _IOWR(SECMOD_IOC_MAGIC, 17, struct secmod_use_key)

#endif
