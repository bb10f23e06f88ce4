// SPDX-License-Identifier: MIT
/* secmod gp auth, put-key, delete, install, store-data: in a channel under a keyset. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "pki/pki.h"
#include "secmod/gp_cli.h"

#define UID_SIZE 16

struct name { /* of a keyset or an application */
	uint8_t bytes[GP_AID_MAX];
	size_t len;
};

static int take_name(const char *text, struct name *name)
{
	char copy[3 * GP_AID_MAX + 1];
	int len = -1;

	if (strlen(text) < sizeof(copy)) {
		strcpy(copy, text);
		len = gp_cli_unhex(copy, name->bytes, sizeof(name->bytes));
	}
	if (len < 1)
		return cli_misuse("'%s' is no name: hex digits", text);
	name->len = (size_t)len;
	return 0;
}

static int take_aid(const char *text, struct name *aid)
{
	int rc = take_name(text, aid);

	if (rc == 0 && aid->len < 5)
		rc = cli_misuse(
			"'%s' is no AID: 5 to 16 bytes, 10 to 32 hex digits",
			text);
	return rc;
}

/* A wrong Key-ENC is noticed by the first command in the channel only. */
int gp_cli_auth(struct gp_cli *g, int argc, char **argv, struct error *e)
{
	const struct cli_option options[] = { GP_CHANNEL_OPTIONS(g),
					      { NULL, NULL, NULL } };
	char uid_text[2 * UID_SIZE + 1];
	const struct gp_opened *opened;
	uint8_t uid[UID_SIZE];
	int rc = cli_parse(g->c, argc, argv, options, 0, 0, NULL);

	if (rc == 0)
		rc = gp_cli_open(g, e);
	if (rc == 0)
		rc = gp_uid(&g->card, uid, e);
	if (rc)
		return rc;
	opened = gp_opened(&g->card);
	pki_hex(uid, UID_SIZE, uid_text);
	if (g->c->json)
		return cli_print_json(json_pack("{s:s, s:o, s:s, s:i, s:o}",
						"uid", uid_text, "kvn",
						gp_cli_kvn(opened->kvn), "role",
						gp_cli_role(opened->kvn),
						"protocol", opened->protocol,
						"i", json_hex(&opened->i, 1)),
				      e);
	cli_step(g->c, "module %s has keyset %02x (%s): SCP%02x i=%02x",
		 uid_text, opened->kvn, gp_cli_role(opened->kvn),
		 opened->protocol, opened->i);
	return 0;
}

static int put_json(uint8_t kvn, const uint8_t kcv[3][GP_KCV_SIZE],
		    struct error *e)
{
	return cli_print_json(json_pack("{s:o, s:s, s:[o,o,o]}", "kvn",
					gp_cli_kvn(kvn), "role",
					gp_cli_role(kvn), "kcv",
					json_hex(kcv[0], GP_KCV_SIZE),
					json_hex(kcv[1], GP_KCV_SIZE),
					json_hex(kcv[2], GP_KCV_SIZE)),
			      e);
}

static int check_values(const struct gp_keyset *k, uint8_t kcv[3][GP_KCV_SIZE],
			struct error *e)
{
	int rc = gp_kcv(k->enc, k->len, kcv[0], e);

	if (rc == 0)
		rc = gp_kcv(k->mac, k->len, kcv[1], e);
	return rc ? rc : gp_kcv(k->dek, k->len, kcv[2], e);
}

static int put(struct gp_cli *g, uint8_t old, const struct gp_keyset *keys,
	       uint8_t kvn, struct error *e)
{
	uint8_t kcv[3][GP_KCV_SIZE];
	char text[2 * sizeof(kcv) + 1];
	int rc = check_values(keys, kcv, e);

	if (rc == 0)
		rc = gp_cli_open(g, e);
	if (rc == 0)
		rc = gp_put_keyset(&g->card, old, kvn, keys, e);
	if (rc)
		return rc;
	if (g->c->json)
		return put_json(kvn, kcv, e);
	pki_hex(kcv[0], sizeof(kcv), text);
	cli_step(
		g->c,
		"keyset %02x (%s) is in the module, check values %.6s %.6s %.6s",
		kvn, gp_cli_role(kvn), text, text + 6, text + 12);
	return 0;
}

int gp_cli_put_key(struct gp_cli *g, int argc, char **argv, struct error *e)
{
	const char *path = NULL, *fd = NULL, *replace = NULL;
	const struct cli_option options[] = { GP_CHANNEL_OPTIONS(g),
					      { "new", &path, NULL },
					      { "new-fd", &fd, NULL },
					      { "replace", &replace, NULL },
					      { NULL, NULL, NULL } };
	struct gp_keyset keys;
	struct name old = { { 0 }, 1 };
	uint8_t kvn;
	int rc = cli_parse(g->c, argc, argv, options, 0, 0, NULL);

	if (rc == 0 && replace)
		rc = take_name(replace, &old);
	if (rc == 0 && old.len != 1)
		rc = cli_misuse("--replace: '%s' is no key version number",
				replace);
	if (rc == 0)
		rc = gp_secret_keyset("new", path, fd, &keys, &kvn, e);
	if (rc)
		return rc;
	rc = put(g, old.bytes[0], &keys, kvn, e);
	gp_keyset_wipe(&keys);
	return rc;
}

int gp_cli_delete(struct gp_cli *g, int argc, char **argv, struct error *e)
{
	const struct cli_option options[] = { GP_CHANNEL_OPTIONS(g),
					      { NULL, NULL, NULL } };
	const char *text;
	struct name name;
	int rc = cli_parse(g->c, argc, argv, options, 1, 1, &text);

	if (rc == 0)
		rc = take_name(text, &name);
	if (rc == 0)
		rc = gp_cli_open(g, e);
	if (rc)
		return rc;
	if (name.len == 1)
		rc = gp_delete_key(&g->card, name.bytes[0], e);
	else
		rc = gp_delete_application(&g->card, name.bytes, name.len, e);
	if (rc == 0)
		cli_step(g->c, "%s %s is deleted",
			 name.len == 1 ? "keyset" : "application", text);
	return rc;
}

int gp_cli_install(struct gp_cli *g, int argc, char **argv, struct error *e)
{
	const struct cli_option options[] = { GP_CHANNEL_OPTIONS(g),
					      { NULL, NULL, NULL } };
	const char *text;
	struct name aid;
	int rc = cli_parse(g->c, argc, argv, options, 1, 1, &text);

	if (rc == 0)
		rc = take_aid(text, &aid);
	if (rc == 0)
		rc = gp_cli_open(g, e);
	if (rc == 0)
		rc = gp_install(&g->card, aid.bytes, aid.len, e);
	if (rc == 0)
		cli_step(g->c, "application %s is made: give it data", text);
	return rc;
}

struct storing {
	struct gp_card *card;
	struct gp_groups groups;
	unsigned int count;
};

static int group_line(void *arg, const struct gp_secret_line *line,
		      struct error *e)
{
	static uint8_t data[sizeof(((struct gp_groups *)0)->data)];
	struct storing *s = arg;
	uint8_t dgi[2];
	char name[8];
	int len, rc;

	snprintf(name, sizeof(name), "%s", line->name);
	if (gp_cli_unhex(name, dgi, sizeof(dgi)) != 2)
		return error_set(
			e, EINVAL,
			"a line is the name of a data group, 4 hex digits, a blank, and its data in hex digits");
	len = gp_cli_unhex(line->value, data, sizeof(data));
	if (len < 0)
		return error_set(
			e, EINVAL,
			"the data of group %s are no hexadecimal, or more than %zu bytes",
			name, sizeof(data));
	s->count++;
	rc = gp_data_group(s->card, (uint16_t)(dgi[0] << 8 | dgi[1]), data,
			   (size_t)len, &s->groups, e);
	OPENSSL_cleanse(data, sizeof(data));
	return rc;
}

int gp_cli_store_data(struct gp_cli *g, int argc, char **argv, struct error *e)
{
	static struct storing s;
	const char *path = NULL, *fd = NULL, *text;
	const struct cli_option options[] = { GP_CHANNEL_OPTIONS(g),
					      { "data", &path, NULL },
					      { "data-fd", &fd, NULL },
					      { NULL, NULL, NULL } };
	struct name aid;
	int rc = cli_parse(g->c, argc, argv, options, 1, 1, &text);

	s.card = &g->card;
	if (rc == 0)
		rc = take_aid(text, &aid);
	if (rc == 0)
		rc = gp_cli_open(g, e);
	if (rc == 0)
		rc = gp_secret_read("data", path, fd, group_line, &s, e);
	if (rc == 0 && !s.count)
		rc = error_set(e, EINVAL, "'%s' has no data group in it",
			       path ? path : "the descriptor");
	if (rc == 0)
		rc = gp_personalize(&g->card, aid.bytes, aid.len, e);
	if (rc == 0)
		rc = gp_store_data(&g->card, &s.groups, e);
	OPENSSL_cleanse(&s.groups, sizeof(s.groups));
	if (rc == 0)
		cli_step(g->c, "application %s has %u data groups more", text,
			 s.count);
	return rc;
}
