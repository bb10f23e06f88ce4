// SPDX-License-Identifier: MIT
/* What every program of the project does to itself before it touches a secret. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/process.h"

#define SECURE_HEAP_SIZE 65536
#define SECURE_HEAP_MIN 16

volatile int process_stop;

/*
 * With a finite limit, MCL_FUTURE would make later allocations fail: then only
 * OpenSSL's secure heap, where it keeps private keys, is locked.
 */
static void lock_memory(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit limit;

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (!getrlimit(RLIMIT_MEMLOCK, &limit) &&
	    limit.rlim_cur == RLIM_INFINITY)
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	CRYPTO_secure_malloc_init(SECURE_HEAP_SIZE, SECURE_HEAP_MIN);
}

void process_harden(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	lock_memory();
}

int process_drop(const char *user, struct error *e)
{
	struct passwd *pw;

	if (!user || geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return error_set(e, ENOENT, "there is no user '%s'", user);
	if (initgroups(user, pw->pw_gid) ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
		return error_set(e, errno, "cannot become user '%s': %s", user,
				 strerror(errno));
	if (pw->pw_uid != 0 && setuid(0) == 0)
		return error_set(e, EPERM, "user '%s' can become root again",
				 user);
	/* the kernel resets it with the user id */
	prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

static void on_stop(int sig)
{
	(void)sig;
	process_stop = 1;
}

/* Without SA_RESTART: a waiting system call returns and the caller looks. */
void process_on_stop(void)
{
	struct sigaction sa = { .sa_handler = on_stop };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
}
