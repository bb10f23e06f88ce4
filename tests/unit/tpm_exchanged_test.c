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
static u16 key_bits; /* of the sessions, if not 0 */

static int exchange(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	if (t->cc == exchange_in) {
		assert_true(exchange_at < len);
		buf[exchange_at] ^= 1;
	}
	if (key_bits && t->cc == T2_CC_START_AUTH_SESSION) {
		/* before mode and hash */
		buf[len - 6] = (u8)(key_bits >> 8);
		buf[len - 5] = (u8)key_bits;
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

/*
 * No HMAC covers which cipher a session has: what is encrypted arrives as noise, and
 * nobody says so. Who writes what must be right reads it back.
 */
static void cipher_of_a_session(void **state)
{
	const u32 attributes = T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_NO_DA;
	struct tpm_fixture *f = *state;
	struct t2_entity nv;
	struct t2_session s;
	u8 got[sizeof(message)];

	tpm_define(f, 0x01800110u, attributes, sizeof(message), "auth", &nv);
	f->t.transmit = exchange;
	key_bits = 256;
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	key_bits = 0;
	nv.session = &s;
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, message, sizeof(message), 0));
	tpm_name_nv(f, &nv);
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, sizeof(got), 0));
	assert_memory_not_equal(got, message, sizeof(got));
	t2_end_session(&f->t, &s);
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, sizeof(got), 0));
	assert_memory_not_equal(got, message, sizeof(got));
	t2_end_session(&f->t, &s);
	nv.session = NULL;
	tpm_undefine(f, &nv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(cipher_of_a_session,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(message_to_be_hashed,
					  tpm_fixture_clean),
	};

	return cmocka_run_group_tests_name("tpm exchanged", tests,
					   tpm_fixture_start, tpm_fixture_stop);
}
