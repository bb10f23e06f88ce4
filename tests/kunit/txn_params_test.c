// SPDX-License-Identifier: GPL-2.0-only
/* What the central system may ask a transaction key to be. */
#include "tests/kunit/vector.h"

#include "kernel/transaction/slots.h"

#define KVN 0x41
#define BOTH (TXN_MODULE_SEALS | TXN_MODULE_OPENS)

static const struct secmod_policy policy = { .max_keys = 3,
					     .max_lifetime = 3600,
					     .max_messages = 1000 };

static const struct {
	const char *name;
	struct txn_params p;
	int rc;
} params[] = {
#define BUT(...)                                                              \
	{                                                                     \
		.kvn = KVN, .algorithm = TXN_AES_256_GCM, .directions = BOTH, \
		.lifetime = 600, .messages = 100, .key_len = TXN_KEY_SIZE,    \
		__VA_ARGS__                                                   \
	}
	{ "good", BUT(), 0 },
	{ "the first KVN", BUT(.kvn = 0x40), 0 },
	{ "the last KVN", BUT(.kvn = 0x5f), 0 },
	{ "the KVN before", BUT(.kvn = 0x3f), -EINVAL },
	{ "the KVN behind", BUT(.kvn = 0x60), -EINVAL },
	{ "a KVN of the same low bits", BUT(.kvn = 0xc1), -EINVAL },
	{ "no algorithm", BUT(.algorithm = 0), -EOPNOTSUPP },
	{ "another algorithm", BUT(.algorithm = 2), -EOPNOTSUPP },
	{ "a shorter key", BUT(.key_len = 16), -EOPNOTSUPP },
	{ "a longer key", BUT(.key_len = 33), -EOPNOTSUPP },
	{ "no direction", BUT(.directions = 0), -EINVAL },
	{ "one more direction", BUT(.directions = BOTH | 4), -EINVAL },
	{ "no lifetime", BUT(.lifetime = 0), -EINVAL },
	{ "no messages", BUT(.messages = 0), -EINVAL },
	{ "the policy's lifetime", BUT(.lifetime = 3600), 0 },
	{ "a second more", BUT(.lifetime = 3601), -ERANGE },
	{ "the policy's messages", BUT(.messages = 1000), 0 },
	{ "a message more", BUT(.messages = 1001), -ERANGE },
#undef BUT
};

static void a11_parameters_are_checked(struct kunit *test)
{
	struct refusal why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(params); i++) {
		memset(&why, 0, sizeof(why));
		KUNIT_EXPECT_EQ_MSG(test,
				    txn_params_check(&params[i].p, &policy,
						     &why),
				    params[i].rc, "%s", params[i].name);
		KUNIT_EXPECT_EQ(test, !why.error, !params[i].rc);
	}
}

/* clang-format off */
static struct kunit_case params_cases[] = {
	KUNIT_CASE(a11_parameters_are_checked),
	{}
};

/* clang-format on */

static struct kunit_suite params_suite = {
	.name = "txn_params",
	.test_cases = params_cases,
};
kunit_test_suite(params_suite);
