/* SPDX-License-Identifier: MIT */
/* A fleet for campaigns: modules that fail at every step, a server that dies at every step. */
#ifndef TESTS_UNIT_FLEET_H
#define TESTS_UNIT_FLEET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "campaign/campaign.h"

#define MODULES 10
#define OLD 0x38
#define NEW 0x39
#define NEVER 1000

/* Where a replacement can break. */
enum place { ASK_FIRST, REPLACE_BEFORE, REPLACE_AFTER, ASK_LAST, PLACES };

struct fleet_module {
	int kvn;
	uint8_t kcv; /* of the new keyset, 0: right */
	int loaded; /* how often the new keyset came */
	int wrong_tries; /* with a wrong replacement key */
	int locked; /* its master keyset, until it is loaded again */
};

/* Shared with child processes, as modules live on when the server dies. */
struct fleet_world {
	struct fleet_module modules[MODULES];
	int hits,
		kill_at; /* steps of all modules; the process dies at this one */
};

struct fleet {
	char dir[64], path[96];
	struct store *s;
	struct fleet_world *w;
	struct error e;
	struct campaign run;
	struct campaign_count count;
	/* module 3 fails with this at this place */
	enum place fail_at;
	int fail_with, asked[MODULES], progressed;
};

/* Of a struct fleet *f */
void fleet_ok(int r, const struct error *e, int line);
#define ok(expr) fleet_ok(expr, &f->e, __LINE__)

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fleet_setup, fleet_teardown)
int fleet_setup(void **state);
int fleet_teardown(void **state);

extern const struct campaign_ops fleet_ops;

void fleet_uid(int i, uint8_t uid[STORE_UID_SIZE]);
/* Plans the campaign of f->run. */
void fleet_start(struct fleet *f);
struct store_campaign_module fleet_journal_of_3(struct fleet *f);
/* Runs it in a process of its own; returns how that ended. */
int fleet_run_in_child(struct fleet *f);

#endif
