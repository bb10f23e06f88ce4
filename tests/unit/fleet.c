// SPDX-License-Identifier: MIT
/* A fleet for campaigns. */
#include "fleet.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void fleet_ok(int r, const struct error *e, int line)
{
	if (r)
		fail_msg("line %d: %d: %s", line, r, e->text);
}
void fleet_uid(int i, uint8_t uid[STORE_UID_SIZE])
{
	memset(uid, 0, STORE_UID_SIZE);
	uid[0] = (uint8_t)(i + 1);
}

/* One step of the world: the process may die here, or this call fail. */
static int step(struct fleet *f, int i, enum place place, struct error *e)
{
	if (++f->w->hits == f->w->kill_at)
		raise(SIGKILL);
	if (i == 3 && place == f->fail_at && f->fail_with)
		return error_set(e, f->fail_with, "made to fail");
	return 0;
}

static int ask(void *arg, const uint8_t uid[STORE_UID_SIZE],
	       struct campaign_has *has, struct error *e)
{
	struct fleet *f = arg;
	int i = uid[0] - 1, first = f->asked[i]++ == 0;
	int r = step(f, i, first ? ASK_FIRST : ASK_LAST, e);

	memset(has, 0, sizeof(*has));
	has->n = 2;
	has->keysets[0].kvn = 0x31;
	has->keysets[1].kvn = f->w->modules[i].kvn;
	memset(has->keysets[1].kcv, uid[0] + f->w->modules[i].kcv,
	       STORE_KCV_MAX);
	has->locked[1] = (uint8_t)f->w->modules[i].locked;
	return r;
}

static int wanted(void *arg, const struct store_campaign *c,
		  const uint8_t uid[STORE_UID_SIZE], uint8_t kcv[STORE_KCV_MAX],
		  struct error *e)
{
	(void)arg;
	(void)c;
	(void)e;
	memset(kcv, uid[0], STORE_KCV_MAX);
	return 0;
}

static int replace(void *arg, const struct store_campaign *c,
		   const uint8_t uid[STORE_UID_SIZE], const uint8_t *cms,
		   size_t len, struct error *e)
{
	struct fleet *f = arg;
	int i = uid[0] - 1, r = step(f, i, REPLACE_BEFORE, e);

	/* B7: the cryptogram is the one stored under this UID */
	if (len != STORE_UID_SIZE || memcmp(cms, uid, len))
		return error_set(e, EINVAL, "another module's cryptogram");

	if (r == -EKEYREJECTED)
		f->w->modules[i].wrong_tries++;
	if (r)
		return r;
	f->w->modules[i].kvn = c->kvn;
	f->w->modules[i].loaded++;
	f->w->modules[i].locked = 0;
	return step(f, i, REPLACE_AFTER, e);
}

static void progress(void *arg, const struct store_campaign_module *m,
		     const struct campaign_count *count)
{
	struct fleet *f = arg;
	int sum = 0;

	(void)m;
	f->progressed++;
	for (int i = 0; i < STEP_COUNT; i++)
		sum += count->of[i];
	assert_int_equal(sum, count->total);
}

const struct campaign_ops fleet_ops = {
	.ask = ask,
	.wanted = wanted,
	.replace = replace,
	.progress = progress,
};

int fleet_setup(void **state)
{
	struct fleet *f = calloc(1, sizeof(*f));
	uint8_t uid[STORE_UID_SIZE];
	char serial[16];

	strcpy(f->dir, "/tmp/secmod-campaign-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/central.db", f->dir);
	f->w = mmap(NULL, sizeof(*f->w), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ok(store_open(f->path, 1, &f->s, &f->e));
	for (int i = 0; i < MODULES; i++) {
		fleet_uid(i, uid);
		snprintf(serial, sizeof(serial), "SN-%d", i);
		ok(store_module_add(f->s, uid, serial, &f->e));
		ok(store_cryptogram_add(f->s, uid, uid, sizeof(uid), &f->e));
		f->w->modules[i].kvn = OLD;
	}
	f->run = (struct campaign){ .store = f->s,
				    .ops = &fleet_ops,
				    .arg = f,
				    .parallel = 1,
				    .c = { .kvn = NEW, .version = 2 } };
	*state = f;
	return 0;
}

int fleet_teardown(void **state)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	struct fleet *f = *state;
	char path[128];

	store_close(f->s);
	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, suffix[i]);
		unlink(path);
	}
	rmdir(f->dir);
	munmap(f->w, sizeof(*f->w));
	free(f);
	return 0;
}

void fleet_start(struct fleet *f)
{
	ok(store_begin(f->s, &f->e));
	ok(store_campaign_start(f->s, &f->run.c, &f->e));
	ok(store_commit(f->s, &f->e));
}

static int module_3(void *arg, const struct store_campaign_module *m)
{
	if (m->uid[0] == 4)
		*(struct store_campaign_module *)arg = *m;
	return 0;
}

struct store_campaign_module fleet_journal_of_3(struct fleet *f)
{
	struct store_campaign_module m;

	ok(store_campaign_modules(f->s, f->run.c.id, module_3, &m, &f->e));
	return m;
}

int fleet_run_in_child(struct fleet *f)
{
	int status;
	pid_t pid;

	store_close(f->s);
	f->s = NULL;
	pid = fork();
	if (!pid) {
		if (store_open(f->path, 0, &f->run.store, &f->e) ||
		    campaign_run(&f->run, &f->count, &f->e))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ok(store_open(f->path, 0, &f->s, &f->e));
	f->run.store = f->s;
	return status;
}
