/* SPDX-License-Identifier: MIT */
/* A module in memory, for executive_fuzz.c. */
#ifndef TESTS_FUZZ_EXECUTIVE_MODULE_H
#define TESTS_FUZZ_EXECUTIVE_MODULE_H

#include "world/world.h"

#include "kernel/executive/executive.h"

/* Key-ENC, -MAC and -DEK of keyset KVN are of these bytes: KVN, KVN + 1, KVN + 2. */
#define KEY_LEN 16

extern struct secmod module;
extern u64 now; /* nanoseconds */
extern unsigned int commits; /* since somebody has looked */
extern bool forbidden; /* nothing may be committed */
extern u32 acting; /* the channel that the command under way came in */
/* Who has certified the central system of the seeds. */
extern struct record_cert signer;
void find_signer(void);

#endif
