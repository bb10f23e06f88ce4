// SPDX-License-Identifier: MIT
/*
 * userspace/gp: whatever a card answers. The input is what is asked, and the answers; with
 * a channel at level 01 their content is believed, at 33 their MAC has to be right.
 */
#include <errno.h>

#include "fuzz.h"
#include "gp/internal.h"

static struct input in;

static int answer(void *ctx, const uint8_t *command, size_t len,
		  uint8_t *response, size_t *response_len)
{
	struct piece p = input_piece(&in);
	volatile uint8_t sink = len ? command[len - 1] : 0;

	(void)ctx;
	(void)sink;
	CHECK(*response_len == GP_RESPONSE_MAX);
	*response_len = p.len;
	/* what is beyond the room is only told */
	memcpy(response, p.data,
	       p.len < GP_RESPONSE_MAX ? p.len : GP_RESPONSE_MAX);
	free(p.data);
	return in.left ? 0 : -EPIPE;
}

static int open_scp03(struct gp_card *card, struct error *e)
{
	static const uint8_t challenge[16];
	const struct gp_keyset k = { .len = 16 };
	const uint8_t how = input_byte(&in);

	return gp_scp03_open_with(
		card, &k, how & 1 ? 0x30 : 0,
		how & 2 ? 0x33 : 0x01 | (how & 4 ? GP_S16 : 0), challenge, e);
}

static int ask_keys(struct gp_card *card, struct error *e)
{
	struct gp_key_info info;
	int rc = gp_key_info(card, &info, e);

	CHECK(rc || info.count <= GP_KEYS_MAX);
	return rc;
}

static int ask_keysets(struct gp_card *card, struct error *e)
{
	struct gp_keysets k;
	int rc = gp_keysets(card, &k, e);

	CHECK(rc || k.count <= GP_KEYSETS_MAX);
	return rc;
}

static int ask_applications(struct gp_card *card, struct error *e)
{
	struct gp_applications list;
	int rc = gp_get_status(card, 0x40, &list, e);

	CHECK(rc || list.count <= GP_APPLICATIONS_MAX);
	for (size_t i = 0; !rc && i < list.count; i++)
		CHECK(list.applications[i].aid_len &&
		      list.applications[i].aid_len <= GP_AID_MAX);
	return rc;
}

static int ask_status(struct gp_card *card, struct error *e)
{
	struct gp_status status;

	return gp_status(card, &status, e);
}

static int ask_uid(struct gp_card *card, struct error *e)
{
	uint8_t uid[16];

	return gp_uid(card, uid, e);
}

static int challenge(struct gp_card *card, struct error *e)
{
	uint8_t nonce[32];

	return gp_get_challenge(card, nonce, sizeof(nonce), e);
}

static int select_it(struct gp_card *card, struct error *e)
{
	static const uint8_t aid[] = { 0xa0, 0, 0, 1, 0x51, 0, 0, 0 };
	struct gp_response r;

	return gp_select(card, aid, sizeof(aid), &r, e);
}

static int put_keyset(struct gp_card *card, struct error *e)
{
	const struct gp_keyset k = { .len = 16 };

	return gp_put_keyset(card, 0, 0x31, &k, e);
}

static int believe(void *arg, X509 *issuer, X509 *card, struct error *e)
{
	(void)arg;
	(void)e;
	CHECK(issuer && card);
	return 0;
}

/* No further than to the certificates: ours is not there. */
static int open_scp11a(struct gp_card *card, struct error *e)
{
	const struct gp_scp11a p = { .verify = believe };
	int rc = gp_scp11a_open(card, &p, e);

	CHECK(rc);
	return rc;
}

static int send_long(struct gp_card *card, struct error *e)
{
	static const uint8_t data[1000];
	struct gp_response r;
	const struct gp_command c = { 0x80, 0xe2,	  0x90, 0,
				      data, sizeof(data), 256 };
	int rc = gp_send(card, &c, &r, e);

	CHECK(rc || r.len <= GP_DATA_MAX);
	return rc;
}

static int (*const questions[])(struct gp_card *card, struct error *e) = {
	open_scp03, ask_keys,	 ask_keysets, ask_applications,
	ask_status, ask_uid,	 challenge,   select_it,
	put_keyset, open_scp11a, send_long,
};

#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static void begin_session(struct gp_card *card, uint8_t level)
{
	struct error e;

	CHECK(!gp_session_begin(card, &e));
	card->session->level = level;
	card->session->mac_len = 8;
	card->session->key_len = card->session->dek_len = 16;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_card card = { .transmit = answer };
	struct error e;
	uint8_t how;

	in = (struct input){ data, size };
	how = input_byte(&in);
	card.short_only = how & 1;
	if (how & 2)
		begin_session(&card, how & 4 ? GP_LEVEL_FULL : GP_C_MAC);
	while (in.left) {
		int rc;

		e.text[0] = 0;
		rc = questions[input_byte(&in) % QUESTIONS](&card, &e);
		CHECK(rc <= 0 && (!rc || e.text[0]));
		CHECK(rc != -EBADMSG || !card.session ||
		      !strstr(e.text, "closed"));
	}
	gp_close(&card);
	return 0;
}
