// SPDX-License-Identifier: MIT
/*
 * Kills the process before its KILL_AT-th step towards the disk: what a crash there
 * leaves is for the test to judge.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);
int rename(const char *from, const char *to);

static void step(void)
{
	static int steps;
	const char *at = getenv("KILL_AT");

	if (at && ++steps == atoi(at))
		raise(SIGKILL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd)
{
	step();
	return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	step();
	return REAL(fdatasync)(fd);
}

int rename(const char *from, const char *to)
{
	step();
	return REAL(rename)(from, to);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	step();
	return REAL(writev)(fd, parts, count);
}

int mkostemp(char *template, int flags)
{
	step();
	return REAL(mkostemp)(template, flags);
}
