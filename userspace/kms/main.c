// SPDX-License-Identifier: MIT
/* secmod-kms: the key management server. Commands and options. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/process.h"
#include "kms/kms.h"

enum { EXIT_USAGE = 2 };

static const struct command {
	const char *name;
	int args;
	const char *options; /* letters it takes beside --dir and -v */
	int (*run)(const struct options *o, int argc, char **argv,
		   struct error *e);
	const char *usage;
} commands[] = {
	{ "authority", 0, "KO", cmd_authority,
	  "authority --key URI --out FILE" },
	{ "init", 0, "AT", cmd_init, "init --authority FILE [--tcti CONF]" },
	{ "generate", 1, "", cmd_generate,
	  "generate master|replacement|recovery" },
	{ "list", 0, "j", cmd_list, "list [--json]" },
	{ "enroll", 1, "RECO", cmd_enroll,
	  "enroll --request FILE [--ek-ca FILE]... [--ek-allow FILE] --out FILE LABEL" },
	{ "certify", 1, "SK", cmd_certify,
	  "certify --response FILE --key URI LABEL" },
	{ "approve", 2, "tKp", cmd_approve,
	  "approve --to LABEL|here --key URI [--public] KIND VERSION" },
	{ "export", 2, "tOp", cmd_export,
	  "export --to LABEL --out FILE [--public] KIND VERSION" },
	{ "serve", 1, "lu", cmd_serve,
	  "serve --client FILE... [--user USER] ENDPOINT" },
	{ "log", 0, "", cmd_log, "log" },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
	{ "dir", required_argument, NULL, 'D' },
	{ "tcti", required_argument, NULL, 'T' },
	{ "authority", required_argument, NULL, 'A' },
	{ "key", required_argument, NULL, 'K' },
	{ "request", required_argument, NULL, 'R' },
	{ "response", required_argument, NULL, 'S' },
	{ "ek-ca", required_argument, NULL, 'C' },
	{ "ek-allow", required_argument, NULL, 'E' },
	{ "out", required_argument, NULL, 'O' },
	{ "client", required_argument, NULL, 'l' },
	{ "user", required_argument, NULL, 'u' },
	{ "to", required_argument, NULL, 't' },
	{ "public", no_argument, NULL, 'p' },
	{ "json", no_argument, NULL, 'j' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void usage(FILE *f)
{
	fprintf(f, "usage: secmod-kms COMMAND [--dir DIR] [-v]\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "       %s\n", commands[i].usage);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int append(const char **list, const char *path)
{
	size_t i = 0;

	while (list[i])
		i++;
	if (i < EK_CAS)
		list[i] = path;
	return i < EK_CAS;
}

/* 1 when taken */
static int take_option(struct options *o, int letter, const char *value)
{
	const struct {
		int letter;
		const char **text;
		int *flag;
	} places[] = {
		{ 'D', &o->dir, NULL },		{ 'T', &o->tcti, NULL },
		{ 'A', &o->authority, NULL },	{ 'K', &o->key, NULL },
		{ 'R', &o->request, NULL },	{ 'S', &o->response, NULL },
		{ 'E', &o->ek_allow, NULL },	{ 'O', &o->out, NULL },
		{ 'u', &o->user, NULL },	{ 't', &o->to, NULL },
		{ 'p', NULL, &o->public_only }, { 'j', NULL, &o->json },
		{ 'v', NULL, &o->verbose },
	};

	if (letter == 'C' || letter == 'l')
		return append(letter == 'C' ? o->ek_ca : o->clients, value);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i].letter != letter)
			continue;
		if (places[i].text)
			*places[i].text = value;
		else
			*places[i].flag = 1;
		return 1;
	}
	return 0;
}

static int parse(const struct command *c, int argc, char **argv,
		 struct options *o)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "v", long_options, NULL)) !=
	       -1) {
		if (letter == 'h') {
			printf("usage: secmod-kms %s\n", c->usage);
			exit(0);
		}
		if (letter == '?')
			return 0;
		if (!strchr("Dv", letter) && !strchr(c->options, letter)) {
			log_warn("%s does not take that option", c->name);
			return 0;
		}
		if (!take_option(o, letter, optarg))
			return 0;
	}
	return argc - optind == c->args;
}

int main(int argc, char **argv)
{
	struct options o = { .dir = KMS_DIR, .tcti = "device:/dev/tpmrm0" };
	const struct command *c;
	struct error e = { "" };

	log_init("secmod-kms", 0);
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	c = argc > 1 ? find_command(argv[1]) : NULL;
	if (!c) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!parse(c, argc - 1, argv + 1, &o)) {
		fprintf(stderr, "usage: secmod-kms %s\n", c->usage);
		return EXIT_USAGE;
	}
	log_init("secmod-kms", o.verbose);
	process_harden();
	if (c->run(&o, argc - 1 - optind, argv + 1 + optind, &e)) {
		log_warn("%s", e.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
