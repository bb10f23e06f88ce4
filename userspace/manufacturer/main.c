// SPDX-License-Identifier: MIT
/* secmod-manufacturer: owns the checking key. Commands and options. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/process.h"
#include "manufacturer/manufacturer.h"

enum { EXIT_USAGE = 2 };

#define EK_CA_MAX (sizeof(((struct options *)0)->ek_ca) / sizeof(char *) - 1)

static const struct command {
	const char *name;
	int args;
	const char *options; /* letters it takes beside --dir and -v */
	int (*run)(const struct options *o, int argc, char **argv,
		   struct error *e);
	const char *usage;
} commands[] = {
	{ "init", 0, "KNd", cmd_init,
	  "init --dir DIR --name NAME [--key URI] [--days N]" },
	{ "certify-signer", 0, "NCPOd", cmd_certify_signer,
	  "certify-signer --dir DIR --name NAME --csr FILE|--public FILE --out FILE [--days N]" },
	{ "serve", 1, "EAdIu1", cmd_serve,
	  "serve --dir DIR [--ek-ca FILE]... [--ek-allow FILE] [--instances N] [--days N] [--user USER] [--once] ENDPOINT" },
	{ "list", 0, "j", cmd_list, "list --dir DIR [--json]" },
	{ "release", 1, "", cmd_release, "release --dir DIR SERIAL" },
};

static const struct option long_options[] = {
	{ "dir", required_argument, NULL, 'D' },
	{ "key", required_argument, NULL, 'K' },
	{ "name", required_argument, NULL, 'N' },
	{ "csr", required_argument, NULL, 'C' },
	{ "public", required_argument, NULL, 'P' },
	{ "out", required_argument, NULL, 'O' },
	{ "days", required_argument, NULL, 'd' },
	{ "instances", required_argument, NULL, 'I' },
	{ "ek-ca", required_argument, NULL, 'E' },
	{ "ek-allow", required_argument, NULL, 'A' },
	{ "user", required_argument, NULL, 'u' },
	{ "once", no_argument, NULL, '1' },
	{ "json", no_argument, NULL, 'j' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void usage(FILE *f)
{
	size_t i;

	fprintf(f, "usage:\n");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(f, "  secmod-manufacturer %s\n", commands[i].usage);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int take_number(int *out, const char *text, long max)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*end || number < 1 || number > max)
		return 0;
	*out = number;
	return 1;
}

static int take_ek_ca(struct options *o, const char *path)
{
	size_t i;

	for (i = 0; i < EK_CA_MAX; i++)
		if (!o->ek_ca[i]) {
			o->ek_ca[i] = path;
			return 1;
		}
	return 0;
}

static int take_option(struct options *o, int letter, const char *value)
{
	const struct {
		int letter;
		const char **value;
	} texts[] = {
		{ 'D', &o->dir },	 { 'K', &o->key },
		{ 'N', &o->name },	 { 'C', &o->csr },
		{ 'P', &o->public_key }, { 'O', &o->out },
		{ 'A', &o->ek_allow },	 { 'u', &o->user },
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].letter == letter) {
			*texts[i].value = value;
			return 1;
		}
	switch (letter) {
	case 'd':
		return take_number(&o->days, value, 36525);
	case 'I':
		return take_number(&o->instances, value, INSTANCES_MAX);
	case 'E':
		return take_ek_ca(o, value);
	case '1':
		return o->once = 1;
	case 'j':
		return o->json = 1;
	case 'v':
		return o->verbose = 1;
	}
	return 0;
}

/* Returns 1 when the command line is right for the command. */
static int parse(const struct command *c, int argc, char **argv,
		 struct options *o)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "v", long_options, NULL)) !=
	       -1) {
		if (letter == 'h') {
			printf("usage: secmod-manufacturer %s\n", c->usage);
			exit(0);
		}
		if (letter == '?')
			return 0;
		if (!strchr("Dv", letter) && !strchr(c->options, letter)) {
			log_warn("%s does not take that option", c->name);
			return 0;
		}
		if (!take_option(o, letter, optarg)) {
			log_warn("'%s' is out of bounds", optarg);
			return 0;
		}
	}
	return o->dir && argc - optind == c->args;
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct options o = { 0 };
	struct error e = { "" };

	log_init("secmod-manufacturer", 0);
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
		fprintf(stderr, "usage: secmod-manufacturer %s\n", c->usage);
		return EXIT_USAGE;
	}
	log_init("secmod-manufacturer", o.verbose);
	process_harden();
	if (c->run(&o, argc - 1 - optind, argv + 1 + optind, &e))
		fatal("%s", e.text);
	return 0;
}
