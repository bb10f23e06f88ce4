// SPDX-License-Identifier: MIT
/* The module itself: opening it, its state, and what to do when it refuses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "secmod/cli.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const next_steps[] = {
	[SECMOD_STATE_VIRGIN] =
		"secmod init ENDPOINT --root FILE --serial SN: have the manufacturer initialize it",
	[SECMOD_STATE_DETACHED] =
		"secmod attach --vault FILE: give it its vault",
	[SECMOD_STATE_PERSONALIZATION] =
		"secmod personalize ENDPOINT: connect it to a personalization unit",
	[SECMOD_STATE_OPERATING] =
		"none: it can connect to the central system (secmod-agent)",
	[SECMOD_STATE_FAILED] =
		"see the last error; without its vault: secmod reset --fresh-vault FILE, else secmod init --discard",
};

/* Where the kernel's reason does not tell the way out. */
static const struct {
	int errnum;
	const char *way_out;
} ways_out[] = {
	{ EPERM, "run it as root" },
	{ EKEYEXPIRED, "check the clock of this machine" },
	{ ENODEV, "see the kernel log, restart the machine" },
	{ ENOENT, "see 'secmod status'" },
};

const char *cli_next_step(unsigned int state)
{
	return state < ARRAY_SIZE(next_steps) ? next_steps[state] : "";
}

int cli_open(struct cli *c, struct error *e)
{
	const char *way_out = "";
	int rc;

	if (c->m)
		return 0;
	rc = secmod_open(c->device, &c->m);
	if (rc == -ENOENT || rc == -ENXIO)
		way_out =
			": load the driver (modprobe secmod), see its kernel log";
	if (rc == -EACCES || rc == -EPERM)
		way_out = ": join group secmod or run it as root";
	return rc ? error_set(e, -rc, "%s%s", secmod_reason(NULL), way_out) : 0;
}

int cli_refused(struct cli *c, int rc, const char *what, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways_out); i++)
		if (ways_out[i].errnum == -rc)
			return error_set(e, -rc, "%s: %s: %s", what,
					 secmod_reason(c->m),
					 ways_out[i].way_out);
	return error_set(e, -rc, "%s: %s", what, secmod_reason(c->m));
}

int cli_info(struct cli *c, struct secmod_info *info, struct error *e)
{
	int rc = cli_open(c, e);

	if (rc)
		return rc;
	rc = secmod_info(c->m, info);
	return rc ? cli_refused(c, rc, "reading the state", e) : 0;
}

int cli_require_state(struct cli *c, unsigned int state, const char *what,
		      struct error *e)
{
	struct secmod_info info;
	int rc = cli_info(c, &info, e);

	if (rc || info.state == state)
		return rc;
	return error_set(e, EBADFD, "%s: '%s' is in state %s, not %s: %s", what,
			 c->device, secmod_state_name(info.state),
			 secmod_state_name(state), cli_next_step(info.state));
}

void cli_sysfs(const struct cli *c, const char *name, char *out, size_t size)
{
	const char *base = strrchr(c->device, '/');
	char path[256];
	FILE *f;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/secmod/%s/%s",
		 base ? base + 1 : c->device, name);
	f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(out, (int)size, f))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

void cli_serial(const struct secmod_info *info, char out[SECMOD_SERIAL_MAX + 1])
{
	memcpy(out, info->serial, SECMOD_SERIAL_MAX);
	out[SECMOD_SERIAL_MAX] = '\0';
}

int cli_confirm(const char *what, int yes, struct error *e)
{
	char line[16];

	if (yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return error_set(
			e, EPERM,
			"%s: not confirmed: give --yes where nobody can be asked",
			what);
	fprintf(stderr,
		"%s. This cannot be undone. Type 'yes' to go on: ", what);
	if (!fgets(line, sizeof(line), stdin) || strcmp(line, "yes\n") != 0)
		return error_set(e, ECANCELED, "%s: not confirmed", what);
	return 0;
}
