// SPDX-License-Identifier: MIT
/* The command "status": what a connected module says of itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <endian.h>
#include <jansson.h>

#include "central/central.h"
#include "common/relay.h"
#include "libsecmod/libsecmod.h"
#include "pki/pki.h"

#define UID_TAG 0x0045
#define STATUS_TAG 0xdf20

struct live { /* DF20 */
	unsigned int state;
	uint64_t epoch;
	uint32_t generation;
};

static int say(struct relay_card *card, const uint8_t *command, size_t len,
	       uint8_t response[RELAY_RESPONSE_MAX], size_t *response_len,
	       struct error *e)
{
	int r;

	*response_len = RELAY_RESPONSE_MAX;
	r = relay_transmit(card, command, len, response, response_len);
	if (r)
		return error_set(e, -r, "%s", card->e.text);
	*response_len -= 2;
	if (response[*response_len] == 0x90 && !response[*response_len + 1])
		return 0;
	return error_set(e, EPROTO, "the module answers %02x%02x",
			 response[*response_len], response[*response_len + 1]);
}

/* Its value, which has to have @size bytes. */
static int get(struct relay_card *card, uint16_t tag, uint8_t *value,
	       size_t size, struct error *e)
{
	uint8_t command[] = { 0x80, 0xca, tag >> 8, tag, 0 };
	size_t head = tag > 0xff ? 3 : 2, len;
	uint8_t response[RELAY_RESPONSE_MAX];
	int r = say(card, command, sizeof(command), response, &len, e);

	if (r)
		return r;
	if (len != head + size || response[head - 1] != size)
		return error_set(e, EPROTO,
				 "the module's object %04x has another form",
				 tag);
	memcpy(value, response + head, size);
	return 0;
}

static int ask(struct relay_card *card, const uint8_t uid[STORE_UID_SIZE],
	       struct live *out, struct error *e)
{
	static const uint8_t select[] = { 0, 0xa4, 4, 0, 0 };
	uint8_t response[RELAY_RESPONSE_MAX], own[STORE_UID_SIZE], status[13];
	size_t len;
	int r = say(card, select, sizeof(select), response, &len, e);

	if (!r)
		r = get(card, UID_TAG, own, sizeof(own), e);
	if (!r && memcmp(own, uid, sizeof(own)))
		r = error_set(e, EPROTO, "another module answers");
	if (!r)
		r = get(card, STATUS_TAG, status, sizeof(status), e);
	if (r)
		return r;
	out->state = status[0];
	memcpy(&out->epoch, status + 1, sizeof(out->epoch));
	memcpy(&out->generation, status + 9, sizeof(out->generation));
	out->epoch = be64toh(out->epoch);
	out->generation = be32toh(out->generation);
	return 0;
}

static int print(const struct options *o, const struct store_module *m,
		 const struct live *live, struct error *e)
{
	char uid[2 * STORE_UID_SIZE + 1];

	pki_hex(m->uid, sizeof(m->uid), uid);
	if (o->json)
		return print_json(json_pack("{s:s,s:s,s:s,s:I,s:i}", "uid", uid,
					    "serial", m->serial, "state",
					    secmod_state_name(live->state),
					    "epoch", (json_int_t)live->epoch,
					    "generation", live->generation),
				  e);
	printf("uid          %s\nserial       %s\nstate        %s\n"
	       "epoch        %llu\ngeneration   %u\n",
	       uid, m->serial, secmod_state_name(live->state),
	       (unsigned long long)live->epoch, live->generation);
	return 0;
}

static int find(const struct options *o, const char *which,
		struct store_module *m, struct error *e)
{
	struct site s;
	int r = site_open(&s, o->dir, e);

	if (!r)
		r = store_module_find(s.store, which, m, e);
	site_close(&s);
	return r;
}

int cmd_status(const struct options *o, int argc, char **argv, struct error *e)
{
	char uid[2 * STORE_UID_SIZE + 1];
	struct relay_card card;
	struct store_module m;
	struct live live;
	int r = find(o, argv[0], &m, e);

	(void)argc;
	if (r)
		return r;
	pki_hex(m.uid, sizeof(m.uid), uid);
	card.fd = client_relay(o->dir, uid, e);
	if (card.fd < 0)
		return error_set(e, -card.fd, "module %s: %s", m.serial,
				 e->text);
	r = ask(&card, m.uid, &live, e);
	close(card.fd);
	if (r)
		return error_set(e, -r, "module %s: %s", m.serial, e->text);
	return print(o, &m, &live, e);
}
