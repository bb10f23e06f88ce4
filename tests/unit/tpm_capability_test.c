// SPDX-License-Identifier: GPL-2.0-only
/* What the TPM says it can: as ESAPI reads it, in parts, and from one that lies. */
#include "tpm_fixture.h"

#include <tss2/tss2_mu.h>

#include "mu_exchange.h"
#include "tpm/command.h"

#define MANY 300

/* All of a capability by the oracle; the numbers that tell the elements. */
static size_t by_esapi(struct tpm_fixture *f, u32 capability, u32 first,
		       u32 *out)
{
	TPMS_CAPABILITY_DATA *d;
	TPMI_YES_NO more;
	size_t i, n = 0;

	assert_int_equal(Esys_GetCapability(f->esys, ESYS_TR_NONE, ESYS_TR_NONE,
					    ESYS_TR_NONE, capability, first,
					    MANY, &more, &d),
			 0);
	assert_false(more);
	switch (capability) {
	case TPM2_CAP_ALGS:
		for (i = 0; i < d->data.algorithms.count; i++)
			out[n++] = d->data.algorithms.algProperties[i].alg;
		break;
	case TPM2_CAP_COMMANDS:
		for (i = 0; i < d->data.command.count; i++)
			out[n++] = d->data.command.commandAttributes[i] &
				   (TPMA_CC_COMMANDINDEX_MASK | TPMA_CC_V);
		break;
	case TPM2_CAP_ECC_CURVES:
		for (i = 0; i < d->data.eccCurves.count; i++)
			out[n++] = d->data.eccCurves.eccCurves[i];
		break;
	default:
		for (i = 0; i < d->data.handles.count; i++)
			out[n++] = d->data.handles.handle[i];
	}
	Esys_Free(d);
	return n;
}

static void lists_are_those_of_esapi(void **state)
{
	static const struct {
		u32 capability, first;
	} lists[] = {
		{ T2_CAP_ALGS, 0 },
		{ T2_CAP_COMMANDS, 0 },
		{ T2_CAP_ECC_CURVES, 0 },
		{ T2_CAP_HANDLES, 0x81000000 },
		{ T2_CAP_HANDLES, 0x40000000 },
	};
	struct tpm_fixture *f = *state;
	u32 want[MANY], got[MANY];
	size_t i, n, count;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		n = by_esapi(f, lists[i].capability, lists[i].first, want);
		assert_true(n > 0);
		count = MANY;
		tpm_ok(f, t2_get_list(&f->t, lists[i].capability,
				      lists[i].first, got, &count));
		assert_int_equal(count, n);
		assert_memory_equal(got, want, n * sizeof(*want));
		count = 1;
		tpm_ok(f, t2_get_list(&f->t, lists[i].capability,
				      lists[i].first, got, &count));
		assert_int_equal(count, 1);
		assert_int_equal(got[0], want[0]);
	}
}

static void every_command_of_ours_is_there_or_named(void **state)
{
	struct tpm_fixture *f = *state;
	const struct t2_cc_info *info;
	u32 list[MANY], kept;
	size_t count = MANY, i, j;

	tpm_ok(f, t2_get_list(&f->t, T2_CAP_COMMANDS, 0, list, &count));
	assert_int_equal(t2_missing_command(list, count), 0);
	for (i = 0; (info = t2_cc_at(i)); i++) {
		for (j = 0; j < count && list[j] != info->cc; j++)
			;
		assert_true(j < count);
		kept = list[j];
		list[j] = 0;
		assert_int_equal(t2_missing_command(list, count), info->cc);
		list[j] = kept;
	}
	assert_int_equal(t2_missing_command(NULL, 0), t2_cc_at(0)->cc);
}

static void banks_are_those_of_esapi(void **state)
{
	struct tpm_fixture *f = *state;
	TPMS_CAPABILITY_DATA *d;
	TPMS_PCR_SELECTION *s;
	TPMI_YES_NO more;
	u8 select[3];
	size_t i;

	assert_int_equal(Esys_GetCapability(f->esys, ESYS_TR_NONE, ESYS_TR_NONE,
					    ESYS_TR_NONE, TPM2_CAP_PCRS, 0, 16,
					    &more, &d),
			 0);
	assert_true(d->data.assignedPCR.count > 0);
	for (i = 0; i < d->data.assignedPCR.count; i++) {
		s = &d->data.assignedPCR.pcrSelections[i];
		tpm_ok(f, t2_get_pcr_bank(&f->t, s->hash, select));
		assert_memory_equal(select, s->pcrSelect, 3);
	}
	Esys_Free(d);
	memset(select, 0xee, sizeof(select));
	tpm_ok(f, t2_get_pcr_bank(&f->t, 0x7777, select));
	assert_memory_equal(select, "\0\0\0", 3);
}

/* A TPM that gives so many at a time, marshalled by tpm2-tss. */
static struct {
	size_t at_a_time, total;
	bool again; /* the first ones for ever */
} parts;

static int answer_parts(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	TPMS_CAPABILITY_DATA d = { .capability = TPM2_CAP_ALGS };
	TPML_ALG_PROPERTY *a = &d.data.algorithms;
	UINT32 property, count;
	size_t at = 14;
	TPM2_ST tag = TPM2_ST_NO_SESSIONS;
	UINT8 more;

	(void)t;
	assert_int_equal(len, 22);
	Tss2_MU_UINT32_Unmarshal(buf, len, &at, &property);
	Tss2_MU_UINT32_Unmarshal(buf, len, &at, &count);
	if (parts.again)
		property = 0;
	while (property + a->count < parts.total && a->count < count &&
	       a->count < parts.at_a_time) {
		a->algProperties[a->count].alg =
			(TPM2_ALG_ID)(property + a->count);
		a->count++;
	}
	more = property + a->count < parts.total;
	at = 0;
	Tss2_MU_TPM2_ST_Marshal(tag, buf, size, &at);
	Tss2_MU_UINT32_Marshal(0, buf, size, &at);
	Tss2_MU_UINT32_Marshal(0, buf, size, &at);
	Tss2_MU_UINT8_Marshal(more, buf, size, &at);
	assert_int_equal(
		Tss2_MU_TPMS_CAPABILITY_DATA_Marshal(&d, buf, size, &at), 0);
	len = at;
	at = 2;
	Tss2_MU_UINT32_Marshal((UINT32)len, buf, size, &at);
	return (int)len;
}

static void a_list_may_come_in_parts(void **state)
{
	static const struct {
		size_t at_a_time, total, room, want, commands;
		bool again;
	} cases[] = {
		{ 7, 40, MANY, 40, 6, false },	 { 40, 40, MANY, 40, 1, false },
		{ 7, 40, 10, 10, 2, false },	 { 7, 40, 7, 7, 1, false },
		{ 7, 0, MANY, 0, 1, false },	 { 0, 40, MANY, 0, 1, false },
		{ 7, 40, MANY, MANY, 43, true },
	};
	struct t2 t = { .transmit = answer_parts };
	u32 list[MANY + 1];
	size_t i, j, count;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		parts.at_a_time = cases[i].at_a_time;
		parts.total = cases[i].total;
		parts.again = cases[i].again;
		t.commands = 0;
		count = cases[i].room;
		memset(list, 0xee, sizeof(list));
		assert_int_equal(t2_get_list(&t, T2_CAP_ALGS, 0, list, &count),
				 0);
		assert_int_equal(count, cases[i].want);
		assert_int_equal(t.commands, cases[i].commands);
		for (j = 0; j < count && !parts.again; j++)
			assert_int_equal(list[j], j);
		assert_int_equal(list[count], 0xeeeeeeee);
	}
}

/* TPML_PCR_SELECTION */
static TPMS_CAPABILITY_DATA banks = {
	.capability = TPM2_CAP_PCRS,
	.data.assignedPCR = { 3,
			      { { TPM2_ALG_SHA1, 3, { 1, 1, 1 } },
				{ TPM2_ALG_SHA256, 2, { 2, 3 } },
				{ TPM2_ALG_SHA384, 4, { 4, 5, 6, 7 } } } },
};
static const uint32_t pcrs = TPM2_CAP_PCRS, zero, one = 1;
static const uint8_t no;

static int run_banks(struct t2 *t)
{
	u8 a[3];
	int err = t2_get_pcr_bank(t, T2_ALG_SHA256, a);

	if (err)
		return err;
	assert_memory_equal(a, "\2\3\0", 3);
	return 0;
}

static int run_wide_bank(struct t2 *t)
{
	u8 a[4] = { 0, 0, 0, 0xee };
	int err = t2_get_pcr_bank(t, T2_ALG_SHA384, a);

	if (err)
		return err;
	assert_memory_equal(a, "\4\5\6\xee", 4);
	return 0;
}

static void same_bytes_as_tpm2_tss(void **state)
{
	struct mu_exchange x = {
		.name = "GetCapability, banks",
		.cc = TPM2_CC_GetCapability,
		.command = { { mu_UINT32, &pcrs },
			     { mu_UINT32, &zero },
			     { mu_UINT32, &one } },
		.response = { { mu_UINT8, &no },
			      { mu_TPMS_CAPABILITY_DATA, &banks } },
		.run = run_banks,
	};

	(void)state;
	mu_exchange_test(&x);
	x.run = run_wide_bank;
	mu_exchange_test(&x);
}

#define TEST(name) cmocka_unit_test_teardown(name, tpm_fixture_clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_are_those_of_esapi),
		TEST(every_command_of_ours_is_there_or_named),
		TEST(banks_are_those_of_esapi),
		cmocka_unit_test(a_list_may_come_in_parts),
		cmocka_unit_test(same_bytes_as_tpm2_tss),
	};

	return cmocka_run_group_tests(tests, tpm_fixture_start,
				      tpm_fixture_stop);
}
