/* SPDX-License-Identifier: MIT */
/* A case that cannot be run here; include after cmocka. */
#ifndef TESTS_UNIT_SKIP_H
#define TESTS_UNIT_SKIP_H

#include <stdio.h>

/* cmocka has no word for the reason: tests/run takes it from this line. */
#define skip_because(reason)                       \
	do {                                       \
		printf("# skipped: %s\n", reason); \
		skip();                            \
	} while (0)

#endif
