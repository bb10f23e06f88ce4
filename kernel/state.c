// SPDX-License-Identifier: GPL-2.0-only
/* State machine of a module: two tables and their readers. */
#include "state.h"

#define V BIT(SECMOD_STATE_VIRGIN)
#define D BIT(SECMOD_STATE_DETACHED)
#define P BIT(SECMOD_STATE_PERSONALIZATION)
#define O BIT(SECMOD_STATE_OPERATING)
#define F BIT(SECMOD_STATE_FAILED)
#define ANY (V | D | P | O | F)
#define STATES 5

/*
 * @states: where the command is allowed
 * @flag, @more: with this flag also there
 * @admin: needs CAP_SYS_ADMIN: what changes trust
 */
static const struct {
	const char *name;
	u32 states;
	u32 flag;
	u32 more;
	bool admin;
} commands[CMD_COUNT] = {
	[CMD_INFO] = { "INFO", ANY },
	[CMD_REASON] = { "REASON", ANY },
	[CMD_ATTACH] = { "ATTACH", D, 0, 0, true },
	[CMD_INIT_BEGIN] = { "INIT_BEGIN", V, SECMOD_INIT_DISCARD, D | F, true },
	[CMD_INIT_ACTIVATE] = { "INIT_ACTIVATE", V, 0, 0, true },
	[CMD_INIT_COMPLETE] = { "INIT_COMPLETE", V, 0, 0, true },
	[CMD_PERSO_BEGIN] = { "PERSO_BEGIN", P, 0, 0, true },
	[CMD_PERSO_COMPLETE] = { "PERSO_COMPLETE", P, 0, 0, true },
	[CMD_ATTEST] = { "ATTEST", P | O },
	[CMD_RESET] = { "RESET", P | O, SECMOD_RESET_FRESH_VAULT, D | F, true },
	[CMD_GET_CERT] = { "GET_CERT", P | O },
	[CMD_SIGN] = { "SIGN", P | O },
	[CMD_DETACH] = { "DETACH", P | O, 0, 0, true },
	[CMD_APDU] = { "APDU", P | O },
	[CMD_SEAL] = { "SEAL", O },
	[CMD_OPEN] = { "OPEN", O },
	[CMD_KEYS] = { "KEYS", O },
	[CMD_USE_KEY] = { "USE_KEY", O },
};

static const struct {
	u32 from;
	u8 to;
} events[EVENT_COUNT] = {
	[EVENT_INIT_COMPLETE] = { V, SECMOD_STATE_PERSONALIZATION },
	[EVENT_ATTACH_PERSONALIZATION] = { D, SECMOD_STATE_PERSONALIZATION },
	[EVENT_ATTACH_OPERATING] = { D, SECMOD_STATE_OPERATING },
	[EVENT_PERSO_CLOSED] = { P, SECMOD_STATE_OPERATING },
	[EVENT_RESET] = { D | P | O | F, SECMOD_STATE_PERSONALIZATION },
	[EVENT_DETACH] = { P | O, SECMOD_STATE_DETACHED },
	[EVENT_DISCARD] = { V | D | F, SECMOD_STATE_VIRGIN },
};

static const struct {
	const char *name;
	const char *way_out;
} states[STATES] = {
	[SECMOD_STATE_VIRGIN] = { "virgin", "initialize it (secmod init)" },
	[SECMOD_STATE_DETACHED] = { "detached", "attach its vault (secmod attach)" },
	[SECMOD_STATE_PERSONALIZATION] = { "personalization",
					   "personalize it (secmod personalize)" },
	[SECMOD_STATE_OPERATING] = { "operating", "reset it first (secmod reset)" },
	[SECMOD_STATE_FAILED] = { "failed", "see its last_error" },
};

const char *state_name(u32 state)
{
	return state < STATES ? states[state].name : "unknown";
}

const char *command_name(u32 command)
{
	return command < CMD_COUNT ? commands[command].name : "unknown";
}

bool command_is_admin(u32 command)
{
	return command < CMD_COUNT && commands[command].admin;
}

int state_allows(u32 state, u32 command, u32 flags, struct refusal *why)
{
	u32 allowed;

	if (command < CMD_COUNT && state < STATES) {
		allowed = commands[command].states;
		if (flags & commands[command].flag)
			allowed |= commands[command].more;
		if (allowed & BIT(state))
			return 0;
	}
	return refuse(why, -EBADFD, "%s: module is %s: %s", command_name(command),
		      state_name(state), state < STATES ? states[state].way_out : "");
}

int state_next(u32 state, u32 event)
{
	if (event >= EVENT_COUNT || state >= STATES || !(events[event].from & BIT(state)))
		return -EBADFD;
	return events[event].to;
}

int refuse(struct refusal *why, int error, const char *fmt, ...)
{
	va_list args;

	if (!why->error) {
		why->error = -error;
		va_start(args, fmt);
		vsnprintf(why->text, sizeof(why->text), fmt, args);
		va_end(args);
	}
	return error;
}
