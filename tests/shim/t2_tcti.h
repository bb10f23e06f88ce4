/* SPDX-License-Identifier: GPL-2.0-only */
/* Lets ESAPI, the oracle, talk to the TPM that the layer under test talks to. */
#ifndef SHIM_T2_TCTI_H
#define SHIM_T2_TCTI_H

#include <tss2/tss2_tcti.h>

struct t2_tcti {
	TSS2_TCTI_CONTEXT_COMMON_V2 common; /* has to come first */
	int *fd;
};

TSS2_TCTI_CONTEXT *t2_tcti_init(struct t2_tcti *tcti, int *fd);

#endif
