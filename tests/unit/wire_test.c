// SPDX-License-Identifier: MIT
/* Messages: what goes in comes out; what is not DER or breaks the schema does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/der.h"
#include "common/wire.h"

static const unsigned char bytes[1024];

static struct message *new_module_key(void)
{
	struct message *m = message_new(MSG_MODULE_KEY);
	struct wire_module_key *k = m->u.module_key;

	wire_set_octets(k->public_area, bytes, 90);
	wire_set_octets(k->creation, bytes, 100);
	wire_set_octets(k->attest, bytes, 110);
	wire_set_octets(k->signature, bytes, 64);
	wire_set_octets(k->module_nonce, bytes, 32);
	k->epoch = 7;
	k->time = INT64_MAX;
	return m;
}

static struct message *new_transaction(size_t payload)
{
	struct message *m = message_new(MSG_TRANSACTION);
	unsigned char *data = calloc(1, payload + 1);

	wire_set_octets(m->u.transaction->id, bytes, 16);
	wire_set_octets(m->u.transaction->payload, data, payload);
	free(data);
	return m;
}

static void module_key_round_trip(void **state)
{
	struct message *m = new_module_key(), *back;
	unsigned char *der;
	struct error e;
	int len;

	(void)state;
	len = message_encode(m, &der);
	assert_true(len > 0);
	assert_int_equal(der[0], 0xa3);
	assert_int_equal(message_decode(der, len, &back, &e), 0);
	assert_int_equal(back->type, MSG_MODULE_KEY);
	assert_int_equal(back->u.module_key->epoch, 7);
	assert_true(back->u.module_key->time == INT64_MAX);
	assert_int_equal(ASN1_STRING_length(back->u.module_key->attest), 110);
	message_free(back);
	message_free(m);
	OPENSSL_free(der);
}

static void encoding_equals_handmade_der(void **state)
{
	/* by hand: Message.error = { 22, "no" } */
	static const unsigned char expect[] = { 0xa0, 0x09, 0x30, 0x07,
						0x02, 0x01, 0x16, 0x0c,
						0x02, 'n',  'o' };
	struct message *m = message_new(MSG_ERROR);
	unsigned char *der;

	(void)state;
	m->u.error->code = 22;
	wire_set_text(m->u.error->text, "no");
	assert_int_equal(message_encode(m, &der), sizeof(expect));
	assert_memory_equal(der, expect, sizeof(expect));
	OPENSSL_free(der);
	message_free(m);
}

static void false_is_encoded(void **state)
{
	struct message *m = message_new(MSG_PERSO_DONE), *back;
	static const unsigned char expect[] = { 0xa5, 0x07, 0x30, 0x05, 0x01,
						0x01, 0x00, 0x0c, 0x00 };
	unsigned char *der;

	(void)state;
	assert_int_equal(message_encode(m, &der), sizeof(expect));
	assert_memory_equal(der, expect, sizeof(expect));
	assert_int_equal(message_decode(der, sizeof(expect), &back, NULL), 0);
	assert_int_equal(back->u.perso_done->accepted, 0);
	message_free(back);
	OPENSSL_free(der);
	message_free(m);
}

static void no_type_has_a_message_without_name(void **state)
{
	static const int types[] = { 0,	 1,  2,	 3,  4,	 5,  8,	 9,  10, 11, 16,
				     17, 18, 19, 20, 21, 22, 23, 24, 25, 26 };
	struct message *m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		m = message_new(types[i]);
		assert_non_null(m);
		assert_string_not_equal(message_name(types[i]),
					message_name(6));
		message_free(m);
	}
	assert_null(message_new(6));
	assert_null(message_new(-1));
	assert_null(message_new(31));
}

struct refusal {
	const char *name;
	const unsigned char der[16];
	size_t len;
	const char *text; /* part of the reason */
};

#define DER(...)                \
	.der = { __VA_ARGS__ }, \
	.len = sizeof((const unsigned char[]){ __VA_ARGS__ })

/* each differs in one thing from Error { 22, "no" }: a0 09 30 07 02 01 16 0c 02 6e 6f */
static const struct refusal refusals[] = {
	{ "trailing byte", DER(0xa0, 9, 0x30, 7, 2, 1, 22, 12, 2, 'n', 'o', 0),
	  .text = "trailing" },
	{ "truncated", DER(0xa0, 9, 0x30, 7, 2, 1, 22, 12, 2, 'n'),
	  .text = "ends within" },
	{ "trailing element inside",
	  DER(0xa0, 11, 0x30, 9, 2, 1, 22, 12, 2, 'n', 'o', 5, 0),
	  .text = "schema" },
	{ "long length", DER(0xa0, 0x81, 9, 0x30, 7, 2, 1, 22, 12, 2, 'n', 'o'),
	  .text = "longer than needed" },
	{ "length with leading zero",
	  DER(0xa0, 0x82, 0, 9, 0x30, 7, 2, 1, 22, 12, 2, 'n', 'o'),
	  .text = "leading zero" },
	{ "indefinite length",
	  DER(0xa0, 0x80, 0x30, 7, 2, 1, 22, 12, 2, 'n', 'o', 0, 0),
	  .text = "indefinite" },
	{ "long integer", DER(0xa0, 10, 0x30, 8, 2, 2, 0, 22, 12, 2, 'n', 'o'),
	  .text = "INTEGER longer" },
	{ "negative integer",
	  DER(0xa0, 9, 0x30, 7, 2, 1, 0x96, 12, 2, 'n', 'o'),
	  .text = "schema" },
	{ "constructed string",
	  DER(0xa0, 11, 0x30, 9, 2, 1, 22, 0x2c, 4, 12, 2, 'n', 'o'),
	  .text = "constructed" },
	{ "code out of range",
	  DER(0xa0, 11, 0x30, 9, 2, 3, 1, 0, 0, 12, 2, 'n', 'o'),
	  .text = "outside 0..65535" },
	{ "unknown tag", DER(0xa6, 9, 0x30, 7, 2, 1, 22, 12, 2, 'n', 'o'),
	  .text = "unknown message" },
	{ "primitive tag", DER(0x80, 9, 0x30, 7, 2, 1, 22, 12, 2, 'n', 'o'),
	  .text = "unknown message" },
	{ "other class", DER(0x60, 9, 0x30, 7, 2, 1, 22, 12, 2, 'n', 'o'),
	  .text = "unknown message" },
	{ "not UTF-8", DER(0xa0, 9, 0x30, 7, 2, 1, 22, 12, 2, 0xc3, 'o'),
	  .text = "UTF-8" },
	{ "NUL in text", DER(0xa0, 9, 0x30, 7, 2, 1, 22, 12, 2, 0, 'o'),
	  .text = "control" },
	{ "newline in text", DER(0xa0, 9, 0x30, 7, 2, 1, 22, 12, 2, 10, 'o'),
	  .text = "control" },
	{ "wrong string type", DER(0xa0, 9, 0x30, 7, 2, 1, 22, 4, 2, 'n', 'o'),
	  .text = "schema" },
	{ "missing field", DER(0xa0, 5, 0x30, 3, 2, 1, 22), .text = "schema" },
	{ "boolean 1", DER(0xa5, 7, 0x30, 5, 1, 1, 1, 12, 0),
	  .text = "BOOLEAN" },
	{ "empty", .len = 0, .text = "empty" },
};

static void malformed_messages_are_refused(void **state)
{
	const struct refusal *r;
	struct message *m;
	struct error e;
	size_t i;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		r = &refusals[i];
		ret = message_decode(r->der, r->len, &m, &e);
		if (ret != -EPROTO || m || !strstr(e.text, r->text))
			fail_msg("%s: returned %d, '%s'", r->name, ret, e.text);
	}
}

static void one_character_counts_once(void **state)
{
	struct message *m = message_new(MSG_ERROR), *back;
	char text[2 * 256 + 1] = "";
	unsigned char *der;
	int i, len;

	(void)state;
	for (i = 0; i < 255; i++)
		strcat(text, "ä");
	wire_set_text(m->u.error->text, text);
	len = message_encode(m, &der);
	assert_true(len > 0);
	assert_int_equal(message_decode(der, len, &back, NULL), 0);
	message_free(back);
	OPENSSL_free(der);
	wire_set_text(m->u.error->text, strcat(text, "ä"));
	assert_int_equal(message_encode(m, &der), -EMSGSIZE);
	message_free(m);
}

static void payload_limit_is_32768(void **state)
{
	struct message *m = new_transaction(32768), *back;
	unsigned char *der;
	int len;

	(void)state;
	len = message_encode(m, &der);
	assert_true(len > 32768);
	assert_int_equal(message_decode(der, len, &back, NULL), 0);
	message_free(back);
	OPENSSL_free(der);
	message_free(m);
	m = new_transaction(32769);
	assert_int_equal(message_encode(m, &der), -EMSGSIZE);
	message_free(m);
}

static void fixed_sizes_hold(void **state)
{
	struct message *m = new_module_key();
	unsigned char *der;

	(void)state;
	wire_set_octets(m->u.module_key->signature, bytes, 63);
	assert_int_equal(message_encode(m, &der), -EMSGSIZE);
	wire_set_octets(m->u.module_key->signature, bytes, 64);
	wire_set_octets(m->u.module_key->public_area, bytes, 641);
	assert_int_equal(message_encode(m, &der), -EMSGSIZE);
	wire_set_octets(m->u.module_key->public_area, bytes, 0);
	assert_int_equal(message_encode(m, &der), -EMSGSIZE);
	wire_set_octets(m->u.module_key->public_area, bytes, 640);
	m->u.module_key->time = (uint64_t)INT64_MAX + 1;
	assert_int_equal(message_encode(m, &der), -EMSGSIZE);
	message_free(m);
}

/* Every single changed byte either decodes to the same bytes or is refused. */
static void decoding_is_injective(void **state)
{
	struct message *m = new_module_key(), *back;
	unsigned char *der, *again;
	int len, i, v, n;

	(void)state;
	len = message_encode(m, &der);
	for (i = 0; i < len; i++) {
		unsigned char was = der[i];

		for (v = 0; v < 256; v++) {
			der[i] = v;
			if (message_decode(der, len, &back, NULL))
				continue;
			n = message_encode(back, &again);
			assert_int_equal(n, len);
			assert_memory_equal(again, der, len);
			OPENSSL_free(again);
			message_free(back);
		}
		der[i] = was;
	}
	OPENSSL_free(der);
	message_free(m);
}

static void deep_nesting_is_refused(void **state)
{
	unsigned char der[200];
	struct error e;
	int i, n = 60;

	(void)state;
	for (i = 0; i < n; i++) {
		der[2 * i] = 0x30;
		der[2 * i + 1] = 2 * (n - 1 - i);
	}
	assert_int_equal(der_check(der, 2 * n, "test", &e), -EPROTO);
	assert_non_null(strstr(e.text, "deeply"));
	assert_int_equal(der_check(der + 2 * (n - 31), 62, "test", &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(module_key_round_trip),
		cmocka_unit_test(encoding_equals_handmade_der),
		cmocka_unit_test(false_is_encoded),
		cmocka_unit_test(no_type_has_a_message_without_name),
		cmocka_unit_test(malformed_messages_are_refused),
		cmocka_unit_test(one_character_counts_once),
		cmocka_unit_test(payload_limit_is_32768),
		cmocka_unit_test(fixed_sizes_hold),
		cmocka_unit_test(decoding_is_injective),
		cmocka_unit_test(deep_nesting_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
