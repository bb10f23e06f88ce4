/* SPDX-License-Identifier: MIT */
/* secmod-vpicc: a module as the card in vsmartcard's virtual reader. */
#ifndef SECMOD_VPICC_VPICC_H
#define SECMOD_VPICC_VPICC_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* card.c: the module, whose conversation lasts from power to power */
struct card {
	const char *device;
	struct secmod *module; /* NULL: off */
};
void card_off(struct card *c);
/* What was said before is forgotten. A module that cannot be opened is only told. */
void card_on(struct card *c);
const uint8_t *card_atr(size_t *len);
/* @response: SECMOD_RESPONSE_MAX bytes; there always is one. */
void card_transmit(struct card *c, const uint8_t *command, size_t len,
		   uint8_t *response, size_t *response_len);

/* reader.c: serves one connection to its end: -errno with a text */
int reader_serve(int fd, struct card *c, struct error *e);

#endif
