/* SPDX-License-Identifier: MIT */
/* The access server: what the commands that change modules' keys share. */
#ifndef SECMOD_CENTRAL_ACCESS_H
#define SECMOD_CENTRAL_ACCESS_H

#include <pthread.h>

#include "campaign/campaign.h"
#include "central/central.h"
#include "hsm1/hsm1.h"
#include "store/keys.h"

/* access.c */
/* client_relay() with the issuer security domain selected, as HSM 1 expects it. */
int access_relay(const char *dir, const uint8_t uid[STORE_UID_SIZE],
		 struct error *e);
/* Which keysets the connected module @uid says it has (DF22, over SCP11a). */
int access_ask(const char *dir, const uint8_t uid[STORE_UID_SIZE],
	       struct campaign_has *has, struct error *e);

/* recovery.c: the key management server that --kms names, if it does */
struct recovery {
	int at_kms;
	struct hsm1_kms kms;
	pthread_mutex_t lock;
};

/* @r is zeroed; @s is open, and stays so as long as @r. Close it when this fails too. */
int recovery_open(struct recovery *r, const struct options *o, struct site *s,
		  struct error *e);
void recovery_close(struct recovery *r);
/* For hsm1_ops.recover, when r->at_kms. -EREMOTEIO, whatever the cause. */
int recovery_ask(struct recovery *r, unsigned int version,
		 const uint8_t uid[HSM1_UID_SIZE], const uint8_t point[65],
		 struct hsm1_credential *out, struct error *e);

#endif
