// SPDX-License-Identifier: MIT
/* secmod gp info, list: what the module says, to anybody and in a channel. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>

#include "pki/pki.h"
#include "secmod/gp_cli.h"

#define UID_SIZE 16
#define CARD_DATA 0x66
#define DEPTH_MAX 4

/* GlobalPlatform Card 2.3.1, H.2: a tree with object identifiers as its leaves. */
static void read_oid(char version[64], const unsigned char *p, long len)
{
	ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &p, len);
	char text[80];

	if (oid && OBJ_obj2txt(text, sizeof(text), oid, 1) > 0)
		sscanf(text, "1.2.840.114283.2.%63s", version);
	ASN1_OBJECT_free(oid);
}

static int read_card_data(char version[64], const unsigned char *p, long len,
			  int depth)
{
	while (len > 0) {
		const unsigned char *start = p;
		int tag, class, form;
		long size;

		form = ASN1_get_object(&p, &size, &tag, &class, len);
		if (form & 0x81 || depth > DEPTH_MAX)
			return -EPROTO;
		if (form & V_ASN1_CONSTRUCTED) {
			if (read_card_data(version, p, size, depth + 1))
				return -EPROTO;
		} else if (class == V_ASN1_UNIVERSAL && tag == V_ASN1_OBJECT) {
			read_oid(version, start, p + size - start);
		}
		len -= p + size - start;
		p += size;
	}
	return 0;
}

struct info {
	uint8_t uid[UID_SIZE];
	char version[64]; /* of GlobalPlatform */
	struct gp_status status;
	struct gp_key_info keys;
};

static int read_info(struct gp_cli *g, struct info *i, struct error *e)
{
	static struct gp_response r;
	int rc = gp_cli_select(g, e);

	if (rc == 0)
		rc = gp_uid(&g->card, i->uid, e);
	if (rc == 0)
		rc = gp_get_data(&g->card, CARD_DATA, &r, e);
	if (rc == 0 && read_card_data(i->version, r.data, (long)r.len, 0))
		rc = error_set(
			e, EPROTO,
			"'%s': its card data are not as they are documented",
			g->c->device);
	if (rc == 0)
		rc = gp_status(&g->card, &i->status, e);
	if (rc == 0)
		rc = gp_key_info(&g->card, &i->keys, e);
	return rc;
}

/* A keyset has three keys of one length: told by the first. */
static int is_first(const struct gp_key *k)
{
	return k->id == 1;
}

static int info_json(const struct info *i, struct error *e)
{
	json_t *keysets = json_array();
	int rc = 0;

	for (size_t n = 0; rc == 0 && n < i->keys.count; n++) {
		const struct gp_key *k = &i->keys.keys[n];

		if (is_first(k))
			rc = json_array_append_new(
				keysets, json_pack("{s:o, s:s, s:i}", "kvn",
						   gp_cli_kvn(k->kvn), "role",
						   gp_cli_role(k->kvn), "bits",
						   8 * k->len));
	}
	if (rc) {
		json_decref(keysets);
		return error_set(e, ENOMEM, "out of memory");
	}
	return cli_print_json(
		json_pack("{s:o, s:s, s:s, s:I, s:I, s:o}", "uid",
			  json_hex(i->uid, UID_SIZE), "globalplatform",
			  i->version, "state",
			  secmod_state_name(i->status.state), "epoch",
			  (json_int_t)i->status.epoch, "generation",
			  (json_int_t)i->status.generation, "keysets", keysets),
		e);
}

static void info_text(const struct info *i)
{
	char uid[2 * UID_SIZE + 1];

	pki_hex(i->uid, UID_SIZE, uid);
	printf("uid             %s\n", uid);
	printf("GlobalPlatform  %s\n", i->version);
	printf("state           %s\n", secmod_state_name(i->status.state));
	printf("epoch           %llu\n", (unsigned long long)i->status.epoch);
	printf("generation      %u\n", i->status.generation);
	if (!i->keys.count)
		puts("keysets         none: the central system issues them");
	for (size_t n = 0; n < i->keys.count; n++) {
		const struct gp_key *k = &i->keys.keys[n];

		if (is_first(k))
			printf("keyset %02x       %s, AES-%d\n", k->kvn,
			       gp_cli_role(k->kvn), 8 * k->len);
	}
}

int gp_cli_info(struct gp_cli *g, int argc, char **argv, struct error *e)
{
	static struct info i;
	int rc = cli_parse(g->c, argc, argv, NULL, 0, 0, NULL);

	if (rc == 0)
		rc = read_info(g, &i, e);
	if (rc)
		return rc;
	if (g->c->json)
		return info_json(&i, e);
	info_text(&i);
	return 0;
}

/* Card 2.3.1, tables 11-4 and 11-6 */
static const char *life_cycle(int domain, uint8_t state)
{
	static const struct {
		int domain;
		uint8_t state;
		const char *name;
	} names[] = {
		{ 1, 0x01, "op ready" },   { 1, 0x07, "initialized" },
		{ 1, 0x0f, "secured" },	   { 0, 0x03, "installed" },
		{ 0, 0x07, "selectable" }, { 0, 0x0f, "personalized" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].domain == domain && names[i].state == state)
			return names[i].name;
	return "unknown";
}

struct listing {
	struct gp_applications domain, applications;
	struct gp_keysets keysets;
};

static json_t *applications_json(const struct gp_applications *list, int domain)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct gp_application *a = &list->applications[i];

		json_array_append_new(
			array, json_pack("{s:o, s:s}", "aid",
					 json_hex(a->aid, a->aid_len), "state",
					 life_cycle(domain, a->state)));
	}
	return array;
}

static json_t *keysets_json(const struct gp_keysets *k)
{
	json_t *array = json_array();

	for (size_t i = 0; i < k->count; i++) {
		const struct gp_keyset_state *s = &k->keysets[i];

		json_array_append_new(
			array,
			json_pack("{s:o, s:s, s:i, s:i, s:i, s:[o,o,o]}", "kvn",
				  gp_cli_kvn(s->kvn), "role",
				  gp_cli_role(s->kvn), "bits", 8 * s->len,
				  "failures", s->failures, "tries", s->tries,
				  "kcv", json_hex(s->kcv[0], GP_KCV_SIZE),
				  json_hex(s->kcv[1], GP_KCV_SIZE),
				  json_hex(s->kcv[2], GP_KCV_SIZE)));
	}
	return array;
}

static void print_applications(const struct gp_applications *list, int domain)
{
	char aid[2 * GP_AID_MAX + 1];

	for (size_t i = 0; i < list->count; i++) {
		const struct gp_application *a = &list->applications[i];

		pki_hex(a->aid, a->aid_len, aid);
		printf("%-12s %s %s\n", domain ? "domain" : "application", aid,
		       life_cycle(domain, a->state));
	}
}

static void print_keysets(const struct gp_keysets *k)
{
	char kcv[2 * 3 * GP_KCV_SIZE + 1];

	for (size_t i = 0; i < k->count; i++) {
		const struct gp_keyset_state *s = &k->keysets[i];

		pki_hex(s->kcv[0], sizeof(s->kcv), kcv);
		printf("keyset %02x    %s, AES-%d, check values %.6s %.6s %.6s, %u of %u tries left%s\n",
		       s->kvn, gp_cli_role(s->kvn), 8 * s->len, kcv, kcv + 6,
		       kcv + 12, s->tries - s->failures, s->tries,
		       gp_is_locked(s) ? ": locked" : "");
	}
}

int gp_cli_list(struct gp_cli *g, int argc, char **argv, struct error *e)
{
	const struct cli_option options[] = { GP_CHANNEL_OPTIONS(g),
					      { NULL, NULL, NULL } };
	static struct listing l;
	int rc = cli_parse(g->c, argc, argv, options, 0, 0, NULL);

	if (rc == 0)
		rc = gp_cli_open(g, e);
	if (rc == 0)
		rc = gp_get_status(&g->card, 0x80, &l.domain, e);
	if (rc == 0)
		rc = gp_get_status(&g->card, 0x40, &l.applications, e);
	if (rc == 0)
		rc = gp_keysets(&g->card, &l.keysets, e);
	if (rc)
		return rc;
	if (g->c->json)
		return cli_print_json(
			json_pack("{s:o, s:o, s:o}", "domain",
				  applications_json(&l.domain, 1),
				  "applications",
				  applications_json(&l.applications, 0),
				  "keysets", keysets_json(&l.keysets)),
			e);
	print_applications(&l.domain, 1);
	print_applications(&l.applications, 0);
	print_keysets(&l.keysets);
	return 0;
}
