// SPDX-License-Identifier: GPL-2.0-only
/* The PCRs that the root secret is bound to at initialization, if it is. */
#include <linux/moduleparam.h>

#include "secmod.h"

static int pcrs[SECMOD_PCRS];
static int pcr_count;
module_param_array(pcrs, int, &pcr_count, 0444);
MODULE_PARM_DESC(pcrs,
		 "PCRs of the SHA-256 bank the root secret is bound to at init (default: none)");

bool secmod_pcr_wanted(void)
{
	return pcr_count;
}

int secmod_pcr_select(struct secmod *sm, u8 select[3])
{
	int i;

	memset(select, 0, 3);
	for (i = 0; i < pcr_count; i++) {
		if (pcrs[i] < 0 || pcrs[i] >= SECMOD_PCRS)
			return refuse(&sm->why, -EINVAL, "parameter pcrs: %d is no PCR", pcrs[i]);
		select[pcrs[i] / 8] |= 1 << pcrs[i] % 8;
	}
	return 0;
}

/* A salted policy session that has passed PolicyPCR over the current values. */
int secmod_pcr_session(struct secmod *sm, struct t2_session *s)
{
	u8 select[3];
	int rc = secmod_pcr_select(sm, select);

	if (rc)
		return rc;
	rc = t2_start_auth_session(&sm->tpm, s, T2_SE_POLICY, sm->srk_handle, &sm->srk);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "starting a policy session");
	rc = t2_policy_pcr(&sm->tpm, s, select);
	if (rc) {
		secmod_tpm_refuse(sm, rc, "binding to PCRs");
		t2_end_session(&sm->tpm, s);
	}
	return rc;
}

/* A TPM takes PCRs of a bank it does not have for no PCRs at all: a policy of nothing. */
int secmod_pcr_bank(struct secmod *sm)
{
	u8 select[3], bank[3];
	int i, rc;

	if (!pcr_count)
		return 0;
	rc = secmod_pcr_select(sm, select);
	if (rc)
		return rc;
	rc = t2_get_pcr_bank(&sm->tpm, T2_ALG_SHA256, bank);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "asking for the PCR banks");
	for (i = 0; i < ARRAY_SIZE(bank); i++)
		if (select[i] & ~bank[i])
			return refuse(&sm->why, -EOPNOTSUPP,
				      "parameter pcrs: the TPM's SHA-256 bank does not have them: allocate it in the firmware's setup, or load without pcrs=");
	return 0;
}
