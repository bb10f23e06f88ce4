/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The security executive: what remote parties say to a module in APDUs, through a relay
 * that understands nothing. GlobalPlatform Card Specification 2.3.1. docs/executive.md
 * lists the commands.
 */
#ifndef SECMOD_EXECUTIVE_H
#define SECMOD_EXECUTIVE_H

#include "apdu.h"
#include "kernel/secmod.h"

/* Who is on the other end; a row of the rules says which of them may. */
enum executive_channel {
	CHANNEL_NONE, /* nobody has proved anything */
	CHANNEL_COUNT,
};

/**
 * struct executive - one open file's conversation; protected by sm->lock
 * @sm: its module
 * @generation: of the module when this began: a change of state ends it
 * @selected: SELECT has been answered
 * @channel: enum executive_channel
 * @chain: the command whose data come in several APDUs, @chain.ins is 0 when none does
 * @chained: the data of it so far, APDU_DATA_MAX bytes
 * @pending: response data that GET RESPONSE fetches, APDU_DATA_MAX bytes
 * @pending_len: their number
 * @pending_at: how many of them have been fetched
 */
struct executive {
	struct secmod *sm;
	u32 generation;
	bool selected;
	u32 channel;
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
/* Wipes and frees the conversation of a file. NULL is none. */
void executive_free(struct executive *x);

/* information.c: GET DATA of @tag, a status word */
u16 executive_get_data(struct executive *x, u16 tag, struct apdu_response *r);

#endif
