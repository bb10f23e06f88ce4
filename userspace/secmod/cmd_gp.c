// SPDX-License-Identifier: MIT
/* secmod gp: which verb, and the way to the module. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secmod/gp_cli.h"

#define CHANNEL "--keys FILE | --keys-fd N [--level HEX]"

static const uint8_t issuer[] = { 0xa0, 0, 0, 0x01, 0x51, 0, 0, 0 };

static const struct verb {
	const char *name;
	gp_verb_fn run;
	const char *usage, *purpose;
} verbs[] = {
	{ "info", gp_cli_info, "", "what the module says to anybody" },
	{ "apdu", gp_cli_apdu, "HEX...|-", "send commands as they are" },
	{ "list", gp_cli_list, CHANNEL, "applications, and keysets" },
	{ "auth", gp_cli_auth, CHANNEL, "are these its keys?" },
	{ "put-key", gp_cli_put_key,
	  CHANNEL " --new FILE | --new-fd N [--replace KVN]",
	  "put a keyset, in the place of another" },
	{ "delete", gp_cli_delete, CHANNEL " KVN|AID",
	  "delete a keyset, an application" },
	{ "install", gp_cli_install, CHANNEL " AID", "make an application" },
	{ "store-data", gp_cli_store_data,
	  CHANNEL " --data FILE | --data-fd N AID",
	  "give an application data groups" },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int transmit(void *ctx, const uint8_t *command, size_t len,
		    uint8_t *response, size_t *response_len)
{
	struct gp_cli *g = ctx;

	g->broken =
		secmod_transmit(g->c->m, command, len, response, response_len);
	return g->broken;
}

int gp_cli_select(struct gp_cli *g, struct error *e)
{
	static struct gp_response r;
	int rc = cli_open(g->c, e);

	return rc ? rc : gp_select(&g->card, issuer, sizeof(issuer), &r, e);
}

static int take_level(const char *text, unsigned int *level)
{
	char *end;

	*level = GP_LEVEL_FULL;
	if (!text)
		return 0;
	*level = (unsigned int)strtoul(text, &end, 16);
	if (strlen(text) != 2 || *end)
		return cli_misuse("--level: '%s' is none of 01, 03, 11, 13, 33",
				  text);
	return 0;
}

int gp_cli_open(struct gp_cli *g, struct error *e)
{
	struct gp_keyset keys;
	unsigned int level;
	int rc = take_level(g->level, &level);

	if (rc == 0)
		rc = gp_secret_keyset("keys", g->keys, g->keys_fd, &keys,
				      &g->kvn, e);
	if (rc)
		return rc;
	rc = gp_cli_select(g, e);
	if (rc == 0)
		rc = gp_scp03_open(&g->card, &keys, g->kvn, level, e);
	gp_keyset_wipe(&keys);
	return rc;
}

const char *gp_cli_role(uint8_t kvn)
{
	if (kvn == 0x30)
		return "transport";
	if (kvn > 0x30 && kvn <= 0x37)
		return "replacement";
	return kvn > 0x37 && kvn <= 0x3f ? "master" : "unknown";
}

json_t *gp_cli_kvn(uint8_t kvn)
{
	return json_hex(&kvn, 1);
}

static void list_verbs(FILE *f)
{
	fputs("usage: secmod gp VERB [OPTION]...\n\n", f);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(f, "  %-10s %s\n    secmod gp %s %s\n", verbs[i].name,
			verbs[i].purpose, verbs[i].name, verbs[i].usage);
	fputs("\nsee secmod(1)\n", f);
}

static int run(const struct verb *v, struct cli *c, int argc, char **argv,
	       struct error *e)
{
	struct gp_cli g = {
		.c = c,
		.card = { .transmit = transmit, .ctx = &g, .name = c->device },
	};
	int rc = v->run(&g, argc, argv, e);

	gp_close(&g.card);
	if (rc < 0 && g.broken)
		rc = cli_refused(c, g.broken,
				 "command to the security executive", e);
	if (rc == CLI_USAGE)
		fprintf(c->help ? stdout : stderr, "usage: secmod gp %s %s\n",
			v->name, v->usage);
	return rc;
}

int cmd_gp(struct cli *c, int argc, char **argv, struct error *e)
{
	const char *name = cli_word(argc, argv);

	if (!name) {
		int help = argc > 1 && strcmp(argv[1], "--help") == 0;

		list_verbs(help ? stdout : stderr);
		return help ? 0 : CLI_USAGE;
	}
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return run(&verbs[i], c, argc - 1, argv + 1, e);
	return cli_misuse("there is no 'gp %s': see secmod gp --help", name);
}
