// SPDX-License-Identifier: MIT
/*
 * Preloaded into a program that initializes a module: a completion that failed is asked
 * for once more with the same arguments, within the same session.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/secmod.h>

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int fd, unsigned long request, ...) =
		(__typeof__(&ioctl))dlsym(RTLD_NEXT, "ioctl");
	struct secmod_init_complete first;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request != SECMOD_IOC_INIT_COMPLETE)
		return next(fd, request, arg);
	memcpy(&first, arg, sizeof(first));
	if (next(fd, request, arg) == 0)
		return 0;
	fputs("once more\n", stderr);
	memcpy(arg, &first, sizeof(first));
	return next(fd, request, arg);
}
