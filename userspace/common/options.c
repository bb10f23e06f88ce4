// SPDX-License-Identifier: MIT
/* Command lines by table. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"

#define OPTIONS_MAX 40
#define HELP 1000 /* above the letters and the places of options */
#define PLACE 256

static void usage(const struct program *p, FILE *f)
{
	fprintf(f, "usage: %s COMMAND %s\n", p->name, p->common);
	for (size_t i = 0; i < p->n_commands; i++)
		fprintf(f, "       %s\n", p->commands[i].usage);
}

/* Is @word one of those in @list, which @between stands between? */
static int place_of(const char *word, const char *list, char between)
{
	size_t len = strlen(word);
	int place = 0;

	for (; list; place++) {
		const char *end = strchr(list, between);

		if (strncmp(list, word, len) == 0 &&
		    (list[len] == between || !list[len]))
			return place;
		list = end ? end + 1 : NULL;
	}
	return -1;
}

static int take_number(const struct program *p, const struct option_spec *s,
		       const char *text, int *out)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (end == text || *end || v < s->min || v > s->max) {
		fprintf(stderr, "%s: '%s' is not a number from %d to %d\n",
			p->name, text, s->min, s->max);
		return -1;
	}
	*out = (int)v;
	return 0;
}

static int take(const struct program *p, const struct option_spec *s,
		struct options *o, const char *text)
{
	void *value = (char *)o + s->at;

	switch (s->kind) {
	case OPTION_TEXT:
		*(const char **)value = text;
		return 0;
	case OPTION_FLAG:
		*(int *)value = 1;
		return 0;
	case OPTION_NUMBER:
		return take_number(p, s, text, value);
	case OPTION_WORD:
		*(int *)value = place_of(text, s->words, '|');
		if (*(int *)value >= 0)
			return 0;
		fprintf(stderr, "%s: --%s takes %s\n", p->name, s->name,
			s->words);
	}
	return -1;
}

/* As getopt wants them: long names, and the letters as a text. */
static void describe(const struct program *p, struct option *names,
		     char *letters)
{
	const struct option_spec *s;

	for (size_t i = 0; i < p->n_options && i < OPTIONS_MAX - 2; i++) {
		s = &p->options[i];
		names[i].name = s->name;
		names[i].has_arg = s->kind == OPTION_FLAG ? no_argument :
							    required_argument;
		names[i].val = PLACE + (int)i;
		if (s->letter)
			*letters++ = (char)s->letter;
		if (s->letter && s->kind != OPTION_FLAG)
			*letters++ = ':';
	}
	names[p->n_options] =
		(struct option){ "help", no_argument, NULL, HELP };
	*letters++ = 'h';
	*letters = '\0';
}

static int spec_of(const struct program *p, int c)
{
	for (size_t i = 0; i < p->n_options; i++)
		if (c == PLACE + (int)i || (c && c == p->options[i].letter))
			return (int)i;
	return -1;
}

static int parse(const struct program *p, struct options *o, int argc,
		 char **argv, char seen[OPTIONS_MAX])
{
	struct option names[OPTIONS_MAX] = { 0 };
	char letters[2 * OPTIONS_MAX];
	int c, i;

	describe(p, names, letters);
	while ((c = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		if (c == HELP || c == 'h') {
			usage(p, stdout);
			exit(EXIT_SUCCESS);
		}
		i = spec_of(p, c);
		if (i < 0 || take(p, &p->options[i], o, optarg))
			return -1;
		seen[i] = 1;
	}
	return 0;
}

static const struct command *find(const struct program *p, int argc,
				  char **argv, int *used)
{
	for (size_t i = 0; i < p->n_commands; i++) {
		const struct command *c = &p->commands[i];

		*used = c->verb ? 2 : 1;
		if (argc >= *used && !strcmp(argv[0], c->object) &&
		    (!c->verb || !strcmp(argv[1], c->verb)))
			return c;
	}
	return NULL;
}

static int takes_all(const struct program *p, const struct command *c,
		     const char seen[OPTIONS_MAX])
{
	for (size_t i = 0; i < p->n_options; i++)
		if (seen[i] && !p->options[i].common &&
		    place_of(p->options[i].name, c->options, ' ') < 0)
			return 0;
	return 1;
}

const struct command *options_parse(const struct program *p, struct options *o,
				    int *argc, char ***argv)
{
	char seen[OPTIONS_MAX] = { 0 };
	const struct command *c;
	int used;

	if (parse(p, o, *argc, *argv, seen)) {
		usage(p, stderr);
		return NULL;
	}
	*argc -= optind;
	*argv += optind;
	c = find(p, *argc, *argv, &used);
	if (!c) {
		usage(p, stderr);
		return NULL;
	}
	*argc -= used;
	*argv += used;
	if (*argc >= c->min_args && *argc <= c->max_args &&
	    takes_all(p, c, seen))
		return c;
	fprintf(stderr, "usage: %s %s\n", p->name, c->usage);
	return NULL;
}
