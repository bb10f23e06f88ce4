// SPDX-License-Identifier: GPL-2.0-only
#include "mu_exchange.h"

#include <stdlib.h>

/* clang-format off */
#define MU_BY_VALUE(name, type)                                                \
	TSS2_RC mu_##name(const void *src, uint8_t *buf, size_t size,          \
			  size_t *offset)                                      \
	{                                                                      \
		return Tss2_MU_##name##_Marshal(*(const type *)src, buf, size, \
						offset);                       \
	}
#define MU_BY_POINTER(name)                                                    \
	TSS2_RC mu_##name(const void *src, uint8_t *buf, size_t size,          \
			  size_t *offset)                                      \
	{                                                                      \
		return Tss2_MU_##name##_Marshal(src, buf, size, offset);       \
	}

MU_BY_VALUE(UINT8, UINT8)
MU_BY_VALUE(UINT16, UINT16)
MU_BY_VALUE(UINT32, UINT32)
MU_BY_POINTER(TPM2B_DIGEST)
MU_BY_POINTER(TPM2B_PUBLIC)
MU_BY_POINTER(TPM2B_PRIVATE)
MU_BY_POINTER(TPM2B_SENSITIVE_CREATE)
MU_BY_POINTER(TPM2B_NAME)
MU_BY_POINTER(TPM2B_MAX_BUFFER)
MU_BY_POINTER(TPM2B_CREATION_DATA)
MU_BY_POINTER(TPM2B_ECC_POINT)
MU_BY_POINTER(TPM2B_ENCRYPTED_SECRET)
MU_BY_POINTER(TPM2B_ID_OBJECT)
MU_BY_POINTER(TPM2B_ATTEST)
MU_BY_POINTER(TPM2B_NV_PUBLIC)
MU_BY_POINTER(TPML_PCR_SELECTION)
MU_BY_POINTER(TPML_DIGEST_VALUES)
MU_BY_POINTER(TPMS_CAPABILITY_DATA)
MU_BY_POINTER(TPMT_SIGNATURE)
MU_BY_POINTER(TPMT_SIG_SCHEME)
MU_BY_POINTER(TPMT_SYM_DEF)
MU_BY_POINTER(TPMT_TK_CREATION)
MU_BY_POINTER(TPMT_TK_HASHCHECK)
MU_BY_POINTER(TPMT_TK_VERIFIED)
MU_BY_POINTER(TPMT_TK_AUTH)
/* clang-format on */

/* A command or response under construction, with tpm2-tss alone. */
struct bytes {
	uint8_t data[T2_BUF_SIZE];
	size_t len;
};

static void put(struct bytes *b, mu_fn fn, const void *value)
{
	assert_int_equal(fn(value, b->data, sizeof(b->data), &b->len), 0);
}

static void put_u16(struct bytes *b, uint16_t v)
{
	put(b, mu_UINT16, &v);
}

static void put_u32(struct bytes *b, uint32_t v)
{
	put(b, mu_UINT32, &v);
}

static void put_items(struct bytes *b, const struct mu_item *items)
{
	size_t i;

	for (i = 0; i < MU_ITEMS && items[i].put; i++)
		put(b, items[i].put, items[i].value);
}

/* Writes the u32 at @at: how many bytes follow it, or the whole size. */
static void patch(struct bytes *b, size_t at, size_t value)
{
	assert_int_equal(Tss2_MU_UINT32_Marshal((uint32_t)value, b->data,
						sizeof(b->data), &at),
			 0);
}

static void put_auths(struct bytes *b, const struct mu_exchange *x)
{
	size_t i, at = b->len;

	put_u32(b, 0);
	for (i = 0; i < 2 && x->auths[i]; i++) {
		TPMS_AUTH_COMMAND a = { .sessionHandle = TPM2_RS_PW };

		a.hmac = *x->auths[i];
		assert_int_equal(Tss2_MU_TPMS_AUTH_COMMAND_Marshal(
					 &a, b->data, sizeof(b->data), &b->len),
				 0);
	}
	patch(b, at, b->len - at - 4);
}

static void make_command(const struct mu_exchange *x, struct bytes *b)
{
	size_t i;

	b->len = 0;
	put_u16(b, x->auths[0] ? TPM2_ST_SESSIONS : TPM2_ST_NO_SESSIONS);
	put_u32(b, 0);
	put_u32(b, x->cc);
	for (i = 0; i < 3 && x->handles[i]; i++)
		put_u32(b, x->handles[i]);
	if (x->auths[0])
		put_auths(b, x);
	put_items(b, x->command);
	patch(b, 2, b->len);
}

static void make_response(const struct mu_exchange *x, struct bytes *b)
{
	const TPMS_AUTH_RESPONSE answer = { .sessionAttributes = 1 };
	size_t i, at;

	b->len = 0;
	put_u16(b, x->auths[0] ? TPM2_ST_SESSIONS : TPM2_ST_NO_SESSIONS);
	put_u32(b, 0);
	put_u32(b, 0);
	if (x->handle)
		put_u32(b, x->handle);
	at = b->len;
	if (x->auths[0])
		put_u32(b, 0);
	put_items(b, x->response);
	if (x->auths[0])
		patch(b, at, b->len - at - 4);
	for (i = 0; i < 2 && x->auths[i]; i++)
		assert_int_equal(Tss2_MU_TPMS_AUTH_RESPONSE_Marshal(
					 &answer, b->data, sizeof(b->data),
					 &b->len),
				 0);
	patch(b, 2, b->len);
}

/* What the transport plays. */
static struct {
	const struct mu_exchange *x;
	struct bytes command, response;
	size_t cut; /* bytes of the response that arrive */
	bool fix_size; /* the header tells of the cut size */
	u8 tail; /* what stands in the buffer after the response */
	bool flush; /* a flush came after the command */
} play;

static int play_transmit(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	if (t->cc == TPM2_CC_FlushContext && t->cc != play.x->cc) {
		static const u8 ok[10] = { 0x80, 1, 0, 0, 0, 10 };

		play.flush = true;
		memcpy(buf, ok, sizeof(ok));
		return sizeof(ok);
	}
	assert_int_equal(len, play.command.len);
	assert_memory_equal(buf, play.command.data, len);
	memset(buf, play.tail, size);
	memcpy(buf, play.response.data, play.cut);
	if (play.fix_size && play.cut >= 6)
		buf[5] = (u8)play.cut, buf[4] = (u8)(play.cut >> 8);
	return (int)play.cut;
}

void mu_exchange_play(struct t2 *t, const struct mu_exchange *x)
{
	memset(t, 0, sizeof(*t));
	t->transmit = play_transmit;
	memset(&play, 0, sizeof(play));
	play.x = x;
	make_command(x, &play.command);
	make_response(x, &play.response);
	play.cut = play.response.len;
}

static void is_wiped(const struct t2 *t)
{
	static const u8 zeros[T2_BUF_SIZE];

	assert_memory_equal(t->buf, zeros, sizeof(zeros));
}

/*
 * Every shorter response is refused, whether the header tells of it or not, and
 * whatever stands behind it in the buffer; a longer one as well.
 */
static void cuts(struct t2 *t, const struct mu_exchange *x)
{
	size_t len = play.response.len, cut;

	for (cut = 0; cut <= len + 1; cut++) {
		if (cut == len)
			continue;
		play.cut = cut;
		for (play.tail = 0;; play.tail = 0xff) {
			play.fix_size = false;
			assert_int_equal(x->run(t), -EBADMSG);
			play.fix_size = true;
			play.flush = false;
			assert_int_equal(x->run(t), -EBADMSG);
			is_wiped(t);
			/* what the TPM holds for nobody is flushed */
			if (x->handle && cut >= 14)
				assert_true(play.flush);
			if (play.tail)
				break;
		}
	}
}

/* A TPM_RC, and a TPM_RC with something behind it. */
static void refusals(struct t2 *t, const struct mu_exchange *x)
{
	static const u8 no[11] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 1, 1 };

	memcpy(play.response.data, no, sizeof(no));
	play.fix_size = false;
	play.cut = 10;
	assert_int_equal(x->run(t), -EIO);
	assert_int_equal(t->rc, TPM2_RC_FAILURE);
	assert_int_equal(t->cc, x->cc);
	play.response.data[5] = 11;
	play.cut = 11;
	assert_int_equal(x->run(t), -EBADMSG);
	assert_int_equal(t->rc, 0);
}

void mu_exchange_test(const struct mu_exchange *x)
{
	struct t2 *t = malloc(sizeof(*t));

	assert_non_null(t);
	mu_exchange_play(t, x);
	assert_int_equal(x->run(t), 0);
	assert_int_equal(t->rc, 0);
	assert_int_equal(t->cc, x->cc);
	is_wiped(t);
	cuts(t, x);
	refusals(t, x);
	free(t);
}
