// SPDX-License-Identifier: GPL-2.0-only
/* TPM_RC to errno and text, against the codes of tpm2-tss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <tss2/tss2_tpm2_types.h>

#include <cmocka.h>

#include "tpm/command.h"

/* clang-format off */
#define RC(code) TPM2_RC_##code, "TPM_RC_" #code
static const struct {
	u32 rc;
	const char *name;
	int err;
} codes[] = {
	{ RC(HANDLE), -ENOENT }, { RC(REFERENCE_H0), -ENOENT },
	{ RC(REFERENCE_H6), -ENOENT }, { RC(REFERENCE_S0), -ENOENT },
	{ RC(REFERENCE_S6), -ENOENT },
	{ RC(AUTH_FAIL), -EACCES }, { RC(BAD_AUTH), -EACCES },
	{ RC(AUTH_TYPE), -EACCES }, { RC(AUTH_MISSING), -EACCES },
	{ RC(AUTH_UNAVAILABLE), -EACCES }, { RC(POLICY), -EACCES },
	{ RC(POLICY_FAIL), -EACCES }, { RC(POLICY_CC), -EACCES },
	{ RC(PCR_CHANGED), -EACCES }, { RC(EXPIRED), -EACCES },
	{ RC(NV_AUTHORIZATION), -EACCES }, { RC(LOCALITY), -EACCES },
	{ RC(PP), -EACCES }, { RC(CPHASH), -EACCES }, { RC(PCR), -EACCES },
	{ RC(SIGNATURE), -EKEYREJECTED },
	{ RC(NV_LOCKED), -EPERM }, { RC(NV_UNINITIALIZED), -ENODATA },
	{ RC(NV_DEFINED), -EEXIST }, { RC(NV_SPACE), -ENOSPC },
	{ RC(OBJECT_MEMORY), -EBUSY }, { RC(SESSION_MEMORY), -EBUSY },
	{ RC(MEMORY), -EBUSY }, { RC(OBJECT_HANDLES), -EBUSY },
	{ RC(SESSION_HANDLES), -EBUSY }, { RC(CONTEXT_GAP), -EBUSY },
	{ RC(TOO_MANY_CONTEXTS), -EBUSY },
	{ RC(LOCKOUT), -EAGAIN }, { RC(RETRY), -EAGAIN },
	{ RC(TESTING), -EAGAIN }, { RC(YIELDED), -EAGAIN },
	{ RC(NV_RATE), -EAGAIN }, { RC(NV_UNAVAILABLE), -EAGAIN },
	{ RC(NEEDS_TEST), -EAGAIN }, { RC(CANCELED), -ECANCELED },
	{ RC(VALUE), -EINVAL }, { RC(SIZE), -EINVAL },
	{ RC(ATTRIBUTES), -EINVAL }, { RC(SCHEME), -EINVAL },
	{ RC(KEY), -EINVAL }, { RC(TYPE), -EINVAL }, { RC(CURVE), -EINVAL },
	{ RC(HASH), -EINVAL }, { RC(HIERARCHY), -EINVAL },
	{ RC(ASYMMETRIC), -EINVAL }, { RC(SYMMETRIC), -EINVAL },
	{ RC(KEY_SIZE), -EINVAL }, { RC(MODE), -EINVAL }, { RC(MGF), -EINVAL },
	{ RC(KDF), -EINVAL }, { RC(RANGE), -EINVAL }, { RC(TAG), -EINVAL },
	{ RC(SELECTOR), -EINVAL }, { RC(INSUFFICIENT), -EINVAL },
	{ RC(TICKET), -EINVAL }, { RC(RESERVED_BITS), -EINVAL },
	{ RC(ECC_POINT), -EINVAL }, { RC(UNBALANCED), -EINVAL },
	{ RC(NV_RANGE), -EINVAL }, { RC(NV_SIZE), -EINVAL },
	{ RC(PARENT), -EINVAL },
	{ RC(INTEGRITY), -EBADMSG }, { RC(BINDING), -EBADMSG },
	{ RC(SENSITIVE), -EBADMSG }, { RC(BAD_CONTEXT), -EBADMSG },
	{ RC(COMMAND_CODE), -EOPNOTSUPP },
	{ RC(FAILURE), -EIO }, { RC(INITIALIZE), -EIO }, { RC(REBOOT), -EIO },
	{ RC(UPGRADE), -EIO }, { RC(NONCE), -EIO }, { RC(BAD_TAG), -EIO },
	{ RC(SEQUENCE), -EIO }, { RC(PRIVATE), -EIO }, { RC(HMAC), -EIO },
	{ RC(DISABLED), -EIO }, { RC(EXCLUSIVE), -EIO },
	{ RC(COMMAND_SIZE), -EIO }, { RC(AUTHSIZE), -EIO },
	{ RC(AUTH_CONTEXT), -EIO }, { RC(NO_RESULT), -EIO },
};

static const struct {
	u32 cc, rc;
	const char *text;
} texts[] = {
	{ 0x14e, 0x148, "TPM2_NV_Read: 0x148 TPM_RC_NV_LOCKED" },
	{ 0x157, 0x1df, "TPM2_Load: 0x1df TPM_RC_INTEGRITY (parameter 1)" },
	{ 0x157, 0xfdf, "TPM2_Load: 0xfdf TPM_RC_INTEGRITY (parameter 15)" },
	{ 0x15d, 0x99d, "TPM2_Sign: 0x99d TPM_RC_POLICY_FAIL (session 1)" },
	{ 0x173, 0x18b, "TPM2_ReadPublic: 0x18b TPM_RC_HANDLE (handle 1)" },
	{ 0x15d, 0x09d, "TPM2_Sign: 0x09d TPM_RC_POLICY_FAIL" },
	{ 0x15d, 0, "TPM2_Sign: 0x000 TPM_RC_SUCCESS" },
	{ 0x199, 0x400, "TPM2_?: 0x400 TPM_RC_?" },
	{ 0x15d, 0xb098e, "TPM2_Sign: 0xb098e TPM_RC_?" },
};

/* clang-format on */

static void code_has_errno_and_name(void **state)
{
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		assert_int_equal(t2_rc_errno(codes[i].rc), codes[i].err);
		t2_rc_text(T2_CC_SIGN, codes[i].rc, text, sizeof(text));
		assert_string_equal(strrchr(text, ' ') + 1, codes[i].name);
	}
}

static void number_of_what_is_wrong_changes_nothing(void **state)
{
	size_t i;
	u32 n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		if (!(codes[i].rc & 0x80))
			continue;
		for (n = 0; n < 16; n++) {
			u32 rc = codes[i].rc | n << 8;

			assert_int_equal(t2_rc_base(rc), codes[i].rc);
			assert_int_equal(t2_rc_errno(rc), codes[i].err);
			assert_int_equal(t2_rc_errno(rc | 0x40), codes[i].err);
		}
	}
}

static void every_code_has_an_errno(void **state)
{
	char text[80];
	u32 rc;

	(void)state;
	assert_int_equal(t2_rc_errno(0), 0);
	for (rc = 1; rc < 0x2000; rc++) {
		assert_true(t2_rc_errno(rc) < 0);
		assert_ptr_equal(t2_rc_text(0x153, rc, text, sizeof(text)),
				 text);
	}
	assert_int_equal(t2_rc_errno(0xffffffff), -EIO);
	assert_int_equal(t2_rc_errno(0x000b0902), -EIO);
}

static void text_names_command_and_place(void **state)
{
	char text[128], tiny[8];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		assert_string_equal(t2_rc_text(texts[i].cc, texts[i].rc, text,
					       sizeof(text)),
				    texts[i].text);
	assert_string_equal(t2_rc_text(0x15d, 0x148, tiny, sizeof(tiny)),
			    "TPM2_Si");
}

/* Part 3 of the TPM library specification: which of ours name the owner's hierarchy. */
static void commands_of_the_owner(void **state)
{
	static const u32 owner[] = { 0x120, 0x122, 0x12a, 0x131, 0x137, 0x138 };
	size_t i, n = 0;
	u32 cc;

	(void)state;
	for (cc = 0; cc < 0x200; cc++)
		n += t2_cc_by_owner(cc);
	assert_int_equal(n, ARRAY_SIZE(owner));
	for (i = 0; i < ARRAY_SIZE(owner); i++)
		assert_true(t2_cc_by_owner(owner[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_has_errno_and_name),
		cmocka_unit_test(number_of_what_is_wrong_changes_nothing),
		cmocka_unit_test(every_code_has_an_errno),
		cmocka_unit_test(text_names_command_and_place),
		cmocka_unit_test(commands_of_the_owner),
	};

	return cmocka_run_group_tests_name("tpm rc", tests, NULL, NULL);
}
