// SPDX-License-Identifier: MIT
/* Campaigns and the step each module is at. */
#include <errno.h>
#include <string.h>

#include "store/campaigns.h"
#include "store/internal.h"

static const char *const steps[STEP_COUNT] = {
	[STEP_PLANNED] = "planned", [STEP_BEGUN] = "begun",
	[STEP_DONE] = "done",	    [STEP_FAILED] = "failed",
	[STEP_SKIPPED] = "skipped",
};

const char *store_step_name(enum store_step step)
{
	return steps[step];
}

int store_campaign_start(struct store *s, struct store_campaign *c,
			 struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_CAMPAIGN_START, e);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int(st, 1, c->kvn);
	sqlite3_bind_int(st, 2, c->version);
	sqlite3_bind_int64(st, 3, store_now());
	r = store_run(s, st, "start a campaign in", e);
	if (r == -EIO &&
	    sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE)
		return error_set(e, EEXIST,
				 "a campaign is running; 'campaign resume' "
				 "goes on with it, 'campaign abort' ends it");
	if (r)
		return r;
	c->id = sqlite3_last_insert_rowid(s->db);
	st = store_stmt(s, Q_CAMPAIGN_PLAN, e);
	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, c->id);
	sqlite3_bind_int64(st, 2, store_now());
	r = store_run(s, st, "plan a campaign in", e);
	return r ? r : store_campaign_find(s, c->id, c, e);
}

int store_campaign_find(struct store *s, int64_t id, struct store_campaign *out,
			struct error *e)
{
	sqlite3_stmt *st =
		store_stmt(s, id ? Q_CAMPAIGN_FIND : Q_CAMPAIGN_LAST, e);
	int r;

	if (!st)
		return -EIO;
	if (id)
		sqlite3_bind_int64(st, 1, id);
	r = store_next(s, st, "read", e);
	if (r < 0)
		return r;
	if (!r)
		return error_set(e, ENOENT,
				 id ? "there is no such campaign" :
				      "there is no campaign yet");
	memset(out, 0, sizeof(*out));
	out->id = sqlite3_column_int64(st, 0);
	out->kvn = sqlite3_column_int(st, 1);
	out->version = sqlite3_column_int(st, 2);
	store_get_text(st, 3, out->state, sizeof(out->state));
	store_get_text(st, 4, out->reason, sizeof(out->reason));
	out->started = sqlite3_column_int64(st, 5);
	out->ended = sqlite3_column_int64(st, 6);
	sqlite3_reset(st);
	return 0;
}

int store_campaign_step(struct store *s, int64_t id,
			const uint8_t uid[STORE_UID_SIZE], enum store_step step,
			const char *cause, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_CAMPAIGN_STEP, e);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, id);
	store_bind_blob(st, 2, uid, STORE_UID_SIZE);
	store_bind_text(st, 3, steps[step]);
	store_bind_text(st, 4, cause);
	sqlite3_bind_int64(st, 5, store_now());
	r = store_run(s, st, "record a campaign's step in", e);
	if (!r && !sqlite3_changes(s->db))
		return error_set(e, ENOENT,
				 "the module is not part of the campaign");
	return r;
}

static int read_one(sqlite3_stmt *st, struct store_campaign_module *m)
{
	char step[16];
	size_t i = 0;

	memset(m, 0, sizeof(*m));
	store_get_text(st, 1, m->serial, sizeof(m->serial));
	store_get_text(st, 2, step, sizeof(step));
	while (i < STEP_COUNT - 1 && strcmp(steps[i], step))
		i++;
	m->step = (enum store_step)i;
	store_get_text(st, 3, m->cause, sizeof(m->cause));
	m->tries = sqlite3_column_int(st, 4);
	m->changed = sqlite3_column_int64(st, 5);
	return store_get_blob(st, 0, m->uid, sizeof(m->uid));
}

int store_campaign_modules(struct store *s, int64_t id, store_campaign_fn fn,
			   void *arg, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_CAMPAIGN_MODULES, e);
	struct store_campaign_module m;
	int r = 0;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, id);
	while (store_row(s, st, &r, e))
		r = read_one(st, &m) ?: fn(arg, &m);
	return r;
}

int store_campaign_end(struct store *s, int64_t id, const char *state,
		       const char *reason, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_CAMPAIGN_END, e);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, id);
	store_bind_text(st, 2, state);
	store_bind_text(st, 3, reason);
	sqlite3_bind_int64(st, 4, store_now());
	r = store_run(s, st, "end a campaign in", e);
	if (!r && !sqlite3_changes(s->db))
		return error_set(e, ESTALE, "the campaign is not running");
	return r;
}
