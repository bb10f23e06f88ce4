// SPDX-License-Identifier: MIT
/* Command lines by table: what is taken, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/options.h"

#define WORDS_MAX 16

struct options {
	const char *dir, *csr, *key, *list[3];
	int json, verbose, days, mode;
	uint64_t large;
};

static int nothing(const struct options *o, int argc, char **argv,
		   struct error *e)
{
	(void)o;
	(void)argc;
	(void)argv;
	(void)e;
	return 0;
}

static const struct command commands[] = {
	{ "make", NULL, 0, 1, "!dir days mode large", nothing,
	  "make --dir DIR [--days N] [FILE]" },
	{ "sign", NULL, 1, 1, "!csr|key json", nothing, "sign FILE" },
	{ "trust", NULL, 0, 0, "!list+csr", nothing, "trust" },
	{ "list", "all", 0, 0, "json", nothing, "list all [--json]" },
	{ "list", "some", 1, 2, "", nothing, "list some NAME..." },
};

static const struct option_spec specs[] = {
	OPTION(TEXT, "dir", dir),
	OPTION(TEXT, "csr", csr),
	OPTION(TEXT, "key", key),
	OPTION(LIST, "list", list, .max = 2),
	OPTION(FLAG, "json", json, .letter = 'j'),
	OPTION(NUMBER, "days", days, .min = 1, .max = 30),
	OPTION(LARGE, "large", large, .max = INT64_MAX),
	OPTION(WORD, "mode", mode, .words = "slow|fast"),
	OPTION(FLAG, "verbose", verbose, .letter = 'v', .common = 1),
};

static const struct program program = {
	.name = "prog",
	.common = "[-v]",
	.options = specs,
	.n_options = sizeof(specs) / sizeof(specs[0]),
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
};

static const struct command only = { .max_args = 1,
				     .options = "dir !csr",
				     .usage = "--csr FILE [WORD]" };
static const struct program simple = {
	.name = "simple",
	.options = specs,
	.n_options = sizeof(specs) / sizeof(specs[0]),
	.commands = &only,
	.n_commands = 1,
};

/* What a command line of words between blanks comes to. */
struct parsed {
	const struct command *c;
	struct options o;
	int argc;
	char **argv;
	char line[256], *words[WORDS_MAX];
};

static void parse(const struct program *p, const char *line, struct parsed *out)
{
	char *word;

	memset(out, 0, sizeof(*out));
	snprintf(out->line, sizeof(out->line), "%s", line);
	out->words[out->argc++] = (char *)"program";
	for (word = strtok(out->line, " "); word; word = strtok(NULL, " "))
		out->words[out->argc++] = word;
	out->argv = out->words;
	optind = 0;
	out->c = options_parse(p, &out->o, &out->argc, &out->argv);
}

/* The same in another process: its exit status (100: taken), and what it says. */
static int said(const struct program *p, const char *line, char text[4096])
{
	FILE *f = tmpfile();
	struct parsed got;
	int status;
	size_t n;

	assert_non_null(f);
	if (!fork()) {
		dup2(fileno(f), STDOUT_FILENO);
		dup2(fileno(f), STDERR_FILENO);
		parse(p, line, &got);
		fflush(NULL);
		_exit(got.c ? 100 : EXIT_USAGE);
	}
	wait(&status);
	rewind(f);
	n = fread(text, 1, 4095, f);
	text[n] = 0;
	fclose(f);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void taken(void **state)
{
	struct parsed got;

	(void)state;
	parse(&program,
	      "make --dir d --days 30 --mode fast --large 9223372036854775807 f",
	      &got);
	assert_ptr_equal(got.c, &commands[0]);
	assert_string_equal(got.o.dir, "d");
	assert_int_equal(got.o.days, 30);
	assert_int_equal(got.o.mode, 1);
	assert_true(got.o.large == INT64_MAX);
	assert_int_equal(got.argc, 1);
	assert_string_equal(got.argv[0], "f");
	/* anywhere, short, abbreviated, with "=" */
	parse(&program, "-v --d=x make", &got);
	assert_null(got.c); /* --dir or --days? */
	parse(&program, "-v --di=x make", &got);
	assert_ptr_equal(got.c, &commands[0]);
	assert_string_equal(got.o.dir, "x");
	assert_int_equal(got.o.verbose, 1);
	assert_int_equal(got.argc, 0);
	parse(&program, "sign -vj --key k f", &got);
	assert_ptr_equal(got.c, &commands[1]);
	assert_int_equal(got.o.json + got.o.verbose, 2);
	parse(&program, "trust --list a --list b --csr c", &got);
	assert_ptr_equal(got.c, &commands[2]);
	assert_string_equal(got.o.list[1], "b");
	assert_null(got.o.list[2]);
	parse(&program, "list some -- --json", &got);
	assert_ptr_equal(got.c, &commands[4]);
	assert_string_equal(got.argv[0], "--json");
	parse(&simple, "--csr c word", &got);
	assert_ptr_equal(got.c, &only);
	assert_string_equal(got.argv[0], "word");
}

static void refused(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "", "usage: prog COMMAND [-v]\n       make --dir" },
		{ "paint", "prog: there is no command 'paint'\nusage: prog C" },
		{ "list", "prog: there is no command 'list'\n" },
		{ "list none", "prog: there is no command 'list none'\n" },
		{ "make --colour",
		  "prog: there is no option '--colour'\nusage: prog make --dir" },
		{ "make -x", "prog: there is no option '-x'\n" },
		{ "make -vx", "prog: there is no option '-x'\n" },
		{ "make --dir", "prog: --dir needs a value\nusage: prog make" },
		{ "sign --json=1 --csr c f",
		  "prog: '--json=1': there is no value to give\n" },
		{ "make --dir d --days 0",
		  "prog: --days: '0' is not a number from 1 to 30\nusage: prog make" },
		{ "make --dir d --days 31",
		  "'31' is not a number from 1 to 30\n" },
		{ "make --dir d --days -1",
		  "'-1' is not a number from 1 to 30\n" },
		{ "make --dir d --days 4294967297",
		  "'4294967297' is not a number" },
		{ "make --dir d --days 1x", "'1x' is not a number" },
		{ "make --dir d --days=", "'' is not a number" },
		{ "make --dir d --large 9223372036854775808",
		  "'9223372036854775808' is not a number from 0 to 9223372036854775807\n" },
		{ "make --dir d --mode quick",
		  "prog: --mode: 'quick' is not one of slow|fast\n" },
		{ "make --dir d --mode slow|fast", "is not one of" },
		{ "make --days 1", "prog: make needs --dir\n" },
		{ "make --dir d --json", "prog: make does not take --json\n" },
		{ "make --json", "prog: make does not take --json\n" },
		{ "list all --dir d", "prog: list all does not take --dir\n" },
		{ "sign f", "prog: sign needs --csr or --key\n" },
		{ "sign --key k --csr c f",
		  "prog: --csr and --key exclude each other\nusage: prog sign FILE\n" },
		{ "trust", "prog: trust needs --list or --csr\n" },
		{ "trust --list a --list b --list c",
		  "prog: --list: more than 2 times\n" },
		{ "sign --csr c",
		  "prog: something is missing\nusage: prog sign FILE\n" },
		{ "sign --csr c f g", "prog: 'g' is too much\n" },
	};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (said(&program, rows[i].line, text) != EXIT_USAGE ||
		    !strstr(text, rows[i].says))
			fail_msg("'%s': %s", rows[i].line, text);
	}
	assert_int_equal(said(&simple, "--dir d", text), EXIT_USAGE);
	assert_string_equal(text, "simple: needs --csr\n"
				  "usage: simple --csr FILE [WORD]\n");
	assert_int_equal(said(&simple, "--csr c --json", text), EXIT_USAGE);
	assert_non_null(strstr(text, "simple: does not take --json\n"));
}

static void help(void **state)
{
	char all[4096], text[4096];

	(void)state;
	assert_int_equal(said(&program, "--help", all), 0);
	assert_non_null(strstr(all, "usage: prog COMMAND [-v]\n"));
	assert_non_null(strstr(all, "\n       list some NAME...\n"));
	assert_int_equal(said(&program, "-h", text), 0);
	assert_string_equal(text, all);
	/* of a command, whatever else it needs */
	assert_int_equal(said(&program, "make --help", text), 0);
	assert_string_equal(text,
			    "usage: prog make --dir DIR [--days N] [FILE]\n");
	assert_int_equal(said(&program, "--help list all", text), 0);
	assert_string_equal(text, "usage: prog list all [--json]\n");
	/* but what is wrong is told */
	assert_int_equal(said(&program, "make --help --colour", text),
			 EXIT_USAGE);
}

#define CASE(name, function)                     \
	{                                        \
		name, function, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("options of each kind, anywhere", taken),
		CASE("what is wrong is said in the same words", refused),
		CASE("help, of the program or of a command", help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
