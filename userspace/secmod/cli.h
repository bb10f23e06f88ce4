/* SPDX-License-Identifier: MIT */
/*
 * secmod, the administrator's command: what its subcommands share. A subcommand
 * is one file cmd_X.c with one function; it returns 0, -errno with a text, or
 * CLI_USAGE when the command line was wrong.
 */
#ifndef SECMOD_SECMOD_CLI_H
#define SECMOD_SECMOD_CLI_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/channel.h"
#include "common/error.h"
#include "libsecmod/libsecmod.h"

#define CLI_USAGE 1
#define CLI_VAULT "/var/lib/secmod/secmod0.vault"
#define CLI_AGENT "unix:/run/secmod-agent/agent.sock"
#define CLI_TIMEOUT 60 /* seconds to wait for a peer */

struct cli {
	const char *device;
	int json, quiet, help;
	struct secmod *m; /* after cli_open() */
};

/* main.c */
typedef int (*cmd_fn)(struct cli *c, int argc, char **argv, struct error *e);
int cmd_attach(struct cli *c, int argc, char **argv, struct error *e);
int cmd_attest(struct cli *c, int argc, char **argv, struct error *e);
int cmd_certs(struct cli *c, int argc, char **argv, struct error *e);
int cmd_detach(struct cli *c, int argc, char **argv, struct error *e);
int cmd_gp(struct cli *c, int argc, char **argv, struct error *e);
int cmd_init(struct cli *c, int argc, char **argv, struct error *e);
int cmd_keys(struct cli *c, int argc, char **argv, struct error *e);
int cmd_keyref(struct cli *c, int argc, char **argv, struct error *e);
int cmd_personalize(struct cli *c, int argc, char **argv, struct error *e);
int cmd_reset(struct cli *c, int argc, char **argv, struct error *e);
int cmd_status(struct cli *c, int argc, char **argv, struct error *e);
int cmd_transact(struct cli *c, int argc, char **argv, struct error *e);
int cmd_verify_attest(struct cli *c, int argc, char **argv, struct error *e);
int cmd_verify_proof(struct cli *c, int argc, char **argv, struct error *e);

/* options.c: an option has a text or is a flag; those of all subcommands are known */
struct cli_option {
	const char *name;
	const char **text;
	int *flag;
};
/*
 * @options ends with a nameless one. What is left goes to @args, from @min to
 * @max of them, the rest NULL. Returns 0 or CLI_USAGE after telling why.
 */
int cli_parse(struct cli *c, int argc, char **argv,
	      const struct cli_option *options, int min, int max,
	      const char **args);
/*
 * The first word that is no option, moved to argv[1]: options may stand before it. NULL when
 * there is none.
 */
const char *cli_word(int argc, char **argv);
/* Says what is wrong with the command line; returns CLI_USAGE. */
int cli_misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Seconds, or the default when @text is NULL; milliseconds in @ms. */
int cli_timeout(const char *text, int *ms);
/* 64 hex digits, or random bytes when @text is NULL. */
int cli_nonce(const char *text, uint8_t nonce[SECMOD_NONCE_SIZE],
	      struct error *e);

/* module.c: the device, with errors that tell the way out */
int cli_open(struct cli *c, struct error *e);
int cli_info(struct cli *c, struct secmod_info *info, struct error *e);
/* "@what: reason of the kernel[: way out]"; returns @rc. */
int cli_refused(struct cli *c, int rc, const char *what, struct error *e);
/* Is the module in @state? -EBADFD with the way out when not. */
int cli_require_state(struct cli *c, unsigned int state, const char *what,
		      struct error *e);
const char *cli_next_step(unsigned int state);
/* One value of the module's directory in sysfs; empty when there is none. */
void cli_sysfs(const struct cli *c, const char *name, char *out, size_t size);
void cli_serial(const struct secmod_info *info,
		char out[SECMOD_SERIAL_MAX + 1]);
/* Asks on the terminal before something is destroyed; @yes: was said already. */
int cli_confirm(const char *what, int yes, struct error *e);

/* output.c */
/* One line of progress; silent with --json and --quiet. */
void cli_step(const struct cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Takes over @object. */
int cli_print_json(json_t *object, struct error *e);
json_t *json_hex(const uint8_t *data, size_t len);
void format_time(time_t t, char out[32]);

/* files.c: written beside, fsynced, renamed; begun before what cannot be repeated */
struct outfile {
	const char *path;
	char temporary[512];
	int fd;
};
int outfile_begin(struct outfile *f, const char *path, struct error *e);
int outfile_commit(struct outfile *f, const void *data, size_t len,
		   struct error *e);
void outfile_abort(struct outfile *f);
/* The whole file, at most @max bytes; freed with free(). */
int read_file(const char *path, size_t max, uint8_t **data, size_t *len,
	      struct error *e);

/* vault.c: makes the file with its space; the descriptor or -errno */
int vault_create(const char *path, struct error *e);
/* The module relies on it: from now on vault_create() refuses the name. */
void vault_finish(const char *path);

/* ek.c: the TPM's certificate of its endorsement key */
/* DER, freed with free(); none: 0 with *len 0. */
int ek_read_tpm(const char *tcti, uint8_t **der, size_t *len, struct error *e);
/* Is it the certificate of the RSA key (template L-1)? */
int ek_is_rsa(const uint8_t *der, size_t len);
int ek_read_file(const char *path, uint8_t **der, size_t *len, struct error *e);

/* certs.c: the module's certificates, NULL where there is none */
struct certs {
	X509 *checking, *identity, *signer, *module;
	STACK_OF(X509) *central;
};
int certs_read(struct cli *c, struct certs *certs, struct error *e);
void certs_release(struct certs *certs);
/* Calls @fn for each there is. */
typedef int (*certs_fn)(void *arg, enum secmod_cert kind, unsigned int index,
			X509 *cert, struct error *e);
int certs_each(const struct certs *certs, certs_fn fn, void *arg,
	       struct error *e);
json_t *cert_json(enum secmod_cert kind, unsigned int index, X509 *cert);
void cert_line(X509 *cert, char *out, size_t size);

/* unit.c: the connection to a manufacturer or a PU */
int unit_connect(const char *endpoint, X509 *cert, EVP_PKEY *key,
		 channel_check_fn check, void *arg, int timeout_ms,
		 struct channel **out, struct error *e);
/* Sends @m (taken over, NULL: out of memory). */
int unit_send(struct channel *ch, struct message *m, struct error *e);

#endif
