/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TPM 2.0 command layer: one function per command (TPM 2.0 Library, Part 3).
 *
 * Every function returns 0 or a negative errno made from the TPM_RC in one place
 * (rc.c). The raw code and a text stay on the connection (t2.rc, t2_rc_text()).
 * Sizes are bytes. Nothing is allocated; large results go to the caller's struct.
 */
#ifndef SECMOD_TPM_T2_H
#define SECMOD_TPM_T2_H

#include "buf.h"

#define T2_BUF_SIZE 4096 /* largest command or response */
#define T2_MAX_PUBLIC 640 /* marshalled TPMT_PUBLIC, RSA 2048 EK included */
#define T2_MAX_PRIVATE 512 /* TPM2B_PRIVATE of a P-256 key */
#define T2_MAX_CREATION 512 /* marshalled TPMS_CREATION_DATA */
#define T2_MAX_ATTEST 512 /* marshalled TPMS_ATTEST */
#define T2_MAX_NAME 34 /* u16 nameAlg, then a SHA-256 digest */
#define T2_MAX_NV_PUBLIC 128 /* marshalled TPMS_NV_PUBLIC */
#define T2_MAX_POLICY 64 /* authPolicy of a foreign NV index: SHA-512 */
#define T2_MAX_HASH_DATA 1024 /* TPM2_Hash: TPM2B_MAX_BUFFER */
#define T2_MAX_CREDENTIAL 256 /* TPM2B_ID_OBJECT body */
#define T2_MAX_SECRET 512 /* TPM2B_ENCRYPTED_SECRET body */

/* Table 9 (TPM_ALG_ID) and others of Part 2, under this layer's own names:
 * kernel headers define some of the TPM2_ ones as enums on some versions.
 */
enum t2_alg {
	T2_ALG_RSA = 0x0001,
	T2_ALG_HMAC = 0x0005,
	T2_ALG_AES = 0x0006,
	T2_ALG_SHA256 = 0x000b,
	T2_ALG_SHA384 = 0x000c,
	T2_ALG_SHA512 = 0x000d,
	T2_ALG_NULL = 0x0010,
	T2_ALG_ECDSA = 0x0018,
	T2_ALG_ECDH = 0x0019,
	T2_ALG_ECC = 0x0023,
	T2_ALG_CFB = 0x0043,
};

#define T2_CURVE_P256 0x0003

/* TPM_RH and the first byte of a handle, its type (TPM_HT) */
#define T2_RH_OWNER 0x40000001u
#define T2_RH_NULL 0x40000007u
#define T2_RS_PW 0x40000009u
#define T2_RH_ENDORSEMENT 0x4000000bu
#define T2_HT_NV_INDEX 0x01
#define T2_HT_HMAC_SESSION 0x02
#define T2_HT_POLICY_SESSION 0x03
#define T2_HT_TRANSIENT 0x80
#define T2_HT_PERSISTENT 0x81

#define T2_GENERATED_VALUE 0xff544347u /* TPM_GENERATED_VALUE */
#define T2_ST_ATTEST_NV 0x8014
#define T2_ST_ATTEST_CREATION 0x801a

/* TPMA_OBJECT */
#define T2_OBJ_FIXED_TPM BIT(1)
#define T2_OBJ_ST_CLEAR BIT(2)
#define T2_OBJ_FIXED_PARENT BIT(4)
#define T2_OBJ_SENSITIVE_DATA_ORIGIN BIT(5)
#define T2_OBJ_USER_WITH_AUTH BIT(6)
#define T2_OBJ_ADMIN_WITH_POLICY BIT(7)
#define T2_OBJ_NO_DA BIT(10)
#define T2_OBJ_RESTRICTED BIT(16)
#define T2_OBJ_DECRYPT BIT(17)
#define T2_OBJ_SIGN BIT(18)

/* TPMA_NV */
#define T2_NV_OWNER_WRITE BIT(1)
#define T2_NV_AUTH_WRITE BIT(2)
#define T2_NV_POLICY_WRITE BIT(3)
#define T2_NV_TYPE_COUNTER BIT(4)
#define T2_NV_WRITE_LOCKED BIT(11)
#define T2_NV_WRITE_ALL BIT(12)
#define T2_NV_WRITE_DEFINE BIT(13)
#define T2_NV_OWNER_READ BIT(17)
#define T2_NV_AUTH_READ BIT(18)
#define T2_NV_POLICY_READ BIT(19)
#define T2_NV_NO_DA BIT(25)
#define T2_NV_READ_LOCKED BIT(28)
#define T2_NV_WRITTEN BIT(29)
#define T2_NV_READ_STCLEAR BIT(31)

/* TPM_CAP and TPM_PT used here */
#define T2_CAP_ALGS 0
#define T2_CAP_HANDLES 1
#define T2_CAP_COMMANDS 2
#define T2_CAP_PCRS 5
#define T2_CAP_TPM_PROPERTIES 6
#define T2_CAP_ECC_CURVES 8
#define T2_PT_MANUFACTURER 0x105
#define T2_PT_VENDOR_STRING_1 0x106
#define T2_PT_FIRMWARE_VERSION_1 0x10b
#define T2_PT_FIRMWARE_VERSION_2 0x10c
#define T2_PT_NV_INDEX_MAX 0x117
#define T2_PT_NV_BUFFER_MAX 0x12c
#define T2_PT_PERMANENT 0x200
#define T2_PT_STARTUP_CLEAR 0x201
#define T2_PT_HR_LOADED_AVAIL 0x204
#define T2_PT_HR_TRANSIENT_AVAIL 0x207
#define T2_PT_HR_PERSISTENT_AVAIL 0x209
#define T2_PT_NV_COUNTERS_AVAIL 0x20b
#define T2_PT_LOCKOUT_COUNTER 0x20e
#define T2_PT_MAX_AUTH_FAIL 0x20f
#define T2_PT_LOCKOUT_INTERVAL 0x210
#define T2_PT_LOCKOUT_RECOVERY 0x211
/* TPMA_PERMANENT, TPMA_STARTUP_CLEAR */
#define T2_OWNER_AUTH_SET BIT(0)
#define T2_ENDORSEMENT_AUTH_SET BIT(1)
#define T2_IN_LOCKOUT BIT(9)
#define T2_SH_ENABLE BIT(1)
#define T2_EH_ENABLE BIT(2)

/*
 * Session attributes (TPMA_SESSION). Encryption is done where the command has
 * a TPM2B as its first parameter, by the first of its sessions that asks for
 * it; elsewhere the attribute does nothing. AUDIT is set by this layer, on a
 * guard that has nothing to encrypt.
 */
#define T2_SA_CONTINUE 0x01
#define T2_SA_DECRYPT 0x20 /* the command's first parameter is encrypted */
#define T2_SA_ENCRYPT 0x40 /* the response's first parameter is encrypted */
#define T2_SA_AUDIT 0x80

/* Arithmetic of TPM2_PolicyNV (TPM_EO) */
#define T2_EO_EQ 0x0000

struct t2;

/*
 * The transport: sends @len bytes of @buf, receives the response into the same
 * @buf of @size bytes. Returns the length of the response or -errno.
 */
typedef int (*t2_transmit_fn)(struct t2 *tpm, u8 *buf, size_t len, size_t size);

/**
 * struct t2 - a connection to a TPM
 * @transmit: the transport
 * @ctx: for the transport
 * @guard: NULL or an HMAC session that goes along with the commands, beside
 *	the sessions that authorize. It lets what authorizes nothing (a random
 *	number, the verification of a signature) be checked and encrypted too.
 *	ReadPublic, NV_ReadPublic and VerifySignature by handle alone cannot
 *	have it, for they name what this side does not know yet.
 * @rc: TPM_RC of the last command, 0 when it succeeded or never got an answer.
 *	A flush that works does not touch @rc and @cc: cleaning up keeps the cause.
 * @cc: TPM_CC of the last command
 * @commands: number of commands sent
 * @buf: command and response; zero outside of a command
 */
struct t2 {
	t2_transmit_fn transmit;
	void *ctx;
	struct t2_session *guard;
	u32 rc;
	u32 cc;
	u64 commands;
	u8 buf[T2_BUF_SIZE];
};

/* A name (Part 1, 16): nameAlg and digest, or the handle of what has no name. */
struct t2_name {
	u16 len;
	u8 data[T2_MAX_NAME];
};

/* Marshalled structures whose inside the caller rarely needs. */
struct t2_public {
	u16 len; /* of the TPMT_PUBLIC, without the TPM2B size */
	u8 data[T2_MAX_PUBLIC];
};

struct t2_private {
	u16 len;
	u8 data[T2_MAX_PRIVATE];
};

struct t2_attest {
	u16 len;
	u8 data[T2_MAX_ATTEST];
};

/* ECDSA signature, r and s of 32 bytes each, left padded with zeros. */
struct t2_signature {
	u16 hash; /* enum t2_alg */
	u8 r[T2_COORD_SIZE];
	u8 s[T2_COORD_SIZE];
};

/* TPMT_TK_CREATION, TPMT_TK_HASHCHECK, TPMT_TK_VERIFIED */
struct t2_ticket {
	u16 tag;
	u32 hierarchy;
	u16 len;
	u8 digest[64];
};

/**
 * struct t2_session - an HMAC or policy session
 *
 * A command that succeeds with T2_SA_CONTINUE clear ends its session: @handle is
 * 0 and everything is wiped. After one that fails it still stands in the TPM.
 *
 * @handle: 0 when there is none
 * @attributes: T2_SA_* for the next command
 * @policy: a policy session
 * @auth_value: TPM2_PolicyAuthValue was done: the HMAC is keyed with the authValue
 * @key_len: 0 when unsalted
 * @key: session key: KDFa "ATH" of the salt
 * @nonce_caller: rolled for each command
 * @nonce_tpm: from the last response
 */
struct t2_session {
	u32 handle;
	u8 attributes;
	bool policy;
	bool auth_value;
	u8 key_len;
	u8 key[T2_DIGEST_SIZE];
	u8 nonce_caller[T2_DIGEST_SIZE];
	u8 nonce_tpm[T2_DIGEST_SIZE];
};

/**
 * struct t2_entity - something a command authorizes or names
 * @handle: its handle
 * @name: its name; t2_hierarchy() and t2_name_of_public() fill it
 * @auth: its authValue, may be NULL when @auth_len is 0
 * @auth_len: its length, at most T2_DIGEST_SIZE
 * @session: NULL for a password session (only where the authValue is no secret)
 *
 * Parameter encryption is keyed with the authValue as well, with a policy
 * session too: give @auth wherever the entity has one.
 */
struct t2_entity {
	u32 handle;
	struct t2_name name;
	const u8 *auth;
	size_t auth_len;
	struct t2_session *session;
};

/* What decides an ECC P-256 public area, apart from its point. */
struct t2_ecc_template {
	u32 attributes; /* T2_OBJ_* */
	u16 scheme; /* T2_ALG_ECDSA (with SHA-256) or T2_ALG_NULL */
	bool storage; /* AES-128-CFB for a storage key, else no symmetric */
	const u8 *policy; /* T2_DIGEST_SIZE bytes or NULL */
};

struct t2_created {
	struct t2_private priv;
	struct t2_public pub;
	u16 creation_len;
	u8 creation[T2_MAX_CREATION]; /* TPMS_CREATION_DATA */
	u8 creation_hash[T2_DIGEST_SIZE];
	struct t2_ticket ticket;
};

struct t2_nv_public {
	u32 index;
	u16 name_alg;
	u32 attributes; /* T2_NV_* */
	u16 policy_len;
	u8 policy[T2_MAX_POLICY];
	u16 size;
};

/* name.c: names and policy digests, computed here and not asked of the TPM */
void t2_hierarchy(struct t2_entity *e, u32 handle);
/* -EOPNOTSUPP when nameAlg is not SHA-256 */
int t2_name_of_public(const struct t2_public *pub, struct t2_name *name);
int t2_name_of_nv(const struct t2_nv_public *nv, struct t2_name *name);
void t2_put_nv_public(struct t2_writer *w, const struct t2_nv_public *nv);
/* @point: the key's, or the unique field of a template; NULL for an empty one */
int t2_public_ecc(struct t2_public *pub, const struct t2_ecc_template *t,
		  const struct t2_point *point);
/*
 * -EINVAL unless a P-256 key with SHA-256 names. Attributes are as they stand,
 * @t->policy points into @pub.
 */
int t2_public_parse_ecc(const struct t2_public *pub, struct t2_ecc_template *t,
			struct t2_point *point);
/* The EK template of the TCG EK Credential Profile 2.x, L-2 (ECC NIST P-256). */
int t2_public_ek_ecc(struct t2_public *pub);
/* The EK template L-1 (RSA 2048) of the same profile. */
int t2_public_ek_rsa(struct t2_public *pub);
/*
 * The SRK template of the TCG Provisioning Guidance 1.0, 7.5.1, for P-256: unique
 * is 32 zero bytes twice. tpm2_createprimary and the kernel's null key leave unique
 * empty, which is another template and so another key.
 */
int t2_public_srk_ecc(struct t2_public *pub);
/* Extend a policy digest (start with zeros), Part 3, 23.x */
int t2_policy_digest_nv(u8 digest[T2_DIGEST_SIZE], const struct t2_name *nv,
			const u8 *operand, size_t len, u16 offset, u16 op);
int t2_policy_digest_auth_value(u8 digest[T2_DIGEST_SIZE]);
int t2_policy_digest_secret(u8 digest[T2_DIGEST_SIZE],
			    const struct t2_name *entity);
/* @digest_pcr: SHA-256 over the selected PCR values; @select: 3 bytes, sha256 bank */
int t2_policy_digest_pcr(u8 digest[T2_DIGEST_SIZE], const u8 select[3],
			 const u8 digest_pcr[T2_DIGEST_SIZE]);

/* rc.c: TPM_RC in one place */
int t2_rc_errno(u32 rc); /* its table of errno stands in rc.c */
/* Writes for instance "TPM2_NV_Read: 0x149 TPM_RC_NV_LOCKED" and returns @out. */
const char *t2_rc_text(u32 cc, u32 rc, char *out, size_t size);
const char *t2_cc_name(u32 cc);
/* A command for which the owner's authorization is needed. */
bool t2_cc_by_owner(u32 cc);
/* The code without its parameter, handle or session number. */
u32 t2_rc_base(u32 rc);
#define T2_RC_HANDLE 0x08b
#define T2_RC_AUTH_FAIL 0x08e
#define T2_RC_SIGNATURE 0x09b
#define T2_RC_POLICY_FAIL 0x09d
#define T2_RC_BAD_AUTH 0x0a2
#define T2_RC_FAILURE 0x101
#define T2_RC_OBJECT_MEMORY 0x902
#define T2_RC_SESSION_MEMORY 0x903
#define T2_RC_REFERENCE_H0 0x910
#define T2_RC_LOCKOUT 0x921
#define T2_RC_POLICY 0x126
#define T2_RC_AUTH_UNAVAILABLE 0x12f
#define T2_RC_NV_LOCKED 0x148
#define T2_RC_NV_UNINITIALIZED 0x14a
#define T2_RC_NV_SPACE 0x14b
#define T2_RC_NV_DEFINED 0x14c

/* session.c: Part 1, 19 (sessions), 21 (parameter encryption), KDFa, KDFe */
enum t2_session_type { T2_SE_HMAC = 0x00, T2_SE_POLICY = 0x01 };

/**
 * t2_start_auth_session() - TPM2_StartAuthSession, unbound, SHA-256, AES-128-CFB
 * @t: the connection
 * @s: becomes the session; all zero when it fails
 * @type: HMAC or policy
 * @salt_handle: handle of a P-256 decryption key to salt to, T2_RH_NULL for none
 * @salt_public: its public area as the caller trusts it (not as just read)
 *
 * The session starts with T2_SA_CONTINUE. Commands that use it check the HMAC of
 * the response: -EBADMSG when it is wrong, which means somebody between here and
 * the TPM. An unsalted session without an authValue has no key and proves nothing.
 *
 * Return: 0, -EINVAL when @salt_public is not of a P-256 key, or what the TPM says
 */
int t2_start_auth_session(struct t2 *t, struct t2_session *s,
			  enum t2_session_type type, u32 salt_handle,
			  const struct t2_public *salt_public);
/* Flushes if there is one (tolerates one that is gone) and wipes. */
void t2_end_session(struct t2 *t, struct t2_session *s);
int t2_kdfa(const u8 *key, size_t key_len, const char *label,
	    const struct t2_vec *context_u, const struct t2_vec *context_v,
	    u8 *out, size_t len);
int t2_kdfe(const u8 z[T2_COORD_SIZE], const char *label,
	    const u8 party_u[T2_COORD_SIZE], const u8 party_v[T2_COORD_SIZE],
	    u8 *out, size_t len);

/* policy.c: Part 3, 23. The session's own handle takes no authorization. */
int t2_policy_nv(struct t2 *t, struct t2_session *policy,
		 struct t2_entity *auth, const struct t2_entity *nv,
		 const u8 *operand, size_t len, u16 offset, u16 op);
int t2_policy_auth_value(struct t2 *t, struct t2_session *policy);
int t2_policy_secret(struct t2 *t, struct t2_session *policy,
		     struct t2_entity *auth);
int t2_policy_pcr(struct t2 *t, struct t2_session *policy, const u8 select[3]);
int t2_policy_get_digest(struct t2 *t, struct t2_session *policy,
			 u8 digest[T2_DIGEST_SIZE]);

/* startup.c */
int t2_startup(struct t2 *t);
int t2_pcr_extend(struct t2 *t, u32 pcr, const u8 digest[T2_DIGEST_SIZE]);

/* object.c: Part 3, 12, 13, 18, 24, 28, 20 */
int t2_create_primary(struct t2 *t, struct t2_entity *hierarchy,
		      const struct t2_public *template, u32 *handle,
		      struct t2_public *pub);
/* @auth: authValue of the new key, goes in the encrypted first parameter */
int t2_create(struct t2 *t, struct t2_entity *parent, const u8 *auth,
	      size_t auth_len, const struct t2_public *template,
	      const u8 *outside_info, size_t outside_len,
	      struct t2_created *out);
int t2_load(struct t2 *t, struct t2_entity *parent,
	    const struct t2_private *priv, const struct t2_public *pub,
	    u32 *handle);
int t2_load_external(struct t2 *t, const struct t2_public *pub, u32 *handle);
int t2_evict_control(struct t2 *t, struct t2_entity *owner,
		     const struct t2_entity *object, u32 persistent);
int t2_flush_context(struct t2 *t, u32 handle);
/*
 * Flushes what is no longer wanted: what the connection tells of the command before
 * it stays, whatever comes of this.
 */
void t2_drop(struct t2 *t, u32 handle);
/*
 * -ENOENT when nothing is at @handle. Checks that the name fits the public area;
 * a key whose nameAlg is not SHA-256 gets a name of length 0.
 */
int t2_read_public(struct t2 *t, u32 handle, struct t2_public *pub,
		   struct t2_name *name);

/* crypto.c: Part 3, 15, 16, 20, 18 */
/* @ticket: NULL for an unrestricted key */
int t2_sign(struct t2 *t, struct t2_entity *key, u16 hash, const u8 *digest,
	    size_t digest_len, const struct t2_ticket *ticket,
	    struct t2_signature *sig);
/* -EKEYREJECTED when the signature is wrong */
int t2_verify_signature(struct t2 *t, u32 key, const u8 *digest,
			size_t digest_len, const struct t2_signature *sig);
/*
 * The same for a key that is not loaded: LoadExternal, VerifySignature,
 * FlushContext. Under the guard, so that nobody on the way can say yes.
 */
int t2_verify(struct t2 *t, const struct t2_public *key, const u8 *digest,
	      size_t digest_len, const struct t2_signature *sig);
/* @shared: x and y of the key's private part times @peer */
int t2_ecdh_zgen(struct t2 *t, struct t2_entity *key,
		 const struct t2_point *peer, struct t2_point *shared);
/* For the ticket: -EBADMSG when @digest is not that of @data. */
int t2_hash(struct t2 *t, const u8 *data, size_t len, u32 hierarchy,
	    u8 digest[T2_DIGEST_SIZE], struct t2_ticket *ticket);
int t2_stir_random(struct t2 *t, const u8 *data, size_t len);
int t2_get_random(struct t2 *t, u8 *out, size_t len);
int t2_certify_creation(struct t2 *t, struct t2_entity *signer,
			const struct t2_entity *object, const u8 *qualifying,
			size_t qualifying_len,
			const u8 creation_hash[T2_DIGEST_SIZE],
			const struct t2_ticket *ticket,
			struct t2_attest *attest, struct t2_signature *sig);
/*
 * @blob: TPMS_ID_OBJECT, @secret: the marshalled point, both without the size.
 * *@info_len is the size of @info, and becomes how much of it is used.
 */
int t2_activate_credential(struct t2 *t, struct t2_entity *key,
			   struct t2_entity *ek, const u8 *blob,
			   size_t blob_len, const u8 *secret, size_t secret_len,
			   u8 *info, size_t *info_len);

/* nv.c: Part 3, 31. @auth is the owner or the index itself. */
int t2_nv_define_space(struct t2 *t, struct t2_entity *owner, const u8 *auth,
		       size_t auth_len, const struct t2_nv_public *nv);
int t2_nv_undefine_space(struct t2 *t, struct t2_entity *owner,
			 const struct t2_entity *nv);
/* -ENOENT when the index is not defined; the name is as in t2_read_public() */
int t2_nv_read_public(struct t2 *t, u32 index, struct t2_nv_public *nv,
		      struct t2_name *name);
int t2_nv_write(struct t2 *t, struct t2_entity *auth,
		const struct t2_entity *nv, const u8 *data, size_t len,
		u16 offset);
int t2_nv_read(struct t2 *t, struct t2_entity *auth, const struct t2_entity *nv,
	       u8 *data, size_t len, u16 offset);
/* An NV counter: 8 bytes, -ENODATA before its first increment. */
int t2_nv_read_counter(struct t2 *t, struct t2_entity *auth,
		       const struct t2_entity *nv, u64 *value);
/* The lock is an attribute, so the name is another one until the next TPM reset. */
int t2_nv_read_lock(struct t2 *t, struct t2_entity *auth,
		    const struct t2_entity *nv);
/* Until the next TPM reset; for ever with T2_NV_WRITE_DEFINE. */
int t2_nv_write_lock(struct t2 *t, struct t2_entity *auth,
		     const struct t2_entity *nv);
int t2_nv_increment(struct t2 *t, struct t2_entity *auth,
		    const struct t2_entity *nv);
int t2_nv_certify(struct t2 *t, struct t2_entity *signer,
		  struct t2_entity *auth, const struct t2_entity *nv,
		  const u8 *qualifying, size_t qualifying_len, u16 size,
		  u16 offset, struct t2_attest *attest,
		  struct t2_signature *sig);

/* capability.c: Part 3, 30.2 */
/* -ENOENT when the TPM has no such property */
int t2_get_property(struct t2 *t, u32 property, u32 *value);
/*
 * What @capability lists from @first on, at most *count: handles, algorithms,
 * commands, curves; *count becomes how many were found.
 */
int t2_get_list(struct t2 *t, u32 capability, u32 first, u32 *out,
		size_t *count);
int t2_get_handles(struct t2 *t, u32 first, u32 *handles, size_t *count);
bool t2_listed(const u32 *list, size_t count, u32 value);
/* The first command of this layer that is not in a list of T2_CAP_COMMANDS, or 0 */
u32 t2_missing_command(const u32 *list, size_t count);
/* @select: the PCRs of the bank, zeros when it is not allocated */
int t2_get_pcr_bank(struct t2 *t, u16 alg, u8 select[3]);

#endif
