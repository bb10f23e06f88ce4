// SPDX-License-Identifier: GPL-2.0-only
/* HSM 1's procedures, against a card in software (B3 to B8). */
#include "hsm1_module.h"
#include "skip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hsm1_world world;
static struct hsm1 *hsm1;
static const uint8_t uid[16] = { 0xab, 1, 2, 3 };
static const struct hsm1_versions first = { 1, 1, 3 }, second = { 2, 0, 0 };
static struct hsm1_ops ops = { .store = module_store,
			       .recover = module_recover };

static int issue(struct module *m, const struct gp_keyset *transport,
		 const struct hsm1_versions *v, struct hsm1_result *r,
		 struct error *e)
{
	int rc;

	ops.arg = m;
	module_plug(m);
	rc = hsm1_issue(hsm1, uid, m->ours, transport, v, &ops, r, e);
	module_unplug(m);
	return rc;
}

static int resume(struct module *m, const struct gp_keyset *transport,
		  struct hsm1_result *r, struct error *e)
{
	int rc;

	ops.arg = m;
	module_plug(m);
	rc = hsm1_resume(hsm1, uid, m->ours, m->cryptogram, m->cryptogram_len,
			 transport, &first, &ops, r, e);
	module_unplug(m);
	return rc;
}

static int replace(struct module *m, const struct hsm1_ops *with,
		   struct hsm1_result *r, struct error *e)
{
	int rc;

	ops.arg = m;
	module_plug(m);
	rc = hsm1_replace(hsm1, uid, m->ours, m->cryptogram, m->cryptogram_len,
			  &second, with, r, e);
	module_unplug(m);
	return rc;
}

static void has(struct module *m, uint8_t kvn, const struct gp_keyset *k,
		const struct hsm1_keyset *said)
{
	const struct soft_keyset *got = soft_find(&m->card, kvn);
	uint8_t kcv[3];

	assert_non_null(got);
	assert_int_equal(got->keys.len, 32);
	assert_memory_equal(got->keys.enc, k->enc, 32);
	assert_memory_equal(got->keys.mac, k->mac, 32);
	assert_memory_equal(got->keys.dek, k->dek, 32);
	assert_int_equal(said->kvn, kvn);
	assert_int_equal(gp_kcv(k->dek, 32, kcv, NULL), 0);
	assert_memory_equal(said->kcv[2], kcv, 3);
}

static void must(int rc, const struct error *e)
{
	if (rc)
		fail_msg("%d: %s", rc, e->text);
}

static void refused(int rc, int want, const char *text, const struct error *e)
{
	if (rc != want || !strstr(e->text, text))
		fail_msg("%d: '%s' instead of %d: '%s'", rc, e->text, want,
			 text);
}

/* --- the tests --- */

static void derived_as_documented(void **state)
{
	struct hsm1_key block = { .object = { CUSTODY_MASTER, .version = 1 } };
	struct gp_keyset want, got;
	struct hsm1_keyset info;
	struct error e;

	(void)state;
	hsm1_expected(world.master[1], "MK", 0x38, uid, 16, &want);
	memcpy(block.block, world.master[1], sizeof(block.block));
	must(derive_keyset(&block, uid, 16, &got, &info, &e), &e);
	assert_memory_equal(got.enc, want.enc, 32);
	assert_memory_equal(got.mac, want.mac, 32);
	assert_memory_equal(got.dek, want.dek, 32);
	assert_int_equal(derive_kvn(CUSTODY_MASTER, 8), 0x3f);
	assert_int_equal(derive_kvn(CUSTODY_MASTER, 9), 0x38);
	assert_int_equal(derive_kvn(CUSTODY_REPLACEMENT, 7), 0x37);
	assert_int_equal(derive_kvn(CUSTODY_REPLACEMENT, 8), 0x31);
}

static void issued(void **state)
{
	struct gp_keyset transport, krk, mk;
	struct hsm1_result r;
	uint8_t plain[48];
	struct module m;
	struct error e;

	(void)state;
	module_new(&m, &world, uid, &transport);
	must(issue(&m, &transport, &first, &r, &e), &e);
	assert_true(m.stored_early);
	hsm1_decrypt(&world, m.cryptogram, m.cryptogram_len, plain);
	assert_memory_equal(plain, uid, 16);
	hsm1_expected(world.replacement, "KRK", 0x31, plain + 16, 32, &krk);
	hsm1_expected(world.master[1], "MK", 0x38, uid, 16, &mk);
	has(&m, 0x31, &krk, &r.replacement);
	has(&m, 0x38, &mk, &r.master);
	assert_int_equal(r.recovery, 3);
}

static void another_random_number_each_time(void **state)
{
	struct gp_keyset transport;
	uint8_t one[48], two[48];
	struct hsm1_result r;
	struct module m;
	struct error e;

	(void)state;
	module_new(&m, &world, uid, &transport);
	must(issue(&m, &transport, &first, &r, &e), &e);
	hsm1_decrypt(&world, m.cryptogram, m.cryptogram_len, one);
	module_new(&m, &world, uid, &transport);
	must(issue(&m, &transport, &first, &r, &e), &e);
	hsm1_decrypt(&world, m.cryptogram, m.cryptogram_len, two);
	assert_memory_not_equal(one + 16, two + 16, 32);
}

static int hsm1_pid(void)
{
	char text[HSM1_TEXT_MAX], *p;
	struct error e;

	must(hsm1_status(hsm1, text, &e), &e);
	p = strstr(text, "\"process\": ");
	assert_non_null(p);
	return atoi(p + strlen("\"process\": "));
}

static int in_kernel(void)
{
	char text[HSM1_TEXT_MAX];
	struct error e;

	must(hsm1_status(hsm1, text, &e), &e);
	return strstr(text, "\"cmac\": \"kernel\"") != NULL;
}

static void random_number_is_destroyed(void **state)
{
	struct gp_keyset transport, krk, mk;
	struct hsm1_result r;
	uint8_t plain[48];
	struct module m;
	struct error e;
	int pid = hsm1_pid();

	(void)state;
	module_new(&m, &world, uid, &transport);
	m.pid = pid;
	must(issue(&m, &transport, &first, &r, &e), &e);
	hsm1_decrypt(&world, m.cryptogram, m.cryptogram_len, plain);
	hsm1_expected(world.replacement, "KRK", 0x31, plain + 16, 32, &krk);
	hsm1_expected(world.master[1], "MK", 0x38, uid, 16, &mk);
	if (count_in(pid, world.replacement, 32) < 0)
		skip_because("only root reads the memory of HSM 1's process");
	/* gone when the first key was on its way */
	assert_int_equal(m.seen, 0);
	/* it would be seen: the block is, where it is not in the kernel */
	assert_int_equal(count_in(pid, world.replacement, 32) == 0,
			 in_kernel());
	assert_int_equal(count_in(pid, world.master[1], 32) == 0, in_kernel());
	assert_int_not_equal(count_in(pid, (const uint8_t *)world.site,
				      strlen(world.site)),
			     0);
	assert_int_equal(count_in(pid, plain + 16, 32), 0);
	assert_int_equal(count_in(pid, plain + 16, 16), 0);
	assert_int_equal(count_in(pid, krk.enc, 16), 0);
	assert_int_equal(count_in(pid, krk.mac, 16), 0);
	assert_int_equal(count_in(pid, krk.dek, 16), 0);
	assert_int_equal(count_in(pid, mk.enc, 16), 0);
	assert_int_equal(count_in(pid, mk.mac, 16), 0);
	assert_int_equal(count_in(pid, mk.dek, 16), 0);
	assert_int_equal(count_in(pid, transport.dek, 32), 0);
}

static void nothing_put_before_it_is_stored(void **state)
{
	struct gp_keyset transport;
	struct hsm1_result r;
	struct module m;
	struct error e;

	(void)state;
	module_new(&m, &world, uid, &transport);
	m.refuse = 1;
	refused(issue(&m, &transport, &first, &r, &e), -ENOSPC,
		"the disk is full", &e);
	assert_int_equal(m.card.opened, 0);
	assert_null(soft_find(&m.card, 0x31));
}

static void resumed_where_it_broke_off(void **state)
{
	struct gp_keyset transport, krk;
	struct hsm1_result r;
	uint8_t plain[48];
	struct module m;
	struct error e;

	(void)state;
	for (int at = 1; at <= 2; at++) {
		module_new(&m, &world, uid, &transport);
		m.cut_at = at;
		refused(issue(&m, &transport, &first, &r, &e), -ECONNRESET, "",
			&e);
		assert_int_equal(soft_find(&m.card, 0x31) != NULL, at > 1);
		assert_null(soft_find(&m.card, 0x38));
		m.cut_at = 0;
		must(resume(&m, &transport, &r, &e), &e);
		hsm1_decrypt(&world, m.cryptogram, m.cryptogram_len, plain);
		hsm1_expected(world.replacement, "KRK", 0x31, plain + 16, 32,
			      &krk);
		has(&m, 0x31, &krk, &r.replacement);
		assert_non_null(soft_find(&m.card, 0x38));
		/* once more: all is there */
		must(resume(&m, &transport, &r, &e), &e);
		assert_int_equal(m.puts, 0);
	}
	/* another issuance does not write over it */
	refused(issue(&m, &transport, &first, &r, &e), -EEXIST,
		"another keyset 31 already", &e);
}

static void not_into_another_module(void **state)
{
	struct gp_keyset transport;
	struct hsm1_result r;
	struct module m;
	struct error e;

	(void)state;
	module_new(&m, &world, uid, &transport);
	m.uid[15] ^= 1;
	refused(issue(&m, &transport, &first, &r, &e), -EKEYREJECTED,
		"another module", &e);
	assert_null(soft_find(&m.card, 0x31));
	module_new(&m, &world, uid, &transport);
	transport.mac[3] ^= 1;
	refused(issue(&m, &transport, &first, &r, &e), -EKEYREJECTED,
		"keyset 30", &e);
}

/* The module as it is after issuance; the recovery key in HSM 1's TPM or not. */
static void issued_with(struct module *m, unsigned int recovery)
{
	struct hsm1_versions v = { 1, 1, recovery };
	struct gp_keyset transport;
	struct hsm1_result r;
	struct error e;

	module_new(m, &world, uid, &transport);
	must(issue(m, &transport, &v, &r, &e), &e);
	assert_int_equal(r.recovery, recovery);
	/* the transport keyset goes with the end of the first load */
	memset(soft_find(&m->card, 0x30), 0, sizeof(struct soft_keyset));
}

static void replaced(struct module *m, const struct hsm1_result *r)
{
	struct gp_keyset mk;

	hsm1_expected(world.master[2], "MK", 0x39, uid, 16, &mk);
	has(m, 0x39, &mk, &r->master);
	assert_null(soft_find(&m->card, 0x38));
	assert_int_equal(r->replacement.kvn, 0x31);
}

static void replaced_with_imported_key(void **state)
{
	struct hsm1_result r;
	struct module m;
	struct error e;

	(void)state;
	issued_with(&m, 1);
	must(replace(&m, &ops, &r, &e), &e);
	replaced(&m, &r);
	assert_int_equal(r.recovery, 1);
	assert_int_equal(m.asked, 0);
	/* done already: nothing happens */
	must(replace(&m, NULL, &r, &e), &e);
	assert_int_equal(m.puts, 0);
}

static void locked_is_replaced_by_the_same(void **state)
{
	struct hsm1_result r;
	struct module m;
	struct error e;

	(void)state;
	issued_with(&m, 1);
	must(replace(&m, &ops, &r, &e), &e);
	soft_find(&m.card, 0x39)->failures = 9;
	must(replace(&m, &ops, &r, &e), &e);
	assert_int_equal(m.puts, 0);
	soft_find(&m.card, 0x39)->failures = 10;
	must(replace(&m, &ops, &r, &e), &e);
	assert_int_equal(m.puts, 1);
	replaced(&m, &r);
	assert_int_equal(soft_find(&m.card, 0x39)->failures, 0);
}

static void replaced_with_key_at_the_kms(void **state)
{
	struct hsm1_result r;
	struct module m;
	struct error e;

	(void)state;
	issued_with(&m, 3);
	refused(replace(&m, NULL, &r, &e), -ENOKEY, "public half", &e);
	m.lie = 1;
	refused(replace(&m, &ops, &r, &e), -EKEYREJECTED,
		"the cryptogram was changed", &e);
	assert_int_equal(m.card.opened, 1); /* by the issuance */
	m.lie = 0;
	must(replace(&m, &ops, &r, &e), &e);
	replaced(&m, &r);
	assert_int_equal(m.asked, 2);
	assert_int_equal(m.id_at_kms, 3);
}

static void wrong_cryptogram_is_noticed(void **state)
{
	struct hsm1_result r;
	struct module m;
	struct error e;

	(void)state;
	issued_with(&m, 1);
	/* each byte but those of the ephemeral point, where the TPM has its own word */
	for (size_t i = 0; i < CRYPTOGRAM_SIZE; i += 7) {
		m.cryptogram[i] ^= 1;
		if (!replace(&m, &ops, &r, &e))
			fail_msg("byte %zu", i);
		m.cryptogram[i] ^= 1;
	}
	m.cryptogram_len--;
	refused(replace(&m, &ops, &r, &e), -EBADMSG, "bytes", &e);
	m.cryptogram_len++;
	assert_int_equal(m.card.opened, 1);
	must(replace(&m, &ops, &r, &e), &e);
}

static void cryptogram_of_another_module(void **state)
{
	struct gp_keyset transport;
	struct hsm1_result r;
	struct module m;
	struct error e;
	uint8_t other[16] = { 9 };

	(void)state;
	issued_with(&m, 1);
	module_plug(&m);
	refused(hsm1_replace(hsm1, other, m.ours, m.cryptogram,
			     m.cryptogram_len, &second, &ops, &r, &e),
		-EKEYREJECTED, "another module's", &e);
	module_unplug(&m);
	assert_int_equal(m.card.opened, 1);
	/* a KRK of another issuance: the card says no, and nothing is changed */
	module_new(&m, &world, uid, &transport);
	soft_keyset(&m.card, 0x31, 32, &transport);
	soft_keyset(&m.card, 0x38, 32, &transport);
	must(hsm1_status(hsm1, (char[HSM1_TEXT_MAX]){ 0 }, &e), &e);
	refused(replace(&m, &ops, &r, &e), -EBADMSG, "bytes", &e);
	struct module right;

	issued_with(&right, 1);
	memcpy(m.cryptogram, right.cryptogram, sizeof(m.cryptogram));
	m.cryptogram_len = right.cryptogram_len;
	refused(replace(&m, &ops, &r, &e), -EKEYREJECTED, "keyset 31", &e);
	assert_non_null(soft_find(&m.card, 0x38));
}

#define AT_ONCE 4
static void *one_replacement(void *arg)
{
	struct hsm1_keyset *k = arg;
	struct error e;

	return hsm1_expect(hsm1, uid, 2, k, &e) ? (void *)1 : NULL;
}

static void calls_from_many_threads(void **state)
{
	struct hsm1_keyset k[AT_ONCE];
	pthread_t thread[AT_ONCE];
	void *rc;
	int i;

	(void)state;
	for (i = 0; i < AT_ONCE; i++)
		pthread_create(&thread[i], NULL, one_replacement, &k[i]);
	for (i = 0; i < AT_ONCE; i++) {
		pthread_join(thread[i], &rc);
		assert_null(rc);
		assert_memory_equal(&k[i], &k[0], sizeof(k[0]));
	}
}

static int start(void **state)
{
	struct error e;

	(void)state;
	hsm1_world_make(&world);
	must(hsm1_start(world.site, NULL, &hsm1, &e), &e);
	hsm1_world_learn(&world);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	hsm1_stop(hsm1);
	hsm1_world_end(&world);
	return 0;
}

#define CASE(name, function)                     \
	{                                        \
		name, function, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("B4 keys are derived as documented",
		     derived_as_documented),
		CASE("B3 B4 B5 issuance fills both slots", issued),
		CASE("B3 each issuance has a random number of its own",
		     another_random_number_each_time),
		CASE("B3 the random number is destroyed, and the keys are",
		     random_number_is_destroyed),
		CASE("B3 no key is put before the cryptogram is stored",
		     nothing_put_before_it_is_stored),
		CASE("B5 an issuance that broke off is resumed",
		     resumed_where_it_broke_off),
		CASE("B5 keys go into the module they are for only",
		     not_into_another_module),
		CASE("B6 B7 B8 replacement with the recovery key imported",
		     replaced_with_imported_key),
		CASE("B8 B9 a locked master keyset is replaced by the same",
		     locked_is_replaced_by_the_same),
		CASE("B6 B7 B8 replacement with the recovery key at the KMS",
		     replaced_with_key_at_the_kms),
		CASE("B7 a changed cryptogram is noticed before the module is asked",
		     wrong_cryptogram_is_noticed),
		CASE("B7 B9 the cryptogram of another module is of no use",
		     cryptogram_of_another_module),
		CASE("calls may come from several threads",
		     calls_from_many_threads),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
