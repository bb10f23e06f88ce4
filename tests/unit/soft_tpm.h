/* SPDX-License-Identifier: MIT */
/* A software TPM for programs and libraries that reach it as a real one. */
#ifndef TESTS_UNIT_SOFT_TPM_H
#define TESTS_UNIT_SOFT_TPM_H

#include <sys/types.h>

struct soft_tpm {
	char dir[256]; /* of its state and sockets */
	char tcti[300];
	pid_t pid;
};

/* Off, in a directory that is there; a new TPM if it is empty. */
void soft_tpm_init(struct soft_tpm *t, const char *dir);
/* Returns when it answers. */
void soft_tpm_on(struct soft_tpm *t);
void soft_tpm_off(struct soft_tpm *t);

#endif
