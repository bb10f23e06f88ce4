// SPDX-License-Identifier: MIT
/* docs/states.md shows the tables of kernel/state.c as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/state.h"

#define STATES 5
#define ANY_FLAG (~0u)

static void put_command(FILE *f, u32 command)
{
	struct refusal why;
	u32 state;

	fprintf(f, "| `%s` |%s|", command_name(command),
		command_is_admin(command) ? " yes " : " ");
	for (state = 0; state < STATES; state++) {
		const char *mark = " ";

		if (!state_allows(state, command, 0, &why))
			mark = " ● ";
		else if (!state_allows(state, command, ANY_FLAG, &why))
			mark = " with flag ";
		fprintf(f, "%s|", mark);
	}
	fputc('\n', f);
}

static void put_head(FILE *f, const char *first, const char *second)
{
	u32 state;

	fprintf(f, "| %s |%s%s", first, second, *second ? "|" : "");
	for (state = 0; state < STATES; state++)
		fprintf(f, " %s |", state_name(state));
	fprintf(f, "\n|---|%s", *second ? "---|" : "");
	for (state = 0; state < STATES; state++)
		fprintf(f, "---|");
	fputc('\n', f);
}

static void put_event(FILE *f, u32 event)
{
	static const char *const names[EVENT_COUNT] = {
		[EVENT_INIT_COMPLETE] = "initialization completed",
		[EVENT_ATTACH_PERSONALIZATION] =
			"vault attached, never personalized or reset",
		[EVENT_ATTACH_OPERATING] = "vault attached, personalized",
		[EVENT_PERSO_CLOSED] =
			"personalization session closed after a good bundle",
		[EVENT_RESET] = "reset",
		[EVENT_DETACH] = "vault given back, or its commit failed",
		[EVENT_DISCARD] = "objects in the TPM removed",
	};
	u32 state;

	fprintf(f, "| %s |", names[event]);
	for (state = 0; state < STATES; state++) {
		int next = state_next(state, event);

		fprintf(f, " %s |", next < 0 ? "" : state_name(next));
	}
	fputc('\n', f);
}

static char *tables(void)
{
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);
	u32 i;

	assert_non_null(f);
	put_head(f, "command", " `CAP_SYS_ADMIN` ");
	for (i = 0; i < CMD_COUNT; i++)
		put_command(f, i);
	fputc('\n', f);
	put_head(f, "event", "");
	for (i = 0; i < EVENT_COUNT; i++)
		put_event(f, i);
	assert_int_equal(fclose(f), 0);
	return text;
}

static char *read_file(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void states_are_documented(void **state)
{
	char *expected = tables();

	(void)state;
	if (!strstr(read_file("docs/states.md"), expected)) {
		puts(expected); /* fail_msg() cuts long texts */
		fail_msg("docs/states.md does not hold the tables above");
	}
	free(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_are_documented),
	};

	return cmocka_run_group_tests_name("states_doc", tests, NULL, NULL);
}
