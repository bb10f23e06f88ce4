/* SPDX-License-Identifier: MIT */
/*
 * Campaigns: every module of the registry gets a new master keyset. The journal in the
 * store tells how far each is; what a module really has is what it says when it is
 * asked, before and after. So whatever breaks at whatever moment, going on is safe.
 */
#ifndef SECMOD_CAMPAIGN_CAMPAIGN_H
#define SECMOD_CAMPAIGN_CAMPAIGN_H

#include "store/campaigns.h"
#include "store/keys.h"

#define CAMPAIGN_PARALLEL_MAX 64
#define CAMPAIGN_KEYSETS_MAX 8

struct campaign_has { /* the keysets of a module */
	struct store_keyset keysets[CAMPAIGN_KEYSETS_MAX];
	uint8_t locked[CAMPAIGN_KEYSETS_MAX]; /* each: no tries are left */
	size_t n;
};

struct campaign_count {
	int total, of[STEP_COUNT];
};

/*
 * What a campaign does to a module. Called by several threads at a time, for different
 * modules. Functions return 0 or -errno with a text; one that campaign_is_transient() knows leaves
 * the module for later, any other fails it.
 */
struct campaign_ops {
	/* Which keysets has it? */
	int (*ask)(void *arg, const uint8_t uid[STORE_UID_SIZE],
		   struct campaign_has *has, struct error *e);
	/* The check values of the campaign's keyset for this module. */
	int (*wanted)(void *arg, const struct store_campaign *c,
		      const uint8_t uid[STORE_UID_SIZE],
		      uint8_t kcv[STORE_KCV_MAX], struct error *e);
	/* With its cryptogram. */
	int (*replace)(void *arg, const struct store_campaign *c,
		       const uint8_t uid[STORE_UID_SIZE], const uint8_t *cms,
		       size_t len, struct error *e);
	/* A module has come to another step; never two calls at a time. */
	void (*progress)(void *arg, const struct store_campaign_module *m,
			 const struct campaign_count *count);
};

struct campaign {
	struct store *store;
	struct store_campaign c;
	const struct campaign_ops *ops;
	void *arg;
	int parallel;
	int retry_failed;
	const volatile int *stop; /* not 0: begin no other module */
};

/* No connection, no answer in time: the module's keys are not the reason. */
int campaign_is_transient(int r);
/*
 * Goes through all modules that are planned or begun. Ends the campaign when none is
 * left. -ECANCELED when it was aborted or told to stop, -EIO when the journal cannot be
 * written: then nothing more is begun.
 */
int campaign_run(struct campaign *run, struct campaign_count *count,
		 struct error *e);
int campaign_count(struct store *s, int64_t id, struct campaign_count *count,
		   struct error *e);

#endif
