// SPDX-License-Identifier: MIT
/* secmod gp apdu: commands as they are, and what the module's status words mean. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pki/pki.h"
#include "secmod/gp_cli.h"

#define TEXT_MAX (3 * SECMOD_APDU_MAX + 2) /* digits, with a blank each */
#define INS 1

static int append(json_t *answers, uint16_t sw, const char *digits,
		  const char *words)
{
	char text[8];

	snprintf(text, sizeof(text), "%04x", sw);
	return json_array_append_new(
		answers, json_pack("{s:s, s:s, s:s}", "response", digits, "sw",
				   text, "meaning", words));
}

/* With -q one line, response and status word together, as programs like it. */
static int print(const struct cli *c, uint8_t ins, const uint8_t *response,
		 size_t len, json_t *answers, struct error *e)
{
	static char digits[2 * SECMOD_RESPONSE_MAX + 1];
	const uint16_t sw =
		(uint16_t)(response[len - 2] << 8 | response[len - 1]);
	char words[GP_WORDS_MAX];

	gp_words(ins, sw, words);
	pki_hex(response, c->quiet ? len : len - 2, digits);
	if (c->json)
		return append(answers, sw, digits, words) ?
			       error_set(e, ENOMEM, "out of memory") :
			       0;
	if (digits[0])
		puts(digits);
	if (!c->quiet)
		printf("%04x %s\n", sw, words);
	fflush(stdout);
	return 0;
}

static int send_one(struct cli *c, char *text, json_t *answers, struct error *e)
{
	static uint8_t command[SECMOD_APDU_MAX], response[SECMOD_RESPONSE_MAX];
	int len = gp_cli_unhex(text, command, sizeof(command)), rc;
	size_t got;

	if (len < 1)
		return error_set(
			e, EINVAL,
			"'%.40s' is no command: an even number of hex digits, for at most %d bytes",
			text, SECMOD_APDU_MAX);
	rc = secmod_transmit(c->m, command, (size_t)len, response, &got);
	if (rc)
		return cli_refused(c, rc, "command to the security executive",
				   e);
	return print(c, len > INS ? command[INS] : 0, response, got, answers,
		     e);
}

static int send_lines(struct cli *c, json_t *answers, struct error *e)
{
	static char line[TEXT_MAX];
	int rc = 0;

	while (rc == 0 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "#\n")] = '\0';
		if (line[strspn(line, " \t\r")])
			rc = send_one(c, line, answers, e);
	}
	return rc;
}

#define WORDS_MAX 64

/* All of them are one conversation: what is selected stays so. */
int gp_cli_apdu(struct gp_cli *g, int argc, char **argv, struct error *e)
{
	const char *words[WORDS_MAX];
	static char text[TEXT_MAX];
	json_t *answers = json_array();
	int rc = cli_parse(g->c, argc, argv, NULL, 1, WORDS_MAX, words);

	if (rc == 0)
		rc = cli_open(g->c, e);
	for (int i = 0; rc == 0 && i < WORDS_MAX && words[i]; i++) {
		snprintf(text, sizeof(text), "%s", words[i]);
		rc = strcmp(text, "-") ? send_one(g->c, text, answers, e) :
					 send_lines(g->c, answers, e);
	}
	if (rc == 0 && g->c->json)
		return cli_print_json(answers, e);
	json_decref(answers);
	return rc;
}
