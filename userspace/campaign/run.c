// SPDX-License-Identifier: MIT
/* Runs a campaign: threads that take one module after the other. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/campaign.h"

struct list {
	struct store_campaign_module *all;
	size_t n, room;
};

struct state {
	struct campaign *run;
	struct list list;
	size_t next;
	struct campaign_count count;
	pthread_mutex_t lock; /* of all above, the store and progress() */
	int broken; /* -errno: nothing more is begun */
	struct error e;
};

int campaign_is_transient(int r)
{
	static const int transient[] = { ENOTCONN, ECONNRESET,	 ETIMEDOUT,
					 EPIPE,	   EREMOTEIO,	 ECONNREFUSED,
					 EBUSY,	   ECONNABORTED, EAGAIN };

	for (size_t i = 0; i < sizeof(transient) / sizeof(transient[0]); i++)
		if (r == -transient[i])
			return 1;
	return 0;
}

/* Nor when what is missing is missing here: HSM 1 cannot recover the cryptogram. */
static int is_for_later(int r)
{
	return campaign_is_transient(r) || r == -ENOKEY;
}

static int collect(void *arg, const struct store_campaign_module *m)
{
	struct list *l = arg;
	struct store_campaign_module *more;

	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		more = realloc(l->all, l->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->all = more;
	}
	l->all[l->n++] = *m;
	return 0;
}

static int add_count(void *arg, const struct store_campaign_module *m)
{
	struct campaign_count *count = arg;

	count->total++;
	count->of[m->step]++;
	return 0;
}

int campaign_count(struct store *s, int64_t id, struct campaign_count *count,
		   struct error *e)
{
	memset(count, 0, sizeof(*count));
	return store_campaign_modules(s, id, add_count, count, e);
}

/*
 * Journal
 */

static int record(struct state *s, struct store_campaign_module *m,
		  enum store_step step, const char *cause,
		  const struct campaign_has *has, struct error *e)
{
	struct campaign *run = s->run;
	int r = store_begin(run->store, e);

	if (r)
		return r;
	r = store_campaign_step(run->store, run->c.id, m->uid, step, cause, e);
	if (!r && has)
		r = store_keysets_seen(run->store, m->uid, has->keysets, has->n,
				       e);
	if (!r)
		return store_commit(run->store, e);
	store_rollback(run->store);
	return r;
}

/* What cannot be written into the journal is not done. */
static int go(struct state *s, struct store_campaign_module *m,
	      enum store_step step, const char *cause,
	      const struct campaign_has *has)
{
	struct error e;
	int r;

	pthread_mutex_lock(&s->lock);
	r = record(s, m, step, cause, has, &e);
	if (r && !s->broken) {
		s->broken = r;
		s->e = e;
	}
	if (!r) {
		s->count.of[m->step]--;
		s->count.of[step]++;
		m->step = step;
		m->tries += step == STEP_BEGUN && !*cause;
		snprintf(m->cause, sizeof(m->cause), "%s", cause);
		s->run->ops->progress(s->run->arg, m, &s->count);
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

/*
 * One module
 */

/* HAS_OLD: it has to be replaced, for it is older, or locked */
enum verdict { HAS_OLD, HAS_NEW, HAS_OTHER };

static enum verdict judge(const struct campaign *run,
			  const struct campaign_has *has,
			  const uint8_t kcv[STORE_KCV_MAX])
{
	for (size_t i = 0; i < has->n; i++) {
		if (has->keysets[i].kvn != run->c.kvn)
			continue;
		if (memcmp(has->keysets[i].kcv, kcv, STORE_KCV_MAX))
			return HAS_OTHER;
		return has->locked[i] ? HAS_OLD : HAS_NEW;
	}
	return HAS_OLD;
}

static void after(struct state *s, struct store_campaign_module *m, int r,
		  const char *why, const struct campaign_has *has,
		  enum verdict verdict)
{
	char cause[STORE_TEXT_MAX];

	if (verdict == HAS_NEW && r)
		snprintf(cause, sizeof(cause), "the answer was lost: %.200s",
			 why);
	else
		snprintf(cause, sizeof(cause), "%s",
			 verdict == HAS_NEW   ? "" :
			 verdict == HAS_OTHER ? "another key has this version" :
			 r		      ? why :
			     "it still has the old keyset, or a locked one");
	if (verdict == HAS_NEW)
		go(s, m, STEP_DONE, cause, has);
	else if (verdict == HAS_OLD && is_for_later(r))
		go(s, m, STEP_PLANNED, cause, has);
	else
		go(s, m, STEP_FAILED, cause, has);
}

static int do_replace(struct state *s, struct store_campaign_module *m,
		      struct error *e)
{
	const struct campaign *run = s->run;
	uint8_t *cms = NULL;
	size_t len = 0;
	int r;

	pthread_mutex_lock(&s->lock);
	r = store_cryptogram(run->store, m->uid, &cms, &len, e);
	pthread_mutex_unlock(&s->lock);
	if (!r)
		r = run->ops->replace(run->arg, &run->c, m->uid, cms, len, e);
	free(cms);
	return r;
}

static void replace(struct state *s, struct store_campaign_module *m,
		    const uint8_t kcv[STORE_KCV_MAX])
{
	const struct campaign *run = s->run;
	struct campaign_has has;
	struct error e = { "" }, lost;
	int r;

	if (go(s, m, STEP_BEGUN, "", NULL))
		return;
	r = do_replace(s, m, &e);
	if (run->ops->ask(run->arg, m->uid, &has, &lost))
		go(s, m, STEP_BEGUN, r ? e.text : lost.text, NULL);
	else
		after(s, m, r, e.text, &has, judge(run, &has, kcv));
}

static void one(struct state *s, struct store_campaign_module *m)
{
	const struct campaign *run = s->run;
	uint8_t kcv[STORE_KCV_MAX];
	struct campaign_has has;
	struct error e;
	int r = run->ops->wanted(run->arg, &run->c, m->uid, kcv, &e);

	if (r) {
		go(s, m, is_for_later(r) ? m->step : STEP_FAILED, e.text, NULL);
		return;
	}
	if (run->ops->ask(run->arg, m->uid, &has, &e)) {
		go(s, m, m->step, e.text, NULL);
		return;
	}
	switch (judge(run, &has, kcv)) {
	case HAS_NEW:
		go(s, m, STEP_DONE, "", &has);
		break;
	case HAS_OTHER:
		go(s, m, STEP_FAILED, "another key has this version", &has);
		break;
	case HAS_OLD:
		replace(s, m, kcv);
		break;
	}
}

/*
 * All of them
 */

static int is_due(const struct campaign *run,
		  const struct store_campaign_module *m)
{
	return m->step == STEP_PLANNED || m->step == STEP_BEGUN ||
	       (m->step == STEP_FAILED && run->retry_failed);
}

/* Has another command aborted it meanwhile? */
static int still_running(struct state *s, struct error *e)
{
	struct store_campaign now;
	int r = store_campaign_find(s->run->store, s->run->c.id, &now, e);

	if (!r && strcmp(now.state, "running"))
		r = error_set(e, ECANCELED, "the campaign is %s", now.state);
	if (!r && s->run->stop && *s->run->stop)
		r = error_set(e, ECANCELED,
			      "stopped; 'campaign resume' goes on");
	return r;
}

static struct store_campaign_module *take_next(struct state *s)
{
	struct store_campaign_module *m = NULL;
	struct error e;
	int r;

	pthread_mutex_lock(&s->lock);
	while (!s->broken && s->next < s->list.n) {
		m = &s->list.all[s->next++];
		if (is_due(s->run, m))
			break;
		m = NULL;
	}
	r = m ? still_running(s, &e) : 0;
	if (r) {
		m = NULL;
		s->broken = r;
		s->e = e;
	}
	pthread_mutex_unlock(&s->lock);
	return m;
}

static void *work(void *arg)
{
	struct store_campaign_module *m;

	while ((m = take_next(arg)))
		one(arg, m);
	return NULL;
}

static void run_threads(struct state *s)
{
	pthread_t threads[CAMPAIGN_PARALLEL_MAX];
	int n = 0;

	/* this thread is one of them: it goes on where none can be started */
	while (n < s->run->parallel - 1 && n < CAMPAIGN_PARALLEL_MAX &&
	       !pthread_create(&threads[n], NULL, work, s))
		n++;
	work(s);
	while (n)
		pthread_join(threads[--n], NULL);
}

/* Nothing is left: that is its end. */
static int conclude(struct state *s, struct error *e)
{
	const struct campaign_count *n = &s->count;

	if (s->broken)
		return error_set(e, -s->broken, "%s", s->e.text);
	if (n->of[STEP_PLANNED] || n->of[STEP_BEGUN] || n->of[STEP_FAILED])
		return 0;
	return store_campaign_end(s->run->store, s->run->c.id, "done", "", e);
}

int campaign_run(struct campaign *run, struct campaign_count *count,
		 struct error *e)
{
	struct state s = { .run = run, .lock = PTHREAD_MUTEX_INITIALIZER };
	int r = store_campaign_modules(run->store, run->c.id, collect, &s.list,
				       e);

	if (!r) {
		for (size_t i = 0; i < s.list.n; i++)
			add_count(&s.count, &s.list.all[i]);
		run_threads(&s);
		r = conclude(&s, e);
	}
	*count = s.count;
	free(s.list.all);
	return r;
}
