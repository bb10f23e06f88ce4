// SPDX-License-Identifier: MIT
/* secmod-central: the central system of the operating state. Commands and options. */
#include "central/access.h"
#include "common/options.h"

#define KMS_OPTIONS "kms kms-cert kms-label"
#define KMS_USAGE "[--kms ENDPOINT [--kms-cert FILE] [--kms-label NAME]]"

static const struct command commands[] = {
	{ "init", NULL, 0, 0, "key name root user", cmd_init,
	  "init --name NAME [--key URI] [--root FILE] [--user USER]" },
	{ "serve", NULL, 1, 1,
	  "check foreground user register max-connections idle time-limit key-lifetime key-messages sealed-only",
	  cmd_serve,
	  "serve [-nd] [--user USER] [--register known|auto] "
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

static const struct option_spec specs[] = {
	OPTION(TEXT, "dir", dir, .common = 1),
	OPTION(TEXT, "key", key),
	OPTION(TEXT, "name", name),
	OPTION(TEXT, "root", root),
	OPTION(TEXT, "user", user),
	OPTION(WORD, "register", register_auto, .words = "known|auto"),
	OPTION(NUMBER, "max-connections", max_connections, .min = 1,
	       .max = 100000),
	OPTION(NUMBER, "idle", idle_s, .max = 86400),
	OPTION(NUMBER, "time-limit", limit_s, .min = 1, .max = 3600),
	OPTION(TEXT, "reason", reason),
	OPTION(TEXT, "fingerprint", fingerprint),
	OPTION(TEXT, "module", module),
	OPTION(TEXT, "hsm1", hsm1),
	OPTION(TEXT, "hsm1-user", hsm1_user),
	OPTION(TEXT, "kms", kms),
	OPTION(TEXT, "kms-cert", kms_cert),
	OPTION(TEXT, "kms-label", kms_label),
	OPTION(NUMBER, "version", version, .min = 1, .max = 9999),
	OPTION(NUMBER, "parallel", parallel, .min = 1,
	       .max = CAMPAIGN_PARALLEL_MAX),
	OPTION(FLAG, "failed", failed),
	OPTION(NUMBER, "key-lifetime", key_lifetime_s, .min = 1,
	       .max = 86400 * 366),
	OPTION(NUMBER, "key-messages", key_messages, .min = 1,
	       .max = 1000000000),
	OPTION(FLAG, "sealed-only", sealed_only),
	OPTION(FLAG, "json", json),
	OPTION(FLAG, "keys", keys),
	OPTION(FLAG, "check", check_only, .letter = 'n'),
	OPTION(FLAG, "foreground", foreground, .letter = 'd'),
	OPTION(FLAG, "verbose", verbose, .letter = 'v', .common = 1),
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

	return options_main(&program, &o, &o.verbose, argc, argv);
}
