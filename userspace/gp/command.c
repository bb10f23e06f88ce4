// SPDX-License-Identifier: MIT
/* A command through the channel, and those that anybody may send. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gp/internal.h"

/* The card says that it has no channel, or has none any more. */
static int is_over(uint16_t sw)
{
	return sw == 0x6882 || sw == 0x6987 || sw == 0x6988;
}

static int send_wrapped(struct gp_card *card, const struct gp_command *c,
			struct gp_response *r, struct error *e)
{
	uint8_t data[GP_DATA_MAX];
	struct gp_command wrapped = { .len = 0 };
	struct error why = { "" };
	int rc = gp_wrap(card->session, c, &wrapped, data, e);

	if (rc == -E2BIG) /* nothing has happened yet */
		return rc;
	if (rc == 0)
		rc = gp_exchange(card, &wrapped, r, e);
	if (rc == 0) {
		rc = gp_unwrap(card->session, r, &why);
		if (rc)
			error_set(e, -rc, "%s: %s", gp_name(card), why.text);
	}
	/* the other side's state is not known any more, or it is not the other side */
	if (rc || is_over(r->sw))
		gp_close(card);
	OPENSSL_cleanse(data, sizeof(data));
	return rc;
}

int gp_send(struct gp_card *card, const struct gp_command *c,
	    struct gp_response *r, struct error *e)
{
	int rc;

	r->len = 0;
	r->sw = 0;
	if (card->session)
		rc = send_wrapped(card, c, r, e);
	else
		rc = gp_exchange(card, c, r, e);
	if (rc)
		OPENSSL_cleanse(r, sizeof(*r));
	return rc;
}

int gp_do(struct gp_card *card, const char *what, const struct gp_command *c,
	  struct gp_response *r, struct error *e)
{
	int rc = gp_send(card, c, r, e);

	if (rc == 0 && r->sw != GP_OK)
		rc = gp_refused(card, what, c->ins, r->sw, e);
	return rc;
}

int gp_select(struct gp_card *card, const uint8_t *aid, size_t aid_len,
	      struct gp_response *r, struct error *e)
{
	const struct gp_command c = {
		.ins = INS_SELECT,
		.p1 = 0x04,
		.data = aid,
		.len = aid_len,
		.expected = LE_ALL,
	};

	int rc;

	gp_close(card);
	card->aid_len = 0;
	rc = gp_do(card, "SELECT", &c, r, e);
	if (rc == 0 && aid_len && aid_len <= sizeof(card->aid)) {
		memcpy(card->aid, aid, aid_len);
		card->aid_len = (uint8_t)aid_len;
	}
	return rc;
}

int gp_get_data(struct gp_card *card, uint16_t tag, struct gp_response *r,
		struct error *e)
{
	const struct gp_command c = {
		.cla = CLA_GP,
		.ins = INS_GET_DATA,
		.p1 = (uint8_t)(tag >> 8),
		.p2 = (uint8_t)tag,
		.expected = LE_ALL,
	};

	return gp_do(card, "GET DATA", &c, r, e);
}
