// SPDX-License-Identifier: MIT
/* The command "status": what a connected module says of itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "central/central.h"
#include "common/relay.h"
#include "keyring/keyring.h"
#include "libsecmod/libsecmod.h"
#include "pki/pki.h"

struct live {
	struct gp_status status;
	struct gp_key_info info; /* all keys, to anybody */
	struct gp_keysets keysets; /* with check values and tries, to us */
	int checked; /* keysets are there */
};

int find_module(const struct options *o, const char *which,
		struct store_module *m, char uid[2 * STORE_UID_SIZE + 1],
		struct error *e)
{
	struct site s;
	int r = site_open(&s, o->dir, e);

	if (!r)
		r = store_module_find(s.store, which, m, e);
	site_close(&s);
	if (!r)
		pki_hex(m->uid, sizeof(m->uid), uid);
	return r;
}

static int ask_card(struct gp_card *card, const uint8_t uid[STORE_UID_SIZE],
		    struct live *live, struct error *e)
{
	static struct gp_response response;
	uint8_t own[STORE_UID_SIZE];
	int r = gp_select(card, NULL, 0, &response, e);

	if (!r)
		r = gp_uid(card, own, e);
	if (!r && memcmp(own, uid, sizeof(own)))
		return error_set(e, EPROTO, "another module answers");
	if (!r)
		r = gp_status(card, &live->status, e);
	return r ? r : gp_key_info(card, &live->info, e);
}

static int ask(const struct options *o, const struct store_module *m,
	       const char *uid, struct live *live, struct error *e)
{
	struct relay_card relay = { .fd = client_relay(o->dir, uid, e) };
	struct gp_card card = { .transmit = relay_transmit,
				.ctx = &relay,
				.name = "module" };
	int r;

	if (relay.fd < 0)
		return relay.fd;
	r = ask_card(&card, m->uid, live, e);
	if (r && relay.e.text[0])
		error_set(e, -r, "%s", relay.e.text);
	close(relay.fd);
	return r;
}

static json_t *keys_json(const struct live *live)
{
	const struct gp_keysets *k = &live->keysets;
	char kcv[2 * sizeof(k->keysets[0].kcv) + 1];
	json_t *list = json_array();

	if (!live->checked)
		for (size_t i = 0; i < live->info.count; i++)
			json_array_append_new(
				list, json_pack("{s:i,s:i,s:i}", "kvn",
						live->info.keys[i].kvn, "id",
						live->info.keys[i].id, "length",
						live->info.keys[i].len));
	for (size_t i = 0; live->checked && i < k->count; i++) {
		pki_hex(k->keysets[i].kcv[0], sizeof(k->keysets[i].kcv), kcv);
		json_array_append_new(
			list, json_pack("{s:i,s:i,s:s,s:i,s:i}", "kvn",
					k->keysets[i].kvn, "length",
					k->keysets[i].len, "kcv", kcv,
					"failures", k->keysets[i].failures,
					"tries", k->keysets[i].tries));
	}
	return list;
}

static void print_keys(const struct live *live)
{
	const struct gp_keysets *k = &live->keysets;
	char kcv[2 * sizeof(k->keysets[0].kcv) + 1];

	if (!live->checked)
		for (size_t i = 0; i < live->info.count; i++)
			printf("key          version %02x, number %u\n",
			       live->info.keys[i].kvn, live->info.keys[i].id);
	for (size_t i = 0; live->checked && i < k->count; i++) {
		pki_hex(k->keysets[i].kcv[0], sizeof(k->keysets[i].kcv), kcv);
		printf("keyset       version %02x, check values %s, %u of %u "
		       "tries failed%s\n",
		       k->keysets[i].kvn, kcv, k->keysets[i].failures,
		       k->keysets[i].tries,
		       gp_is_locked(&k->keysets[i]) ? ": locked" : "");
	}
}

static int print(const struct options *o, const struct store_module *m,
		 const char *uid, const struct live *live, struct error *e)
{
	const struct gp_status *s = &live->status;

	if (o->json)
		return print_json(json_pack("{s:s,s:s,s:s,s:I,s:i,s:o}", "uid",
					    uid, "serial", m->serial, "state",
					    secmod_state_name(s->state),
					    "epoch", (json_int_t)s->epoch,
					    "generation", s->generation, "keys",
					    keys_json(live)),
				  e);
	printf("uid          %s\nserial       %s\nstate        %s\n"
	       "epoch        %llu\ngeneration   %u\n",
	       uid, m->serial, secmod_state_name(s->state),
	       (unsigned long long)s->epoch, s->generation);
	print_keys(live);
	return 0;
}

int cmd_status(const struct options *o, int argc, char **argv, struct error *e)
{
	static struct live live;
	char uid[2 * STORE_UID_SIZE + 1];
	struct store_module m;
	int r = find_module(o, argv[0], &m, uid, e);

	(void)argc;
	if (r)
		return r;
	r = ask(o, &m, uid, &live, e);
	if (!r && o->keys) {
		r = ask_keysets(o->dir, uid, &live.keysets, e);
		live.checked = 1;
	}
	if (r)
		return error_set(e, -r, "module %s: %s", m.serial, e->text);
	return print(o, &m, uid, &live, e);
}
