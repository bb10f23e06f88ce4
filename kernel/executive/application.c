// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applications, one behind the other:
 *
 *   length of the name (1), name, length of the groups (2), groups
 *
 * and a group: identifier (2), length (2), data; big endian.
 */
#include "application.h"

#define GROUP_HEAD 4

static size_t get_16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

static void put_16(u8 *p, size_t value)
{
	p[0] = value >> 8;
	p[1] = value;
}

static size_t head_size(u8 aid_len)
{
	return 1 + aid_len + 2;
}

bool app_next(const struct record_apps *apps, size_t *at, struct app *app)
{
	const u8 *p = apps->data + *at;
	size_t left = apps->len - *at;

	if (!left || left < head_size(p[0]))
		return false;
	app->aid = p + 1;
	app->aid_len = p[0];
	app->len = get_16(p + 1 + p[0]);
	app->groups = p + head_size(p[0]);
	left -= head_size(p[0]);
	if (app->len > left)
		return false;
	*at += head_size(p[0]) + app->len;
	return true;
}

bool app_find(const struct record_apps *apps, const u8 *aid, size_t len, struct app *app)
{
	size_t at = 0;

	while (app_next(apps, &at, app))
		if (app->aid_len == len && !memcmp(app->aid, aid, len))
			return true;
	return false;
}

/* Where a group begins, or where the next one would. */
static size_t find_group(const struct app *app, u16 dgi, size_t *size)
{
	size_t at = 0;

	*size = 0;
	while (app->len - at >= GROUP_HEAD) {
		const u8 *p = app->groups + at;
		size_t n = GROUP_HEAD + get_16(p + 2);

		if (n > app->len - at)
			break;
		if (get_16(p) == dgi) {
			*size = n;
			break;
		}
		at += n;
	}
	return at;
}

const u8 *app_group(const struct app *app, u16 dgi, size_t *len)
{
	size_t size, at = find_group(app, dgi, &size);

	if (!size)
		return NULL;
	*len = size - GROUP_HEAD;
	return app->groups + at + GROUP_HEAD;
}

static size_t app_count(const struct record_apps *apps)
{
	size_t at = 0, n = 0;
	struct app app;

	while (app_next(apps, &at, &app))
		n++;
	return n;
}

u16 app_create(struct record_apps *apps, const u8 *aid, size_t len)
{
	u8 *p = apps->data + apps->len;
	struct app app;

	if (len < AID_MIN || len > AID_MAX)
		return SW_DATA;
	if (app_find(apps, aid, len, &app))
		return SW_CONDITIONS;
	if (app_count(apps) >= APP_COUNT_MAX || head_size(len) > sizeof(apps->data) - apps->len)
		return SW_NO_SPACE;
	p[0] = len;
	memcpy(p + 1, aid, len);
	put_16(p + 1 + len, 0);
	apps->len += head_size(len);
	return SW_OK;
}

/* Takes out @size bytes at @at; what was there last is wiped. */
static void cut(struct record_apps *apps, size_t at, size_t size)
{
	memmove(apps->data + at, apps->data + at + size, apps->len - at - size);
	apps->len -= size;
	memzero_explicit(apps->data + apps->len, size);
}

u16 app_delete(struct record_apps *apps, const u8 *aid, size_t len)
{
	struct app app;

	if (!app_find(apps, aid, len, &app))
		return SW_FILE;
	cut(apps, app.aid - 1 - apps->data, head_size(app.aid_len) + app.len);
	return SW_OK;
}

static void set_length(struct record_apps *apps, const struct app *app, size_t len)
{
	put_16(apps->data + (app->groups - 2 - apps->data), len);
}

u16 app_put_group(struct record_apps *apps, const u8 *aid, size_t aid_len, u16 dgi, const u8 *data,
		  size_t len)
{
	size_t at, old, behind;
	struct app app;
	u8 *p;

	if (!app_find(apps, aid, aid_len, &app))
		return SW_FILE;
	at = find_group(&app, dgi, &old);
	if (app.len - old + GROUP_HEAD + len > APP_SIZE_MAX ||
	    apps->len - old + GROUP_HEAD + len > sizeof(apps->data))
		return SW_NO_SPACE;
	if (old) {
		cut(apps, app.groups + at - apps->data, old);
		app.len -= old;
	}
	p = apps->data + (app.groups + app.len - apps->data);
	behind = apps->data + apps->len - p;
	memmove(p + GROUP_HEAD + len, p, behind);
	put_16(p, dgi);
	put_16(p + 2, len);
	memcpy(p + GROUP_HEAD, data, len);
	apps->len += GROUP_HEAD + len;
	set_length(apps, &app, app.len + GROUP_HEAD + len);
	return SW_OK;
}
