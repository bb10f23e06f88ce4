// SPDX-License-Identifier: MIT
/* The command line of a subcommand. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "common/options.h"
#include "pki/pki.h"
#include "secmod/cli.h"

#define OPTIONS_MAX 16
#define TIMEOUT_MAX 86400

int cli_misuse(const char *fmt, ...)
{
	va_list ap;

	fputs("secmod: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CLI_USAGE;
}

const char *cli_word(int argc, char **argv)
{
	char *word;

	for (int i = 1; i < argc; i++) {
		word = argv[i];
		if (word[0] != '-') {
			memmove(&argv[2], &argv[1],
				(size_t)(i - 1) * sizeof(*argv));
			argv[1] = word;
			return word;
		}
		if (strcmp(word, "--device") == 0)
			i++;
	}
	return NULL;
}

/* Appends @from to @all and, as getopt wants them, to @long_options. */
static int collect(const struct cli_option *from, const struct cli_option **all,
		   struct option *long_options, int n)
{
	for (; from->name && n < OPTIONS_MAX - 1; from++, n++) {
		all[n] = from;
		long_options[n].name = from->name;
		long_options[n].has_arg = from->text ? required_argument :
						       no_argument;
		long_options[n].val = OPTIONS_PLACE + n;
	}
	return n;
}

static int take_options(struct cli *c, int argc, char **argv,
			struct option *long_options,
			const struct cli_option **all)
{
	const struct cli_option *o;
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, ":qh", long_options, NULL)) !=
	       -1) {
		o = opt < OPTIONS_PLACE ? NULL : all[opt - OPTIONS_PLACE];
		if (opt == ':' || opt == '?')
			options_error("secmod", opt, argv);
		if (opt == 'h')
			c->help = 1;
		else if (opt == 'q')
			c->quiet = 1;
		else if (!o)
			return CLI_USAGE;
		else if (o->text)
			*o->text = optarg;
		else
			*o->flag = 1;
	}
	return c->help ? CLI_USAGE : 0;
}

int cli_parse(struct cli *c, int argc, char **argv,
	      const struct cli_option *options, int min, int max,
	      const char **args)
{
	const struct cli_option common[] = {
		{ "device", &c->device, NULL }, { "json", NULL, &c->json },
		{ "quiet", NULL, &c->quiet },	{ "help", NULL, &c->help },
		{ NULL, NULL, NULL },
	};
	struct option long_options[OPTIONS_MAX] = { 0 };
	const struct cli_option *all[OPTIONS_MAX];
	int n = collect(common, all, long_options, 0), given;

	if (options)
		collect(options, all, long_options, n);
	if (take_options(c, argc, argv, long_options, all))
		return CLI_USAGE;
	given = argc - optind;
	if (given < min)
		return cli_misuse("something is missing");
	if (given > max)
		return cli_misuse("'%s' is too much", argv[optind + max]);
	for (int i = 0; i < max; i++)
		args[i] = i < given ? argv[optind + i] : NULL;
	return 0;
}

int cli_timeout(const char *text, int *ms)
{
	char *end;
	long s = CLI_TIMEOUT;

	if (text) {
		s = strtol(text, &end, 10);
		if (end == text || *end || s < 1 || s > TIMEOUT_MAX)
			return cli_misuse(
				"--timeout: '%s' is not a number of seconds",
				text);
	}
	*ms = (int)s * 1000;
	return 0;
}

int cli_nonce(const char *text, uint8_t nonce[SECMOD_NONCE_SIZE],
	      struct error *e)
{
	if (text) {
		if (strlen(text) != 2 * SECMOD_NONCE_SIZE ||
		    pki_unhex(text, nonce, SECMOD_NONCE_SIZE) < 0)
			return cli_misuse(
				"--nonce: '%s' is not %d lower-case hex digits",
				text, 2 * SECMOD_NONCE_SIZE);
		return 0;
	}
	if (RAND_bytes(nonce, SECMOD_NONCE_SIZE) != 1)
		return error_set_ssl(e, EIO, "cannot get random bytes");
	return 0;
}
