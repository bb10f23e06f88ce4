// SPDX-License-Identifier: MIT
/* secmod-hsm1: sets up HSM 1 of an access server, gives it keys, asks it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/process.h"
#include "hsm1/hsm1.h"
#include "pki/pki.h"

enum { EXIT_USAGE = 2 };

struct options {
	const char *dir, *tcti, *authority, *out, *challenge, *uid;
	int explain, verbose;
	unsigned int version;
};

static int do_init(const struct options *o, char **words, struct error *e)
{
	(void)words;
	if (!o->authority)
		return error_set(e, EINVAL, "init needs --authority");
	return hsm1_init(o->dir, o->tcti, o->authority, e);
}

static int do_request(const struct options *o, char **words, struct error *e)
{
	(void)words;
	if (!o->out)
		return error_set(e, EINVAL, "request needs --out");
	return hsm1_request(o->dir, o->out, e);
}

static int do_answer(const struct options *o, char **words, struct error *e)
{
	(void)words;
	if (!o->out || !o->challenge)
		return error_set(e, EINVAL,
				 "answer needs --challenge and --out");
	return hsm1_answer(o->dir, o->challenge, o->out, e);
}

static int read_document(const char *path, char text[HSM1_TEXT_MAX],
			 size_t *len, struct error *e)
{
	FILE *f = fopen(path, "re");
	int ret = 0;

	if (!f)
		return error_set(e, errno, "cannot open '%s': %s", path,
				 strerror(errno));
	*len = fread(text, 1, HSM1_TEXT_MAX, f);
	if (*len == HSM1_TEXT_MAX || ferror(f))
		ret = error_set(e, EBADMSG, "'%s' is no export", path);
	fclose(f);
	return ret;
}

static int do_import(const struct options *o, char **words, struct error *e)
{
	char document[HSM1_TEXT_MAX], text[HSM1_TEXT_MAX];
	struct hsm1 *h;
	size_t len = 0;
	int ret = read_document(words[0], document, &len, e);

	if (!ret)
		ret = hsm1_start(o->dir, NULL, &h, e);
	if (ret)
		return ret;
	ret = hsm1_import(h, document, len, text, e);
	hsm1_stop(h);
	if (!ret)
		printf("%s\n", text);
	return ret;
}

static int do_status(const struct options *o, char **words, struct error *e)
{
	char text[HSM1_TEXT_MAX];
	struct hsm1 *h;
	int ret = hsm1_start(o->dir, NULL, &h, e);

	(void)words;
	if (ret)
		return ret;
	ret = hsm1_status(h, text, e);
	hsm1_stop(h);
	if (!ret)
		printf("%s\n", text);
	return ret;
}

/* Without --explain: KVN and check values, as secmod-central compares them. */
static int do_derive(const struct options *o, char **words, struct error *e)
{
	char text[HSM1_TEXT_MAX],
		kcv[2 * sizeof(((struct hsm1_keyset *)0)->kcv) + 1];
	uint8_t uid[HSM1_UID_SIZE];
	struct hsm1_keyset k;
	struct hsm1 *h;
	int ret;

	(void)words;
	if (!o->uid || pki_unhex(o->uid, uid, sizeof(uid)))
		return error_set(e, EINVAL,
				 "derive needs --uid: 32 hex digits");
	ret = hsm1_start(o->dir, NULL, &h, e);
	if (ret)
		return ret;
	if (o->explain)
		ret = hsm1_explain(h, uid, o->version, text, e);
	else
		ret = hsm1_expect(h, uid, o->version, &k, e);
	hsm1_stop(h);
	if (ret)
		return ret;
	if (o->explain) {
		fputs(text, stdout);
	} else {
		pki_hex(k.kcv[0], sizeof(k.kcv), kcv);
		printf("%02X %.6s %.6s %.6s\n", k.kvn, kcv, kcv + 6, kcv + 12);
	}
	return 0;
}

static const struct command {
	const char *name;
	int args;
	const char *options;
	int (*run)(const struct options *o, char **words, struct error *e);
	const char *usage;
} commands[] = {
	{ "init", 0, "AT", do_init, "init --authority FILE [--tcti CONF]" },
	{ "request", 0, "O", do_request, "request --out FILE" },
	{ "answer", 0, "CO", do_answer, "answer --challenge FILE --out FILE" },
	{ "import", 1, "", do_import, "import FILE" },
	{ "status", 0, "", do_status, "status" },
	{ "derive", 0, "xUV", do_derive,
	  "derive [--explain] --uid UID [--version N]" },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
	{ "dir", required_argument, NULL, 'D' },
	{ "tcti", required_argument, NULL, 'T' },
	{ "authority", required_argument, NULL, 'A' },
	{ "out", required_argument, NULL, 'O' },
	{ "challenge", required_argument, NULL, 'C' },
	{ "uid", required_argument, NULL, 'U' },
	{ "version", required_argument, NULL, 'V' },
	{ "explain", no_argument, NULL, 'x' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void usage(FILE *f)
{
	fprintf(f, "usage: secmod-hsm1 COMMAND [--dir DIR] [-v]\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "       %s\n", commands[i].usage);
}

static int take_option(struct options *o, int letter, const char *value)
{
	const char **text = letter == 'D' ? &o->dir :
			    letter == 'T' ? &o->tcti :
			    letter == 'A' ? &o->authority :
			    letter == 'O' ? &o->out :
			    letter == 'C' ? &o->challenge :
			    letter == 'U' ? &o->uid :
					    NULL;
	char *end;

	if (text)
		*text = value;
	else if (letter == 'x')
		o->explain = 1;
	else if (letter == 'v')
		o->verbose = 1;
	else if (letter == 'V') {
		o->version = strtoul(value, &end, 10);
		return !*end && o->version >= 1 && o->version <= 9999;
	}
	return 1;
}

static int parse(const struct command *c, int argc, char **argv,
		 struct options *o)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "v", long_options, NULL)) !=
	       -1) {
		if (letter == 'h') {
			printf("usage: secmod-hsm1 %s\n", c->usage);
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

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct options o = { .dir = HSM1_DIR, .tcti = "device:/dev/tpmrm0" };
	const struct command *c;
	struct error e = { "" };

	log_init("secmod-hsm1", 0);
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
		fprintf(stderr, "usage: secmod-hsm1 %s\n", c->usage);
		return EXIT_USAGE;
	}
	log_init("secmod-hsm1", o.verbose);
	process_harden();
	if (c->run(&o, argv + 1 + optind, &e)) {
		log_warn("%s", e.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
