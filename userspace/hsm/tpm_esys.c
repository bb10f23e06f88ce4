// SPDX-License-Identifier: MIT
/* Connections to a TPM, and its errors as ours. */
#include <errno.h>
#include <stdlib.h>

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "hsm/tpm_key.h"

int tpm_esys_answered(TSS2_RC rc)
{
	return (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER ||
	       (rc & TSS2_RC_LAYER_MASK) == TSS2_RESMGR_TPM_RC_LAYER;
}

int tpm_esys_error(TSS2_RC rc, const char *doing, struct error *e)
{
	if (tpm_esys_answered(rc) && (rc & 0xfff) == TPM2_RC_LOCKOUT)
		return error_set(
			e, EAGAIN,
			"%s: the TPM is in dictionary attack lockout (0x%x): wait, or tpm2_dictionarylockout --clear-lockout",
			doing, rc);
	return error_set(e, tpm_esys_answered(rc) ? EIO : ENODEV,
			 "%s: %s (0x%x)", doing, Tss2_RC_Decode(rc), rc);
}

/* tpm2-tss writes to stderr on its own, in a form of its own: errors are told once. */
static void silence_tss(void)
{
	setenv("TSS2_LOG", "all+none", 0);
}

int tpm_esys_open(const char *conf, ESYS_CONTEXT **esys, struct error *e)
{
	TSS2_TCTI_CONTEXT *tcti = NULL;
	TSS2_RC rc;

	*esys = NULL;
	silence_tss();
	rc = Tss2_TctiLdr_Initialize(conf, &tcti);
	if (rc == TSS2_RC_SUCCESS) {
		rc = Esys_Initialize(esys, tcti, NULL);
		if (rc != TSS2_RC_SUCCESS)
			Tss2_TctiLdr_Finalize(&tcti);
	}
	if (rc == TSS2_RC_SUCCESS)
		return 0;
	tpm_esys_error(rc, "opening", e);
	return error_set(e, ENODEV, "cannot reach the TPM '%s': %s", conf,
			 e ? e->text : "");
}

void tpm_esys_close(ESYS_CONTEXT **esys)
{
	TSS2_TCTI_CONTEXT *tcti = NULL;

	if (!*esys)
		return;
	Esys_GetTcti(*esys, &tcti);
	Esys_Finalize(esys);
	Tss2_TctiLdr_Finalize(&tcti);
}
