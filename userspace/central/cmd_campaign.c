// SPDX-License-Identifier: MIT
/* The command "campaign": a new master keyset for all modules (B6 to B11). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "central/access.h"
#include "common/process.h"
#include "pki/pki.h"

#define BAR_WIDTH 30

struct work {
	const struct options *o;
	struct site site;
	struct hsm1 *hsm1;
	struct recovery recovery;
	struct campaign run;
	int shown;
};

/*
 * What a campaign does to a module
 */

static int ask(void *arg, const uint8_t uid[STORE_UID_SIZE],
	       struct campaign_has *has, struct error *e)
{
	struct work *w = arg;

	return access_ask(w->o->dir, uid, has, e);
}

static int wanted(void *arg, const struct store_campaign *c,
		  const uint8_t uid[STORE_UID_SIZE], uint8_t kcv[STORE_KCV_MAX],
		  struct error *e)
{
	struct hsm1_keyset want;
	struct work *w = arg;
	int r = hsm1_expect(w->hsm1, uid, (unsigned int)c->version, &want, e);

	memcpy(kcv, want.kcv, STORE_KCV_MAX);
	return r;
}

static int recover(void *arg, unsigned int version,
		   const uint8_t uid[HSM1_UID_SIZE], const uint8_t point[65],
		   struct hsm1_credential *out, struct error *e)
{
	struct work *w = arg;

	return recovery_ask(&w->recovery, version, uid, point, out, e);
}

static int replace(void *arg, const struct store_campaign *c,
		   const uint8_t uid[STORE_UID_SIZE], const uint8_t *cryptogram,
		   size_t len, struct error *e)
{
	const struct hsm1_versions versions = {
		.master = (unsigned int)c->version
	};
	const struct hsm1_ops at_kms = { .recover = recover, .arg = arg };
	struct hsm1_result result;
	struct work *w = arg;
	int r, relay;

	relay = access_relay(w->o->dir, uid, e);
	if (relay < 0)
		return relay;
	r = hsm1_replace(w->hsm1, uid, relay, cryptogram, len, &versions,
			 w->recovery.at_kms ? &at_kms : NULL, &result, e);
	close(relay);
	return r;
}

/*
 * Progress, report
 */

static void show_bar(struct work *w, const struct campaign_count *n)
{
	int over = n->total - n->of[STEP_PLANNED] - n->of[STEP_BEGUN];
	int filled = n->total ? over * BAR_WIDTH / n->total : BAR_WIDTH;
	char bar[BAR_WIDTH + 1];

	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '#', (size_t)filled);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %d of %d, %d failed ", bar, over, n->total,
		n->of[STEP_FAILED]);
	w->shown = 1;
}

static void progress(void *arg, const struct store_campaign_module *m,
		     const struct campaign_count *n)
{
	struct work *w = arg;

	if (w->o->json)
		return;
	if (isatty(STDERR_FILENO)) {
		show_bar(w, n);
		return;
	}
	printf("module %s: %s%s%s\n", m->serial, store_step_name(m->step),
	       m->cause[0] ? ": " : "", m->cause);
	fflush(stdout);
}

static const struct campaign_ops ops = {
	.ask = ask,
	.wanted = wanted,
	.replace = replace,
	.progress = progress,
};

struct report {
	json_t *left;
	int json;
};

static int report_one(void *arg, const struct store_campaign_module *m)
{
	struct report *r = arg;
	char uid[2 * STORE_UID_SIZE + 1];

	if (m->step == STEP_DONE)
		return 0;
	pki_hex(m->uid, sizeof(m->uid), uid);
	if (!r->json)
		printf("  %-16s %-8s tried %d times  %s\n", m->serial,
		       store_step_name(m->step), m->tries, m->cause);
	else if (json_array_append_new(
			 r->left, json_pack("{s:s,s:s,s:s,s:s,s:i,s:I}", "uid",
					    uid, "serial", m->serial, "step",
					    store_step_name(m->step), "cause",
					    m->cause, "tries", m->tries,
					    "changed", (json_int_t)m->changed)))
		return -ENOMEM;
	return 0;
}

static int report(struct work *w, struct error *e)
{
	const struct store_campaign *c = &w->run.c;
	struct report rep = { .json = w->o->json };
	struct campaign_count n;
	int r = campaign_count(w->site.store, c->id, &n, e);

	if (r)
		return r;
	if (w->shown)
		fputc('\n', stderr);
	rep.left = json_array();
	if (!rep.json)
		printf("campaign %lld (master keyset %02x, version %d) is %s: "
		       "%d done, %d planned, %d begun, %d failed, %d skipped\n",
		       (long long)c->id, c->kvn, c->version, c->state,
		       n.of[STEP_DONE], n.of[STEP_PLANNED], n.of[STEP_BEGUN],
		       n.of[STEP_FAILED], n.of[STEP_SKIPPED]);
	r = store_campaign_modules(w->site.store, c->id, report_one, &rep, e);
	if (r || !rep.json) {
		json_decref(rep.left);
		return r;
	}
	return print_json(
		json_pack("{s:I,s:i,s:i,s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:o}",
			  "campaign", (json_int_t)c->id, "kvn", c->kvn,
			  "version", c->version, "state", c->state, "reason",
			  c->reason, "modules", n.total, "done",
			  n.of[STEP_DONE], "planned", n.of[STEP_PLANNED],
			  "begun", n.of[STEP_BEGUN], "failed",
			  n.of[STEP_FAILED], "skipped", n.of[STEP_SKIPPED],
			  "left", rep.left),
		e);
}

/*
 * Commands
 */

/* Of the process, not of HSM 1, which is its child: a POSIX lock. */
static int lock(const struct site *s, struct error *e)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[SITE_PATH_MAX];
	int fd, r = site_path(s, "campaign.lock", path, e);

	if (r)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fcntl(fd, F_SETLK, &whole)) {
		r = error_set(
			e, errno == EACCES || errno == EAGAIN ? EBUSY : errno,
			"cannot lock '%s': %s", path,
			errno == EAGAIN ? "another process is at it" :
					  strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	return r; /* held until the end */
}

static int plan(struct work *w, struct error *e)
{
	static const uint8_t any[STORE_UID_SIZE];
	struct store *store = w->site.store;
	struct hsm1_keyset want;
	char detail[64];
	int r = hsm1_expect(w->hsm1, any, (unsigned int)w->o->version, &want,
			    e);

	if (r)
		return r;
	w->run.c = (struct store_campaign){ .kvn = want.kvn,
					    .version = (int)want.version };
	snprintf(detail, sizeof(detail), "master keyset %02x, version %u",
		 want.kvn, want.version);
	r = store_begin(store, e);
	if (!r)
		r = store_campaign_start(store, &w->run.c, e);
	if (!r)
		r = audit(store, "campaign start", "", detail, e);
	return r ? r : store_commit(store, e);
}

static int find_running(struct work *w, struct error *e)
{
	int r = store_campaign_find(w->site.store, 0, &w->run.c, e);

	if (!r && strcmp(w->run.c.state, "running"))
		r = error_set(e, ESTALE, "the last campaign is %s",
			      w->run.c.state);
	return r;
}

static int work_through(struct work *w, struct error *e)
{
	struct campaign_count n;
	struct error ignored;
	int r, left;

	process_on_stop();
	r = campaign_run(&w->run, &n, e);
	left = n.of[STEP_PLANNED] + n.of[STEP_BEGUN] + n.of[STEP_FAILED];
	if (!store_campaign_find(w->site.store, w->run.c.id, &w->run.c,
				 &ignored))
		report(w, &ignored);
	if (!r && left)
		r = error_set(e, EAGAIN,
			      "%d modules are left: 'campaign resume' goes on",
			      left);
	return r;
}

static int carry_out(const struct options *o,
		     int (*begin)(struct work *w, struct error *e),
		     struct error *e)
{
	struct work w = { .o = o,
			  .run = { .ops = &ops,
				   .parallel = o->parallel,
				   .retry_failed = o->failed,
				   .stop = &process_stop } };
	int r = hsm1_start(o->hsm1, o->hsm1_user, &w.hsm1, e);

	w.run.arg = &w;
	if (!r)
		r = site_open(&w.site, o->dir, e);
	if (!r)
		r = lock(&w.site, e);
	if (!r)
		r = recovery_open(&w.recovery, o, &w.site, e);
	w.run.store = w.site.store;
	if (!r)
		r = begin(&w, e);
	if (!r)
		r = work_through(&w, e);
	recovery_close(&w.recovery);
	site_close(&w.site);
	hsm1_stop(w.hsm1);
	return r;
}

int cmd_campaign_start(const struct options *o, int argc, char **argv,
		       struct error *e)
{
	(void)argc;
	(void)argv;
	return carry_out(o, plan, e);
}

int cmd_campaign_resume(const struct options *o, int argc, char **argv,
			struct error *e)
{
	(void)argc;
	(void)argv;
	return carry_out(o, find_running, e);
}

int cmd_campaign_status(const struct options *o, int argc, char **argv,
			struct error *e)
{
	struct work w = { .o = o };
	int r = site_open(&w.site, o->dir, e);

	if (!r)
		r = store_campaign_find(w.site.store, argc ? atoll(argv[0]) : 0,
					&w.run.c, e);
	if (!r)
		r = report(&w, e);
	site_close(&w.site);
	return r;
}

int cmd_campaign_abort(const struct options *o, int argc, char **argv,
		       struct error *e)
{
	struct work w = { .o = o };
	int r = need_reason(o, 0, e);

	(void)argc;
	(void)argv;
	if (!r)
		r = site_open(&w.site, o->dir, e);
	if (!r)
		r = find_running(&w, e);
	if (!r)
		r = store_begin(w.site.store, e);
	if (!r)
		r = store_campaign_end(w.site.store, w.run.c.id, "aborted",
				       o->reason, e);
	if (!r)
		r = audit(w.site.store, "campaign abort", "", o->reason, e);
	if (!r)
		r = store_commit(w.site.store, e);
	if (!r)
		printf("campaign %lld is aborted; what was begun is finished\n",
		       (long long)w.run.c.id);
	site_close(&w.site);
	return r;
}
