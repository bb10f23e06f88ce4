/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The security executive: what remote parties say to a module in APDUs, through a relay
 * that understands nothing. GlobalPlatform Card Specification 2.3.1. docs/executive.md
 * lists the commands.
 */
#ifndef SECMOD_EXECUTIVE_H
#define SECMOD_EXECUTIVE_H

#include "kernel/secmod.h"
#include "keyset.h"
#include "scp11.h"

#define EXECUTIVE_CHALLENGE_SIZE 32
#define EXECUTIVE_AID_MAX 16

/* Name of the issuer security domain: GlobalPlatform Card 2.3.1, H.1.3 */
struct executive_name {
	u8 name[EXECUTIVE_AID_MAX];
	u8 len;
};

extern const struct executive_name executive_issuer;

struct staging;

/**
 * struct executive - one open file's conversation; protected by sm->lock
 * @link: in sm->executives
 * @sm: its module
 * @generation: of the module when this began: a change of state ends it
 * @keysets: sm->keysets_changed when the channel was opened: another ends it
 * @selected: what SELECT has named, its length is 0 before
 * @initiated: INITIALIZE UPDATE has been answered, and nothing since
 * @peer_known: @peer is set
 * @challenged: @challenge is set
 * @closing: the channel ends with the response
 * @channel: enum executive_channel
 * @kvn: key version number of the keyset that @channel is opened with
 * @scp: session keys
 * @dek: Key-DEK of the session
 * @dek_len: length of @dek
 * @peer: public key of the certificate that came for SCP11
 * @challenge: what a command for this moment has to name
 * @staged: what STORE DATA has brought so far, NULL when nothing is under way
 * @chain: the command whose data come in several APDUs, @chain.ins is 0 when none does
 * @chained: the data of it so far, APDU_DATA_MAX bytes
 * @pending: response data that GET RESPONSE fetches, APDU_DATA_MAX bytes
 * @pending_len: their number
 * @pending_at: how many of them have been fetched
 */
struct executive {
	struct hlist_node link;
	struct secmod *sm;
	u32 generation;
	u32 keysets;
	struct executive_name selected;
	bool initiated;
	bool peer_known;
	bool challenged;
	bool closing;
	u32 channel;
	u8 kvn;
	struct scp03 scp;
	u8 dek[SCP03_KEY_MAX];
	u8 dek_len;
	struct t2_point peer;
	u8 challenge[EXECUTIVE_CHALLENGE_SIZE];
	struct staging *staged;
	struct apdu chain;
	u8 chained[APDU_DATA_MAX];
	u8 pending[APDU_RESPONSE_MAX];
	size_t pending_len;
	size_t pending_at;
};

/*
 * Runs one command APDU, which it may change, and fills @r: data and status word.
 * Returns 0 also when the status word tells an error; -ENOMEM when it cannot begin.
 */
int executive_run(struct secmod_file *f, u8 *command, size_t len, struct apdu_response *r);
/*
 * Ends on the open files what a change of state or of the keysets ends, with its keys; the
 * one that runs a command sees to itself.
 */
void executive_follow_all(struct secmod *sm);
/* Wipes and frees the conversation of a file. NULL is none. */
void executive_free(struct executive *x);

/* Makes the way clear for a change of what the vault holds: a copy, or NULL. */
struct record *executive_copy(struct executive *x);
/* Commits @next, which it takes over: SW_OK or SW_FAILED. */
u16 executive_commit(struct executive *x, struct record *next);
/* The same, of a keyset that was put or deleted: other channels end. */
u16 executive_commit_keys(struct executive *x, struct record *next);

/* The commands. Each returns a status word and puts its response data into @r. */
typedef u16 executive_command(struct executive *x, const struct apdu *a, struct apdu_response *r);

/* channel.c: SCP03, and the end of every channel */
void channel_close(struct executive *x);
/* The parameter "i", with challenges of 8 bytes. */
u8 channel_scp03_options(void);
executive_command channel_initialize_update;
executive_command channel_external_authenticate;

/* agreement.c: SCP11a */
executive_command agreement_certificate;
executive_command agreement_authenticate;

/* keys.c */
executive_command keys_put;
executive_command keys_delete;

/* life.c */
executive_command life_challenge;
executive_command life_set_status;
executive_command life_get_status;

/* information.c */
executive_command information_get;

/* store.c: applications */
executive_command store_install;
executive_command store_data;
executive_command store_delete;
void store_forget(struct executive *x);

#endif
