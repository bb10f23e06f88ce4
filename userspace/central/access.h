/* SPDX-License-Identifier: MIT */
/* The access server: what the commands that change modules' keys share. */
#ifndef SECMOD_CENTRAL_ACCESS_H
#define SECMOD_CENTRAL_ACCESS_H

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

#endif
