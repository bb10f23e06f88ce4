// SPDX-License-Identifier: MIT
/* The status words of docs/executive.md are those of kernel/executive/apdu.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORDS 64

struct words {
	char word[WORDS][5];
	size_t count;
};

/* Behind the line that begins so. */
static void read_words(struct words *w, const char *file, const char *begin,
		       const char *format)
{
	FILE *f = fopen(file, "r");
	char line[1024];
	int begun = 0;

	assert_non_null(f);
	memset(w, 0, sizeof(*w));
	while (fgets(line, sizeof(line), f)) {
		begun |= !strncmp(line, begin, strlen(begin));
		assert_true(w->count < WORDS);
		w->count += begun &&
			    sscanf(line, format, w->word[w->count]) == 1;
	}
	fclose(f);
	assert_true(w->count > 15);
}

/* Small letters stand for a number: that of bytes, or of tries. */
static int is_word(const char *written, const char *word)
{
	size_t i;

	for (i = 0; i < 4; i++)
		if (written[i] != word[i] &&
		    !(written[i] == 'x' && strchr("0123456789abcdef", word[i])))
			return 0;
	return 1;
}

static void expect_all(const struct words *of, const struct words *in)
{
	size_t i, k;

	for (i = 0; i < of->count; i++) {
		for (k = 0; k < in->count; k++)
			if (is_word(of->word[i], in->word[k]) ||
			    is_word(in->word[k], of->word[i]))
				break;
		if (k == in->count)
			fail_msg("%s is not in the other", of->word[i]);
	}
}

static void same_words(void **state)
{
	struct words source, documented;
	char *c;
	size_t i;

	(void)state;
	read_words(&source, "kernel/executive/apdu.h", "enum apdu_sw",
		   " SW_%*[A-Z0-9_] = 0x%4[0-9a-f]");
	/* GET RESPONSE's number of bytes is put together */
	strcpy(source.word[source.count++], "61xx");
	read_words(&documented, "docs/executive.md", "## Status words",
		   "| `%4[0-9A-Fx]` |");
	for (i = 0; i < documented.count; i++)
		for (c = documented.word[i]; *c; c++)
			if (*c >= 'A' && *c <= 'F')
				*c += 'a' - 'A';
	expect_all(&source, &documented);
	expect_all(&documented, &source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "B1 each status word is documented", same_words, NULL, NULL,
		  NULL },
	};

	return cmocka_run_group_tests_name("executive_words", tests, NULL,
					   NULL);
}
