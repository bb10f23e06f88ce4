// SPDX-License-Identifier: GPL-2.0-only
/* The driver's CMAC, on which SCP03 and SCP11 stand, held against NIST. */
#include "tests/kunit/vector.h"

#include "kernel/executive/scp03.h"
#include "tests/vectors/cmac.h"

static void cmac_of_sp_800_38b(struct kunit *test)
{
	struct vector message = vector_from_hex(test, cmac_message), key,
		      wanted;
	u8 mac[SCP03_BLOCK];
	size_t i, cut;

	for (i = 0; i < ARRAY_SIZE(cmac_vectors); i++) {
		key = vector_from_hex(test, cmac_vectors[i].key);
		wanted = vector_from_hex(test, cmac_vectors[i].mac);
		/* in one piece, and in two, cut anywhere */
		for (cut = 0; cut <= cmac_vectors[i].len; cut++) {
			const struct t2_vec in[] = {
				{ message.data, cut },
				{ message.data + cut,
				  cmac_vectors[i].len - cut },
			};

			KUNIT_ASSERT_EQ(test,
					se_cmac(key.data, key.len, in, 2, mac),
					0);
			KUNIT_EXPECT_EQ_MSG(test,
					    memcmp(mac, wanted.data,
						   sizeof(mac)),
					    0, "row %zu, cut at %zu", i, cut);
		}
	}
}

static void cmac_derives_as_sp_800_108(struct kunit *test)
{
	struct vector key, fixed, wanted;
	u8 block[SCP03_BLOCK];
	size_t i, at;

	for (i = 0; i < ARRAY_SIZE(cmac_derivations); i++) {
		key = vector_from_hex(test, cmac_derivations[i].key);
		fixed = vector_from_hex(test, cmac_derivations[i].fixed);
		wanted = vector_from_hex(test, cmac_derivations[i].out);
		for (at = 0; at < wanted.len; at += sizeof(block)) {
			const u8 counter[] = { 0, 0, 0,
					       1 + at / sizeof(block) };
			const struct t2_vec in[] = {
				{ counter, sizeof(counter) },
				{ fixed.data, fixed.len },
			};

			KUNIT_ASSERT_EQ(test,
					se_cmac(key.data, key.len, in, 2,
						block),
					0);
			KUNIT_EXPECT_EQ(test,
					memcmp(block, wanted.data + at,
					       sizeof(block)),
					0);
		}
	}
}

/* clang-format off */
static struct kunit_case cmac_cases[] = {
	KUNIT_CASE(cmac_of_sp_800_38b),
	KUNIT_CASE(cmac_derives_as_sp_800_108),
	{}
};

/* clang-format on */

static struct kunit_suite cmac_suite = {
	.name = "cmac",
	.test_cases = cmac_cases,
};
kunit_test_suite(cmac_suite);
