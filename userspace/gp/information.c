// SPDX-License-Identifier: MIT
/* What a card says of itself and its keys: GET DATA. */
#include <errno.h>
#include <string.h>

#include "gp/internal.h"

#define KEY_COMPONENT 4 /* id, version, type, length */
#define KEYSET_STATE (4 + 3 * GP_KCV_SIZE)

static int object(struct gp_card *card, unsigned int tag, struct gp_response *r,
		  struct ber *t, struct error *e)
{
	int rc = gp_get_data(card, (uint16_t)tag, r, e);

	return rc ? rc : ber_only(card, r, tag, t, e);
}

static int malformed(const struct gp_card *card, unsigned int tag,
		     struct error *e)
{
	return error_set(
		e, EPROTO,
		"%s: object %02X is not as it is documented: is the module's version another one?",
		gp_name(card), tag);
}

/* Key information template: Card 2.3.1, 11.3.3.1; keys of one component */
int gp_key_info(struct gp_card *card, struct gp_key_info *info, struct error *e)
{
	struct gp_response r;
	struct bytes in;
	struct ber t;
	int rc = object(card, 0xe0, &r, &t, e), more;

	info->count = 0;
	if (rc)
		return rc;
	in = (struct bytes){ t.value, t.len };
	while ((more = ber_next(&in, &t)) == 1) {
		if (t.tag != 0xc0 || t.len != KEY_COMPONENT ||
		    info->count == GP_KEYS_MAX)
			return malformed(card, 0xe0, e);
		info->keys[info->count++] =
			(struct gp_key){ t.value[0], t.value[1], t.value[2],
					 t.value[3] };
	}
	return more ? malformed(card, 0xe0, e) : 0;
}

int gp_keysets(struct gp_card *card, struct gp_keysets *k, struct error *e)
{
	struct gp_response r;
	struct ber t;
	int rc = object(card, 0xdf22, &r, &t, e);

	k->count = 0;
	if (rc)
		return rc;
	if (t.len % KEYSET_STATE || t.len / KEYSET_STATE > GP_KEYSETS_MAX)
		return malformed(card, 0xdf22, e);
	for (; t.len; t.len -= KEYSET_STATE, t.value += KEYSET_STATE) {
		struct gp_keyset_state *s = &k->keysets[k->count++];

		s->kvn = t.value[0];
		s->len = t.value[1];
		s->failures = t.value[2];
		s->tries = t.value[3];
		memcpy(s->kcv, t.value + 4, sizeof(s->kcv));
	}
	return 0;
}

int gp_is_locked(const struct gp_keyset_state *k)
{
	return k->failures >= k->tries;
}

int gp_uid(struct gp_card *card, uint8_t uid[16], struct error *e)
{
	struct gp_response r;
	struct ber t;
	int rc = object(card, 0x45, &r, &t, e);

	if (rc == 0 && t.len != 16)
		rc = malformed(card, 0x45, e);
	if (rc == 0)
		memcpy(uid, t.value, 16);
	return rc;
}

static uint64_t number(const uint8_t *p, size_t len)
{
	uint64_t n = 0;

	while (len--)
		n = n << 8 | *p++;
	return n;
}

int gp_status(struct gp_card *card, struct gp_status *status, struct error *e)
{
	struct gp_response r;
	struct ber t;
	int rc = object(card, 0xdf20, &r, &t, e);

	if (rc == 0 && t.len != 1 + 8 + 4)
		rc = malformed(card, 0xdf20, e);
	if (rc)
		return rc;
	status->state = t.value[0];
	status->epoch = number(t.value + 1, 8);
	status->generation = (uint32_t)number(t.value + 9, 4);
	return 0;
}
