// SPDX-License-Identifier: MIT
/*
 * Preloaded into a program that uses the driver: each ioctl, and the loading of the
 * driver, is made again and again, and the first, second, ... allocation or copy in
 * it fails, until there is none left to fail. What fails must leave the state it
 * found, or the one it goes to, or let go of the vault, which is then attached again;
 * and the same call must work right after it. Then the program goes on, as if nothing
 * had been.
 *
 * FAIL_NTH_LOG    file for the results: NAME FIRST STEP POINTS [ERRNO=COUNT ...], or
 *                 "NAME at N: what is wrong", or "NAME lost N": after this one the
 *                 call cannot be repeated, or its peer waits no longer: begin again
 *                 behind it
 * FAIL_NTH_ONLY   name of the one call to try (default: all)
 * FAIL_NTH_FIRST  number to begin with, FAIL_NTH_STEP distance (default: 1)
 * FAIL_NTH_VAULT  the vault to attach
 * FAIL_NTH_SECONDS how long one call is tried, for a peer does not wait for ever
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/secmod.h>

#include "tests/vm/preload/fail_nth.h"

#define POINTS_MAX 20000
#define ARGUMENT_MAX 4096

/* Written from the documentation: which calls change what, and how to take it back. */
enum again {
	REPEAT, /* it may be called again at once */
	DETACH_FIRST,
	ATTACH_FIRST,
	ONCE, /* when it has succeeded it cannot be called again */
};

static const struct command {
	const char *name;
	enum again again;
} commands[] = {
	{ "INFO", REPEAT },	     { "REASON", REPEAT },
	{ "ATTACH", DETACH_FIRST },  { "INIT_BEGIN", REPEAT },
	{ "INIT_ACTIVATE", REPEAT }, { "INIT_COMPLETE", ONCE },
	{ "PERSO_BEGIN", REPEAT },   { "PERSO_COMPLETE", ONCE },
	{ "ATTEST", REPEAT },	     { "RESET", REPEAT },
	{ "GET_CERT", REPEAT },	     { "SIGN", REPEAT },
	{ "DETACH", ATTACH_FIRST },
};

/* What memory that cannot be had, or a copy that fails, may be told as. */
static const struct {
	int error;
	const char *name;
} errors[] = { { 0, "OK" },    { ENOMEM, "ENOMEM" }, { EFAULT, "EFAULT" },
	       { EIO, "EIO" }, { EINTR, "EINTR" },   { ENOSPC, "ENOSPC" } };

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* One call under test. */
struct trial {
	const char *name;
	unsigned int n, first, step;
	unsigned int count[ERRORS];
};

static int (*real_ioctl)(int fd, unsigned long request, ...);
static long (*real_syscall)(long number, ...);
static int control = -1; /* /proc/self/task/TID/fail-nth */

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	int fd = open(getenv("FAIL_NTH_LOG"), O_WRONLY | O_APPEND | O_CREAT,
		      0600);
	va_list ap;

	va_start(ap, fmt);
	vdprintf(fd, fmt, ap);
	va_end(ap);
	close(fd);
}

static unsigned int number_from(const char *variable)
{
	const char *text = getenv(variable);

	return text ? (unsigned int)atoi(text) : 1;
}

static void open_control(void)
{
	if (control >= 0)
		return;
	*(void **)&real_ioctl = dlsym(RTLD_NEXT, "ioctl");
	*(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
	control = fail_nth_open();
	if (control < 0) {
		say("fail-nth at 0: this kernel cannot\n");
		exit(70);
	}
}

static int tried(struct trial *t, const char *name)
{
	const char *only = getenv("FAIL_NTH_ONLY");

	memset(t, 0, sizeof(*t));
	t->name = name;
	t->n = t->first = number_from("FAIL_NTH_FIRST");
	t->step = number_from("FAIL_NTH_STEP");
	return getenv("FAIL_NTH_LOG") && (!only || !strcmp(only, name));
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* When no more is to be tried in this call; 0: never. */
static time_t end_of_trials(void)
{
	const char *text = getenv("FAIL_NTH_SECONDS");

	return text ? seconds() + atoi(text) : 0;
}

static void note(struct trial *t, int fd, int error)
{
	struct secmod_reason reason = { .size = sizeof(reason) };
	size_t i;

	/* what was asked for is not there: the true answer */
	if (error == ENOENT && !strcmp(t->name, "GET_CERT"))
		error = 0;
	for (i = 0; i < ERRORS; i++) {
		if (errors[i].error == error) {
			t->count[i]++;
			return;
		}
	}
	if (fd >= 0)
		real_ioctl(fd, SECMOD_IOC_REASON, &reason);
	say("%s at %u: %s: %s\n", t->name, t->n, strerrorname_np(error),
	    reason.text);
}

static void report(const struct trial *t)
{
	size_t i;

	say("%s %u %u %u", t->name, t->first, t->step, t->n - 1);
	for (i = 0; i < ERRORS; i++)
		if (t->count[i])
			say(" %s=%u", errors[i].name, t->count[i]);
	say("\n");
}

static unsigned int state(int fd)
{
	struct secmod_info info = { .size = sizeof(info) };

	return real_ioctl(fd, SECMOD_IOC_INFO, &info) ? ~0u : info.state;
}

static int attach(int fd)
{
	const char *path = getenv("FAIL_NTH_VAULT");
	struct secmod_attach arg = { .size = sizeof(arg) };
	int rc;

	arg.fd = open(path ? path : "", O_RDWR | O_CLOEXEC);
	rc = real_ioctl(fd, SECMOD_IOC_ATTACH, &arg);
	close(arg.fd);
	return rc;
}

static int detach(int fd)
{
	struct secmod_detach arg = { .size = sizeof(arg) };

	return real_ioctl(fd, SECMOD_IOC_DETACH, &arg);
}

/*
 * After a failed call: where it began? A vault that was let go of is taken again; a
 * reset has killed the key, and only its proof is missing.
 */
static int went_back(struct trial *t, int fd, unsigned int before)
{
	unsigned int now = state(fd);
	int reset = !strcmp(t->name, "RESET");

	if (now == before || (reset && now == SECMOD_STATE_PERSONALIZATION))
		return 1;
	if (now != SECMOD_STATE_DETACHED) {
		say("%s at %u: state %u, was %u\n", t->name, t->n, now, before);
		return 0;
	}
	if (attach(fd)) {
		say("%s at %u: cannot attach: %s\n", t->name, t->n,
		    strerrorname_np(errno));
		return 0;
	}
	/* the session did not outlive it */
	return reset;
}

/* Whether the call can be made once more; the state is as at its beginning. */
static int can_repeat(struct trial *t, const struct command *c, int fd,
		      unsigned int before, int rc)
{
	if (rc)
		return went_back(t, fd, before);
	switch (c->again) {
	case REPEAT:
		return 1;
	case DETACH_FIRST:
		return !detach(fd);
	case ATTACH_FIRST:
		return !attach(fd);
	default:
		return 0;
	}
}

static int try_ioctl(const struct command *c, int fd, unsigned long request,
		     void *arg)
{
	unsigned char saved[ARGUMENT_MAX];
	unsigned int before = state(fd);
	time_t end = end_of_trials();
	int rc, error, struck, over;
	struct trial t;

	tried(&t, c->name);
	memcpy(saved, arg, _IOC_SIZE(request));
	for (;; t.n += t.step) {
		memcpy(arg, saved, _IOC_SIZE(request));
		over = end && t.n > t.first && seconds() >= end;
		fail_nth_arm(control, over ? 0 : t.n);
		rc = real_ioctl(fd, request, arg);
		error = errno;
		struck = fail_nth_disarm(control);
		if (over || !struck || t.n > POINTS_MAX)
			break;
		note(&t, fd, rc ? error : 0);
		if (!can_repeat(&t, c, fd, before, rc)) {
			report(&t);
			say("%s lost %u\n", t.name, t.n);
			errno = error;
			return rc;
		}
	}
	report(&t);
	if (over)
		say("%s lost %u\n", t.name, t.n - t.step);
	errno = error;
	return rc;
}

int ioctl(int fd, unsigned long request, ...)
{
	const struct command *c;
	struct trial t;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	open_control();
	if (_IOC_TYPE(request) != SECMOD_IOC_MAGIC)
		return real_ioctl(fd, request, arg);
	c = &commands[_IOC_NR(request)];
	return tried(&t, c->name) ? try_ioctl(c, fd, request, arg) :
				    real_ioctl(fd, request, arg);
}

/* insmod: as often as it takes, with what was loaded in spite of it unloaded again. */
static long try_load(struct trial *t, long fd, const char *parameters)
{
	long rc;
	int error, struck;

	for (;; t->n += t->step) {
		fail_nth_arm(control, t->n);
		rc = real_syscall(SYS_finit_module, fd, parameters, 0);
		error = errno;
		struck = fail_nth_disarm(control);
		if (!struck || t->n > POINTS_MAX)
			break;
		note(t, -1, rc ? error : 0);
		if (!rc && real_syscall(SYS_delete_module, "secmod", 0))
			say("%s at %u: cannot unload\n", t->name, t->n);
	}
	report(t);
	errno = error;
	return rc;
}

long syscall(long number, ...)
{
	long arg[6];
	struct trial t;
	va_list ap;
	int i;

	va_start(ap, number);
	for (i = 0; i < 6; i++)
		arg[i] = va_arg(ap, long);
	va_end(ap);
	open_control();
	if (number == SYS_finit_module && tried(&t, "LOAD"))
		return try_load(&t, arg[0], (const char *)arg[1]);
	return real_syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4],
			    arg[5]);
}
