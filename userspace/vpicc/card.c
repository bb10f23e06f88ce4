// SPDX-License-Identifier: MIT
/* The module as a card: power, answer to reset, commands. */
#include "common/log.h"
#include "libsecmod/libsecmod.h"
#include "vpicc/vpicc.h"

/* ISO/IEC 7816-3, 8; historical bytes: 7816-4, 12.1.1 (2020). The last octet is TCK. */
static const uint8_t atr[] = {
	0x3b, 0x8e, /* TD1, 14 historical bytes */
	0x81, 0x31, /* T=1; T=1, TA3, TB3 */
	0xfe, 0x45, /* blocks of 254 bytes; waiting times */
	0x80, /* compact TLV */
	0x31, 0x81, /* selected by full name; no master file */
	0x73, 0x80, 0x21, 0xc0, /* so too; bytes; chains, extended lengths */
	0x66, 's',  'e',  'c',	'm', 'o', 'd', 0xd2,
};

const uint8_t *card_atr(size_t *len)
{
	*len = sizeof(atr);
	return atr;
}

void card_off(struct card *c)
{
	secmod_close(c->module);
	c->module = NULL;
}

void card_on(struct card *c)
{
	card_off(c);
	if (secmod_open(c->device, &c->module)) {
		c->module = NULL;
		log_warn("%s", secmod_reason(NULL));
	}
}

/* What the module does not even answer: nothing has changed. */
static void fail(uint8_t *response, size_t *response_len)
{
	response[0] = 0x64;
	response[1] = 0x00;
	*response_len = 2;
}

void card_transmit(struct card *c, const uint8_t *command, size_t len,
		   uint8_t *response, size_t *response_len)
{
	if (!c->module)
		card_on(c);
	if (!c->module) {
		fail(response, response_len);
	} else if (secmod_transmit(c->module, command, len, response,
				   response_len)) {
		log_warn("%s: %s", c->device, secmod_reason(c->module));
		fail(response, response_len);
	}
}
