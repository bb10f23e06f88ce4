// SPDX-License-Identifier: MIT
/*
 * libsecmod against a driver made of a function: what goes into each ioctl, what
 * comes out, and that the kernel's reason reaches the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "libsecmod/libsecmod.h"

static struct {
	__u32 state;
	__u32 abi;
	int fail; /* errno of the next call that is no INFO */
	__u32 reason_error;
	const char *reason;
	unsigned long request; /* the last one */
	union {
		struct secmod_attach attach;
		struct secmod_init_begin init_begin;
		struct secmod_init_activate activate;
		struct secmod_init_complete complete;
		struct secmod_perso_begin perso_begin;
		struct secmod_perso_complete perso_complete;
		struct secmod_attestation attest;
		struct secmod_reset reset;
		struct secmod_get_cert get_cert;
		struct secmod_sign sign;
		struct secmod_apdu apdu;
	} arg;
	char pointee[64];
	__u32 cert_len;
} driver;

static void driver_output(void *arg, unsigned long request)
{
	switch (request) {
	case SECMOD_IOC_INIT_ACTIVATE: {
		struct secmod_init_activate *a = arg;

		a->info_len = 3;
		memcpy(a->info, "yes", 3);
		break;
	}
	case SECMOD_IOC_SIGN: {
		struct secmod_sign *s = arg;

		memcpy(driver.pointee, (void *)(uintptr_t)s->data, s->len);
		memset(s->signature, 0x5a, sizeof(s->signature));
		break;
	}
	case SECMOD_IOC_GET_CERT: {
		struct secmod_get_cert *g = arg;

		g->len = driver.cert_len;
		memset((void *)(uintptr_t)g->data, 'c', 5);
		break;
	}
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == SECMOD_IOC_INFO) {
		struct secmod_info *info = arg;

		assert_int_equal(info->size, sizeof(*info));
		info->abi_version = driver.abi;
		info->state = driver.state;
		return 0;
	}
	if (request == SECMOD_IOC_REASON) {
		struct secmod_reason *r = arg;

		assert_int_equal(r->size, sizeof(*r));
		r->error = driver.reason_error;
		snprintf(r->text, sizeof(r->text), "%s",
			 driver.reason ? driver.reason : "");
		return 0;
	}
	driver.request = request;
	memcpy(&driver.arg, arg, _IOC_SIZE(request));
	assert_int_equal(*(__u32 *)arg, _IOC_SIZE(request));
	if (driver.fail) {
		errno = driver.fail;
		return -1;
	}
	driver_output(arg, request);
	return 0;
}

static int open_module(void **state)
{
	memset(&driver, 0, sizeof(driver));
	driver.abi = SECMOD_ABI_VERSION;
	driver.state = SECMOD_STATE_OPERATING;
	return secmod_open("/dev/null", (struct secmod **)state);
}

static int close_module(void **state)
{
	secmod_close(*state);
	return 0;
}

static void refuse(int errnum, const char *reason)
{
	driver.fail = errnum;
	driver.reason_error = (__u32)errnum;
	driver.reason = reason;
}

static void open_missing_device(void **state)
{
	struct secmod *m;

	(void)state;
	assert_int_equal(secmod_open("/nonexistent/secmod9", &m), -ENOENT);
	assert_null(m);
	assert_non_null(strstr(secmod_reason(NULL), "'/nonexistent/secmod9'"));
}

static void open_older_driver(void **state)
{
	struct secmod *m;

	(void)state;
	driver.abi = SECMOD_ABI_VERSION - 1;
	assert_int_equal(secmod_open("/dev/null", &m), -EOPNOTSUPP);
	assert_non_null(strstr(secmod_reason(NULL), "load the newer"));
}

static void reason_of_the_kernel(void **state)
{
	struct secmod *m = *state;

	refuse(EBADMSG, "the vault is of another module");
	assert_int_equal(secmod_attach(m, 7), -EBADMSG);
	assert_string_equal(secmod_reason(m), "the vault is of another module");
	driver.fail = 0;
	assert_int_equal(secmod_attach(m, 7), 0);
	assert_string_equal(secmod_reason(m), "");
}

static void reason_of_another_error(void **state)
{
	struct secmod *m = *state;

	refuse(EIO, "stale words");
	driver.reason_error = EBADMSG;
	assert_int_equal(secmod_attach(m, 7), -EIO);
	assert_string_equal(secmod_reason(m), secmod_error_text(EIO));
}

static void reason_of_another_handle(void **state)
{
	struct secmod *m = *state, *other;

	assert_int_equal(secmod_open("/dev/null", &other), 0);
	refuse(EIO, "the TPM does not answer");
	assert_int_equal(secmod_attach(m, 7), -EIO);
	assert_string_equal(secmod_reason(other), "");
	secmod_close(other);
	assert_string_equal(secmod_reason(m), "the TPM does not answer");
}

static void *fail_elsewhere(void *m)
{
	assert_int_equal(secmod_attach(m, 8), -EIO);
	return NULL;
}

static void reason_of_another_thread(void **state)
{
	struct secmod *m = *state;
	pthread_t thread;

	refuse(EIO, "mine");
	assert_int_equal(secmod_attach(m, 7), -EIO);
	driver.reason = "its own";
	pthread_create(&thread, NULL, fail_elsewhere, m);
	pthread_join(thread, NULL);
	assert_string_equal(secmod_reason(m), "mine");
}

static void attach_passes_descriptor(void **state)
{
	assert_int_equal(secmod_attach(*state, 7), 0);
	assert_int_equal(driver.request, SECMOD_IOC_ATTACH);
	assert_int_equal(driver.arg.attach.fd, 7);
	assert_int_equal(driver.arg.attach.flags, 0);
}

static void attach_missing_file(void **state)
{
	assert_int_equal(secmod_attach_file(*state, "/nonexistent/vault"),
			 -ENOENT);
	assert_non_null(strstr(secmod_reason(*state), "'/nonexistent/vault'"));
}

static void detach_needs_nothing(void **state)
{
	assert_int_equal(secmod_detach(*state), 0);
	assert_int_equal(driver.request, SECMOD_IOC_DETACH);
}

static void transmit_passes_room(void **state)
{
	uint8_t response[SECMOD_RESPONSE_MAX];
	size_t len = 1;

	assert_int_equal(secmod_transmit(*state, "\x00\xa4\x04\x00", 4,
					 response, &len),
			 0);
	assert_int_equal(driver.request, SECMOD_IOC_APDU);
	assert_int_equal(driver.arg.apdu.command_len, 4);
	assert_int_equal(driver.arg.apdu.response_len, SECMOD_RESPONSE_MAX);
	assert_int_equal(len, SECMOD_RESPONSE_MAX);
	assert_int_equal(secmod_transmit(*state, response, SECMOD_APDU_MAX + 1,
					 response, &len),
			 -E2BIG);
	assert_int_equal(len, 0);
}

static void init_begin_passes_flags(void **state)
{
	struct secmod_init_begin out;

	assert_int_equal(secmod_init_begin(*state, SECMOD_INIT_DISCARD, &out),
			 0);
	assert_int_equal(driver.request, SECMOD_IOC_INIT_BEGIN);
	assert_int_equal(driver.arg.init_begin.flags, SECMOD_INIT_DISCARD);
}

static void init_activate_copies(void **state)
{
	uint8_t credential[64];
	size_t len = 0;
	char long_blob[257];

	assert_int_equal(secmod_init_activate(*state, "blob", 4, "secret", 6,
					      credential, &len),
			 0);
	assert_memory_equal(driver.arg.activate.blob, "blob", 5);
	assert_memory_equal(driver.arg.activate.secret, "secret", 7);
	assert_int_equal(driver.arg.activate.blob_len, 4);
	assert_int_equal(driver.arg.activate.secret_len, 6);
	assert_int_equal(len, 3);
	assert_memory_equal(credential, "yes", 3);
	memset(long_blob, 0, sizeof(long_blob));
	assert_int_equal(secmod_init_activate(*state, long_blob, 257, "", 0,
					      credential, &len),
			 -E2BIG);
}

static void init_complete_points(void **state)
{
	assert_int_equal(secmod_init_complete(*state, "check", 5, "id", 2, 9),
			 0);
	assert_string_equal(
		(char *)(uintptr_t)driver.arg.complete.checking_cert, "check");
	assert_string_equal(
		(char *)(uintptr_t)driver.arg.complete.identity_cert, "id");
	assert_int_equal(driver.arg.complete.checking_cert_len, 5);
	assert_int_equal(driver.arg.complete.identity_cert_len, 2);
	assert_int_equal(driver.arg.complete.fd, 9);
	assert_int_equal(secmod_init_complete(*state, "c", SECMOD_CERT_MAX + 1,
					      "i", 1, 9),
			 -E2BIG);
}

static void perso_begin_points(void **state)
{
	struct secmod_perso_begin out;
	uint8_t salt[32], nonce[32];

	memset(salt, 1, 32);
	memset(nonce, 2, 32);
	assert_int_equal(
		secmod_perso_begin(*state, "signer", 6, salt, nonce, &out), 0);
	assert_string_equal(
		(char *)(uintptr_t)driver.arg.perso_begin.signer_cert,
		"signer");
	assert_int_equal(driver.arg.perso_begin.signer_cert_len, 6);
	assert_memory_equal(driver.arg.perso_begin.salt, salt, 32);
	assert_memory_equal(driver.arg.perso_begin.pu_nonce, nonce, 32);
}

static void perso_complete_limits(void **state)
{
	assert_int_equal(secmod_perso_complete(*state, "bundle", 6), 0);
	assert_string_equal((char *)(uintptr_t)driver.arg.perso_complete.bundle,
			    "bundle");
	assert_int_equal(driver.arg.perso_complete.bundle_len, 6);
	driver.request = 0;
	assert_int_equal(secmod_perso_complete(*state, "bundle",
					       SECMOD_BUNDLE_MAX + 1),
			 -E2BIG);
	assert_int_equal(driver.request, 0);
}

static void reset_has_no_vault(void **state)
{
	struct secmod_reset out;
	uint8_t nonce[32];

	memset(nonce, 3, 32);
	assert_int_equal(secmod_reset(*state, nonce, &out), 0);
	assert_int_equal(driver.arg.reset.fd, -1);
	assert_int_equal(driver.arg.reset.flags, 0);
	assert_memory_equal(driver.arg.reset.nonce, nonce, 32);
}

static void reset_fresh_vault_points(void **state)
{
	struct secmod_reset out;
	uint8_t nonce[32] = { 0 };

	assert_int_equal(secmod_reset_fresh_vault(*state, nonce, 5, "check", 5,
						  "id", 2, &out),
			 0);
	assert_int_equal(driver.arg.reset.flags, SECMOD_RESET_FRESH_VAULT);
	assert_int_equal(driver.arg.reset.fd, 5);
	assert_int_equal(driver.arg.reset.checking_cert_len, 5);
	assert_string_equal((char *)(uintptr_t)driver.arg.reset.identity_cert,
			    "id");
}

static void attest_passes_nonce(void **state)
{
	struct secmod_attestation out;
	uint8_t nonce[32];

	memset(nonce, 4, 32);
	assert_int_equal(secmod_attest(*state, nonce, &out), 0);
	assert_memory_equal(driver.arg.attest.nonce, nonce, 32);
}

static void get_cert_allocates(void **state)
{
	uint8_t *der;
	size_t len;

	driver.cert_len = 5;
	assert_int_equal(
		secmod_get_cert(*state, SECMOD_CERT_CENTRAL, 2, &der, &len), 0);
	assert_int_equal(driver.arg.get_cert.kind, SECMOD_CERT_CENTRAL);
	assert_int_equal(driver.arg.get_cert.index, 2);
	assert_int_equal(len, 5);
	assert_memory_equal(der, "ccccc", 5);
	secmod_free(der);
	refuse(ENOENT, NULL);
	assert_int_equal(secmod_get_cert(*state, SECMOD_CERT_MODULE, 0, &der,
					 &len),
			 -ENOENT);
	assert_null(der);
}

static void get_cert_of_impossible_length(void **state)
{
	uint8_t *der;
	size_t len;

	driver.cert_len = SECMOD_CERT_MAX + 1;
	assert_int_equal(secmod_get_cert(*state, SECMOD_CERT_MODULE, 0, &der,
					 &len),
			 -EBADMSG);
	assert_null(der);
	assert_int_equal(len, 0);
}

static void sign_passes_data(void **state)
{
	uint8_t sig[64], expected[64];

	memset(expected, 0x5a, 64);
	assert_int_equal(secmod_sign(*state, SECMOD_KEY_MODULE,
				     SECMOD_HASH_SHA384, "digest", 6, sig),
			 0);
	assert_int_equal(driver.arg.sign.key, SECMOD_KEY_MODULE);
	assert_int_equal(driver.arg.sign.hash, SECMOD_HASH_SHA384);
	assert_string_equal(driver.pointee, "digest");
	assert_memory_equal(sig, expected, 64);
	assert_int_equal(secmod_sign(*state, SECMOD_KEY_IDENTITY,
				     SECMOD_HASH_SHA256, "", 1025, sig),
			 -E2BIG);
}

static void wait_finds_state(void **state)
{
	assert_int_equal(secmod_wait(*state, 1 << SECMOD_STATE_OPERATING, 0),
			 SECMOD_STATE_OPERATING);
}

static void wait_runs_out(void **state)
{
	struct secmod *m;
	int p[2];
	char path[32];

	(void)state;
	/* /dev/null is always readable, an empty pipe is not */
	assert_int_equal(pipe(p), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	assert_int_equal(secmod_open(path, &m), 0);
	assert_int_equal(secmod_wait(m, 1 << SECMOD_STATE_FAILED, 10),
			 -ETIMEDOUT);
	secmod_close(m);
	close(p[0]);
	close(p[1]);
}

static void names_are_words(void **state)
{
	(void)state;
	assert_string_equal(secmod_state_name(SECMOD_STATE_PERSONALIZATION),
			    "personalization");
	assert_string_equal(secmod_state_name(99), "unknown");
	assert_string_equal(secmod_key_name(SECMOD_KEY_MODULE), "module");
	assert_string_equal(secmod_cert_name(SECMOD_CERT_SIGNER), "signer");
	assert_string_equal(secmod_role_name(SECMOD_ROLE_UNIT_TLS), "unit-tls");
	assert_string_equal(secmod_role_name(7), "unknown");
	assert_string_equal(secmod_error_text(ESTALE), "an older copy");
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_module, close_module)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(open_missing_device),
		T(open_older_driver),
		T(reason_of_the_kernel),
		T(reason_of_another_error),
		T(reason_of_another_handle),
		T(reason_of_another_thread),
		T(attach_passes_descriptor),
		T(attach_missing_file),
		T(detach_needs_nothing),
		T(transmit_passes_room),
		T(init_begin_passes_flags),
		T(init_activate_copies),
		T(init_complete_points),
		T(perso_begin_points),
		T(perso_complete_limits),
		T(reset_has_no_vault),
		T(reset_fresh_vault_points),
		T(attest_passes_nonce),
		T(get_cert_allocates),
		T(get_cert_of_impossible_length),
		T(sign_passes_data),
		T(wait_finds_state),
		T(wait_runs_out),
		T(names_are_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("libsecmod", tests, NULL, NULL);
}
