/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every command that can have a session, in a TPM that has all they need. A test runs
 * them by table, with the session authorizing or going along as the guard.
 */
#ifndef SHIM_TPM_SCENE_H
#define SHIM_TPM_SCENE_H

#include "tpm_fixture.h"

/* Everything a command can need, and what it returned. */
struct tpm_scene {
	struct tpm_fixture *f;
	struct t2_session s[2], policy;
	struct t2_entity signer, key, spare, ek, nv, owner, endorsement;
	struct tpm_key made;
	TPM2B_ID_OBJECT *blob;
	TPM2B_ENCRYPTED_SECRET *secret;
	struct t2_public external;
	struct t2_signature signature;
	u8 result[2048];
	size_t result_len;
};

struct tpm_command {
	const char *name;
	int (*run)(struct tpm_scene *c);
	bool guard; /* the session goes along instead of authorizing */
	size_t exchanges; /* that have sessions */
	/* before each time it is to succeed */
	void (*prepare)(struct tpm_scene *c);
};

extern const struct tpm_command tpm_commands[];
extern const size_t tpm_command_count;
/* These tell what they are about by where they stand. */
int tpm_scene_sign(struct tpm_scene *c);
int tpm_scene_nv_read(struct tpm_scene *c);

void tpm_scene_start(struct tpm_scene *c, struct tpm_fixture *f);
/* The session authorizes, or is the guard, as the command wants it. */
void tpm_scene_sessions(struct tpm_scene *c, const struct tpm_command *cmd);
void tpm_scene_stop(struct tpm_scene *c);

#endif
