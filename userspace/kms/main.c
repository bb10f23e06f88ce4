// SPDX-License-Identifier: MIT
/* secmod-kms: the key management server. Commands and options. */
#include "common/options.h"
#include "kms/kms.h"

static const struct command commands[] = {
	{ "authority", NULL, 0, 0, "!key !out", cmd_authority,
	  "authority --key URI --out FILE" },
	{ "init", NULL, 0, 0, "!authority tcti", cmd_init,
	  "init --authority FILE [--tcti CONF]" },
	{ "generate", NULL, 1, 1, "", cmd_generate,
	  "generate master|replacement|recovery" },
	{ "list", NULL, 0, 0, "json", cmd_list, "list [--json]" },
	{ "enroll", NULL, 1, 1, "!request !ek-ca+ek-allow !out", cmd_enroll,
	  "enroll --request FILE [--ek-ca FILE]... [--ek-allow FILE] --out FILE LABEL" },
	{ "certify", NULL, 1, 1, "!response !key", cmd_certify,
	  "certify --response FILE --key URI LABEL" },
	{ "approve", NULL, 2, 2, "!to !key public", cmd_approve,
	  "approve --to LABEL|here --key URI [--public] KIND VERSION" },
	{ "export", NULL, 2, 2, "!to !out public", cmd_export,
	  "export --to LABEL --out FILE [--public] KIND VERSION" },
	{ "serve", NULL, 1, 1, "!client user", cmd_serve,
	  "serve --client FILE... [--user USER] ENDPOINT" },
	{ "log", NULL, 0, 0, "", cmd_log, "log" },
};

static const struct option_spec specs[] = {
	OPTION(TEXT, "dir", dir, .common = 1),
	OPTION(TEXT, "tcti", tcti),
	OPTION(TEXT, "authority", authority),
	OPTION(TEXT, "key", key),
	OPTION(TEXT, "request", request),
	OPTION(TEXT, "response", response),
	OPTION(LIST, "ek-ca", ek_ca, .max = EK_CAS),
	OPTION(TEXT, "ek-allow", ek_allow),
	OPTION(TEXT, "out", out),
	OPTION(LIST, "client", clients, .max = EK_CAS),
	OPTION(TEXT, "user", user),
	OPTION(TEXT, "to", to),
	OPTION(FLAG, "public", public_only),
	OPTION(FLAG, "json", json),
	OPTION(FLAG, "verbose", verbose, .letter = 'v', .common = 1),
};

static const struct program program = {
	.name = "secmod-kms",
	.common = "[--dir DIR] [-v]",
	.options = specs,
	.n_options = sizeof(specs) / sizeof(specs[0]),
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
};

int main(int argc, char **argv)
{
	struct options o = { .dir = KMS_DIR, .tcti = "device:/dev/tpmrm0" };

	return options_main(&program, &o, &o.verbose, argc, argv);
}
