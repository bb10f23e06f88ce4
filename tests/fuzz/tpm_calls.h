/* SPDX-License-Identifier: MIT */
/* Every command of the TPM layer, called with arguments that are right. */
#ifndef TESTS_FUZZ_TPM_CALLS_H
#define TESTS_FUZZ_TPM_CALLS_H

#include "tpm/command.h"

#define MAX_COMMANDS 200 /* that one call sends: GetRandom byte by byte */

/* Bits of @how */
#define HOW_GUARD 0x01
#define HOW_PASSWORD 0x02
#define HOW_POLICY 0x04
#define HOW_DECRYPT 0x08
#define HOW_ENCRYPT 0x10
#define HOW_ONCE 0x20 /* the session ends with the command */
#define HOW_AUTH_VALUE 0x40

struct scene;

struct scene *scene_new(struct t2 *t, u8 how);
void scene_free(struct scene *s);
/* The command's own errno; its results have been checked. */
int scene_run(struct scene *s, u8 which);
size_t scene_calls(void);
/* How many handles the command has. */
size_t handles_of(u32 cc);

#endif
