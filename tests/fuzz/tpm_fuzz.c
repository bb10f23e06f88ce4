// SPDX-License-Identifier: MIT
/*
 * tpm/: what the layer makes of a TPM that lies. The input names a command and tells
 * how it is authorized; what follows are the responses, each either raw or as the
 * parameters of a response whose header and authorization area are put right.
 * With the cryptography of platform.c the right HMAC is zeros, so that the
 * parameters are read as if the TPM itself had sent them.
 */
#include "fuzz.h"
#include "tpm_calls.h"

/* The first byte of a response in the input */
#define FORM_RAW 0x01
#define FORM_REFUSED 0x02 /* an errno of the transport */
#define FORM_SPOILT 0x04 /* one byte changed in the end */
#define FORM_TYPE(form) ((form) >> 3)

/* What the handle of a response begins with */
static const u8 handle_types[] = {
	T2_HT_TRANSIENT,
	T2_HT_HMAC_SESSION,
	T2_HT_POLICY_SESSION,
	T2_HT_PERSISTENT,
	T2_HT_NV_INDEX,
	0x00,
	0x40,
	0xff,
};

static int respond_raw(struct input *in, u8 *buf, size_t size)
{
	size_t len = input_u16(in);

	if (len > size)
		len = size;
	if (len > in->left)
		len = in->left;
	memcpy(buf, input_take(in, len), len);
	return (int)len;
}

/* A copy of the sessions of @command, as a TPM acknowledges them. */
static void put_sessions(struct t2_writer *w, const u8 *command, size_t handles)
{
	static const u8 zeros[T2_DIGEST_SIZE];
	struct t2_reader r;
	size_t nonce, hmac;
	u8 attributes;

	t2_reader_init(&r, command + T2_HEADER_SIZE + 4 * handles, T2_BUF_SIZE);
	t2_reader_init(&r, r.data + 4, t2_get_u32(&r));
	while (!r.bad && t2_left(&r)) {
		t2_get_u32(&r);
		t2_get_2b(&r, &nonce);
		attributes = t2_get_u8(&r);
		t2_get_2b(&r, &hmac);
		t2_put_2b(w, zeros, nonce);
		t2_put_u8(w, attributes);
		t2_put_2b(w, zeros, nonce ? hmac : 0);
	}
}

static int respond_parameters(struct t2 *t, struct input *in, u8 form, u8 *buf,
			      size_t size)
{
	static u8 command[T2_BUF_SIZE];
	const struct t2_cc_info *info = t2_cc_find(t->cc);
	bool sessions = buf[1] == (T2_ST_SESSIONS & 0xff);
	struct piece body = input_piece(in);
	size_t all, at;
	struct t2_writer w;

	memcpy(command, buf, sizeof(command));
	t2_writer_init(&w, buf, size);
	t2_put_u16(&w, sessions ? T2_ST_SESSIONS : T2_ST_NO_SESSIONS);
	all = w.len;
	t2_put_u32(&w, 0);
	t2_put_u32(&w, 0);
	if (info->flags & T2_CF_HANDLE)
		t2_put_u32(&w, (u32)handle_types[FORM_TYPE(form) % 8] << 24 |
				       input_byte(in));
	at = sessions ? t2_open_u32(&w) : 0;
	t2_put_bytes(&w, body.data, body.len);
	if (sessions) {
		t2_close_u32(&w, at);
		put_sessions(&w, command, handles_of(t->cc));
	}
	free(body.data);
	buf[all + 2] = (u8)(w.len >> 8);
	buf[all + 3] = (u8)w.len;
	return (int)w.len;
}

static int transmit(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	struct input *in = t->ctx;
	u8 form = input_byte(in);
	int n;

	CHECK(len >= T2_HEADER_SIZE && len <= size && size == T2_BUF_SIZE);
	CHECK(((size_t)buf[4] << 8 | buf[5]) == len);
	if (!in->left || form & FORM_REFUSED)
		return -EIO;
	n = form & FORM_RAW ? respond_raw(in, buf, size) :
			      respond_parameters(t, in, form, buf, size);
	if (form & FORM_SPOILT && n)
		buf[input_u16(in) % (unsigned int)n] ^= input_byte(in);
	return n;
}

static void check_after(const struct t2 *t, int err, u64 commands)
{
	size_t i;

	CHECK(err <= 0 && err >= -4095);
	CHECK(t->commands - commands <= MAX_COMMANDS);
	for (i = 0; i < sizeof(t->buf); i++)
		CHECK(!t->buf[i]);
	/* a TPM that refused is not taken for one that agreed */
	CHECK(err || !t->rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct t2 *t = calloc(1, sizeof(*t));
	struct scene *s;
	u8 which, how;
	u64 before;
	int err, i;

	CHECK(t);
	t->transmit = transmit;
	t->ctx = &in;
	which = input_byte(&in);
	how = input_byte(&in);
	s = scene_new(t, how);
	/* the second finds what the first left in the sessions */
	for (i = 0; i < 2; i++) {
		before = t->commands;
		t->rc = 0; /* a flush that works would keep it */
		err = scene_run(s, which);
		check_after(t, err, before);
	}
	scene_free(s);
	free(t);
	return 0;
}
