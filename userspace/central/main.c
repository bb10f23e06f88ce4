// SPDX-License-Identifier: MIT
/* secmod-central: the central system of the operating state. Commands and options. */
#include <stdlib.h>

#include "central/access.h"
#include "common/log.h"
#include "common/options.h"
#include "common/process.h"

#define KMS_OPTIONS "kms kms-cert kms-label"
#define KMS_USAGE "[--kms ENDPOINT [--kms-cert FILE] [--kms-label NAME]]"

static const struct command commands[] = {
	{ "init", NULL, 0, 0, "key name root user", cmd_init,
	  "init --name NAME [--key URI] [--root FILE] [--user USER]" },
	{ "serve", NULL, 1, 1,
	  "check foreground user register max-connections idle time-limit key-lifetime key-messages sealed-only",
	  cmd_serve,
	  "serve [-n] [--user USER] [--register known|auto] "
	  "[--max-connections N] [--idle S] [--time-limit S] "
	  "[--key-lifetime S] [--key-messages N] [--sealed-only] ENDPOINT" },
	{ "module", "list", 0, 0, "json", cmd_module_list,
	  "module list [--json]" },
	{ "module", "show", 1, 1, "json", cmd_module_show,
	  "module show [--json] UID|SERIAL" },
	{ "module", "add", 1, 2, "", cmd_module_add,
	  "module add UID SERIAL | CERTIFICATE-FILE" },
	{ "module", "identity", 1, 1, "", cmd_module_identity,
	  "module identity FILE" },
	{ "module", "enable", 1, 1, "reason", cmd_module_enable,
	  "module enable [--reason TEXT] UID|SERIAL" },
	{ "module", "disable", 1, 1, "reason", cmd_module_disable,
	  "module disable --reason TEXT UID|SERIAL" },
	{ "signer", "list", 0, 0, "json", cmd_signer_list,
	  "signer list [--json]" },
	{ "signer", "add", 1, 1, "fingerprint", cmd_signer_add,
	  "signer add [--fingerprint HEX] FILE" },
	{ "signer", "enable", 1, 1, "reason", cmd_signer_enable,
	  "signer enable [--reason TEXT] NAME|FINGERPRINT" },
	{ "signer", "disable", 1, 1, "reason", cmd_signer_disable,
	  "signer disable --reason TEXT NAME|FINGERPRINT" },
	{ "certificate", "enable", 1, 1, "reason", cmd_certificate_enable,
	  "certificate enable [--reason TEXT] FILE|FINGERPRINT" },
	{ "certificate", "disable", 1, 1, "reason", cmd_certificate_disable,
	  "certificate disable --reason TEXT FILE|FINGERPRINT" },
	{ "status", NULL, 1, 1, "json keys", cmd_status,
	  "status [--keys] [--json] UID|SERIAL" },
	{ "issue", NULL, 1, 1000, "hsm1 hsm1-user version " KMS_OPTIONS,
	  cmd_issue,
	  "issue [--hsm1 DIR] [--hsm1-user USER] [--version N] " KMS_USAGE
	  " UID|SERIAL..." },
	{ "key", "list", 0, 0, "json module", cmd_key_list,
	  "key list [--module UID|SERIAL] [--json]" },
	{ "key", "revoke", 1, 1, "reason", cmd_key_revoke,
	  "key revoke --reason TEXT UID|SERIAL" },
	{ "campaign", "start", 0, 0,
	  "hsm1 hsm1-user version parallel json " KMS_OPTIONS,
	  cmd_campaign_start,
	  "campaign start [--hsm1 DIR] [--hsm1-user USER] [--version N] " KMS_USAGE
	  " [--parallel N] [--json]" },
	{ "campaign", "resume", 0, 0,
	  "hsm1 hsm1-user parallel failed json " KMS_OPTIONS,
	  cmd_campaign_resume,
	  "campaign resume [--hsm1 DIR] [--hsm1-user USER] " KMS_USAGE
	  " [--parallel N] [--failed] [--json]" },
	{ "campaign", "status", 0, 1, "json", cmd_campaign_status,
	  "campaign status [--json] [CAMPAIGN]" },
	{ "campaign", "abort", 0, 0, "reason", cmd_campaign_abort,
	  "campaign abort --reason TEXT" },
	{ "reset", "order", 1, 1, "reason", cmd_reset_order,
	  "reset order --reason TEXT UID|SERIAL" },
	{ "reset", "list", 0, 0, "json", cmd_reset_list,
	  "reset list [--json]" },
	{ "reset", "proof", 1, 1, "", cmd_reset_proof,
	  "reset proof ORDER >FILE" },
	{ "ledger", NULL, 0, 0, "json module", cmd_ledger,
	  "ledger [--module UID|SERIAL] [--json]" },
	{ "audit", NULL, 0, 0, "json", cmd_audit, "audit [--json]" },
};

#define TEXT(name, field)                                              \
	{                                                              \
		name, 0, OPTION_TEXT, offsetof(struct options, field), \
			.min = 0                                       \
	}
#define FLAG(name, letter, field)                                           \
	{                                                                   \
		name, letter, OPTION_FLAG, offsetof(struct options, field), \
			.min = 0                                            \
	}
#define NUMBER(name, field, min, max)                                         \
	{                                                                     \
		name, 0, OPTION_NUMBER, offsetof(struct options, field), min, \
			max, NULL, 0                                          \
	}

static const struct option_spec specs[] = {
	{ "dir", 0, OPTION_TEXT, offsetof(struct options, dir), .common = 1 },
	TEXT("key", key),
	TEXT("name", name),
	TEXT("root", root),
	TEXT("user", user),
	{ "register", 0, OPTION_WORD, offsetof(struct options, register_auto),
	  .words = "known|auto" },
	NUMBER("max-connections", max_connections, 1, 100000),
	NUMBER("idle", idle_s, 0, 86400),
	NUMBER("time-limit", limit_s, 1, 3600),
	TEXT("reason", reason),
	TEXT("fingerprint", fingerprint),
	TEXT("module", module),
	TEXT("hsm1", hsm1),
	TEXT("hsm1-user", hsm1_user),
	TEXT("kms", kms),
	TEXT("kms-cert", kms_cert),
	TEXT("kms-label", kms_label),
	NUMBER("version", version, 1, 9999),
	NUMBER("parallel", parallel, 1, CAMPAIGN_PARALLEL_MAX),
	FLAG("failed", 0, failed),
	NUMBER("key-lifetime", key_lifetime_s, 1, 86400 * 366),
	NUMBER("key-messages", key_messages, 1, 1000000000),
	FLAG("sealed-only", 0, sealed_only),
	FLAG("json", 0, json),
	FLAG("keys", 0, keys),
	FLAG("check", 'n', check_only),
	FLAG("foreground", 'd', foreground),
	{ "verbose", 'v', OPTION_FLAG, offsetof(struct options, verbose),
	  .common = 1 },
};

static const struct program program = {
	.name = "secmod-central",
	.common = "[--dir DIR] [-v]",
	.options = specs,
	.n_options = sizeof(specs) / sizeof(specs[0]),
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
};

int main(int argc, char **argv)
{
	struct options o = { .dir = CENTRAL_DIR,
			     .max_connections = 1024,
			     .idle_s = 3600,
			     .limit_s = 10,
			     .hsm1 = HSM1_DIR,
			     .parallel = 4,
			     .key_lifetime_s = 3600,
			     .key_messages = 100000 };
	const struct command *c = options_parse(&program, &o, &argc, &argv);
	struct error e = { "" };

	if (!c)
		return EXIT_USAGE;
	log_init(program.name, o.verbose);
	process_harden();
	if (c->run(&o, argc, argv, &e)) {
		log_warn("%s", e.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
