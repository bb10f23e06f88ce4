// SPDX-License-Identifier: MIT
/* secmod apdu: a conversation with the security executive. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pki/pki.h"
#include "secmod/cli.h"

#define LINE_MAX_LEN (3 * SECMOD_APDU_MAX + 2) /* digits, with a blank each */

/* Leaves the digits only, small ones. */
static void strip(char *line)
{
	char *to = line;

	for (; *line; line++)
		if (!isspace((unsigned char)*line))
			*to++ = (char)tolower((unsigned char)*line);
	*to = 0;
}

static int one(struct cli *c, const char *digits, struct error *e)
{
	static uint8_t command[SECMOD_APDU_MAX], response[SECMOD_RESPONSE_MAX];
	static char text[2 * SECMOD_RESPONSE_MAX + 1];
	size_t len = strlen(digits) / 2, response_len = 0;
	int rc;

	if (strlen(digits) % 2 || !len || len > sizeof(command) ||
	    pki_unhex(digits, command, len))
		return error_set(
			e, EINVAL,
			"'%.40s' is no command: an even number of hex digits, for at most %d bytes",
			digits, SECMOD_APDU_MAX);
	rc = secmod_transmit(c->m, command, len, response, &response_len);
	if (rc)
		return cli_refused(c, rc, "command to the security executive",
				   e);
	pki_hex(response, response_len, text);
	puts(text);
	fflush(stdout);
	return 0;
}

/* Commands may hold what is secret until it is wrapped: they come by standard input only. */
int cmd_apdu(struct cli *c, int argc, char **argv, struct error *e)
{
	static char line[LINE_MAX_LEN];
	int rc = cli_parse(c, argc, argv, NULL, 0, 0, NULL);

	if (rc == 0)
		rc = cli_open(c, e);
	while (rc == 0 && fgets(line, sizeof(line), stdin)) {
		strip(line);
		if (line[0] && line[0] != '#')
			rc = one(c, line, e);
	}
	return rc;
}
