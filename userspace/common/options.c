// SPDX-License-Identifier: MIT
/* Command lines by table. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/options.h"
#include "common/process.h"

#define OPTIONS_MAX 40
#define HELP 1000 /* above the letters and the places of options */

/* A command line on its way. */
struct line {
	const struct program *p;
	const struct command *c; /* once it is known */
	char seen[OPTIONS_MAX];
	int help;
};

static void tell(const struct program *p, const char *fmt, va_list ap)
{
	fprintf(stderr, "%s: ", p->name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

static int wrong(const struct line *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(const struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(l->p, fmt, ap);
	va_end(ap);
	return -1;
}

static void usage(const struct line *l, FILE *f)
{
	const struct program *p = l->p;

	if (l->c) {
		fprintf(f, "usage: %s %s\n", p->name, l->c->usage);
		return;
	}
	fprintf(f, "usage: %s COMMAND %s\n", p->name, p->common);
	for (size_t i = 0; i < p->n_commands; i++)
		fprintf(f, "       %s\n", p->commands[i].usage);
}

/* The place of @word in the list, from 0; -1 when it is none of them. */
static int place_of(const char *word, const char *list)
{
	for (int place = 0;; place++) {
		size_t len = strcspn(list, "|");

		if (strlen(word) == len && !strncmp(word, list, len))
			return place;
		if (!list[len])
			return -1;
		list += len + 1;
	}
}

static int take_number(const struct line *l, const struct option_spec *s,
		       const char *text, void *value)
{
	char *end;
	int64_t v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || v < s->min ||
	    v > s->max)
		return wrong(l,
			     "--%s: '%s' is not a number from %" PRId64
			     " to %" PRId64,
			     s->name, text, s->min, s->max);
	if (s->kind == OPTION_LARGE)
		*(uint64_t *)value = (uint64_t)v;
	else
		*(int *)value = (int)v;
	return 0;
}

static int take_word(const struct line *l, const struct option_spec *s,
		     const char *text, int *value)
{
	int place = place_of(text, s->words);

	if (place < 0)
		return wrong(l, "--%s: '%s' is not one of %s", s->name, text,
			     s->words);
	*value = place;
	return 0;
}

static int append(const struct line *l, const struct option_spec *s,
		  const char *text, const char **list)
{
	int64_t n = 0;

	while (list[n])
		n++;
	if (n == s->max)
		return wrong(l, "--%s: more than %" PRId64 " times", s->name,
			     s->max);
	list[n] = text;
	return 0;
}

static int take(const struct line *l, const struct option_spec *s,
		struct options *o, const char *text)
{
	void *value = (char *)o + s->at;

	switch (s->kind) {
	case OPTION_TEXT:
		*(const char **)value = text;
		return 0;
	case OPTION_LIST:
		return append(l, s, text, value);
	case OPTION_FLAG:
		*(int *)value = 1;
		return 0;
	case OPTION_NUMBER:
	case OPTION_LARGE:
		return take_number(l, s, text, value);
	case OPTION_WORD:
		return take_word(l, s, text, value);
	}
	return -1;
}

/* As getopt wants them: long names, and the letters as a text. */
static void describe(const struct program *p, struct option *names,
		     char *letters)
{
	const struct option_spec *s;

	*letters++ = ':'; /* the words for what is wrong are ours */
	for (size_t i = 0; i < p->n_options && i < OPTIONS_MAX - 2; i++) {
		s = &p->options[i];
		names[i].name = s->name;
		names[i].has_arg = s->kind == OPTION_FLAG ? no_argument :
							    required_argument;
		names[i].val = OPTIONS_PLACE + (int)i;
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
		if (c == OPTIONS_PLACE + (int)i ||
		    (c && c == p->options[i].letter))
			return (int)i;
	return -1;
}

/* getopt took what stands before optind; optopt is a letter, a place, or 0. */
void options_error(const char *program, int c, char **argv)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	const char *word = optopt && optopt < OPTIONS_PLACE ? letter :
							      argv[optind - 1];

	if (c == ':')
		fprintf(stderr, "%s: %s needs a value\n", program, word);
	else if (optopt >= OPTIONS_PLACE)
		fprintf(stderr, "%s: '%s': there is no value to give\n",
			program, word);
	else
		fprintf(stderr, "%s: there is no option '%s'\n", program, word);
}

/* To the end even if something is wrong: only then is known what the command is. */
static int parse(struct line *l, struct options *o, int argc, char **argv)
{
	struct option names[OPTIONS_MAX] = { 0 };
	char letters[2 * OPTIONS_MAX + 2];
	int c, i, bad = 0;

	describe(l->p, names, letters);
	while ((c = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		i = spec_of(l->p, c);
		if (c == HELP || c == 'h')
			l->help = 1;
		else if (i >= 0 && !take(l, &l->p->options[i], o, optarg))
			l->seen[i] = 1;
		else
			bad = -1;
		if (c == ':' || c == '?')
			options_error(l->p->name, c, argv);
	}
	return bad;
}

/* How many words of the command line a command's name is; -1: it is another. */
static int named(const struct command *c, int argc, char **argv)
{
	const char *const words[] = { c->object, c->verb };
	int n;

	for (n = 0; n < 2 && words[n]; n++)
		if (n >= argc || strcmp(argv[n], words[n]))
			return -1;
	return n;
}

static void find(struct line *l, int *argc, char ***argv)
{
	for (size_t i = 0; i < l->p->n_commands && !l->c; i++) {
		int n = named(&l->p->commands[i], *argc, *argv);

		if (n < 0)
			continue;
		l->c = &l->p->commands[i];
		*argc -= n;
		*argv += n;
	}
}

/* "init", "module list"; "" for a program that is one command */
static const char *name_of(const struct command *c, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s%s", c->object ? c->object : "",
		 c->verb ? " " : "", c->verb ? c->verb : "",
		 c->object ? " " : "");
	return out;
}

/* Options of a group: "!a|b", "!a+b" of the command's text. */
struct group {
	int needed, exclusive, given;
	char names[128]; /* "--a or --b" */
	const char *first, *second; /* of those that are given */
};

static const char *read_group(const struct line *l, const char *text,
			      char takes[OPTIONS_MAX], struct group *g)
{
	size_t n = 0, len;

	*g = (struct group){ .needed = *text == '!' };
	text += g->needed;
	while (*text && *text != ' ') {
		len = strcspn(text, "|+ ");
		n += snprintf(g->names + n, sizeof(g->names) - n, "%s--%.*s",
			      n ? " or " : "", (int)len, text);
		for (size_t i = 0; i < l->p->n_options; i++) {
			const char *name = l->p->options[i].name;

			if (strncmp(name, text, len) || name[len])
				continue;
			takes[i] = 1;
			if (!l->seen[i])
				continue;
			*(g->given++ ? &g->second : &g->first) = name;
		}
		text += len;
		g->exclusive |= *text == '|';
		text += *text == '|' || *text == '+';
	}
	return *text ? text + 1 : text;
}

/* Are the options those that the command takes? */
static int check(const struct line *l)
{
	char takes[OPTIONS_MAX] = { 0 }, name[64];
	const char *text;
	struct group g;

	name_of(l->c, name, sizeof(name));
	for (text = l->c->options; *text;)
		text = read_group(l, text, takes, &g);
	for (size_t i = 0; i < l->p->n_options; i++)
		if (l->seen[i] && !takes[i] && !l->p->options[i].common)
			return wrong(l, "%sdoes not take --%s", name,
				     l->p->options[i].name);
	for (text = l->c->options; *text;) {
		text = read_group(l, text, takes, &g);
		if (g.exclusive && g.given > 1)
			return wrong(l, "--%s and --%s exclude each other",
				     g.first, g.second);
		if (g.needed && !g.given)
			return wrong(l, "%sneeds %s", name, g.names);
	}
	return 0;
}

static int count(const struct line *l, int argc, char **argv)
{
	if (argc < l->c->min_args)
		return wrong(l, "something is missing");
	if (argc > l->c->max_args)
		return wrong(l, "'%s' is too much", argv[l->c->max_args]);
	return 0;
}

const struct command *options_parse(const struct program *p, struct options *o,
				    int *argc, char ***argv)
{
	struct line l = { .p = p };
	int bad = parse(&l, o, *argc, *argv);

	*argc -= optind;
	*argv += optind;
	find(&l, argc, argv);
	if (l.help && !bad) {
		usage(&l, stdout);
		exit(EXIT_SUCCESS);
	}
	if (!bad && l.c && !check(&l) && !count(&l, *argc, *argv))
		return l.c;
	if (!bad && !l.c && *argc)
		wrong(&l, "there is no command '%s%s%s'", (*argv)[0],
		      *argc > 1 ? " " : "", *argc > 1 ? (*argv)[1] : "");
	usage(&l, stderr);
	return NULL;
}

int options_main(const struct program *p, struct options *o, const int *verbose,
		 int argc, char **argv)
{
	const struct command *c = options_parse(p, o, &argc, &argv);
	struct error e = { "" };

	if (!c)
		return EXIT_USAGE;
	log_init(p->name, *verbose);
	process_harden();
	if (c->run(o, argc, argv, &e))
		fatal("%s", e.text);
	return EXIT_SUCCESS;
}

int options_wrong(const struct program *p, const struct command *c,
		  const char *fmt, ...)
{
	struct line l = { .p = p, .c = c };
	va_list ap;

	va_start(ap, fmt);
	tell(p, fmt, ap);
	va_end(ap);
	usage(&l, stderr);
	return EXIT_USAGE;
}
