// SPDX-License-Identifier: MIT
/* Sealing with libsecmod, against a driver made of a function. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "libsecmod/libsecmod.h"

static struct {
	int fail; /* errno of each call */
	__u32 result; /* of the last message of each */
	const char *reason;
	unsigned long request; /* the last one */
	union {
		struct secmod_messages messages;
		struct secmod_keys keys;
		struct secmod_use_key use_key;
	} arg;
	struct secmod_message message; /* the last one, as it came */
	unsigned int messages; /* in all calls */
} driver;

static void use_messages(const struct secmod_messages *a)
{
	struct secmod_message *last =
		(struct secmod_message *)(uintptr_t)a->messages + a->count - 1;

	driver.messages += a->count;
	driver.message = *last;
	last->out_len = 7;
	last->result = driver.result;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	assert_int_equal(*(__u32 *)arg, _IOC_SIZE(request));
	if (request == SECMOD_IOC_INFO) {
		((struct secmod_info *)arg)->abi_version = SECMOD_ABI_VERSION;
		return 0;
	}
	if (request == SECMOD_IOC_REASON) {
		struct secmod_reason *r = arg;

		r->error = driver.result;
		snprintf(r->text, sizeof(r->text), "%s",
			 driver.reason ? driver.reason : "");
		return 0;
	}
	driver.request = request;
	memcpy(&driver.arg, arg, _IOC_SIZE(request));
	if (driver.fail) {
		errno = driver.fail;
		return -1;
	}
	if (request == SECMOD_IOC_SEAL || request == SECMOD_IOC_OPEN)
		use_messages(arg);
	return 0;
}

static int open_module(void **state)
{
	memset(&driver, 0, sizeof(driver));
	return secmod_open("/dev/null", (struct secmod **)state);
}

static int close_module(void **state)
{
	secmod_close(*state);
	return 0;
}

static void seal_passes_all(void **state)
{
	struct secmod_bytes aad = { "aad", 3 }, text = { "text", 4 };
	uint8_t sealed[64];
	size_t len = sizeof(sealed);

	assert_int_equal(secmod_seal(*state, 0x41, &aad, &text, sealed, &len),
			 0);
	assert_int_equal(len, 7);
	assert_int_equal(driver.request, SECMOD_IOC_SEAL);
	assert_int_equal(driver.arg.messages.kvn, 0x41);
	assert_int_equal(driver.messages, 1);
	assert_int_equal(driver.message.in, (uintptr_t)text.data);
	assert_int_equal(driver.message.in_len, 4);
	assert_int_equal(driver.message.aad, (uintptr_t)aad.data);
	assert_int_equal(driver.message.aad_len, 3);
	assert_int_equal(driver.message.out, (uintptr_t)sealed);
	assert_int_equal(driver.message.out_len, sizeof(sealed));
}

static void unseal_tells_result(void **state)
{
	struct secmod_bytes sealed = { "sealed", 6 };
	uint8_t text[8];
	size_t len = sizeof(text);

	driver.result = ESTALE;
	driver.reason = "message 0: opened before, or too old";
	assert_int_equal(secmod_unseal(*state, NULL, &sealed, text, &len),
			 -ESTALE);
	assert_string_equal(secmod_reason(*state), driver.reason);
	assert_int_equal(driver.request, SECMOD_IOC_OPEN);
	assert_int_equal(driver.arg.messages.kvn, 0);
	assert_int_equal(driver.message.aad_len, 0);
	sealed.len = SECMOD_SEAL_DATA_MAX + SECMOD_SEAL_OVERHEAD + 1;
	assert_int_equal(secmod_unseal(*state, NULL, &sealed, text, &len),
			 -E2BIG);
	assert_int_equal(driver.messages, 1);
}

static void many_messages_in_few_calls(void **state)
{
	static struct secmod_message m[2 * SECMOD_SEAL_COUNT_MAX + 1];

	assert_int_equal(
		secmod_seal_many(*state, 0x41, m, sizeof(m) / sizeof(m[0])), 0);
	assert_int_equal(driver.messages, sizeof(m) / sizeof(m[0]));
	assert_int_equal(driver.arg.messages.count, 1);
	assert_int_equal(m[SECMOD_SEAL_COUNT_MAX - 1].out_len, 7);
	driver.fail = EBADFD;
	driver.messages = 0;
	assert_int_equal(secmod_unseal_many(*state, m, 300), -EBADFD);
	assert_int_equal(driver.messages, 0);
	assert_int_equal(secmod_unseal_many(*state, m, 0), 0);
}

static void keys_have_room(void **state)
{
	struct secmod_txn_key keys[SECMOD_TXN_KEYS_MAX];
	struct secmod_keys all;

	assert_int_equal(secmod_txn_keys(*state, keys, &all), 0);
	assert_int_equal(driver.request, SECMOD_IOC_KEYS);
	assert_int_equal(driver.arg.keys.count, SECMOD_TXN_KEYS_MAX);
	assert_int_equal(driver.arg.keys.keys, (uintptr_t)keys);
}

static void use_key_names_it(void **state)
{
	struct secmod_app_key key = { "12345", 5, 0x8010 };
	struct secmod_bytes in = { "0123456789abcdef", 16 };
	uint8_t out[16];
	size_t len = sizeof(out);

	assert_int_equal(secmod_use_key(*state, &key, SECMOD_USE_ENCRYPT,
					(const uint8_t *)"iviviviviviviviv",
					&in, out, &len),
			 0);
	assert_int_equal(driver.request, SECMOD_IOC_USE_KEY);
	assert_memory_equal(driver.arg.use_key.aid, "12345\0\0", 7);
	assert_int_equal(driver.arg.use_key.aid_len, 5);
	assert_int_equal(driver.arg.use_key.dgi, 0x8010);
	assert_memory_equal(driver.arg.use_key.iv, "iviviviviviviviv", 16);
	assert_int_equal(driver.arg.use_key.out_len, sizeof(out));
	key.aid_len = 17;
	assert_int_equal(secmod_use_key(*state, &key, SECMOD_USE_MAC, NULL, &in,
					out, &len),
			 -EINVAL);
	key.aid_len = 5;
	in.len = SECMOD_USE_MAX + 1;
	assert_int_equal(secmod_use_key(*state, &key, SECMOD_USE_MAC, NULL, &in,
					out, &len),
			 -E2BIG);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_module, close_module)
	const struct CMUnitTest tests[] = {
		T(seal_passes_all),
		T(unseal_tells_result),
		T(many_messages_in_few_calls),
		T(keys_have_room),
		T(use_key_names_it),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
