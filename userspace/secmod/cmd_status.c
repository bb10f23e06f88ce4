// SPDX-License-Identifier: MIT
/* secmod status: what the module is, and the next step. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pki/pki.h"
#include "secmod/cli.h"

struct status {
	struct secmod_info info;
	char serial[SECMOD_SERIAL_MAX + 1];
	char uid[2 * SECMOD_UID_SIZE + 1];
	char identity_key[80], module_key[80]; /* digests of their names */
	char srk_name[80];
	char last_error[SECMOD_REASON_MAX];
	struct certs certs;
};

static int has_certs(const struct secmod_info *info)
{
	return info->state == SECMOD_STATE_PERSONALIZATION ||
	       info->state == SECMOD_STATE_OPERATING;
}

static int status_read(struct cli *c, struct status *s, struct error *e)
{
	int rc;

	memset(s, 0, sizeof(*s));
	rc = cli_info(c, &s->info, e);
	if (rc)
		return rc;
	cli_serial(&s->info, s->serial);
	if (s->info.state != SECMOD_STATE_VIRGIN)
		pki_hex(s->info.uid, sizeof(s->info.uid), s->uid);
	cli_sysfs(c, "identity_key", s->identity_key, sizeof(s->identity_key));
	cli_sysfs(c, "module_key", s->module_key, sizeof(s->module_key));
	cli_sysfs(c, "tpm/srk_name", s->srk_name, sizeof(s->srk_name));
	cli_sysfs(c, "last_error", s->last_error, sizeof(s->last_error));
	return has_certs(&s->info) ? certs_read(c, &s->certs, e) : 0;
}

static int add_cert(void *arg, enum secmod_cert kind, unsigned int index,
		    X509 *cert, struct error *e)
{
	if (json_array_append_new(arg, cert_json(kind, index, cert)))
		return error_set(e, ENOMEM, "out of memory");
	return 0;
}

static int print_json(struct cli *c, const struct status *s, struct error *e)
{
	json_t *certs = json_array();
	int rc = certs_each(&s->certs, add_cert, certs, e);

	if (rc) {
		json_decref(certs);
		return rc;
	}
	return cli_print_json(
		json_pack(
			"{s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:i, s:s, s:s, s:s, s:o, s:s, s:s}",
			"device", c->device, "state",
			secmod_state_name(s->info.state), "uid", s->uid,
			"serial", s->serial, "epoch", (json_int_t)s->info.epoch,
			"personalized_at", (json_int_t)s->info.personalized_at,
			"generation", (int)s->info.generation, "abi_version",
			(int)s->info.abi_version, "identity_key",
			s->identity_key, "module_key", s->module_key,
			"srk_name", s->srk_name, "certificates", certs,
			"last_error", s->last_error, "next",
			cli_next_step(s->info.state)),
		e);
}

static void print_row(const char *name, const char *value)
{
	if (value[0])
		printf("%-13s %s\n", name, value);
}

static int print_cert(void *arg, enum secmod_cert kind, unsigned int index,
		      X509 *cert, struct error *e)
{
	char line[256], name[32];

	(void)arg;
	(void)e;
	cert_line(cert, line, sizeof(line));
	if (kind == SECMOD_CERT_CENTRAL)
		snprintf(name, sizeof(name), "  %s %u", secmod_cert_name(kind),
			 index);
	else
		snprintf(name, sizeof(name), "  %s", secmod_cert_name(kind));
	print_row(name, line);
	return 0;
}

static int print_text(struct cli *c, const struct status *s, struct error *e)
{
	char text[32];

	print_row("device", c->device);
	print_row("state", secmod_state_name(s->info.state));
	print_row("uid", s->uid);
	print_row("serial", s->serial);
	if (s->info.epoch) {
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)s->info.epoch);
		print_row("epoch", text);
	}
	if (s->info.personalized_at) {
		format_time((time_t)s->info.personalized_at, text);
		print_row("personalized", text);
	}
	print_row("identity key", s->identity_key);
	print_row("module key", s->module_key);
	print_row("storage key", s->srk_name);
	if (has_certs(&s->info))
		puts("certificates");
	certs_each(&s->certs, print_cert, NULL, e);
	print_row("last error", s->last_error);
	print_row("next step", cli_next_step(s->info.state));
	return 0;
}

int cmd_status(struct cli *c, int argc, char **argv, struct error *e)
{
	struct status s;
	int rc = cli_parse(c, argc, argv, NULL, 0, 0, NULL);

	if (rc == 0)
		rc = status_read(c, &s, e);
	if (rc)
		return rc;
	if (c->quiet)
		puts(secmod_state_name(s.info.state));
	else
		rc = c->json ? print_json(c, &s, e) : print_text(c, &s, e);
	certs_release(&s.certs);
	return rc;
}
