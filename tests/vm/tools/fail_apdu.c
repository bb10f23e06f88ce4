// SPDX-License-Identifier: MIT
/*
 * fail_apdu DIRECTORY VAULT TRIAL FIRST STEP: in one call to the executive, or with keys
 * that came through it, the first, second, ... allocation or copy fails, until there is
 * none left to fail. DIRECTORY has the central system's key and certificate.
 *
 * The call succeeds, or it fails and says so: then nothing has changed. Only of an answer
 * that got lost neither is known. After each failure the same call works.
 *
 * Prints "TRIAL FIRST STEP POINTS [OUTCOME=COUNT ...]", "TRIAL at N: what is wrong", or
 * "TRIAL lost N": after this one the call cannot be repeated, begin again behind it.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail_apdu/world.h"

#define POINTS_MAX 20000

/* What a failure may be told as, and whether then nothing has changed. */
static const struct {
	int error;
	uint16_t sw;
	const char *name;
	int unchanged;
} outcomes[] = {
	{ 0, GP_OK, "OK", 0 },	  { ENOMEM, 0, "ENOMEM", 1 },
	{ EIO, 0, "EIO", 1 },	  { EFAULT, 0, "EFAULT", 0 },
	{ 0, 0x6400, "6400", 1 }, { 0, 0x6982, "6982", 1 },
	{ 0, 0x6581, "6581", 0 },
};

#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

static unsigned int count[OUTCOMES];
static int wrong;

static void complain(const struct trial *t, const char *what,
		     const struct error *e)
{
	printf("%s at %u: %s: %s\n", t->name, w.n, what, e->text);
	wrong = 1;
}

/* OUTCOMES: none that may be. */
static size_t outcome(const struct trial *t, int rc)
{
	size_t i;

	for (i = 0; i < OUTCOMES; i++)
		if (!rc ? !i :
		    w.error || !t->ins ?
			  outcomes[i].error == (w.error ? w.error : -rc) :
			  i && outcomes[i].sw == w.card.sw)
			return i;
	return OUTCOMES;
}

static void judge(const struct trial *t, int rc, const struct snapshot *was,
		  const struct error *e)
{
	const size_t i = outcome(t, rc);
	struct snapshot is;
	int changed;

	if (i == OUTCOMES) {
		complain(t, "not a failure of memory", e);
		return;
	}
	count[i]++;
	look(&is);
	changed = memcmp(was, &is, sizeof(is)) != 0;
	if (!rc && changed != t->changes)
		complain(t, "done, and the module is not as after it", e);
	if (rc && outcomes[i].unchanged && changed)
		complain(t, "refused, and the module is not as before", e);
}

static int may_go_on(const struct trial *t)
{
	struct snapshot s;

	if (!t->once)
		return 1;
	look(&s);
	if (s.status.state != SECMOD_STATE_OPERATING)
		return 0;
	for (size_t i = 0; i < s.info.count; i++)
		if (s.info.keys[i].kvn == KDC)
			return 1;
	return 0;
}

static void report(const struct trial *t, unsigned int first, unsigned int step)
{
	size_t i;

	printf("%s %u %u %u", t->name, first, step, w.n - 1);
	for (i = 0; i < OUTCOMES; i++)
		if (count[i])
			printf(" %s=%u", outcomes[i].name, count[i]);
	printf("\n");
}

/* Returns 0 when there was nothing left that could fail. */
static int try(const struct trial *t)
{
	struct error e = { "" };
	struct snapshot was;
	int rc;

	t->before();
	look(&was);
	w.armed = 1;
	w.struck = w.error = 0;
	rc = t->act(&e);
	w.armed = 0;
	judge(t, rc, &was, &e);
	return w.struck;
}

static void must_work(const struct trial *t)
{
	struct error e = { "" };

	t->before();
	if (t->act(&e))
		complain(t, "and then does not work", &e);
}

int main(int argc, char **argv)
{
	const struct trial *t = trials;
	unsigned int first, step;

	if (argc != 6)
		return 2;
	while (t < trials + trials_count && strcmp(t->name, argv[3]) != 0)
		t++;
	if (t == trials + trials_count)
		errx(2, "what is %s", argv[3]);
	first = (unsigned int)atoi(argv[4]);
	step = (unsigned int)atoi(argv[5]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	world_open(argv[1], argv[2]);
	w.ins = t->ins;
	for (w.n = first; w.n < POINTS_MAX && try(t); w.n += step) {
		if (!may_go_on(t)) {
			report(t, first, step);
			printf("%s lost %u\n", t->name, w.n);
			return 0;
		}
		if (!t->once)
			must_work(t);
	}
	report(t, first, step);
	return wrong;
}
