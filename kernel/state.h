/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of a module as data: which command in which state, which event leads where. */
#ifndef SECMOD_STATE_H
#define SECMOD_STATE_H

#include "pure.h"

/* One per ioctl, by its number. */
enum secmod_command {
	CMD_INFO,
	CMD_REASON,
	CMD_ATTACH,
	CMD_INIT_BEGIN,
	CMD_INIT_ACTIVATE,
	CMD_INIT_COMPLETE,
	CMD_PERSO_BEGIN,
	CMD_PERSO_COMPLETE,
	CMD_ATTEST,
	CMD_RESET,
	CMD_GET_CERT,
	CMD_SIGN,
	CMD_DETACH,
	CMD_APDU,
	CMD_SEAL,
	CMD_OPEN,
	CMD_KEYS,
	CMD_USE_KEY,
	CMD_COUNT,
};

enum secmod_event {
	EVENT_INIT_COMPLETE, /* certificates stored, root secret locked */
	EVENT_ATTACH_PERSONALIZATION, /* the vault says: not personalized */
	EVENT_ATTACH_OPERATING, /* the vault says: personalized */
	EVENT_PERSO_CLOSED, /* the session ended after a good bundle */
	EVENT_RESET, /* the epoch counter went up */
	EVENT_DETACH,
	EVENT_DISCARD, /* the objects in the TPM were removed */
	EVENT_COUNT,
};

const char *state_name(u32 state);
const char *command_name(u32 command);
/* Does the command need CAP_SYS_ADMIN? */
bool command_is_admin(u32 command);
/*
 * 0, or -EBADFD with a reason that names the state, and the way out of it.
 * @flags: those of the command; some widen the states it is allowed in.
 */
int state_allows(u32 state, u32 command, u32 flags, struct refusal *why);
/* The state after an event, or -EBADFD where the event cannot happen. */
int state_next(u32 state, u32 event);

#endif
