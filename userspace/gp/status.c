// SPDX-License-Identifier: MIT
/* Status words in words, with the way out. */
#include <errno.h>
#include <stdio.h>

#include "gp/internal.h"

#define ANY 0

#define TRIES 0x63c0 /* are left: in the last digit */

/* The first row that fits counts. */
static const struct row {
	uint8_t ins;
	uint16_t mask, sw;
	int errnum;
	const char *text;
} words[] = {
	{ ANY, 0xffff, GP_OK, EPROTO, "done" },
	{ ANY, 0xff00, 0x6100, EPROTO,
	  "done, and more of the response is left: fetch it with GET RESPONSE" },
	{ INS_INITIALIZE_UPDATE, 0xffff, 0x6985, EAGAIN,
	  "wrong keys were tried a moment ago: wait up to 16 seconds and try again" },
	{ INS_INITIALIZE_UPDATE, 0xffff, 0x6a88, ENOENT,
	  "there is no keyset of this version: see the key information (tag E0)" },
	{ ANY, 0xffff, 0x6300, EKEYREJECTED,
	  "the keys are not those of the module: more than 15 tries are left" },
	{ ANY, 0xfff0, TRIES, EKEYREJECTED,
	  "the keys are not those of the module: tries left" },
	{ ANY, 0xffff, 0x6400, EIO,
	  "the module could not do it, and nothing has changed: see its kernel log" },
	{ ANY, 0xffff, 0x6581, EIO,
	  "it may be done, but the module has no memory for the answer: ask it for its keys and applications" },
	{ ANY, 0xffff, 0x6700, EMSGSIZE,
	  "the length is wrong: did something in between cut the command?" },
	{ ANY, 0xffff, 0x6881, EOPNOTSUPP,
	  "there is one logical channel only: use the basic one" },
	{ ANY, 0xffff, 0x6882, EPERM,
	  "no secure channel is open in the module: open one again" },
	{ ANY, 0xffff, 0x6883, EPROTO,
	  "a chain of commands was interrupted: send all of it again" },
	{ ANY, 0xffff, 0x6982, EPERM,
	  "this channel may not do that, or is no longer open: open the channel whose role may" },
	{ ANY, 0xffff, 0x6983, EKEYREVOKED,
	  "the keyset is locked after too many wrong tries: a KRK replaces an MK, the central system a KDC; for a KRK reset the module" },
	{ ANY, 0xffff, 0x6985, EBADFD,
	  "the module is not in the state for it: see its status (tag DF20), and SELECT first" },
	{ ANY, 0xffff, 0x6987, EBADMSG,
	  "the command came without its MAC: open the channel again" },
	{ ANY, 0xffff, 0x6988, EBADMSG,
	  "the command came changed, and the module closed the channel: open it again over another way" },
	{ ANY, 0xffff, 0x6a80, EINVAL,
	  "the data are not as this command wants them: check value and format" },
	{ ANY, 0xffff, 0x6a82, ENOENT,
	  "there is no application of this name: see GET STATUS" },
	{ ANY, 0xffff, 0x6a84, ENOSPC,
	  "the module has no room for it: delete keys or applications first" },
	{ ANY, 0xffff, 0x6a86, EINVAL,
	  "the parameters are none of this command: is the module's version older?" },
	{ ANY, 0xffff, 0x6a88, ENOENT,
	  "there is no such object or key: see the key information (tag E0)" },
	{ ANY, 0xffff, 0x6d00, EOPNOTSUPP,
	  "the module does not know this command: is its version older?" },
	{ ANY, 0xffff, 0x6e00, EOPNOTSUPP,
	  "the command does not exist in this class: is it a module at all?" },
	{ ANY, 0, 0, EIO,
	  "an answer this program does not know: see docs/executive.md" },
};

const char *gp_name(const struct gp_card *card)
{
	return card->name ? card->name : "card";
}

static const struct row *row_of(uint8_t ins, uint16_t sw)
{
	const struct row *row = words;

	while ((row->ins != ANY && row->ins != ins) ||
	       (sw & row->mask) != row->sw)
		row++;
	return row;
}

void gp_words(uint8_t ins, uint16_t sw, char text[GP_WORDS_MAX])
{
	const struct row *row = row_of(ins, sw);

	if (row->sw == TRIES)
		snprintf(text, GP_WORDS_MAX, "%s: %u", row->text, sw & 0x0f);
	else
		snprintf(text, GP_WORDS_MAX, "%s", row->text);
}

int gp_refused(const struct gp_card *card, const char *what, uint8_t ins,
	       uint16_t sw, struct error *e)
{
	char text[GP_WORDS_MAX];

	gp_words(ins, sw, text);
	return error_set(e, row_of(ins, sw)->errnum,
			 "%s: %s refused with %04X: %s", gp_name(card), what,
			 sw, text);
}
