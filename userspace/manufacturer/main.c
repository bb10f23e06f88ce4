// SPDX-License-Identifier: MIT
/* secmod-manufacturer: owns the checking key. Commands and options. */
#include "common/options.h"
#include "manufacturer/manufacturer.h"

static const struct command commands[] = {
	{ "init", NULL, 0, 0, "!dir !name key days", cmd_init,
	  "init --dir DIR --name NAME [--key URI] [--days N]" },
	{ "certify-signer", NULL, 0, 0, "!dir !name !csr|public !out days",
	  cmd_certify_signer,
	  "certify-signer --dir DIR --name NAME --csr FILE|--public FILE --out FILE [--days N]" },
	{ "serve", NULL, 1, 1, "!dir !ek-ca+ek-allow instances days user once",
	  cmd_serve,
	  "serve --dir DIR [--ek-ca FILE]... [--ek-allow FILE] [--instances N] [--days N] [--user USER] [--once] ENDPOINT" },
	{ "list", NULL, 0, 0, "!dir json", cmd_list,
	  "list --dir DIR [--json]" },
	{ "release", NULL, 1, 1, "!dir", cmd_release,
	  "release --dir DIR SERIAL" },
};

static const struct option_spec specs[] = {
	OPTION(TEXT, "dir", dir),
	OPTION(TEXT, "key", key),
	OPTION(TEXT, "name", name),
	OPTION(TEXT, "csr", csr),
	OPTION(TEXT, "public", public_key),
	OPTION(TEXT, "out", out),
	OPTION(NUMBER, "days", days, .min = 1, .max = 36525),
	OPTION(NUMBER, "instances", instances, .min = 1, .max = INSTANCES_MAX),
	OPTION(LIST, "ek-ca", ek_ca, .max = EK_CAS),
	OPTION(TEXT, "ek-allow", ek_allow),
	OPTION(TEXT, "user", user),
	OPTION(FLAG, "once", once),
	OPTION(FLAG, "json", json),
	OPTION(FLAG, "verbose", verbose, .letter = 'v', .common = 1),
};

static const struct program program = {
	.name = "secmod-manufacturer",
	.common = "--dir DIR [-v]",
	.options = specs,
	.n_options = sizeof(specs) / sizeof(specs[0]),
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
};

int main(int argc, char **argv)
{
	struct options o = { 0 };

	return options_main(&program, &o, &o.verbose, argc, argv);
}
