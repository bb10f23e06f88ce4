// SPDX-License-Identifier: MIT
/* secmod attach, detach: the vault comes and goes. */
#include <errno.h>
#include <stdio.h>

#include "secmod/cli.h"

static int print_state(struct cli *c, struct error *e)
{
	struct secmod_info info;
	int rc = cli_info(c, &info, e);

	if (rc)
		return rc;
	if (c->json)
		return cli_print_json(json_pack("{s:s, s:s}", "device",
						c->device, "state",
						secmod_state_name(info.state)),
				      e);
	cli_step(c, "'%s': state %s", c->device, secmod_state_name(info.state));
	return 0;
}

int cmd_attach(struct cli *c, int argc, char **argv, struct error *e)
{
	const char *vault = CLI_VAULT;
	const struct cli_option options[] = {
		{ "vault", &vault, NULL },
		{ NULL, NULL, NULL },
	};
	char what[512];
	int rc = cli_parse(c, argc, argv, options, 0, 0, NULL);

	if (rc == 0)
		rc = cli_open(c, e);
	if (rc)
		return rc;
	rc = secmod_attach_file(c->m, vault);
	snprintf(what, sizeof(what), "attaching vault '%s'", vault);
	if (rc)
		return cli_refused(c, rc, what, e);
	vault_finish(vault);
	return print_state(c, e);
}

int cmd_detach(struct cli *c, int argc, char **argv, struct error *e)
{
	int rc = cli_parse(c, argc, argv, NULL, 0, 0, NULL);

	if (rc == 0)
		rc = cli_open(c, e);
	if (rc)
		return rc;
	rc = secmod_detach(c->m);
	return rc ? cli_refused(c, rc, "detaching the vault", e) :
		    print_state(c, e);
}
