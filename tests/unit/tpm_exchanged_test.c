// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no session covers: somebody between here and the TPM exchanges it, and the
 * TPM does honestly what it was asked.
 */
#include "tpm_fixture.h"

#include "tpm/command.h"

static const u8 message[] = "pay 10 to the bearer";
static size_t exchange_at; /* which byte of a command of this code is exchanged */
static u32 exchange_in;

static int exchange(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	if (t->cc == exchange_in) {
		assert_true(exchange_at < len);
		buf[exchange_at] ^= 1;
	}
	return t2_socket_transmit(t, buf, len, size);
}

/* A restricted key would sign the other message: its ticket is good. */
static void message_to_be_hashed(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_ticket ticket;
	u8 digest[T2_DIGEST_SIZE];
	size_t i;

	exchange_in = T2_CC_HASH;
	f->t.transmit = exchange;
	for (i = 0; i < sizeof(message); i++) {
		exchange_at = T2_HEADER_SIZE + 2 + i;
		assert_int_equal(t2_hash(&f->t, message, sizeof(message),
					 T2_RH_OWNER, digest, &ticket),
				 -EBADMSG);
	}
	exchange_in = 0;
	tpm_ok(f, t2_hash(&f->t, message, sizeof(message), T2_RH_OWNER, digest,
			  &ticket));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(message_to_be_hashed,
					  tpm_fixture_clean),
	};

	return cmocka_run_group_tests_name("tpm exchanged", tests,
					   tpm_fixture_start, tpm_fixture_stop);
}
