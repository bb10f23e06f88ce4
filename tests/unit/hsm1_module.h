/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module for HSM 1: a card in software at the end of a relay, and what HSM 1 asks of
 * the process that started it.
 */
#ifndef TESTS_UNIT_HSM1_MODULE_H
#define TESTS_UNIT_HSM1_MODULE_H

#include "soft_card.h"

#include <pthread.h>

#include "hsm1/internal.h"
#include "hsm1_world.h"

/* A module at the end of a relay. */
struct module {
	struct soft_card card;
	uint8_t uid[16], issued_to[16]; /* what it says, what HSM 1 is told */
	int ours, theirs; /* ends of the relay */
	int cut_at; /* PUT KEY before which the line breaks, counted from 1; 0: none */
	int puts;
	int pid; /* of HSM 1, to look into when the first key is put; 0: do not */
	struct hsm1_world *world;
	int seen; /* how often the random number was found there */
	pthread_t thread;
	uint8_t cryptogram[CRYPTOGRAM_SIZE];
	size_t cryptogram_len;
	int stored_early; /* no channel was opened when it was stored */
	int refuse; /* to store */
	unsigned int asked; /* for the recovery key */
	int lie; /* about it */
	int id_at_kms; /* version asked for */
};

/* A module without keys but the transport keyset. */
void module_new(struct module *m, struct hsm1_world *w, const uint8_t uid[16],
		struct gp_keyset *transport);
/* One conversation. */
void module_plug(struct module *m);
void module_unplug(struct module *m);
/* hsm1_ops of which the module is the argument */
int module_store(void *arg, const uint8_t whose[16], const uint8_t *cryptogram,
		 size_t len, struct error *e);
int module_recover(void *arg, unsigned int version, const uint8_t whose[16],
		   const uint8_t point[65], struct hsm1_credential *out,
		   struct error *e);

/* How often is @what in the memory of a process? -1: it cannot be read. */
int count_in(int pid, const uint8_t *what, size_t len);

#endif
