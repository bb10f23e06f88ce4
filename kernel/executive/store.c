// SPDX-License-Identifier: GPL-2.0-only
/*
 * INSTALL, STORE DATA and DELETE of applications: GlobalPlatform Card 2.3.1, 11.5, 11.11
 * and 11.2. What an application is given is collected, and committed as one.
 */
#include <linux/mm.h>

#include "application.h"
#include "executive.h"

#define INSTALL_SELECTABLE 0x0c /* [for install and make selectable] */
#define INSTALL_PERSONALIZATION 0x20 /* [for personalization] */
#define INSTALL_FIELDS 6

#define STORE_LAST 0x80
#define STORE_DGI 0x08 /* the data are groups */

/**
 * struct staging - an application under personalization
 * @aid: its name
 * @aid_len: length of @aid
 * @block: number of the next block
 * @counter: of the vault when this began: nothing else may have been committed since
 * @apps: what all applications will be
 */
struct staging {
	u8 aid[AID_MAX];
	u8 aid_len;
	u8 block;
	u64 counter;
	struct record_apps apps;
};

void store_forget(struct executive *x)
{
	kvfree_sensitive(x->staged, sizeof(*x->staged));
	x->staged = NULL;
}

struct field {
	const u8 *data;
	u8 len;
};

/* Each field behind its length, nothing else: 11.5.2.3. */
static bool split(const struct apdu *a, struct field f[INSTALL_FIELDS])
{
	size_t at = 0, i;

	for (i = 0; i < INSTALL_FIELDS; i++) {
		if (at >= a->len || a->data[at] > a->len - at - 1)
			return false;
		f[i].len = a->data[at];
		f[i].data = a->data + at + 1;
		at += 1 + f[i].len;
	}
	return at == a->len;
}

static u16 create(struct executive *x, const struct field *aid)
{
	struct record *next = executive_copy(x);
	u16 sw;

	if (!next)
		return SW_FAILED;
	sw = app_create(&next->apps, aid->data, aid->len);
	if (sw == SW_OK)
		return executive_commit(x, next);
	record_free(next);
	return sw;
}

static u16 stage(struct executive *x, const struct field *aid)
{
	struct app app;

	store_forget(x);
	if (!app_find(&x->sm->record->apps, aid->data, aid->len, &app))
		return SW_FILE;
	x->staged = kvzalloc(sizeof(*x->staged), GFP_KERNEL);
	if (!x->staged)
		return SW_FAILED;
	memcpy(x->staged->aid, aid->data, aid->len);
	x->staged->aid_len = aid->len;
	x->staged->counter = x->sm->vault_counter;
	x->staged->apps = x->sm->record->apps;
	return SW_OK;
}

u16 store_install(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	struct field f[INSTALL_FIELDS];
	u16 sw;

	if ((a->p1 != INSTALL_SELECTABLE && a->p1 != INSTALL_PERSONALIZATION) || a->p2)
		return SW_P1P2;
	if (!split(a, f))
		return SW_DATA;
	/* load file and module, application; privileges, parameters and token are not ours */
	sw = a->p1 == INSTALL_SELECTABLE ? create(x, &f[2]) : stage(x, &f[2]);
	if (sw == SW_OK)
		apdu_put_byte(r, 0x00); /* no confirmation: table 11-52 */
	return sw;
}

/* A group, its length in one byte or behind FF in two. */
static bool next_group(const u8 **at, const u8 *end, u16 *dgi, size_t *len)
{
	const u8 *p = *at;

	if (end - p < 3)
		return false;
	*dgi = p[0] << 8 | p[1];
	*len = p[2];
	p += 3;
	if (*len == 0xff) {
		if (end - p < 2)
			return false;
		*len = p[0] << 8 | p[1];
		p += 2;
	}
	*at = p;
	return *len <= (size_t)(end - p);
}

/* Deciphers a key group in place; @len becomes its length. */
static u16 decipher(struct executive *x, u8 *data, size_t *len)
{
	static const u8 zeros[SCP03_BLOCK];
	size_t n = *len;

	if (!n || n % SCP03_BLOCK)
		return SW_DATA;
	if (se_cbc(false, x->dek, x->dek_len, zeros, data, n))
		return SW_FAILED;
	while (n && !data[n - 1])
		n--;
	if (!n || data[n - 1] != 0x80)
		return SW_DATA;
	*len = --n;
	return n == 1 + 16 || n == 1 + 24 || n == 1 + 32 ? SW_OK : SW_DATA;
}

static u16 put_group(struct executive *x, u16 dgi, u8 *data, size_t len)
{
	struct staging *s = x->staged;
	u16 sw = SW_OK;

	if (dgi >= DGI_KEY_FIRST && dgi <= DGI_KEY_LAST)
		sw = decipher(x, data, &len);
	return sw != SW_OK ? sw : app_put_group(&s->apps, s->aid, s->aid_len, dgi, data, len);
}

static u16 put_groups(struct executive *x, const struct apdu *a)
{
	const u8 *at = a->data, *end = at + a->len;
	u16 dgi, sw = SW_OK;
	size_t len;

	while (sw == SW_OK && at != end) {
		if (!next_group(&at, end, &dgi, &len))
			return SW_DATA;
		sw = put_group(x, dgi, a->data + (at - a->data), len);
		at += len;
	}
	return sw;
}

static u16 finish(struct executive *x)
{
	struct record *next;

	if (x->staged->counter != x->sm->vault_counter)
		return SW_CONDITIONS;
	next = executive_copy(x);
	if (!next)
		return SW_FAILED;
	next->apps = x->staged->apps;
	return executive_commit(x, next);
}

u16 store_data(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	u16 sw;

	if ((a->p1 & ~(STORE_LAST | STORE_DGI)))
		return SW_P1P2;
	if (!x->staged)
		return SW_CONDITIONS;
	sw = a->p2 == x->staged->block++ ? put_groups(x, a) : SW_P1P2;
	if (sw == SW_OK && a->p1 & STORE_LAST)
		sw = finish(x);
	if (sw != SW_OK || a->p1 & STORE_LAST)
		store_forget(x);
	return sw;
}

u16 store_delete(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	struct record *next;
	u16 sw;

	if (a->len < 2 || a->data[0] != 0x4f || a->data[1] != a->len - 2)
		return SW_DATA;
	next = executive_copy(x);
	if (!next)
		return SW_FAILED;
	store_forget(x);
	sw = app_delete(&next->apps, a->data + 2, a->len - 2);
	if (sw == SW_OK) {
		sw = executive_commit(x, next);
		if (sw == SW_OK)
			apdu_put_byte(r, 0x00);
	} else {
		record_free(next);
	}
	return sw;
}
