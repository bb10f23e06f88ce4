/* SPDX-License-Identifier: MIT */
/*
 * secmod gp: the module as the GlobalPlatform card that it is, for people at the machine.
 * One open file of the module, the secure channel in it, and where keys come from.
 */
#ifndef SECMOD_SECMOD_GP_CLI_H
#define SECMOD_SECMOD_GP_CLI_H

#include "gp/gp.h"
#include "secmod/cli.h"

/**
 * struct gp_cli - a verb at work
 * @keys, @keys_fd: of the channel, as the command line says where they are
 * @level: of protection, as it says
 * @kvn: of the channel
 * @broken: what the driver said to a command that it did not take at all
 */
struct gp_cli {
	struct cli *c;
	struct gp_card card;
	const char *keys, *keys_fd, *level;
	uint8_t kvn;
	int broken;
};

/* What opens a channel, for the options of a verb. */
#define GP_CHANNEL_OPTIONS(g)                                             \
	{ "keys", &(g)->keys, NULL }, { "keys-fd", &(g)->keys_fd, NULL }, \
	{                                                                 \
		"level", &(g)->level, NULL                                \
	}

/* cmd_gp.c */
/* Selects the issuer security domain. */
int gp_cli_select(struct gp_cli *g, struct error *e);
/* The same, and opens the channel. */
int gp_cli_open(struct gp_cli *g, struct error *e);
/* "replacement": what a keyset of this number is for. */
const char *gp_cli_role(uint8_t kvn);
json_t *gp_cli_kvn(uint8_t kvn);

/* The verbs: gp_show.c, gp_apdu.c, gp_change.c */
typedef int (*gp_verb_fn)(struct gp_cli *g, int argc, char **argv,
			  struct error *e);
int gp_cli_info(struct gp_cli *g, int argc, char **argv, struct error *e);
int gp_cli_list(struct gp_cli *g, int argc, char **argv, struct error *e);
int gp_cli_apdu(struct gp_cli *g, int argc, char **argv, struct error *e);
int gp_cli_auth(struct gp_cli *g, int argc, char **argv, struct error *e);
int gp_cli_put_key(struct gp_cli *g, int argc, char **argv, struct error *e);
int gp_cli_delete(struct gp_cli *g, int argc, char **argv, struct error *e);
int gp_cli_install(struct gp_cli *g, int argc, char **argv, struct error *e);
int gp_cli_store_data(struct gp_cli *g, int argc, char **argv, struct error *e);

/*
 * gp_secret.c: keys come from a file that nobody else can read, or from a descriptor, and
 * are wiped. Lines of two words; # begins a comment.
 */
struct gp_secret_line {
	unsigned int number;
	const char *name;
	char *value; /* small letters; to be changed in place */
};
typedef int (*gp_secret_fn)(void *arg, const struct gp_secret_line *line,
			    struct error *e);
/*
 * Calls @fn for each line of file @path, or of descriptor @fd: exactly one of them is
 * given, by option @option or @option-fd.
 */
int gp_secret_read(const char *option, const char *path, const char *fd,
		   gp_secret_fn fn, void *arg, struct error *e);
/* The keyset in it: kvn, enc, mac, dek. To be wiped by the caller. */
int gp_secret_keyset(const char *option, const char *path, const char *fd,
		     struct gp_keyset *keys, uint8_t *kvn, struct error *e);

/* gp_secret.c: hexadecimal, of either case, blanks between bytes; bytes, or -1. */
int gp_cli_unhex(char *text, uint8_t *out, size_t max);

#endif
