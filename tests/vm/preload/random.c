// SPDX-License-Identifier: MIT
/*
 * Preloaded into a program that makes keys: appends each to the file RANDOM_LOG, a line of
 * hexadecimal digits, so that a test knows what nobody is to see.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int RAND_priv_bytes(unsigned char *out, int count);

static void note(const unsigned char *key, int count)
{
	const char *path = getenv("RANDOM_LOG");
	FILE *f = path ? fopen(path, "ae") : NULL;

	if (!f)
		return;
	for (int i = 0; i < count; i++)
		fprintf(f, "%02x", key[i]);
	fputc('\n', f);
	fclose(f);
}

int RAND_priv_bytes(unsigned char *out, int count)
{
	int (*next)(unsigned char *out, int count) =
		(__typeof__(&RAND_priv_bytes))dlsym(RTLD_NEXT,
						    "RAND_priv_bytes");
	int ok = next(out, count);

	if (ok == 1)
		note(out, count);
	return ok;
}
