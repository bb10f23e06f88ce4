/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one way a command goes to the TPM and its response comes back.
 *
 *	t2_cmd_begin(&c, t, T2_CC_...);
 *	t2_cmd_auth(&c, entity);		handles that need authorization, then
 *	t2_cmd_entity(&c, entity);		those that do not
 *	t2_cmd_params(&c);			writes the authorization area
 *	t2_put_...(&c.w, ...);			parameters
 *	t2_cmd_run(&c);				sends, checks, decrypts
 *	... = t2_get_...(&c.r);			parameters of the response
 *	return t2_cmd_end(&c);			the verdict on all of it
 *
 * Errors stick: after one, every call does nothing and every t2_get_ yields 0, so
 * that the only check is the last line.
 */
#ifndef SECMOD_TPM_COMMAND_H
#define SECMOD_TPM_COMMAND_H

#include "t2.h"

#define T2_MAX_HANDLES 3
#define T2_MAX_SESSIONS 3
#define T2_HEADER_SIZE 10

/* TPM_ST: Part 2, 6.9 */
#define T2_ST_RSP_COMMAND 0x00c4
#define T2_ST_NO_SESSIONS 0x8001
#define T2_ST_SESSIONS 0x8002
#define T2_ST_CREATION 0x8021
#define T2_ST_VERIFIED 0x8022
#define T2_ST_AUTH_SECRET 0x8023
#define T2_ST_HASHCHECK 0x8024

/* TPM_CC: Part 2, 6.5.2 */
enum t2_cc {
	T2_CC_EVICT_CONTROL = 0x120,
	T2_CC_NV_UNDEFINE_SPACE = 0x122,
	T2_CC_NV_DEFINE_SPACE = 0x12a,
	T2_CC_CREATE_PRIMARY = 0x131,
	T2_CC_NV_INCREMENT = 0x134,
	T2_CC_NV_WRITE = 0x137,
	T2_CC_STARTUP = 0x144,
	T2_CC_STIR_RANDOM = 0x146,
	T2_CC_ACTIVATE_CREDENTIAL = 0x147,
	T2_CC_POLICY_NV = 0x149,
	T2_CC_CERTIFY_CREATION = 0x14a,
	T2_CC_NV_READ = 0x14e,
	T2_CC_NV_READ_LOCK = 0x14f,
	T2_CC_NV_WRITE_LOCK = 0x138,
	T2_CC_POLICY_SECRET = 0x151,
	T2_CC_CREATE = 0x153,
	T2_CC_ECDH_ZGEN = 0x154,
	T2_CC_LOAD = 0x157,
	T2_CC_SIGN = 0x15d,
	T2_CC_FLUSH_CONTEXT = 0x165,
	T2_CC_LOAD_EXTERNAL = 0x167,
	T2_CC_NV_READ_PUBLIC = 0x169,
	T2_CC_POLICY_AUTH_VALUE = 0x16b,
	T2_CC_READ_PUBLIC = 0x173,
	T2_CC_START_AUTH_SESSION = 0x176,
	T2_CC_VERIFY_SIGNATURE = 0x177,
	T2_CC_GET_CAPABILITY = 0x17a,
	T2_CC_GET_RANDOM = 0x17b,
	T2_CC_HASH = 0x17d,
	T2_CC_POLICY_PCR = 0x17f,
	T2_CC_PCR_EXTEND = 0x182,
	T2_CC_NV_CERTIFY = 0x184,
	T2_CC_POLICY_GET_DIGEST = 0x189,
};

/* What is peculiar to a command. */
#define T2_CF_DECRYPT 0x01 /* its first parameter is a TPM2B */
#define T2_CF_ENCRYPT 0x02 /* its response's first parameter is a TPM2B */
#define T2_CF_HANDLE 0x04 /* its response has a handle */
#define T2_CF_NO_GUARD 0x08 /* takes no session, or makes the first one */
#define T2_CF_OWNER \
	0x10 /* authorized by the owner, as this layer's callers use it */

struct t2_cc_info {
	u16 cc;
	u8 flags;
	const char *name;
};

/* NULL when this layer does not send it */
const struct t2_cc_info *t2_cc_find(u32 cc);
/* The commands of this layer by number, NULL after the last */
const struct t2_cc_info *t2_cc_at(size_t i);

/**
 * struct t2_auth - one entry of the authorization area
 * @session: NULL for a password
 * @auth: authValue without trailing zeros (Part 1, 17.6.4.3)
 * @auth_len: its length
 * @authorizes: belongs to a handle of the command
 * @attributes: TPMA_SESSION as sent
 * @hmac: where the HMAC of the command goes, 0 when there is none
 * @nonce_tpm: nonce of the response, in the buffer
 */
struct t2_auth {
	struct t2_session *session;
	const u8 *auth;
	size_t auth_len;
	bool authorizes;
	u8 attributes;
	size_t hmac;
	const u8 *nonce_tpm;
};

/**
 * struct t2_command - a command on its way
 * @t: the connection
 * @info: what is peculiar to this command
 * @err: the first thing that went wrong
 * @w: writes the command
 * @r: reads the response's parameters
 * @params: where the command's parameters begin
 * @handle: handle in the response
 * @names: names of the handles, for the cpHash
 * @name_count: how many
 * @auths: sessions and passwords
 * @auth_count: how many
 * @unguarded: no guard, for the name of a handle is not known
 * @decrypt: the session that encrypts the command's parameter, or NULL
 * @encrypt: the session that encrypts the response's parameter, or NULL
 */
struct t2_command {
	struct t2 *t;
	const struct t2_cc_info *info;
	int err;
	struct t2_writer w;
	struct t2_reader r;
	size_t params;
	u32 handle;
	struct t2_vec names[T2_MAX_HANDLES];
	unsigned int name_count;
	struct t2_auth auths[T2_MAX_SESSIONS];
	unsigned int auth_count;
	bool unguarded;
	struct t2_auth *decrypt;
	struct t2_auth *encrypt;
};

/* command.c */
void t2_cmd_begin(struct t2_command *c, struct t2 *t, enum t2_cc cc);
void t2_cmd_auth(struct t2_command *c, const struct t2_entity *e);
void t2_cmd_entity(struct t2_command *c, const struct t2_entity *e);
/* A handle that is its own name, as a session's; or one whose name is unknown. */
void t2_cmd_handle(struct t2_command *c, u32 handle);
void t2_cmd_params(struct t2_command *c);
void t2_cmd_run(struct t2_command *c);
int t2_cmd_end(struct t2_command *c);
/* An errno of the caller's own, kept if it is the first. */
void t2_cmd_fail(struct t2_command *c, int err);
/* The response is bad unless @ok. */
void t2_cmd_check(struct t2_command *c, bool ok);

/* auth.c: the authorization area */
void t2_auth_add(struct t2_command *c, const struct t2_entity *e);
void t2_auth_write(struct t2_command *c);
void t2_auth_seal(struct t2_command *c);
/* @params: in the response; decrypted in place when all HMACs are right */
int t2_auth_check(struct t2_command *c, struct t2_reader *r, u8 *params,
		  size_t len);

/* object.c, crypto.c: structures that several commands have */
void t2_get_public(struct t2_command *c, struct t2_public *pub);
void t2_get_name(struct t2_command *c, int err, const struct t2_name *name);
void t2_put_ticket(struct t2_writer *w, const struct t2_ticket *ticket);
void t2_get_ticket(struct t2_command *c, u16 tag, struct t2_ticket *ticket);
void t2_get_attest(struct t2_command *c, u16 type, struct t2_attest *attest);
void t2_get_signature(struct t2_command *c, u16 hash, struct t2_signature *sig);

#endif
