// SPDX-License-Identifier: MIT
/* tpm/rc.c: every TPM_RC is an errno and a text that fits. */
#include "fuzz.h"
#include "tpm/t2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	u32 cc = 0, rc = 0;
	size_t room;
	char *text;
	int err;

	cc = input_u16(&in);
	rc = input_u16(&in) << 16;
	rc |= input_u16(&in);
	room = input_byte(&in) + 1;
	text = malloc(room);
	CHECK(text);
	err = t2_rc_errno(rc);
	CHECK(rc ? err < 0 && err >= -4095 : !err);
	CHECK(t2_rc_text(cc, rc, text, room) == text);
	CHECK(strnlen(text, room) < room);
	CHECK(t2_cc_name(cc));
	(void)t2_rc_base(rc);
	free(text);
	return 0;
}
