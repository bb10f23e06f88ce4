// SPDX-License-Identifier: GPL-2.0-only
/* What a TPM that was started anew in the machine's sleep has forgotten. */
#include <linux/pm.h>
#include <linux/random.h>

#include "secmod.h"

/*
 * PCRs that nothing was measured into can be given the values of a good start, and then
 * the root secret be read: let nobody get them right before the next start.
 */
static void spoil_pcrs(struct secmod *sm)
{
	u8 noise[T2_DIGEST_SIZE], select[3];
	int i;

	if (secmod_pcr_select(sm, select))
		return;
	get_random_bytes(noise, sizeof(noise));
	for (i = 0; i < SECMOD_PCRS; i++)
		if (select[i / 8] & 1 << i % 8)
			t2_pcr_extend(&sm->tpm, i, noise);
}

/*
 * After the TPM's, before any process runs: of the read lock of the root secret. Firmware
 * that could not resume the TPM may leave it to root to start it; then it is done here.
 */
static int __maybe_unused secmod_resume(struct device *dev)
{
	struct secmod *sm = container_of(dev, struct secmod, dev);

	txn_sweep_now(sm);
	mutex_lock(&sm->lock);
	if (!secmod_tpm_begin(sm)) {
		t2_startup(&sm->tpm); /* mostly refused: it is */
		if (secmod_root_bar(sm) == -EACCES && sm->root_known)
			spoil_pcrs(sm);
		secmod_tpm_end(sm);
	}
	mutex_unlock(&sm->lock);
	return 0;
}

SIMPLE_DEV_PM_OPS(secmod_pm, NULL, secmod_resume);
