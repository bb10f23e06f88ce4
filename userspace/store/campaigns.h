/* SPDX-License-Identifier: MIT */
/* Campaigns: one master keyset for many modules, and how far each of them is. */
#ifndef SECMOD_STORE_CAMPAIGNS_H
#define SECMOD_STORE_CAMPAIGNS_H

#include "store/store.h"

enum store_step {
	STEP_PLANNED, /* still has the old keyset, as far as is known */
	STEP_BEGUN, /* perhaps replaced: the module has to be asked */
	STEP_DONE,
	STEP_FAILED,
	STEP_SKIPPED,
	STEP_COUNT
};
const char *store_step_name(enum store_step step);

struct store_campaign {
	int64_t id;
	int kvn, version; /* of the new master keyset; of the KMS's block */
	char state[16]; /* running, done, aborted */
	char reason[STORE_TEXT_MAX];
	int64_t started, ended;
};

struct store_campaign_module {
	uint8_t uid[STORE_UID_SIZE];
	char serial[33];
	enum store_step step;
	char cause[STORE_TEXT_MAX];
	int tries; /* how often it was begun */
	int64_t changed;
};

/*
 * Plans it for all modules of the registry; @c gives kvn and version and gets the
 * rest. -EEXIST: another campaign is running. Belongs into a store_begin().
 */
int store_campaign_start(struct store *s, struct store_campaign *c,
			 struct error *e);
/* @id 0: the last one. */
int store_campaign_find(struct store *s, int64_t id, struct store_campaign *out,
			struct error *e);
int store_campaign_step(struct store *s, int64_t id,
			const uint8_t uid[STORE_UID_SIZE], enum store_step step,
			const char *cause, struct error *e);
typedef int (*store_campaign_fn)(void *arg,
				 const struct store_campaign_module *m);
int store_campaign_modules(struct store *s, int64_t id, store_campaign_fn fn,
			   void *arg, struct error *e);
/* -ESTALE when it is not running. @state: done or aborted. */
int store_campaign_end(struct store *s, int64_t id, const char *state,
		       const char *reason, struct error *e);

#endif
