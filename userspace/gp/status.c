// SPDX-License-Identifier: MIT
/* Status words in words, with the way out. */
#include <errno.h>
#include <stdio.h>

#include "gp/internal.h"

#define ANY 0

/* The first row that fits counts. */
static const struct {
	uint8_t ins;
	uint16_t mask, sw;
	int errnum;
	const char *text;
} words[] = {
	{ INS_INITIALIZE_UPDATE, 0xffff, 0x6985, EAGAIN,
	  "wrong keys were tried a moment ago: wait up to 8 seconds and try again" },
	{ INS_INITIALIZE_UPDATE, 0xffff, 0x6a88, ENOENT,
	  "there is no keyset of this version: see the key information (tag E0)" },
	{ ANY, 0xffff, 0x6300, EKEYREJECTED,
	  "the keys are not those of the module: each further try brings its lock nearer" },
	{ ANY, 0xfff0, 0x63c0, EKEYREJECTED,
	  "the keys are not those of the module: the last digit is the number of tries left" },
	{ ANY, 0xffff, 0x6400, EIO,
	  "the module could not do it, and nothing has changed: see its kernel log" },
	{ ANY, 0xffff, 0x6581, EIO,
	  "the module has no memory for it: try again later" },
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
	  "the keyset is locked after too many wrong tries: replace it under the replacement keyset, or reset the module" },
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

int gp_refused(const struct gp_card *card, const char *what, uint8_t ins,
	       uint16_t sw, struct error *e)
{
	size_t i = 0;

	while ((words[i].ins != ANY && words[i].ins != ins) ||
	       (sw & words[i].mask) != words[i].sw)
		i++;
	return error_set(e, words[i].errnum, "%s: %s refused with %04X: %s",
			 gp_name(card), what, sw, words[i].text);
}
