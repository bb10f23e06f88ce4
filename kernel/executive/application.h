/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Applications in the record: names (AID, ISO/IEC 7816-4, 8.2.1.2) and under each the data
 * groups that STORE DATA brought (DGI: GlobalPlatform Card 2.3.1, 11.11.2.3, and EMV Card
 * Personalization 1.1, 3.3.1). What is found points into the record.
 */
#ifndef SECMOD_APPLICATION_H
#define SECMOD_APPLICATION_H

#include "apdu.h"
#include "kernel/record.h"

#define AID_MIN 5
#define AID_MAX 16
#define APP_COUNT_MAX 16
#define APP_SIZE_MAX 16384 /* groups of one application, with their heads */

/* Groups that hold a key, which nobody reads: how it is used, then the key. */
#define DGI_KEY_FIRST 0x8000
#define DGI_KEY_LAST 0x8fff

struct app {
	const u8 *aid;
	u8 aid_len;
	const u8 *groups;
	size_t len; /* of groups */
};

/* The next application from *@at, which begins at 0; false when there is none. */
bool app_next(const struct record_apps *apps, size_t *at, struct app *app);
bool app_find(const struct record_apps *apps, const u8 *aid, size_t len, struct app *app);
/* NULL when there is no such group. */
const u8 *app_group(const struct app *app, u16 dgi, size_t *len);

/* SW_OK; SW_DATA no name; SW_CONDITIONS it is there; SW_NO_SPACE */
u16 app_create(struct record_apps *apps, const u8 *aid, size_t len);
/* SW_OK; SW_FILE there is none */
u16 app_delete(struct record_apps *apps, const u8 *aid, size_t len);
/* Puts a group, or replaces it: SW_OK; SW_FILE; SW_NO_SPACE */
u16 app_put_group(struct record_apps *apps, const u8 *aid, size_t aid_len, u16 dgi, const u8 *data,
		  size_t len);

#endif
