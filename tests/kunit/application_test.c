// SPDX-License-Identifier: GPL-2.0-only
/* Applications and their data groups. */
#include "tests/kunit/vector.h"

#include "kernel/executive/application.h"

static const u8 purse[] = { 0xa0, 0, 0, 0, 1 };
static const u8 loyalty[] = { 0xa0, 0, 0, 0, 1, 2 };

static struct record_apps *new_apps(struct kunit *test)
{
	struct record_apps *apps =
		kunit_kzalloc(test, sizeof(*apps), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, apps);
	return apps;
}

static struct record_apps *two_apps(struct kunit *test)
{
	struct record_apps *apps = new_apps(test);

	KUNIT_ASSERT_EQ(test, app_create(apps, purse, sizeof(purse)), SW_OK);
	KUNIT_ASSERT_EQ(test, app_create(apps, loyalty, sizeof(loyalty)),
			SW_OK);
	return apps;
}

static u16 put(struct record_apps *apps, const u8 *aid, size_t aid_len, u16 dgi,
	       const char *text)
{
	return app_put_group(apps, aid, aid_len, dgi, (const u8 *)text,
			     strlen(text));
}

static void expect_group(struct kunit *test, struct record_apps *apps,
			 const u8 *aid, size_t aid_len, u16 dgi,
			 const char *text)
{
	const u8 *data;
	struct app app;
	size_t len = 0;

	KUNIT_ASSERT_TRUE(test, app_find(apps, aid, aid_len, &app));
	data = app_group(&app, dgi, &len);
	KUNIT_ASSERT_EQ(test, !data, !text);
	if (!text)
		return;
	KUNIT_ASSERT_EQ(test, len, strlen(text));
	KUNIT_EXPECT_EQ(test, memcmp(data, text, len), 0);
}

static void application_groups_are_kept_apart(struct kunit *test)
{
	struct record_apps *apps = two_apps(test);

	KUNIT_EXPECT_EQ(test, put(apps, purse, 5, 0x0101, "one"), SW_OK);
	KUNIT_EXPECT_EQ(test, put(apps, loyalty, 6, 0x0101, "two"), SW_OK);
	KUNIT_EXPECT_EQ(test, put(apps, purse, 5, 0x0102, ""), SW_OK);
	expect_group(test, apps, purse, 5, 0x0101, "one");
	expect_group(test, apps, purse, 5, 0x0102, "");
	expect_group(test, apps, purse, 5, 0x0103, NULL);
	expect_group(test, apps, loyalty, 6, 0x0101, "two");
	expect_group(test, apps, loyalty, 6, 0x0102, NULL);
	/* replaced: shorter, longer */
	KUNIT_EXPECT_EQ(test, put(apps, purse, 5, 0x0101, "1"), SW_OK);
	KUNIT_EXPECT_EQ(test, put(apps, purse, 5, 0x0101, "oneoneone"), SW_OK);
	expect_group(test, apps, purse, 5, 0x0101, "oneoneone");
	expect_group(test, apps, purse, 5, 0x0102, "");
	expect_group(test, apps, loyalty, 6, 0x0101, "two");
}

static void application_that_is_deleted_leaves_nothing(struct kunit *test)
{
	struct record_apps *apps = two_apps(test);

	put(apps, purse, 5, 0x8001, "secret of the purse");
	put(apps, loyalty, 6, 0x8001, "secret of the other");
	KUNIT_EXPECT_EQ(test, app_delete(apps, purse, 5), SW_OK);
	KUNIT_EXPECT_EQ(test, app_delete(apps, purse, 5), SW_FILE);
	expect_group(test, apps, loyalty, 6, 0x8001, "secret of the other");
	KUNIT_EXPECT_EQ(test, app_delete(apps, loyalty, 6), SW_OK);
	KUNIT_EXPECT_EQ(test, apps->len, 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(apps->data, 0, sizeof(apps->data)),
			    NULL);
}

static void application_names(struct kunit *test)
{
	struct record_apps *apps = two_apps(test);
	u8 aid[AID_MAX + 1] = { 0xd2 };
	size_t i;

	KUNIT_EXPECT_EQ(test, app_create(apps, purse, 5), SW_CONDITIONS);
	KUNIT_EXPECT_EQ(test, app_create(apps, aid, AID_MIN - 1), SW_DATA);
	KUNIT_EXPECT_EQ(test, app_create(apps, aid, AID_MAX + 1), SW_DATA);
	for (i = 2; i < APP_COUNT_MAX; i++) {
		aid[1] = i;
		KUNIT_EXPECT_EQ(test, app_create(apps, aid, AID_MAX), SW_OK);
	}
	aid[1] = i;
	KUNIT_EXPECT_EQ(test, app_create(apps, aid, AID_MAX), SW_NO_SPACE);
	KUNIT_EXPECT_EQ(test, put(apps, aid, AID_MAX, 1, "x"), SW_FILE);
}

/* 16 KiB each, 32 KiB all together */
static void application_quota(struct kunit *test)
{
	struct record_apps *apps = two_apps(test);
	u8 *data = kunit_kzalloc(test, APP_SIZE_MAX, GFP_KERNEL);
	const size_t most = APP_SIZE_MAX - 4;

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_EQ(test, app_put_group(apps, purse, 5, 1, data, most + 1),
			SW_NO_SPACE);
	KUNIT_EXPECT_EQ(test, app_put_group(apps, purse, 5, 1, data, most),
			SW_OK);
	KUNIT_EXPECT_EQ(test, put(apps, purse, 5, 2, ""), SW_NO_SPACE);
	/* again the same: its place is counted once */
	KUNIT_EXPECT_EQ(test, app_put_group(apps, purse, 5, 1, data, most),
			SW_OK);
	KUNIT_EXPECT_EQ(test, app_put_group(apps, loyalty, 6, 1, data, most),
			SW_NO_SPACE);
	KUNIT_EXPECT_EQ(test,
			app_put_group(apps, loyalty, 6, 1, data,
				      RECORD_APPS_MAX - apps->len - 4),
			SW_OK);
	KUNIT_EXPECT_EQ(test, apps->len, RECORD_APPS_MAX);
	KUNIT_EXPECT_EQ(test, app_create(apps, (const u8 *)"12345", 5),
			SW_NO_SPACE);
}

/* The vault's content is authentic; this is for the reader's bounds. */
static void application_cut_at_every_length(struct kunit *test)
{
	struct record_apps *apps = two_apps(test);
	struct app app;
	size_t len, at;

	put(apps, purse, 5, 0x0101, "one");
	put(apps, loyalty, 6, 0x0101, "two");
	for (len = apps->len; len--;) {
		apps->len = len;
		for (at = 0; app_next(apps, &at, &app);) {
			KUNIT_EXPECT_LE(test, at, len);
			app_group(&app, 0x7777, &at);
		}
	}
}

static struct kunit_case application_cases[] = {
	KUNIT_CASE(application_groups_are_kept_apart),
	KUNIT_CASE(application_that_is_deleted_leaves_nothing),
	KUNIT_CASE(application_names),
	KUNIT_CASE(application_quota),
	KUNIT_CASE(application_cut_at_every_length),
	{}
};

static struct kunit_suite application_suite = {
	.name = "application",
	.test_cases = application_cases,
};
kunit_test_suite(application_suite);
