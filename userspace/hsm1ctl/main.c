// SPDX-License-Identifier: MIT
/* secmod-hsm1: sets up HSM 1 of an access server, gives it keys, asks it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/options.h"
#include "hsm1/hsm1.h"
#include "pki/pki.h"

struct options {
	const char *dir, *tcti, *authority, *out, *challenge, *uid;
	int version, explain, verbose;
};

static int do_init(const struct options *o, int argc, char **argv,
		   struct error *e)
{
	(void)argc;
	(void)argv;
	return hsm1_init(o->dir, o->tcti, o->authority, e);
}

static int do_request(const struct options *o, int argc, char **argv,
		      struct error *e)
{
	struct hsm1_names names;
	int ret = hsm1_request(o->dir, o->out, &names, e);

	(void)argc;
	(void)argv;
	if (!ret)
		printf("storage key %s\nendorsement key %s\n", names.storage,
		       names.endorsement);
	return ret;
}

static int do_answer(const struct options *o, int argc, char **argv,
		     struct error *e)
{
	(void)argc;
	(void)argv;
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

static int do_import(const struct options *o, int argc, char **argv,
		     struct error *e)
{
	char document[HSM1_TEXT_MAX], text[HSM1_TEXT_MAX];
	struct hsm1 *h;
	size_t len = 0;
	int ret = read_document(argv[0], document, &len, e);

	(void)argc;
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

static int do_status(const struct options *o, int argc, char **argv,
		     struct error *e)
{
	char text[HSM1_TEXT_MAX];
	struct hsm1 *h;
	int ret = hsm1_start(o->dir, NULL, &h, e);

	(void)argc;
	(void)argv;
	if (ret)
		return ret;
	ret = hsm1_status(h, text, e);
	hsm1_stop(h);
	if (!ret)
		printf("%s\n", text);
	return ret;
}

/* Without --explain: KVN and check values, as secmod-central compares them. */
static int do_derive(const struct options *o, int argc, char **argv,
		     struct error *e)
{
	char text[HSM1_TEXT_MAX],
		kcv[2 * sizeof(((struct hsm1_keyset *)0)->kcv) + 1];
	uint8_t uid[HSM1_UID_SIZE];
	struct hsm1_keyset k;
	struct hsm1 *h;
	int ret;

	(void)argc;
	(void)argv;
	if (pki_unhex(o->uid, uid, sizeof(uid)))
		return error_set(e, EINVAL, "'%s' is no UID: 32 hex digits",
				 o->uid);
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

static const struct command commands[] = {
	{ "init", NULL, 0, 0, "!authority tcti", do_init,
	  "init --authority FILE [--tcti CONF]" },
	{ "request", NULL, 0, 0, "!out", do_request, "request --out FILE" },
	{ "answer", NULL, 0, 0, "!challenge !out", do_answer,
	  "answer --challenge FILE --out FILE" },
	{ "import", NULL, 1, 1, "", do_import, "import FILE" },
	{ "status", NULL, 0, 0, "", do_status, "status" },
	{ "derive", NULL, 0, 0, "explain !uid version", do_derive,
	  "derive [--explain] --uid UID [--version N]" },
};

static const struct option_spec specs[] = {
	OPTION(TEXT, "dir", dir, .common = 1),
	OPTION(TEXT, "tcti", tcti),
	OPTION(TEXT, "authority", authority),
	OPTION(TEXT, "out", out),
	OPTION(TEXT, "challenge", challenge),
	OPTION(TEXT, "uid", uid),
	OPTION(NUMBER, "version", version, .min = 1, .max = 9999),
	OPTION(FLAG, "explain", explain),
	OPTION(FLAG, "verbose", verbose, .letter = 'v', .common = 1),
};

static const struct program program = {
	.name = "secmod-hsm1",
	.common = "[--dir DIR] [-v]",
	.options = specs,
	.n_options = sizeof(specs) / sizeof(specs[0]),
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
};

int main(int argc, char **argv)
{
	struct options o = { .dir = HSM1_DIR, .tcti = "device:/dev/tpmrm0" };

	return options_main(&program, &o, &o.verbose, argc, argv);
}
