/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A card in software whose secure channel is the driver's own source: what userspace/gp
 * is held against.
 */
#ifndef TESTS_UNIT_SOFT_CARD_H
#define TESTS_UNIT_SOFT_CARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gp/gp.h"
#include "kernel/executive/scp03.h"

#define SOFT_KEYSETS 4

/* Static keys; of a transaction key only .mac is used, and what came behind it. */
struct soft_keyset {
	uint8_t kvn;
	uint8_t failures; /* as it says, of 10 tries */
	struct scp03_keyset keys;
	uint8_t limits[64];
	size_t limits_len;
};

/**
 * struct soft_card - all of it; zero it, then fill in
 * @i: parameter i of all keysets: 60, 61, 70, 71
 * @sequence: counter, with i = 7x
 * @chunk: most bytes of a response at once, the rest by GET RESPONSE
 * @length_first: a command without the right Le is told it (6Cxx) first
 * @session: .level is 0 when no channel is open
 * @used: keyset of the session, as it was when this began
 * @opened: number of channels that have been opened
 * @broken: number of channels ended by a wrong command
 * @done: number of commands carried out in a channel
 * @last: the last of them, in the clear
 * @lie: the check values that PUT KEY answers with are wrong
 * @run: asked first what a command is answered with, 0: not by it; may be NULL
 */
struct soft_card {
	struct soft_keyset keysets[SOFT_KEYSETS];
	uint8_t i;
	uint32_t sequence;
	size_t chunk;
	bool length_first, lie;
	u16 (*run)(struct soft_card *c, const struct apdu *a,
		   struct apdu_response *r);
	struct scp03 session;
	struct soft_keyset used;
	unsigned int opened, broken, done;
	struct apdu last;
	uint8_t last_data[APDU_DATA_MAX];
	uint8_t chained[APDU_DATA_MAX];
	size_t chained_len;
	uint8_t pending[APDU_RESPONSE_MAX];
	size_t pending_len, pending_at;
	uint16_t pending_sw;
};

/* The keyset of this number, of any when it is 0, or NULL. */
struct soft_keyset *soft_find(struct soft_card *c, uint8_t kvn);
/* Keyset @kvn of @len bytes a key: recognizable, the same in both. */
void soft_keyset(struct soft_card *c, uint8_t kvn, uint8_t len,
		 struct gp_keyset *k);
/* As gp_card.transmit; @ctx is the card. */
int soft_card_transmit(void *ctx, const uint8_t *command, size_t len,
		       uint8_t *response, size_t *response_len);

#endif
