// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of tests/vectors/life.h on a software TPM. With SECMOD_TAPE=FILE it writes
 * down what was said, and what was random, as tests/vectors/tape.inc has it.
 */
#include <stdlib.h>

#include "swtpm.h"
#include "t2_openssl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/vectors/life.h"

static FILE *tape;

static void write_down(char kind, const void *data, size_t len)
{
	const u8 *p = data;
	size_t i;

	if (!tape)
		return;
	fprintf(tape, "{ '%c', %zu, \"", kind, len);
	for (i = 0; i < len; i++)
		fprintf(tape, "%02x", p[i]);
	fprintf(tape, "\" },\n");
}

static int overhear(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	int n;

	write_down('C', buf, len);
	n = t2_socket_transmit(t, buf, len, size);
	if (n > 0)
		write_down('R', buf, (size_t)n);
	return n;
}

static void life_on_a_software_tpm(void **state)
{
	static struct life l;
	const char *path = getenv("SECMOD_TAPE");
	struct swtpm swtpm;
	struct t2 t = { .transmit = overhear, .ctx = &swtpm.fd };
	char text[128];
	int err;

	(void)state;
	tape = path ? fopen(path, "w") : NULL;
	if (tape)
		fprintf(tape,
			"/* Written by build/unit/tpm_tape_test: kind, length, bytes. */\n");
	t2_openssl_listen(write_down);
	assert_int_equal(swtpm_start(&swtpm), 0);
	err = life_run(&l, &t);
	swtpm_remove(&swtpm);
	t2_openssl_listen(NULL);
	if (tape)
		assert_int_equal(fclose(tape), 0);
	if (err)
		fail_msg("step %d: %s: %s", l.step, strerror(-err),
			 t2_rc_text(t.cc, t.rc, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life_on_a_software_tpm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
