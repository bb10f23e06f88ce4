/* SPDX-License-Identifier: MIT */
/*
 * The command line of a program, as tables: its options, each with the place of its
 * value in the program's own struct options, and its commands, each with the options
 * it takes. Options may stand anywhere.
 */
#ifndef SECMOD_COMMON_OPTIONS_H
#define SECMOD_COMMON_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { EXIT_USAGE = 2 };

struct options; /* the program's */

enum option_kind {
	OPTION_TEXT, /* const char * */
	OPTION_LIST, /* const char *[max + 1], may be given max times */
	OPTION_FLAG, /* int, becomes 1 */
	OPTION_NUMBER, /* int, from min to max */
	OPTION_LARGE, /* uint64_t, from min to max */
	OPTION_WORD, /* int, the place of the word in words, from 0 */
};

struct option_spec {
	const char *name; /* without "--" */
	int letter; /* "-x" as well; 0: none */
	enum option_kind kind;
	size_t at; /* offsetof(struct options, ...) */
	int64_t min, max;
	const char *words; /* "known|auto" */
	int common; /* every command takes it */
};

#define OPTION(kind_, name_, field, ...)                             \
	{                                                            \
		.name = name_, .kind = OPTION_##kind_,               \
		.at = offsetof(struct options, field), ##__VA_ARGS__ \
	}

struct command {
	const char *object,
		*verb; /* verb may be NULL; both: the program is one command */
	int min_args, max_args;
	/*
	 * Names of those it takes, a blank between them. "a|b": not both of them; "!a": it
	 * is needed; "!a|b", "!a+b": one of them is.
	 */
	const char *options;
	int (*run)(const struct options *o, int argc, char **argv,
		   struct error *e);
	const char *usage; /* without the program's name */
};

struct program {
	const char *name;
	const char *common; /* in the usage, of all commands */
	const struct option_spec *options;
	size_t n_options;
	const struct command *commands;
	size_t n_commands;
};

/*
 * Writes the options to @o; @argc and @argv become what is left for the command. NULL after
 * telling what is wrong: then EXIT_USAGE is the program's status. Exits after --help.
 */
const struct command *options_parse(const struct program *p, struct options *o,
				    int *argc, char ***argv);
/*
 * The whole of a program of commands: parses, hardens the process, runs. @verbose: where
 * in @o that option is. Returns what main() is to return.
 */
int options_main(const struct program *p, struct options *o, const int *verbose,
		 int argc, char **argv);
/* What no table says: tells it as options_parse() does. EXIT_USAGE */
int options_wrong(const struct program *p, const struct command *c,
		  const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Tells what getopt_long() refused with @c, where ":" is the first of its letters and the
 * values of long options begin with OPTIONS_PLACE.
 */
#define OPTIONS_PLACE 256
void options_error(const char *program, int c, char **argv);

#endif
