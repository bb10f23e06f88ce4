// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody between here and the TPM. Commands are recorded with a live TPM; then
 *
 *  - each byte of the command is altered on its way: the TPM has to refuse it;
 *  - each byte of the response is altered, it is cut at every length, it grows: it has
 *    to be refused here.
 *
 * Three things no HMAC covers. A handle in a response: another one may come through,
 * but the next command names the object, and fails. The size in the header of a
 * command: it is the transport's framing, a socket would wait for the rest. And
 * continueSession in a password's answer, which says nothing.
 */
#include "tpm_scene.h"

#include "tpm/command.h"

#define MAX_EXCHANGES 3

struct exchange {
	u8 command[1024], response[1024];
	size_t command_len, response_len;
	u32 cc;
};

static struct {
	struct exchange list[MAX_EXCHANGES];
	size_t count; /* recorded, or played so far */
	size_t target; /* the exchange that is tampered with */
	size_t at; /* which byte */
	u8 mask;
	size_t len; /* of the response that arrives, if not 0 */
	bool fix_size;
	u8 tail;
	u32 altered; /* how many were sent or played with something altered */
} wire;

static int record(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	struct exchange *x = &wire.list[wire.count];
	int n;

	/* no part of the recording: a handle that was refused is flushed too */
	if (t->cc == T2_CC_FLUSH_CONTEXT)
		return t2_socket_transmit(t, buf, len, size);
	wire.count++;
	assert_true(wire.count <= MAX_EXCHANGES && len <= sizeof(x->command));
	memcpy(x->command, buf, len);
	x->command_len = len;
	x->cc = t->cc;
	n = t2_socket_transmit(t, buf, len, size);
	assert_true(n > 0 && (size_t)n <= sizeof(x->response));
	memcpy(x->response, buf, (size_t)n);
	x->response_len = (size_t)n;
	return n;
}

static int alter_command(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	if (wire.count++ == wire.target && wire.at < len) {
		buf[wire.at] ^= wire.mask;
		wire.altered++;
	}
	return t2_socket_transmit(t, buf, len, size);
}

static int play(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	static const u8 done[10] = { 0x80, 1, 0, 0, 0, 10 };
	static const u8 no_handle[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x8b };
	struct exchange *x = &wire.list[wire.count];
	size_t n;

	if (t->cc == T2_CC_FLUSH_CONTEXT) {
		memcpy(buf, done, sizeof(done));
		return sizeof(done);
	}
	assert_int_equal(len, x->command_len);
	/* an altered handle came back: no object of this name has it */
	if (wire.count > wire.target && memcmp(buf, x->command, len)) {
		memcpy(buf, no_handle, sizeof(no_handle));
		return sizeof(no_handle);
	}
	assert_memory_equal(buf, x->command, len);
	memset(buf, wire.tail, size);
	memcpy(buf, x->response, x->response_len);
	n = x->response_len;
	if (wire.count++ != wire.target)
		return (int)n;
	wire.altered++;
	buf[wire.at] ^= wire.mask;
	if (wire.len)
		n = wire.len - 1;
	if (wire.fix_size && n >= 6) {
		buf[4] = (u8)(n >> 8);
		buf[5] = (u8)n;
	}
	return (int)n;
}

static void start_wire(struct t2 *t, t2_transmit_fn fn)
{
	t->transmit = fn;
	wire.count = 0;
	wire.at = 0;
	wire.mask = 0;
	wire.len = 0;
	wire.fix_size = false;
}

static void prepare(struct tpm_scene *c, const struct tpm_command *cmd)
{
	c->f->t.transmit = t2_socket_transmit;
	if (cmd->prepare)
		cmd->prepare(c);
}

/* The TPM takes no altered command, and is none the worse for it. */
static void alter_commands(struct tpm_scene *c, const struct tpm_command *cmd)
{
	struct t2 *t = &c->f->t;
	size_t at;
	u32 altered;

	for (wire.target = 0; wire.target < cmd->exchanges; wire.target++) {
		prepare(c, cmd);
		for (at = 0;; at = at == 1 ? 6 : at + 1) {
			start_wire(t, alter_command);
			wire.at = at;
			wire.mask = at % 2 ? 0x01 : 0x80;
			altered = wire.altered;
			if (!cmd->run(c))
				break;
			assert_int_equal(wire.altered, altered + 1);
		}
		/* it only worked when there was nothing left to alter */
		assert_int_equal(wire.altered, altered);
		assert_true(at > 60);
	}
}

/* Plays the recording once, with what is set in @wire. */
static int replay(struct tpm_scene *c, const struct tpm_command *cmd,
		  const struct tpm_scene *before)
{
	struct t2 *t = &c->f->t;

	*c = *before;
	t2_openssl_seed("recorded");
	t->transmit = play;
	wire.count = 0;
	t->rc = 0;
	return cmd->run(c);
}

static bool in_handle(const struct exchange *x, size_t at)
{
	return t2_cc_find(x->cc)->flags & T2_CF_HANDLE && at > 10 && at < 14;
}

/* Password first: after the header, paramSize, parameters and an empty nonce. */
static bool in_password(const struct tpm_command *cmd, const struct exchange *x,
			size_t at)
{
	bool password = cmd->guard && (cmd->run == tpm_scene_sign ||
				       cmd->run == tpm_scene_nv_read);
	size_t len = (size_t)x->response[12] << 8 | x->response[13];

	return password && at == 10 + 4 + len + 2;
}

static void alter_response(struct tpm_scene *c, const struct tpm_command *cmd,
			   const struct tpm_scene *before,
			   const struct tpm_scene *after)
{
	const struct exchange *x = &wire.list[wire.target];
	size_t n;
	int err;

	start_wire(&c->f->t, play);
	for (n = 0; n < 8 * x->response_len; n++) {
		wire.at = n / 8;
		wire.mask = (u8)(1 << n % 8);
		err = replay(c, cmd, before);
		if (!err &&
		    (in_handle(x, wire.at) || in_password(cmd, x, wire.at))) {
			assert_int_equal(c->result_len, after->result_len);
			assert_memory_equal(c->result, after->result,
					    c->result_len);
			continue;
		}
		if (err == -ENOENT && in_handle(x, wire.at) &&
		    cmd->exchanges == 2)
			continue;
		if (err != -EBADMSG)
			fail_msg("%s: byte %zu of the response", cmd->name,
				 wire.at);
	}
	wire.mask = 0;
}

static void cut_response(struct tpm_scene *c, const struct tpm_command *cmd,
			 const struct tpm_scene *before)
{
	const struct exchange *x = &wire.list[wire.target];
	size_t n;

	start_wire(&c->f->t, play);
	for (n = 0; n <= x->response_len + 3; n++) {
		if (n == x->response_len)
			continue;
		wire.len = n + 1;
		for (wire.tail = 0; wire.tail < 2; wire.tail++) {
			wire.fix_size = wire.tail;
			assert_int_equal(replay(c, cmd, before), -EBADMSG);
		}
	}
	wire.tail = 0;
	wire.len = 0;
	wire.fix_size = false;
}

/* Whatever primitive fails, and when: an error, and nothing stays in the buffer. */
static void fail_primitives(struct tpm_scene *c, const struct tpm_command *cmd,
			    const struct tpm_scene *before)
{
	static const u8 zeros[T2_BUF_SIZE];
	unsigned int skip = 0;
	int err;

	start_wire(&c->f->t, play);
	wire.target = MAX_EXCHANGES;
	do {
		t2_openssl_fail(skip++, -ENOMEM);
		err = replay(c, cmd, before);
		assert_true(err <= 0);
		assert_memory_equal(c->f->t.buf, zeros, sizeof(zeros));
	} while (err);
	t2_openssl_fail(0, 0);
	assert_true(skip > 5);
}

static void run_command(struct tpm_scene *c, const struct tpm_command *cmd)
{
	static struct tpm_scene before, after;
	struct t2 *t = &c->f->t;

	print_message("# %s\n", cmd->name);
	alter_commands(c, cmd);
	prepare(c, cmd);
	start_wire(t, record);
	t2_openssl_seed("recorded");
	c->result_len = 0;
	before = *c;
	if (cmd->run(c))
		fail_msg("%s", cmd->name);
	after = *c;
	/* the recording is good, whatever stands behind it in the buffer */
	for (wire.tail = 0; wire.tail < 2; wire.tail++) {
		start_wire(t, play);
		wire.target = MAX_EXCHANGES;
		assert_int_equal(replay(c, cmd, &before), 0);
		assert_memory_equal(c->result, after.result, after.result_len);
	}
	for (wire.target = 0; wire.target < cmd->exchanges; wire.target++) {
		alter_response(c, cmd, &before, &after);
		cut_response(c, cmd, &before);
	}
	fail_primitives(c, cmd, &before);
	t2_openssl_seed(NULL);
	t->transmit = t2_socket_transmit;
	*c = after;
}

static void nothing_altered_comes_through(void **state)
{
	static struct tpm_scene c;
	struct tpm_fixture *f = *state;
	size_t i;

	tpm_scene_start(&c, f);
	for (i = 0; i < tpm_command_count; i++) {
		tpm_scene_sessions(&c, &tpm_commands[i]);
		run_command(&c, &tpm_commands[i]);
	}
	tpm_scene_stop(&c);
	print_message("# %u altered commands and responses\n", wire.altered);
}

/* Without a session, a public area is still bound to its name. */
static void public_area_is_bound_to_its_name(void **state)
{
	struct tpm_fixture *f = *state;
	struct exchange *x = &wire.list[0];
	struct t2_public pub;
	struct t2_name name;
	size_t n, bound;
	int err;

	start_wire(&f->t, record);
	tpm_ok(f, t2_read_public(&f->t, FX_SRK, &pub, &name));
	bound = 10 + 2 + pub.len + 2 + name.len;
	assert_true(x->response_len > bound);
	wire.target = 0;
	for (n = 0; n < 8 * x->response_len; n++) {
		start_wire(&f->t, play);
		wire.at = n / 8;
		wire.mask = (u8)(1 << n % 8);
		err = t2_read_public(&f->t, FX_SRK, &pub, &name);
		/* an unknown nameAlg has no name: no entity can be made of it */
		if (!err && !name.len && wire.at >= 14 && wire.at < 16)
			continue;
		assert_int_equal(err, wire.at < bound + 2 ? -EBADMSG : 0);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, tpm_fixture_clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_altered_comes_through),
		TEST(public_area_is_bound_to_its_name),
	};

	return cmocka_run_group_tests_name("tpm hostile", tests,
					   tpm_fixture_start, tpm_fixture_stop);
}
