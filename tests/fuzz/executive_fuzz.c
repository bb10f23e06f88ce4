// SPDX-License-Identifier: MIT
/*
 * kernel/executive: the dispatcher with all commands, on a module in memory. The input is
 * a conversation of two open files: commands as they come, channels opened by the host's
 * side with the right keys, commands of theirs, right or with a change.
 */
#include "fuzz.h"
#include "executive_module.h"
#include "gp/internal.h"

#define STEPS 24
#define FILES 2

static struct secmod_file files[FILES];
static struct gp_card cards[FILES];
static unsigned long commands;

/*
 * The two sides
 */
static bool is_zero(const void *p, size_t len)
{
	const u8 *at = p;

	while (len && !*at)
		at++, len--;
	return !len;
}

/* A try is counted, and taken back. */
static unsigned int commits_of(u8 ins)
{
	return ins == INS_EXTERNAL_AUTHENTICATE ? 2 : 1;
}

static void check_conversation(const struct executive *x)
{
	CHECK(x->channel < CHANNEL_COUNT);
	CHECK(!x->closing);
	CHECK(x->chain.len <= APDU_DATA_MAX);
	CHECK(x->pending_at <= x->pending_len);
	if (x->channel == CHANNEL_NONE) {
		CHECK(is_zero(x->dek, sizeof(x->dek)));
		CHECK(x->initiated || is_zero(&x->scp, sizeof(x->scp)));
		CHECK(!x->staged);
	} else {
		CHECK(x->scp.level & SCP03_C_MAC);
		CHECK(x->channel == CHANNEL_CENTRAL ||
		      keyset_find(module.record, x->kvn));
		CHECK(x->generation == module.generation);
	}
}

/* What holds after each command, whatever it was and on whichever file. */
static void check_state(u8 ins)
{
	static u8 encoded[RECORD_MAX];

	for (size_t i = 0; i < FILES; i++)
		if (files[i].executive)
			check_conversation(files[i].executive);
	CHECK(commits <= commits_of(ins));
	if (commits) {
		CHECK(record_encode(module.record, encoded, sizeof(encoded)) >
		      0);
		commits = 0;
	}
}

static u16 run(struct secmod_file *f, const u8 *command, size_t len,
	       u8 *response, size_t *response_len)
{
	struct apdu_response r = { .data = response };
	const u32 generation = module.generation;
	u8 *copy = malloc(len ? len : 1);
	u16 sw;

	CHECK(copy);
	commands++;
	acting = f->executive ? f->executive->channel : (u32)CHANNEL_NONE;
	memcpy(copy, command, len);
	CHECK(!executive_run(f, copy, len, &r));
	free(copy);
	CHECK(r.len >= 2 && r.len <= APDU_RESPONSE_MAX);
	*response_len = r.len;
	sw = response[r.len - 2] << 8 | response[r.len - 1];
	CHECK(sw == SW_OK || sw >> 12 == 6);
	CHECK(r.len == 2 || sw == SW_OK || sw >> 8 == 0x61);
	check_state(len > 1 ? command[1] : 0);
	if (generation != module.generation)
		CHECK(acting == CHANNEL_CENTRAL &&
		      f->executive->channel == CHANNEL_NONE);
	return sw;
}

static int carry(void *ctx, const uint8_t *command, size_t len,
		 uint8_t *response, size_t *response_len)
{
	run(ctx, command, len, response, response_len);
	return 0;
}

static void make_keys(u8 kvn, u8 *enc, u8 *mac, u8 *dek)
{
	memset(enc, kvn, KEY_LEN);
	memset(mac, kvn + 1, KEY_LEN);
	memset(dek, kvn + 2, KEY_LEN);
}

static void put_keyset(enum record_slot slot, u8 kvn)
{
	struct record_keyset *k = &module.record->keysets[slot];

	k->kvn = kvn;
	k->len = KEY_LEN;
	make_keys(kvn, k->enc, k->mac, k->dek);
}

static void begin(u8 scene)
{
	memset(&module, 0, sizeof(module));
	module.state = SECMOD_STATE_OPERATING;
	module.record = record_alloc();
	CHECK(module.record);
	memset(module.record, 0, sizeof(*module.record));
	module.record->state = SECMOD_STATE_OPERATING;
	module.record->policy.keyset_tries = 3;
	module.record->signer = signer;
	module.record->module.len = 300;
	if (scene & 1)
		put_keyset(RECORD_TRANSPORT, 0x30);
	if (scene & 2)
		put_keyset(RECORD_HIGH_LEVEL, 0x31);
	if (scene & 4)
		put_keyset(RECORD_HIGH_LEVEL + 1, 0x38);
	for (size_t i = 0; i < FILES; i++) {
		files[i] = (struct secmod_file){ .sm = &module };
		cards[i] =
			(struct gp_card){ .transmit = carry, .ctx = &files[i] };
	}
	forbidden = false;
	commits = 0;
	now = 0;
}

static void end(void)
{
	for (size_t i = 0; i < FILES; i++) {
		gp_close(&cards[i]);
		executive_free(files[i].executive);
	}
	record_free(module.record);
}

/*
 * Steps
 */
static void raw_command(size_t file, struct input *in)
{
	static u8 response[APDU_RESPONSE_MAX];
	struct piece p = input_piece(in);
	size_t len;

	run(&files[file], p.data, p.len, response, &len);
	free(p.data);
}

static void say_select(size_t file, struct input *in)
{
	const struct executive *x = files[file].executive;
	const bool chained = x && x->chain.ins;
	struct gp_response r;
	struct error e;

	(void)in;
	/* it may be the end of a chain, or break one */
	CHECK(!gp_select(&cards[file], NULL, 0, &r, &e) || chained);
}

static void open_channel(size_t file, struct input *in)
{
	static const u8 kvns[] = { 0x30, 0x31, 0x38 };
	static const u8 levels[] = { 0x01, 0x03, 0x11, 0x13, 0x33 };
	const u8 kvn = kvns[input_byte(in) % 3], how = input_byte(in);
	struct gp_keyset k = { .len = KEY_LEN };
	u8 challenge[16];
	struct error e;
	int rc;

	make_keys(kvn, k.enc, k.mac, k.dek);
	input_copy(in, challenge, sizeof(challenge));
	rc = gp_scp03_open_with(&cards[file], &k, kvn,
				levels[how % 5] | (how & 0x80 ? GP_S16 : 0),
				challenge, &e);
	if (rc == 0)
		CHECK(files[file].executive->channel ==
		      key_channel(key_role(kvn)));
}

/* SCP11a: the agreement is no matter here, the host takes over the card's keys. */
static void take_over(size_t file, struct input *in)
{
	const struct executive *x = files[file].executive;
	struct gp_session *s;
	struct error e;

	(void)in;
	if (!x || x->channel == CHANNEL_NONE)
		return;
	CHECK(!gp_session_begin(&cards[file], &e));
	s = cards[file].session;
	s->level = x->scp.level;
	s->mac_len = x->scp.mac_len;
	s->key_len = x->scp.key_len;
	s->dek_len = x->dek_len;
	memcpy(s->enc, x->scp.enc, sizeof(s->enc));
	memcpy(s->mac, x->scp.mac, sizeof(s->mac));
	memcpy(s->rmac, x->scp.rmac, sizeof(s->rmac));
	memcpy(s->dek, x->dek, sizeof(s->dek));
	memcpy(s->chain, x->scp.chain, sizeof(s->chain));
	s->counter = x->scp.counter;
}

static struct gp_command take_command(struct input *in, struct piece *p)
{
	struct gp_command c = { .cla = input_byte(in) & 0x80,
				.ins = input_byte(in),
				.p1 = input_byte(in),
				.p2 = input_byte(in) };

	*p = input_piece(in);
	c.data = p->data;
	c.len = p->len;
	c.expected = input_byte(in) & 1 ? 65536 : 256;
	return c;
}

/* Ends the channel also when it comes in it: then nothing protects the response. */
static bool begins(u8 ins)
{
	return ins == INS_SELECT || ins == INS_INITIALIZE_UPDATE ||
	       ins == INS_EXTERNAL_AUTHENTICATE || ins == INS_PSO;
}

/* Right: as long as both sides have the channel, they understand each other. */
static void good_command(size_t file, struct input *in)
{
	struct piece p;
	const struct gp_command c = take_command(in, &p);
	struct gp_response r;
	struct error e;
	int rc = gp_send(&cards[file], &c, &r, &e);

	CHECK(rc == 0 || rc == -E2BIG || begins(c.ins));
	free(p.data);
}

/* A change of one byte, but for Le: nothing happens, and the channel ends. */
static void changed_command(size_t file, struct input *in)
{
	static u8 wire[GP_COMMAND_MAX], data[GP_DATA_MAX],
		response[APDU_RESPONSE_MAX];
	const size_t at = input_u16(in);
	const u8 mask = input_byte(in);
	struct executive *x = files[file].executive;
	struct piece p;
	struct gp_command c = take_command(in, &p), wrapped;
	struct error e;
	size_t len;

	c.expected = 0;
	if (cards[file].session && mask && x->channel != CHANNEL_NONE &&
	    !gp_wrap(cards[file].session, &c, &wrapped, data, &e)) {
		CHECK(!gp_encode(&wrapped, wire, &len, &e));
		wire[at % len] ^= mask;
		forbidden = true;
		CHECK(run(&files[file], wire, len, response, &len) != SW_OK ||
		      len == 2 || x->channel == CHANNEL_NONE);
		forbidden = false;
		gp_close(&cards[file]);
	}
	free(p.data);
}

static void put_transaction_key(size_t file, struct input *in)
{
	const struct gp_transaction_key k = { .kvn = 0x40 |
						     (input_byte(in) & 0x1f),
					      .algorithm = input_byte(in) & 3,
					      .directions = input_byte(in) & 3,
					      .len = 32,
					      .lifetime = 60,
					      .messages = 100 };
	struct error e;

	if (!gp_put_transaction_key(&cards[file], 0, &k, &e))
		CHECK(files[file].executive->channel == CHANNEL_CENTRAL);
}

static void put_keys(size_t file, struct input *in)
{
	const u8 old = input_byte(in), kvn = input_byte(in);
	struct gp_keyset k = { .len = KEY_LEN };
	struct error e;

	make_keys(kvn, k.enc, k.mac, k.dek);
	if (!gp_put_keyset(&cards[file], old, kvn, &k, &e))
		CHECK(keyset_find(module.record, kvn));
}

static void personalize(size_t file, struct input *in)
{
	static struct gp_groups g;
	const u8 aid[] = { 0xf0, 's', 'e', 'c', input_byte(in) & 3 };
	const unsigned int dgi = input_u16(in);
	struct piece p = input_piece(in);
	struct error e;

	g.len = 0;
	gp_install(&cards[file], aid, sizeof(aid), &e);
	if (!gp_personalize(&cards[file], aid, sizeof(aid), &e) &&
	    !gp_data_group(&cards[file], (uint16_t)dgi, p.data, p.len, &g, &e))
		gp_store_data(&cards[file], &g, &e);
	free(p.data);
}

/* An application may have a data group of any number, the domain is known. */
static bool is_domain(const struct secmod_file *f)
{
	const struct executive_name *n = &f->executive->selected;

	return n->len == executive_issuer.len &&
	       !memcmp(n->name, executive_issuer.name, n->len);
}

/* Whatever the module says of itself is understood. */
static void ask(size_t file, struct input *in)
{
	struct gp_card *card = &cards[file];
	struct gp_key_info info;
	struct gp_keysets sets;
	struct gp_applications list;
	struct gp_status status;
	struct error e;
	u8 uid[16];
	int rc = 0;

	switch (input_byte(in) % 5) {
	case 0:
		rc = gp_key_info(card, &info, &e);
		break;
	case 1:
		rc = gp_keysets(card, &sets, &e);
		break;
	case 2:
		rc = gp_get_status(card, 0x40, &list, &e);
		break;
	case 3:
		rc = gp_status(card, &status, &e);
		break;
	case 4:
		rc = gp_uid(card, uid, &e);
		break;
	}
	CHECK(!is_domain(&files[file]) || cards[file].sw == SW_LAST_OF_CHAIN ||
	      (rc != -EPROTO && rc != -EBADMSG));
}

static void (*const steps[])(size_t file, struct input *in) = {
	raw_command,  say_select,	   open_channel, take_over,
	good_command, changed_command,	   put_keys,	 personalize,
	ask,	      put_transaction_key,
};

static void tell_commands(void)
{
	fprintf(stderr, "%lu commands\n", commands);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool told;
	struct input in = { data, size };

	if (!told) {
		told = !atexit(tell_commands);
		find_signer();
	}
	begin(input_byte(&in));
	for (int n = 0; in.left && n < STEPS; n++) {
		const u8 op = input_byte(&in);
		const size_t file = op >> 7;

		/* what only SELECT makes is there from the beginning */
		if (!files[file].executive)
			say_select(file, &in);
		/* what one side has closed is no channel of the other's */
		if (files[file].executive->channel == CHANNEL_NONE)
			gp_close(&cards[file]);
		steps[op % ARRAY_SIZE(steps)](file, &in);
	}
	end();
	return 0;
}
