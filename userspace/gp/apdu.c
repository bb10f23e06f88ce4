// SPDX-License-Identifier: MIT
/* Commands and responses on the wire: lengths, chains, GET RESPONSE. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gp/internal.h"

#define SHORT_MAX 255

int gp_is_extended(const struct gp_command *c)
{
	return c->len > SHORT_MAX || c->expected > LE_ALL;
}

int gp_encode(const struct gp_command *c, uint8_t out[GP_COMMAND_MAX],
	      size_t *len, struct error *e)
{
	const int extended = gp_is_extended(c);
	uint8_t *p = out;

	if (c->len > GP_DATA_MAX)
		return error_set(
			e, E2BIG,
			"a command has at most %d bytes of data, not %zu",
			GP_DATA_MAX, c->len);
	*p++ = c->cla;
	*p++ = c->ins;
	*p++ = c->p1;
	*p++ = c->p2;
	if (extended)
		*p++ = 0;
	if (c->len) {
		if (extended)
			*p++ = (uint8_t)(c->len >> 8);
		*p++ = (uint8_t)c->len;
		memcpy(p, c->data, c->len);
		p += c->len;
	}
	if (c->expected) {
		if (extended)
			*p++ = (uint8_t)(c->expected >> 8);
		*p++ = (uint8_t)c->expected;
	}
	*len = (size_t)(p - out);
	return 0;
}

/* One command there and one response back, appended to @r. */
static int transmit(struct gp_card *card, const struct gp_command *c,
		    struct gp_response *r, struct error *e)
{
	uint8_t command[GP_COMMAND_MAX], response[GP_RESPONSE_MAX];
	size_t len, got = sizeof(response);
	int rc = gp_encode(c, command, &len, e);

	if (rc)
		return rc;
	rc = card->transmit(card->ctx, command, len, response, &got);
	OPENSSL_cleanse(command, len);
	if (rc)
		return error_set(e, -rc, "%s: the command was not carried: %s",
				 gp_name(card), strerror(-rc));
	if (got < 2 || got > sizeof(response))
		return error_set(
			e, EBADMSG,
			"%s: a response has a status word and at most %d bytes of data, this one has %zu bytes",
			gp_name(card), GP_DATA_MAX, got);
	got -= 2;
	r->sw = card->sw = (uint16_t)(response[got] << 8 | response[got + 1]);
	if (got > sizeof(r->data) - r->len)
		return error_set(e, EMSGSIZE,
				 "%s: the response has more than %d bytes",
				 gp_name(card), GP_DATA_MAX);
	memcpy(r->data + r->len, response, got);
	r->len += got;
	return 0;
}

/* All of a command's data but the last part, with the bit of a chain. */
static int send_links(struct gp_card *card, struct gp_command *c,
		      struct gp_response *r, struct error *e)
{
	struct gp_command link = *c;
	int rc;

	link.cla |= CLA_CHAIN;
	link.len = SHORT_MAX;
	link.expected = 0;
	while (c->len > SHORT_MAX) {
		link.data = c->data;
		rc = transmit(card, &link, r, e);
		if (rc || r->sw != GP_OK)
			return rc;
		c->data += SHORT_MAX;
		c->len -= SHORT_MAX;
	}
	return 0;
}

/* What is left of the response: each turn has to bring some. */
static int fetch_rest(struct gp_card *card, struct gp_response *r,
		      struct error *e)
{
	size_t before;
	int rc = 0;

	while (rc == 0 && r->sw >> 8 == 0x61) {
		const struct gp_command more = {
			.ins = INS_GET_RESPONSE,
			.expected = r->sw & 0xff ? r->sw & 0xff : LE_ALL,
		};

		before = r->len;
		rc = transmit(card, &more, r, e);
		if (rc == 0 && r->len == before && r->sw >> 8 == 0x61)
			rc = error_set(
				e, EBADMSG,
				"%s: says again and again that there is more, and gives nothing",
				gp_name(card));
	}
	return rc;
}

int gp_exchange(struct gp_card *card, const struct gp_command *c,
		struct gp_response *r, struct error *e)
{
	struct gp_command last = *c;
	int rc = 0;

	card->sw = 0;
	r->len = 0;
	r->sw = GP_OK;
	if (card->short_only) {
		if (last.expected > LE_ALL)
			last.expected = LE_ALL;
		rc = send_links(card, &last, r, e);
		if (rc || r->sw != GP_OK)
			return rc;
	}
	rc = transmit(card, &last, r, e);
	if (rc == 0 && r->sw >> 8 == 0x6c && !r->len) {
		/* so many bytes there are */
		last.expected = r->sw & 0xff ? r->sw & 0xff : LE_ALL;
		rc = transmit(card, &last, r, e);
	}
	return rc ? rc : fetch_rest(card, r, e);
}
