// SPDX-License-Identifier: MIT
/* secmod-pu: the personalization unit. Commands and options. */
#include "common/options.h"
#include "pu/pu.h"

static const struct command commands[] = {
	{ "init", NULL, 0, 0, "!dir !name key existing", cmd_init,
	  "init --dir DIR --name NAME [--key URI [--existing]]" },
	{ "add-central", NULL, 0, 0, "!dir !name !csr|public !out days",
	  cmd_add_central,
	  "add-central --dir DIR --name NAME --csr FILE|--public FILE --out FILE [--days N]" },
	{ "remove-central", NULL, 1, 1, "!dir", cmd_remove_central,
	  "remove-central --dir DIR FINGERPRINT" },
	{ "serve", NULL, 1, 1,
	  "!dir days tolerance max-keys max-lifetime max-messages keyset-tries user once",
	  cmd_serve,
	  "serve --dir DIR [--days N] [--tolerance S] [--max-keys N] [--max-lifetime S] [--max-messages N] [--keyset-tries N] [--user USER] [--once] ENDPOINT" },
	{ "list", NULL, 0, 0, "!dir json", cmd_list,
	  "list --dir DIR [--json]" },
	{ "log", NULL, 0, 0, "!dir json", cmd_log, "log --dir DIR [--json]" },
	{ "certificate", NULL, 1, 1, "!dir", cmd_certificate,
	  "certificate --dir DIR FINGERPRINT" },
};

static const struct option_spec specs[] = {
	OPTION(TEXT, "dir", dir),
	OPTION(TEXT, "key", key),
	OPTION(FLAG, "existing", existing),
	OPTION(TEXT, "name", name),
	OPTION(TEXT, "csr", csr),
	OPTION(TEXT, "public", public_key),
	OPTION(TEXT, "out", out),
	OPTION(NUMBER, "days", days, .min = 1, .max = 36525),
	OPTION(NUMBER, "tolerance", tolerance, .max = 86400),
	OPTION(LARGE, "max-keys", policy.max_keys, .max = 64),
	OPTION(LARGE, "max-lifetime", policy.max_lifetime, .max = UINT32_MAX),
	OPTION(LARGE, "max-messages", policy.max_messages, .max = INT64_MAX),
	OPTION(LARGE, "keyset-tries", policy.keyset_tries, .min = 1,
	       .max = 255),
	OPTION(TEXT, "user", user),
	OPTION(FLAG, "once", once),
	OPTION(FLAG, "json", json),
	OPTION(FLAG, "verbose", verbose, .letter = 'v', .common = 1),
};

static const struct program program = {
	.name = "secmod-pu",
	.common = "--dir DIR [-v]",
	.options = specs,
	.n_options = sizeof(specs) / sizeof(specs[0]),
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
};

int main(int argc, char **argv)
{
	struct options o = {
		.tolerance = 600,
		.policy = {
			.max_keys = 16,
			.max_lifetime = 86400,
			.max_messages = 1000000,
			.keyset_tries = 10,
		},
	};

	return options_main(&program, &o, &o.verbose, argc, argv);
}
