// SPDX-License-Identifier: MIT
/*
 * Begins initializations and takes them back, without a manufacturer.
 *
 * usage: init_begin DEVICE
 *
 * Each line of the standard input is a command, "begin FLAGS" or "close"; the answer to
 * the N-th is "N ok" or "N ERRNO: reason". Closing the device takes back what was begun.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsecmod/libsecmod.h"

static struct secmod *m;

static int begin(const char *device, unsigned long flags)
{
	struct secmod_init_begin out;
	int rc;

	secmod_close(m);
	m = NULL;
	rc = secmod_open(device, &m);
	return rc ? rc : secmod_init_begin(m, (unsigned int)flags, &out);
}

int main(int argc, char **argv)
{
	char line[64];
	int rc, number;

	if (argc != 2)
		return 2;
	for (number = 1; fgets(line, sizeof(line), stdin); number++) {
		rc = 0;
		if (!strncmp(line, "begin ", 6)) {
			rc = begin(argv[1], strtoul(line + 6, NULL, 0));
		} else {
			secmod_close(m);
			m = NULL;
		}
		if (rc)
			printf("%d %s: %s\n", number, strerrorname_np(-rc),
			       secmod_reason(m));
		else
			printf("%d ok\n", number);
		fflush(stdout);
	}
	secmod_close(m);
	return 0;
}
