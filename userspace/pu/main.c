// SPDX-License-Identifier: MIT
/* secmod-pu: the personalization unit. Commands and options. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/process.h"
#include "pu/pu.h"

enum {
	EXIT_USAGE = 2,
	OPT_MAX_KEYS = 256,
	OPT_MAX_LIFETIME,
	OPT_MAX_MESSAGES,
	OPT_KEYSET_TRIES,
};

static const struct command {
	const char *name;
	int args;
	const char *options; /* letters it takes beside --dir and -v */
	int (*run)(const struct options *o, int argc, char **argv,
		   struct error *e);
	const char *usage;
} commands[] = {
	{ "init", 0, "KNx", cmd_init,
	  "init --dir DIR --name NAME [--key URI [--existing]]" },
	{ "add-central", 0, "NCPOd", cmd_add_central,
	  "add-central --dir DIR --name NAME --csr FILE|--public FILE --out FILE [--days N]" },
	{ "remove-central", 1, "", cmd_remove_central,
	  "remove-central --dir DIR FINGERPRINT" },
	{ "serve", 1, "dtu1l", cmd_serve,
	  "serve --dir DIR [--days N] [--tolerance S] [--max-keys N] [--max-lifetime S] [--max-messages N] [--keyset-tries N] [--user USER] [--once] ENDPOINT" },
	{ "list", 0, "j", cmd_list, "list --dir DIR [--json]" },
	{ "log", 0, "j", cmd_log, "log --dir DIR [--json]" },
	{ "certificate", 1, "", cmd_certificate,
	  "certificate --dir DIR FINGERPRINT" },
};

static const struct option long_options[] = {
	{ "dir", required_argument, NULL, 'D' },
	{ "key", required_argument, NULL, 'K' },
	{ "existing", no_argument, NULL, 'x' },
	{ "name", required_argument, NULL, 'N' },
	{ "csr", required_argument, NULL, 'C' },
	{ "public", required_argument, NULL, 'P' },
	{ "out", required_argument, NULL, 'O' },
	{ "days", required_argument, NULL, 'd' },
	{ "tolerance", required_argument, NULL, 't' },
	{ "max-keys", required_argument, NULL, OPT_MAX_KEYS },
	{ "max-lifetime", required_argument, NULL, OPT_MAX_LIFETIME },
	{ "max-messages", required_argument, NULL, OPT_MAX_MESSAGES },
	{ "keyset-tries", required_argument, NULL, OPT_KEYSET_TRIES },
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
		fprintf(f, "  secmod-pu %s\n", commands[i].usage);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* Options that hold a text; 1 when @letter is one. */
static int take_text(struct options *o, int letter, const char *value)
{
	const struct {
		int letter;
		const char **value;
	} texts[] = {
		{ 'D', &o->dir },  { 'K', &o->key },	    { 'N', &o->name },
		{ 'C', &o->csr },  { 'P', &o->public_key }, { 'O', &o->out },
		{ 'u', &o->user },
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].letter == letter) {
			*texts[i].value = value;
			return 1;
		}
	return 0;
}

/* Options that hold a number: 1, 0 out of bounds, -1 when @letter is none. */
static int take_number(struct options *o, int letter, const char *value)
{
	const struct {
		int letter;
		uint64_t min, max;
		int *number;
		uint64_t *large;
	} numbers[] = {
		{ 'd', 1, 36525, &o->days, NULL },
		{ 't', 0, 86400, &o->tolerance, NULL },
		{ OPT_MAX_KEYS, 0, 64, NULL, &o->policy.max_keys },
		{ OPT_MAX_LIFETIME, 0, UINT32_MAX, NULL,
		  &o->policy.max_lifetime },
		{ OPT_MAX_MESSAGES, 0, INT64_MAX, NULL,
		  &o->policy.max_messages },
		{ OPT_KEYSET_TRIES, 1, 255, NULL, &o->policy.keyset_tries },
	};
	uint64_t n;
	size_t i;
	char *end;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (numbers[i].letter != letter)
			continue;
		n = strtoull(value, &end, 10);
		if (*end || *value == '-' || n < numbers[i].min ||
		    n > numbers[i].max)
			return 0;
		if (numbers[i].number)
			*numbers[i].number = n;
		else
			*numbers[i].large = n;
		return 1;
	}
	return -1;
}

static int take_option(struct options *o, int letter, const char *value)
{
	int *flag = letter == '1' ? &o->once :
		    letter == 'j' ? &o->json :
		    letter == 'x' ? &o->existing :
		    letter == 'v' ? &o->verbose :
				    NULL;

	if (flag)
		return *flag = 1;
	return take_text(o, letter, value) || take_number(o, letter, value) > 0;
}

static int is_allowed(const struct command *c, int letter)
{
	if (letter >= OPT_MAX_KEYS)
		letter = 'l';
	return strchr("Dv", letter) || strchr(c->options, letter);
}

/* Returns 1 when the command line is right for the command. */
static int parse(const struct command *c, int argc, char **argv,
		 struct options *o)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "v", long_options, NULL)) !=
	       -1) {
		if (letter == 'h') {
			printf("usage: secmod-pu %s\n", c->usage);
			exit(0);
		}
		if (letter == '?')
			return 0;
		if (!is_allowed(c, letter)) {
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
	struct options o = {
		.tolerance = 600,
		.policy = {
			.max_keys = 16,
			.max_lifetime = 86400,
			.max_messages = 1000000,
			.keyset_tries = 10,
		},
	};
	const struct command *c;
	struct error e = { "" };

	log_init("secmod-pu", 0);
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
		fprintf(stderr, "usage: secmod-pu %s\n", c->usage);
		return EXIT_USAGE;
	}
	log_init("secmod-pu", o.verbose);
	process_harden();
	if (c->run(&o, argc - 1 - optind, argv + 1 + optind, &e))
		fatal("%s", e.text);
	return 0;
}
