// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TPM that lies, without sessions: each response deviates in one thing from one
 * that is accepted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "t2_openssl.h"
#include "tpm/command.h"

static u8 answer[512];
static size_t answer_len;
static u32 flushed;
static bool flush_refused;

static int lie(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	struct t2_writer w;

	if (t->cc == T2_CC_FLUSH_CONTEXT) {
		assert_int_equal(len, 14);
		flushed = (u32)buf[10] << 24 | buf[13];
		t2_writer_init(&w, buf, size);
		t2_put_bytes(&w, "\x80\1\0\0\0\12\0\0", 8);
		t2_put_u16(&w, flush_refused ? 0x1cb : 0);
		return 10;
	}
	memcpy(buf, answer, answer_len);
	return (int)answer_len;
}

static struct t2 t = { .transmit = lie };
static struct t2_writer w;

/* The header of a response that says yes; the parameters follow. */
static struct t2_writer *begin(u16 tag)
{
	t2_writer_init(&w, answer, sizeof(answer));
	t2_put_u16(&w, tag);
	t2_put_u32(&w, 0);
	t2_put_u32(&w, 0);
	return &w;
}

static void end(void)
{
	assert_false(w.bad);
	answer_len = w.len;
	answer[4] = (u8)(w.len >> 8);
	answer[5] = (u8)w.len;
}

static void tag_and_size(void **state)
{
	static const struct {
		u16 tag;
		u8 size;
		size_t len;
		int err;
	} cases[] = {
		{ T2_ST_NO_SESSIONS, 10, 10, 0 },
		{ T2_ST_SESSIONS, 10, 10, -EBADMSG },
		{ T2_ST_RSP_COMMAND, 10, 10, -EBADMSG },
		{ 0, 10, 10, -EBADMSG },
		{ T2_ST_NO_SESSIONS, 9, 10, -EBADMSG },
		{ T2_ST_NO_SESSIONS, 11, 10, -EBADMSG },
		{ T2_ST_NO_SESSIONS, 11, 11, -EBADMSG },
		{ T2_ST_NO_SESSIONS, 0, 0, -EBADMSG },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(cases[i].tag);
		end();
		answer[5] = cases[i].size;
		answer_len = cases[i].len;
		assert_int_equal(t2_stir_random(&t, NULL, 0), cases[i].err);
	}
	begin(T2_ST_RSP_COMMAND);
	end();
	answer[9] = 0x1e; /* TPM_RC_BAD_TAG comes so */
	assert_int_equal(t2_stir_random(&t, NULL, 0), -EIO);
	assert_int_equal(t.rc, 0x1e);
	answer[1] = 0xc5;
	assert_int_equal(t2_stir_random(&t, NULL, 0), -EBADMSG);
}

/* NV_Read of so much that the last byte of the answer is behind the buffer. */
static int long_transmit(struct t2 *tpm, u8 *buf, size_t len, size_t size)
{
	struct t2_writer long_w;

	assert_true(tpm && len < size);
	memset(buf, 0, size);
	t2_writer_init(&long_w, buf, size);
	t2_put_u16(&long_w, T2_ST_SESSIONS);
	t2_put_u32(&long_w, (u32)size + 1);
	t2_put_u32(&long_w, 0);
	t2_put_u32(&long_w, (u32)size + 1 - 14 - 5);
	t2_put_u16(&long_w, (u16)(size + 1 - 14 - 5 - 2));
	return (int)size + 1;
}

static int dead_transmit(struct t2 *tpm, u8 *buf, size_t len, size_t size)
{
	return tpm && buf && len < size ? -ENODEV : 0;
}

static void transport(void **state)
{
	static struct {
		struct t2 t;
		u8 behind[8];
	} room = { .t = { .transmit = long_transmit, .rc = 1 } };
	static u8 data[T2_BUF_SIZE];
	struct t2_entity nv = { .handle = 0x01800100 };
	struct t2 *other = &room.t;

	(void)state;
	assert_int_equal(t2_nv_read(other, &nv, &nv, data, T2_BUF_SIZE - 20, 0),
			 -EBADMSG);
	other->transmit = dead_transmit;
	assert_int_equal(t2_stir_random(other, (const u8 *)"x", 1), -ENODEV);
	assert_int_equal(other->rc, 0);
	assert_int_equal(other->cc, T2_CC_STIR_RANDOM);
	assert_int_equal(other->commands, 2);
}

static void random_number(void **state)
{
	static const u8 bytes[32];
	static const struct {
		size_t len;
		int err;
	} cases[] = { { 16, 0 }, { 17, -EBADMSG }, { 0, -EBADMSG } };
	size_t i;
	u8 out[17];

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		out[16] = 0xee;
		t2_put_2b(begin(T2_ST_NO_SESSIONS), bytes, cases[i].len);
		end();
		assert_int_equal(t2_get_random(&t, out, 16), cases[i].err);
		assert_int_equal(out[16], 0xee);
	}
}

static void capability(void **state)
{
	static const struct {
		u32 capability, count, given;
		int err;
	} cases[] = {
		{ T2_CAP_HANDLES, 2, 2, 0 },
		{ T2_CAP_HANDLES, 3, 3, -EBADMSG }, /* more than asked */
		{ T2_CAP_HANDLES, 2, 1, -EBADMSG },
		{ T2_CAP_HANDLES, 1, 2, -EBADMSG },
		{ T2_CAP_HANDLES, 0xffffffff, 2, -EBADMSG },
		{ T2_CAP_TPM_PROPERTIES, 2, 2, -EBADMSG },
	};
	u32 handles[3], i, j;
	size_t count;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		handles[2] = 0xeeeeeeee;
		count = 2;
		t2_put_u8(begin(T2_ST_NO_SESSIONS), 0);
		t2_put_u32(&w, cases[i].capability);
		t2_put_u32(&w, cases[i].count);
		for (j = 0; j < cases[i].given; j++)
			t2_put_u32(&w, 0x80000000 + j);
		end();
		assert_int_equal(t2_get_handles(&t, 0x80000000, handles,
						&count),
				 cases[i].err);
		assert_int_equal(handles[2], 0xeeeeeeee);
	}
	t2_put_u8(begin(T2_ST_NO_SESSIONS), 0);
	t2_put_u32(&w, T2_CAP_TPM_PROPERTIES);
	t2_put_u32(&w, 2);
	t2_put_u64(&w, (u64)T2_PT_MANUFACTURER << 32);
	t2_put_u64(&w, 0);
	end();
	assert_int_equal(t2_get_property(&t, T2_PT_MANUFACTURER, handles),
			 -EBADMSG);
}

/* A signature in a password session's response. */
static int signature(u16 alg, u16 hash, size_t r_len, size_t s_len,
		     u8 attributes, u16 nonce)
{
	static const u8 bytes[40] = { 1 };
	struct t2_entity key = { .handle = 0x80000000 };
	struct t2_signature sig;
	size_t at;

	at = t2_open_u32(begin(T2_ST_SESSIONS));
	t2_put_u16(&w, alg);
	t2_put_u16(&w, hash);
	t2_put_2b(&w, bytes, r_len);
	t2_put_2b(&w, bytes, s_len);
	t2_close_u32(&w, at);
	t2_put_2b(&w, bytes, nonce);
	t2_put_u8(&w, attributes);
	t2_put_u16(&w, 0);
	end();
	return t2_sign(&t, &key, T2_ALG_SHA256, bytes, 32, NULL, &sig);
}

static void signatures(void **state)
{
	const u16 alg = T2_ALG_ECDSA, hash = T2_ALG_SHA256;

	(void)state;
	assert_int_equal(signature(alg, hash, 32, 32, 1, 0), 0);
	assert_int_equal(signature(alg, hash, 1, 31, 0, 0), 0);
	assert_int_equal(signature(alg, hash, 33, 32, 1, 0), -EBADMSG);
	assert_int_equal(signature(alg, hash, 32, 33, 1, 0), -EBADMSG);
	assert_int_equal(signature(alg, hash, 0, 32, 1, 0), -EBADMSG);
	assert_int_equal(signature(alg, hash, 32, 0, 1, 0), -EBADMSG);
	assert_int_equal(signature(alg, T2_ALG_SHA384, 32, 32, 1, 0), -EBADMSG);
	assert_int_equal(signature(0x001a, hash, 32, 32, 1, 0), -EBADMSG);
	assert_int_equal(signature(T2_ALG_NULL, hash, 32, 32, 1, 0), -EBADMSG);
	assert_int_equal(signature(alg, hash, 32, 32, 0x21, 0), -EBADMSG);
	assert_int_equal(signature(alg, hash, 32, 32, 1, 16), -EBADMSG);
}

/* What LoadExternal returns: a handle and a name. */
static int loaded(u32 handle, const u8 *name, size_t len)
{
	struct t2_public pub;
	u32 got;

	flushed = 0;
	assert_int_equal(t2_public_srk_ecc(&pub), 0);
	t2_put_u32(begin(T2_ST_NO_SESSIONS), handle);
	t2_put_2b(&w, name, len);
	end();
	return t2_load_external(&t, &pub, &got);
}

static void handle_and_name(void **state)
{
	struct t2_public pub;
	struct t2_name name;

	(void)state;
	assert_int_equal(t2_public_srk_ecc(&pub), 0);
	assert_int_equal(t2_name_of_public(&pub, &name), 0);
	assert_int_equal(loaded(0x80000001, name.data, 34), 0);
	assert_int_equal(flushed, 0);
	assert_int_equal(loaded(0x81000001, name.data, 34), -EBADMSG);
	assert_int_equal(flushed, 0); /* nobody's persistent key is touched */
	assert_int_equal(loaded(0x40000001, name.data, 34), -EBADMSG);
	assert_int_equal(loaded(0x80000001, name.data, 33), -EBADMSG);
	assert_int_equal(flushed, 0x80000001);
	assert_int_equal(loaded(0x80000002, name.data, 0), -EBADMSG);
	assert_int_equal(flushed, 0x80000002);
	name.data[33] ^= 1;
	assert_int_equal(loaded(0x80000001, name.data, 34), -EBADMSG);
	/* that the flush fails too does not cover the cause */
	flush_refused = true;
	assert_int_equal(loaded(0x80000001, name.data, 34), -EBADMSG);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.cc, T2_CC_LOAD_EXTERNAL);
	flush_refused = false;
	/* a name this layer cannot compute is none */
	pub.data[3] = T2_ALG_SHA384;
	flushed = 0;
	t2_put_u32(begin(T2_ST_NO_SESSIONS), 0x80000001);
	t2_put_2b(&w, name.data, 34);
	end();
	assert_int_equal(t2_load_external(&t, &pub, &(u32){ 0 }), -EBADMSG);
	assert_int_equal(flushed, 0x80000001);
}

/* The answer of a policy session without any key: form is all there is to check. */
static int unkeyed(size_t nonce, u8 attributes, size_t hmac)
{
	static const u8 bytes[40];
	struct t2_session s = { .handle = 0x03000000,
				.policy = true,
				.attributes = T2_SA_CONTINUE };
	struct t2_entity nv = { .handle = 0x01800100, .session = &s };

	t2_put_u32(begin(T2_ST_SESSIONS), 0);
	t2_put_2b(&w, bytes, nonce);
	t2_put_u8(&w, attributes);
	t2_put_2b(&w, bytes, hmac);
	end();
	return t2_nv_increment(&t, &nv, &nv);
}

static void session_answer(void **state)
{
	(void)state;
	assert_int_equal(unkeyed(32, 1, 0), 0);
	assert_int_equal(unkeyed(31, 1, 0), -EBADMSG);
	assert_int_equal(unkeyed(0, 1, 0), -EBADMSG);
	assert_int_equal(unkeyed(33, 1, 0), -EBADMSG);
	assert_int_equal(unkeyed(32, 0, 0), -EBADMSG);
	assert_int_equal(unkeyed(32, 0x21, 0), -EBADMSG);
	assert_int_equal(unkeyed(32, 3, 0), -EBADMSG);
	assert_int_equal(unkeyed(32, 1, 32), -EBADMSG);
}

/* Fewer bytes than asked for, more, and a structure of another size than it says. */
static void lengths(void **state)
{
	static const struct {
		u8 digest, point, data;
		int err;
	} cases[] = {
		{ 32, 68, 8, 0 },
		{ 31, 67, 7, -EBADMSG },
		{ 33, 69, 9, -EBADMSG },
		{ 0, 0, 0, -EBADMSG },
	};
	static const u8 bytes[70], answered[5] = { [2] = 1 };
	const struct t2_point peer = { "x", "y" };
	struct t2_entity e = { .handle = 0x01800100 };
	struct t2_session s = { .handle = 0x03000000 };
	struct t2_ticket ticket = { .len = 65 };
	struct t2_signature sig;
	struct t2_point z;
	size_t i, at;
	u8 out[32];
	u64 before;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		t2_put_2b(begin(T2_ST_NO_SESSIONS), bytes, cases[i].digest);
		end();
		assert_int_equal(t2_policy_get_digest(&t, &s, out),
				 cases[i].err);
		at = t2_open_u32(begin(T2_ST_SESSIONS));
		t2_put_2b(&w, bytes, cases[i].data);
		t2_close_u32(&w, at);
		t2_put_bytes(&w, answered, 5);
		end();
		assert_int_equal(t2_nv_read(&t, &e, &e, out, 8, 0),
				 cases[i].err);
		at = t2_open_u32(begin(T2_ST_SESSIONS));
		t2_put_u16(&w, cases[i].point);
		t2_put_2b(&w, bytes, 32);
		t2_put_2b(&w, bytes, 32);
		t2_close_u32(&w, at);
		t2_put_bytes(&w, answered, 5);
		end();
		assert_int_equal(t2_ecdh_zgen(&t, &e, &peer, &z), cases[i].err);
	}
	before = t.commands;
	assert_int_equal(t2_nv_read(&t, &e, &e, out, 0x10000, 0), -EINVAL);
	assert_int_equal(t2_sign(&t, &e, T2_ALG_SHA256, out, 32, &ticket, &sig),
			 -EMSGSIZE);
	assert_int_equal(t.commands, before);
}

/* StartAuthSession: type of the handle, length of the nonce. */
static int started(enum t2_session_type type, u32 handle, size_t nonce)
{
	static const struct t2_session zeros;
	static const u8 bytes[40];
	struct t2_session s;
	int err;

	t2_put_u32(begin(T2_ST_NO_SESSIONS), handle);
	t2_put_2b(&w, bytes, nonce);
	end();
	err = t2_start_auth_session(&t, &s, type, T2_RH_NULL, NULL);
	if (err)
		assert_memory_equal(&s, &zeros, sizeof(s));
	return err;
}

static void session(void **state)
{
	(void)state;
	assert_int_equal(started(T2_SE_HMAC, 0x02000000, 32), 0);
	assert_int_equal(started(T2_SE_POLICY, 0x03000000, 32), 0);
	assert_int_equal(started(T2_SE_HMAC, 0x03000000, 32), -EBADMSG);
	assert_int_equal(started(T2_SE_POLICY, 0x02000000, 32), -EBADMSG);
	assert_int_equal(started(T2_SE_HMAC, 0x80000000, 32), -EBADMSG);
	assert_int_equal(started(T2_SE_HMAC, 0x02000000, 16), -EBADMSG);
	assert_int_equal(started(T2_SE_HMAC, 0x02000000, 33), -EBADMSG);
	assert_int_equal(started(T2_SE_HMAC, 0x02000000, 0), -EBADMSG);
}

/* Verified, says the TPM, and hands a ticket of another kind. */
static void ticket(void **state)
{
	static const struct t2_signature sig = { .hash = T2_ALG_SHA256 };
	static const u8 digest[65];
	u16 tag;

	(void)state;
	for (tag = T2_ST_CREATION; tag <= 0x8026; tag++) {
		t2_put_u16(begin(T2_ST_NO_SESSIONS), tag);
		t2_put_u32(&w, T2_RH_NULL);
		t2_put_u16(&w, 0);
		end();
		assert_int_equal(t2_verify_signature(&t, 0x80000000, digest, 32,
						     &sig),
				 tag == T2_ST_VERIFIED ? 0 : -EBADMSG);
	}
	t2_put_u16(begin(T2_ST_NO_SESSIONS), T2_ST_VERIFIED);
	t2_put_u32(&w, T2_RH_NULL);
	t2_put_2b(&w, digest, 65);
	end();
	assert_int_equal(t2_verify_signature(&t, 0x80000000, digest, 32, &sig),
			 -EBADMSG);
}

/* NV_ReadPublic: another index than asked for, an area with a tail. */
static int nv_public(u32 index, size_t tail)
{
	struct t2_nv_public nv = { .index = index,
				   .name_alg = T2_ALG_SHA256,
				   .attributes = T2_NV_AUTH_READ,
				   .size = 8 };
	struct t2_name name;
	size_t at;

	at = t2_open_u16(begin(T2_ST_NO_SESSIONS));
	t2_put_nv_public(&w, &nv);
	t2_put_bytes(&w, "tail", tail);
	t2_close_u16(&w, at);
	assert_int_equal(t2_name_of_nv(&nv, &name), 0);
	t2_put_2b(&w, name.data, name.len);
	end();
	return t2_nv_read_public(&t, 0x01800100, &nv, &name);
}

static void nv_index(void **state)
{
	(void)state;
	assert_int_equal(nv_public(0x01800100, 0), 0);
	assert_int_equal(nv_public(0x01800101, 0), -EBADMSG);
	assert_int_equal(nv_public(0x01800100, 1), -EBADMSG);
}

/* An NV_Certify whose statement was not made by the TPM, or is about something else. */
static int attested(u32 magic, u16 type)
{
	struct t2_entity e = { .handle = 0x01800100 };
	struct t2_signature sig;
	struct t2_attest attest;
	size_t at, body;

	at = t2_open_u32(begin(T2_ST_SESSIONS));
	body = t2_open_u16(&w);
	t2_put_u32(&w, magic);
	t2_put_u16(&w, type);
	t2_close_u16(&w, body);
	t2_put_u32(&w, T2_ALG_ECDSA << 16 | T2_ALG_SHA256);
	t2_put_2b(&w, "r", 1);
	t2_put_2b(&w, "s", 1);
	t2_close_u32(&w, at);
	t2_put_bytes(&w, "\0\0\1\0\0\0\0\1\0\0", 10);
	end();
	return t2_nv_certify(&t, &e, &e, &e, NULL, 0, 8, 0, &attest, &sig);
}

static void attestation(void **state)
{
	(void)state;
	assert_int_equal(attested(T2_GENERATED_VALUE, T2_ST_ATTEST_NV), 0);
	assert_int_equal(attested(T2_GENERATED_VALUE, T2_ST_ATTEST_CREATION),
			 -EBADMSG);
	assert_int_equal(attested(0xff544348, T2_ST_ATTEST_NV), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tag_and_size),
		cmocka_unit_test(transport),
		cmocka_unit_test(random_number),
		cmocka_unit_test(capability),
		cmocka_unit_test(signatures),
		cmocka_unit_test(handle_and_name),
		cmocka_unit_test(session),
		cmocka_unit_test(session_answer),
		cmocka_unit_test(lengths),
		cmocka_unit_test(ticket),
		cmocka_unit_test(nv_index),
		cmocka_unit_test(attestation),
	};

	return cmocka_run_group_tests_name("tpm lies", tests, NULL, NULL);
}
