// SPDX-License-Identifier: MIT
/* secmod: the administrator's command for a security module. */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/process.h"
#include "secmod/cli.h"

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

static const struct command {
	const char *name;
	cmd_fn run;
	const char *usage, *purpose;
} commands[] = {
	{ "status", cmd_status, "", "what the module is, and the next step" },
	{ "init", cmd_init,
	  "ENDPOINT --root FILE --serial SN [--vault FILE] [--ek-cert FILE] [--tcti TCTI] [--discard [--yes]] [--timeout S]",
	  "make the identity key and have the manufacturer certify it" },
	{ "attach", cmd_attach, "[--vault FILE]",
	  "give the module its vault after a start of the machine" },
	{ "detach", cmd_detach, "", "take the vault back" },
	{ "personalize", cmd_personalize, "ENDPOINT [--timeout S]",
	  "make the module key and have a personalization unit certify it" },
	{ "reset", cmd_reset,
	  "[--proof FILE] [--nonce HEX] [--yes] [--fresh-vault FILE --checking-cert FILE --identity-cert FILE]",
	  "destroy the module key" },
	{ "verify-proof", cmd_verify_proof, "FILE --root FILE [--nonce HEX]",
	  "check a proof of erasure, without a module" },
	{ "attest", cmd_attest, "[--nonce HEX] [--out FILE]",
	  "have the TPM vouch for epoch and state" },
	{ "verify-attest", cmd_verify_attest, "FILE --root FILE [--nonce HEX]",
	  "check such an attestation, without a module" },
	{ "certs", cmd_certs, "[--out-dir DIR]",
	  "list the module's certificates, write them as PEM" },
	{ "keyref", cmd_keyref, "identity|module",
	  "print a PEM file that stands for the key" },
	{ "keys", cmd_keys, "",
	  "list the transaction keys, and what is left of them" },
	{ "gp", cmd_gp, "VERB [ARGUMENT]...: see secmod gp --help",
	  "speak to the security executive, which is a GlobalPlatform card" },
	{ "transact", cmd_transact,
	  "MESSAGE|- [--socket ENDPOINT] [--id HEX] [--timeout S]",
	  "send a transaction through the agent" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char options_text[] =
	"options of all commands: --device /dev/secmodN, --json, -q (--quiet), -h (--help)\n";

static int help(FILE *f)
{
	fputs("usage: secmod COMMAND [OPTION]...\n\n", f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-14s %s\n", commands[i].name,
			commands[i].purpose);
	fprintf(f, "\n%ssee secmod(1)\n", options_text);
	return f == stdout ? EXIT_OK : EXIT_USAGE;
}

static int usage(const struct command *cmd, const struct cli *c)
{
	fprintf(c->help ? stdout : stderr, "usage: secmod %s %s\n%s", cmd->name,
		cmd->usage, options_text);
	return c->help ? EXIT_OK : EXIT_USAGE;
}

static int run(const struct command *cmd, struct cli *c, int argc, char **argv)
{
	struct error e = { "" };
	int rc = cmd->run(c, argc, argv, &e);

	secmod_close(c->m);
	if (rc == CLI_USAGE)
		return usage(cmd, c);
	if (rc < 0) {
		fprintf(stderr, "secmod: %s\n", e.text);
		return EXIT_FAILED;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fputs("secmod: cannot write to standard output\n", stderr);
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct cli c = { .device = SECMOD_DEVICE };
	const char *name = cli_word(argc, argv);

	log_init("secmod", 0);
	process_harden();
	if (!name)
		return help(argc > 1 && strcmp(argv[1], "--help") == 0 ?
				    stdout :
				    stderr);
	if (strcmp(name, "help") == 0)
		return help(stdout);
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return run(&commands[i], &c, argc - 1, argv + 1);
	fprintf(stderr, "secmod: there is no command '%s'\n", name);
	return help(stderr);
}
