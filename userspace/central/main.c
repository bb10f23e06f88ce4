// SPDX-License-Identifier: MIT
/* secmod-central: the central system of the operating state. Commands and options. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/central.h"
#include "common/log.h"
#include "common/process.h"

enum { EXIT_USAGE = 2 };

static const struct command {
	const char *object, *verb; /* verb may be NULL */
	int min_args, max_args;
	const char *options; /* letters of those it takes beside --dir, -v */
	int (*run)(const struct options *o, int argc, char **argv,
		   struct error *e);
	const char *usage;
} commands[] = {
	{ "init", NULL, 0, 0, "KNRu", cmd_init,
	  "init --name NAME [--key URI] [--root FILE] [--user USER]" },
	{ "serve", NULL, 1, 1, "nduaCIT", cmd_serve,
	  "serve [-n] [--user USER] [--register known|auto] "
	  "[--max-connections N] [--idle S] [--time-limit S] ENDPOINT" },
	{ "module", "list", 0, 0, "j", cmd_module_list,
	  "module list [--json]" },
	{ "module", "show", 1, 1, "j", cmd_module_show,
	  "module show [--json] UID|SERIAL" },
	{ "module", "add", 1, 2, "", cmd_module_add,
	  "module add UID SERIAL | CERTIFICATE-FILE" },
	{ "module", "enable", 1, 1, "r", cmd_module_enable,
	  "module enable [--reason TEXT] UID|SERIAL" },
	{ "module", "disable", 1, 1, "r", cmd_module_disable,
	  "module disable --reason TEXT UID|SERIAL" },
	{ "signer", "list", 0, 0, "j", cmd_signer_list,
	  "signer list [--json]" },
	{ "signer", "add", 1, 1, "F", cmd_signer_add,
	  "signer add [--fingerprint HEX] FILE" },
	{ "signer", "enable", 1, 1, "r", cmd_signer_enable,
	  "signer enable [--reason TEXT] NAME|FINGERPRINT" },
	{ "signer", "disable", 1, 1, "r", cmd_signer_disable,
	  "signer disable --reason TEXT NAME|FINGERPRINT" },
	{ "certificate", "enable", 1, 1, "r", cmd_certificate_enable,
	  "certificate enable [--reason TEXT] FILE|FINGERPRINT" },
	{ "certificate", "disable", 1, 1, "r", cmd_certificate_disable,
	  "certificate disable --reason TEXT FILE|FINGERPRINT" },
	{ "ledger", NULL, 0, 0, "jm", cmd_ledger,
	  "ledger [--module UID|SERIAL] [--json]" },
	{ "audit", NULL, 0, 0, "j", cmd_audit, "audit [--json]" },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
	{ "dir", required_argument, NULL, 'D' },
	{ "key", required_argument, NULL, 'K' },
	{ "name", required_argument, NULL, 'N' },
	{ "root", required_argument, NULL, 'R' },
	{ "user", required_argument, NULL, 'u' },
	{ "register", required_argument, NULL, 'a' },
	{ "max-connections", required_argument, NULL, 'C' },
	{ "idle", required_argument, NULL, 'I' },
	{ "time-limit", required_argument, NULL, 'T' },
	{ "reason", required_argument, NULL, 'r' },
	{ "fingerprint", required_argument, NULL, 'F' },
	{ "module", required_argument, NULL, 'm' },
	{ "json", no_argument, NULL, 'j' },
	{ "check", no_argument, NULL, 'n' },
	{ "foreground", no_argument, NULL, 'd' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void usage(FILE *f)
{
	fputs("usage: secmod-central COMMAND [--dir DIR] [-v]\n", f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "       %s\n", commands[i].usage);
}

static int number(const char *text, int min, int max, int *out)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (end == text || *end || v < min || v > max) {
		fprintf(stderr,
			"secmod-central: '%s' is not a number from %d to %d\n",
			text, min, max);
		return -1;
	}
	*out = v;
	return 0;
}

static int registration(const char *text, int *out)
{
	if (!strcmp(text, "auto"))
		*out = 1;
	else if (!strcmp(text, "known"))
		*out = 0;
	else
		return -1;
	return 0;
}

static int take_option(struct options *o, int c, const char *arg)
{
	const char **text = c == 'D' ? &o->dir :
			    c == 'K' ? &o->key :
			    c == 'N' ? &o->name :
			    c == 'R' ? &o->root :
			    c == 'u' ? &o->user :
			    c == 'r' ? &o->reason :
			    c == 'F' ? &o->fingerprint :
			    c == 'm' ? &o->module :
				       NULL;
	int *flag = c == 'j' ? &o->json :
		    c == 'n' ? &o->check_only :
		    c == 'v' ? &o->verbose :
			       NULL;

	if (text)
		*text = arg;
	else if (flag)
		*flag = 1;
	else if (c == 'a')
		return registration(arg, &o->register_auto);
	else if (c == 'C')
		return number(arg, 1, 100000, &o->max_connections);
	else if (c == 'I')
		return number(arg, 0, 86400, &o->idle_s);
	else if (c == 'T')
		return number(arg, 1, 3600, &o->limit_s);
	return c == '?' ? -1 : 0;
}

/* @seen collects the letters, for the check against the command's list. */
static int parse(struct options *o, int argc, char **argv, char *seen,
		 size_t size)
{
	size_t n = 0;
	int c;

	while ((c = getopt_long(argc, argv, "ndvh", long_options, NULL)) !=
	       -1) {
		if (c == 'h') {
			usage(stdout);
			exit(0);
		}
		if (take_option(o, c, optarg))
			return -1;
		if (c != 'D' && c != 'v' && n + 1 < size)
			seen[n++] = c;
	}
	seen[n] = '\0';
	return 0;
}

static const struct command *find(int argc, char **argv, int *used)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];

		*used = c->verb ? 2 : 1;
		if (argc >= *used && !strcmp(argv[0], c->object) &&
		    (!c->verb || !strcmp(argv[1], c->verb)))
			return c;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct options o = { .dir = CENTRAL_DIR,
			     .max_connections = 1024,
			     .idle_s = 3600,
			     .limit_s = 10 };
	const struct command *c;
	char seen[32];
	struct error e = { "" };
	int used;

	if (parse(&o, argc, argv, seen, sizeof(seen))) {
		usage(stderr);
		return EXIT_USAGE;
	}
	argc -= optind;
	argv += optind;
	c = find(argc, argv, &used);
	if (!c || argc - used < c->min_args || argc - used > c->max_args ||
	    strspn(seen, c->options) != strlen(seen)) {
		if (c)
			fprintf(stderr, "usage: secmod-central %s\n", c->usage);
		else
			usage(stderr);
		return EXIT_USAGE;
	}
	log_init("secmod-central", o.verbose);
	process_harden();
	if (c->run(&o, argc - used, argv + used, &e)) {
		log_warn("%s", e.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
