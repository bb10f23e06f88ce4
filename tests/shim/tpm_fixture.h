/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fresh software TPM with a storage root key, and the objects of the module in it.
 * The SRK is persistent, so a test starts and has to end without transient objects.
 */
#ifndef SHIM_TPM_FIXTURE_H
#define SHIM_TPM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <tss2/tss2_esys.h>

#include <cmocka.h>

#include "swtpm.h"
#include "t2_openssl.h"
#include "t2_tcti.h"

#define FX_SRK 0x81000001u
#define FX_EPOCH 0x01800100u /* NV counter */
#define FX_ROOT 0x01800102u /* NV root secret */
#define FX_SALTED (T2_SA_CONTINUE | T2_SA_DECRYPT | T2_SA_ENCRYPT)

struct tpm_fixture {
	struct t2 t; /* has to come first */
	struct swtpm swtpm;
	struct t2_entity owner; /* empty authValue, no session */
	struct t2_entity srk;
	struct t2_public srk_public;
	struct t2_tcti tcti;
	ESYS_CONTEXT *esys; /* the oracle, on the same TPM */
};

struct tpm_key {
	struct t2_created made;
	struct t2_entity e; /* loaded */
	struct t2_point point;
};

/* cmocka: once a group, and after each test */
int tpm_fixture_start(void **state);
int tpm_fixture_stop(void **state);
/* No transient object, no session is left in the TPM, nothing in the buffer. */
int tpm_fixture_clean(void **state);

/* Fails the test when @err is not 0, and says what the TPM said. */
void tpm_ok(struct tpm_fixture *f, int err);
/* Fails the test unless @err is @want and the TPM said @rc. */
void tpm_refused(struct tpm_fixture *f, int err, int want, u32 rc);

/* TPM reset: power off and on, then TPM2_Startup(CLEAR). */
void tpm_power_cycle(struct tpm_fixture *f);
/* A session salted to the SRK. */
void tpm_session(struct tpm_fixture *f, struct t2_session *s,
		 enum t2_session_type type, u8 attributes);
/* Makes a key under the SRK and loads it, all in a session of its own. */
void tpm_make_key(struct tpm_fixture *f, const struct t2_ecc_template *t,
		  const char *auth, struct tpm_key *key);
void tpm_drop_key(struct tpm_fixture *f, struct tpm_key *key);
/* Defines @index, a counter or of @size bytes, and names it in @nv. */
void tpm_define(struct tpm_fixture *f, u32 index, u32 attributes, u16 size,
		const char *auth, struct t2_entity *nv);
/* The name, which the first write changes. */
void tpm_name_nv(struct tpm_fixture *f, struct t2_entity *nv);
void tpm_undefine(struct tpm_fixture *f, struct t2_entity *nv);
/* Does OpenSSL take it for a signature of the SHA-256 @digest? */
bool openssl_verifies(const struct t2_point *key, const u8 digest[32],
		      const struct t2_signature *sig);
void openssl_sign(struct t2_point *key, const u8 digest[32],
		  struct t2_signature *sig);
void openssl_sha256(const void *data, size_t len, u8 digest[32]);

#endif
