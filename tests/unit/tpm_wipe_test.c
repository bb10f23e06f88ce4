// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing secret stays: sessions that are over, the buffer after every command, and
 * the stack the command ran on.
 */
#include "tpm_scene.h"

#include <pthread.h>
#include <sys/mman.h>

#define STACK_SIZE (512 * 1024)

static const struct t2_session no_session;
static const u8 no_bytes[T2_BUF_SIZE];

static void session_is_wiped(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_session s;
	struct t2_public rsa = f->srk_public;
	unsigned int skip;
	int err;

	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	t2_end_session(&f->t, &s);
	assert_memory_equal(&s, &no_session, sizeof(s));
	t2_end_session(&f->t, &s); /* again: nothing to do */
	tpm_session(f, &s, T2_SE_HMAC, 0);
	f->t.guard = &s;
	tpm_ok(f, t2_stir_random(&f->t, NULL, 0));
	assert_memory_equal(&s, &no_session, sizeof(s));
	f->t.guard = NULL;
	rsa.data[1] = T2_ALG_RSA;
	memset(&s, 0xee, sizeof(s));
	assert_int_equal(t2_start_auth_session(&f->t, &s, T2_SE_HMAC, FX_SRK,
					       &rsa),
			 -EINVAL);
	assert_memory_equal(&s, &no_session, sizeof(s));
	/* whatever fails on the way, nothing is left here or in the TPM */
	for (skip = 0;; skip++) {
		memset(&s, 0xee, sizeof(s));
		t2_openssl_fail(skip, -ENOMEM);
		err = t2_start_auth_session(&f->t, &s, T2_SE_HMAC, FX_SRK,
					    &f->srk_public);
		t2_openssl_fail(0, 0);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_memory_equal(&s, &no_session, sizeof(s));
	}
	assert_int_equal(skip, 4); /* random, ECDH, KDFe, KDFa */
	t2_end_session(&f->t, &s);
}

static void buffer_is_wiped_after_every_command(void **state)
{
	static struct tpm_scene c;
	struct tpm_fixture *f = *state;
	size_t i;

	tpm_scene_start(&c, f);
	for (i = 0; i < tpm_command_count; i++) {
		const struct tpm_command *cmd = &tpm_commands[i];

		tpm_scene_sessions(&c, cmd);
		if (cmd->prepare)
			cmd->prepare(&c);
		memset(f->t.buf, 0xee, sizeof(f->t.buf));
		c.result_len = 0;
		tpm_ok(f, cmd->run(&c));
		assert_memory_equal(f->t.buf, no_bytes, sizeof(no_bytes));
	}
	tpm_scene_stop(&c);
}

/* A refusal, and a transport that fails with the secret still in the buffer. */
static int broken(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	(void)t;
	(void)buf;
	(void)len;
	(void)size;
	return -EIO;
}

static void buffer_is_wiped_after_errors(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_nv_public pub = { .index = 0x7fffffff,
				    .name_alg = T2_ALG_SHA256 };

	assert_int_not_equal(t2_nv_define_space(&f->t, &f->owner,
						(const u8 *)"secret", 6, &pub),
			     0);
	assert_memory_equal(f->t.buf, no_bytes, sizeof(no_bytes));
	f->t.transmit = broken;
	assert_int_equal(t2_nv_define_space(&f->t, &f->owner,
					    (const u8 *)"secret", 6, &pub),
			 -EIO);
	assert_memory_equal(f->t.buf, no_bytes, sizeof(no_bytes));
}

/* Every key that a primitive was given, on success and when something fails. */
static void keys_are_wiped(void **state)
{
	static struct tpm_scene c;
	struct tpm_fixture *f = *state;
	struct t2_session s;
	const struct t2_kept kept[] = { { &c, sizeof(c) }, { &s, sizeof(s) } };
	unsigned int skip;
	size_t i;
	int err;

	tpm_scene_start(&c, f);
	t2_openssl_unwiped(kept, 2);
	for (i = 0; i < tpm_command_count; i++) {
		const struct tpm_command *cmd = &tpm_commands[i];

		tpm_scene_sessions(&c, cmd);
		if (cmd->prepare)
			cmd->prepare(&c);
		c.result_len = 0;
		tpm_ok(f, cmd->run(&c));
		assert_int_equal(t2_openssl_unwiped(kept, 2), 0);
	}
	tpm_scene_stop(&c);
	f->t.transmit = t2_socket_transmit;
	for (skip = 0;; skip++) {
		t2_openssl_fail(skip, -ENOMEM);
		err = t2_start_auth_session(&f->t, &s, T2_SE_HMAC, FX_SRK,
					    &f->srk_public);
		t2_openssl_fail(0, 0);
		assert_int_equal(t2_openssl_unwiped(kept, 2), 0);
		if (!err)
			break;
	}
	t2_end_session(&f->t, &s);
	t2_openssl_unwiped(NULL, 0);
}

/* What runs on a stack of its own. */
static struct {
	struct tpm_fixture *f;
	struct t2_session s;
	struct t2_entity nv;
	u8 got[32];
	int err;
} job;

static const u8 secret[32] = "the root secret, 31 characters ";
static const char auth[] = "authValue of the index, unique";

static void *read_secret(void *arg)
{
	(void)arg;
	job.err = t2_start_auth_session(&job.f->t, &job.s, T2_SE_HMAC, FX_SRK,
					&job.f->srk_public);
	if (job.err)
		return NULL;
	job.s.attributes = FX_SALTED;
	job.nv.session = &job.s;
	job.err = t2_nv_read(&job.f->t, &job.nv, &job.nv, job.got, 32, 0);
	return NULL;
}

/* Deep enough that the end of the thread does not write over what @run left. */
static void *deep(void *arg)
{
	void *(**run)(void *) = arg;
	volatile u8 room[32768];
	void *result;

	room[0] = 0;
	result = (*run)(NULL);
	return room[0] ? NULL : result;
}

/* Looks for the first half of @what in all that @run left on its stack. */
static bool left_on_stack(void *(*run)(void *), const void *what)
{
	pthread_attr_t attr;
	pthread_t thread;
	u8 *stack;
	bool left;

	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(stack, MAP_FAILED);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstack(&attr, stack, STACK_SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attr, deep, &run), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	left = memmem(stack, STACK_SIZE, what, 16);
	munmap(stack, STACK_SIZE);
	return left;
}

static u8 derived[32];

static void *derive_a(void *arg)
{
	const struct t2_vec v = { secret, 32 };

	(void)arg;
	return t2_kdfa(secret, 32, "ATH", &v, &v, derived, 32) ? derived : NULL;
}

static void *derive_e(void *arg)
{
	(void)arg;
	return t2_kdfe(secret, "SECRET", secret, secret, derived, 32) ?
		       derived :
		       NULL;
}

/* A leak, to see that one would be found. */
static void *leak(void *arg)
{
	u8 copy[32];

	(void)arg;
	memcpy(copy, secret, 32);
	__asm__ volatile("" : : "r"(copy) : "memory");
	return NULL;
}

static void derived_keys_leave_nothing(void **state)
{
	(void)state;
	assert_true(left_on_stack(leak, secret));
	assert_null(derive_a(NULL));
	assert_false(left_on_stack(derive_a, derived));
	assert_null(derive_e(NULL));
	assert_false(left_on_stack(derive_e, derived));
}

static void stack_is_wiped(void **state)
{
	struct tpm_fixture *f = *state;

	job.f = f;
	tpm_define(f, FX_ROOT, T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_NO_DA,
		   32, auth, &job.nv);
	tpm_ok(f, t2_nv_write(&f->t, &job.nv, &job.nv, secret, 32, 0));
	tpm_name_nv(f, &job.nv);
	assert_false(left_on_stack(read_secret, secret));
	tpm_ok(f, job.err);
	assert_memory_equal(job.got, secret, 32);
	t2_end_session(&f->t, &job.s);
	assert_false(left_on_stack(read_secret, auth));
	tpm_ok(f, job.err);
	t2_end_session(&f->t, &job.s);
	job.nv.session = NULL;
	tpm_undefine(f, &job.nv);
}

#define TEST(name) cmocka_unit_test_teardown(name, tpm_fixture_clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(session_is_wiped),
		TEST(buffer_is_wiped_after_every_command),
		TEST(buffer_is_wiped_after_errors),
		TEST(keys_are_wiped),
		TEST(derived_keys_leave_nothing),
		TEST(stack_is_wiped),
	};

	return cmocka_run_group_tests_name("tpm wipe", tests, tpm_fixture_start,
					   tpm_fixture_stop);
}
