/* SPDX-License-Identifier: MIT */
/*
 * Private keys by URI, as EVP_PKEY that sign where the key is:
 *   file:/path.pem
 *   tpm:0x81000100[?tcti=swtpm:path=/run/x.sock][&auth=/path/of/password/file]
 *   secmod:identity[?device=/dev/secmod0]   secmod:module   (OpenSSL provider)
 */
#ifndef SECMOD_HSM_HSM_H
#define SECMOD_HSM_HSM_H

#include <openssl/evp.h>

#include "common/error.h"

int hsm_open_key(const char *uri, EVP_PKEY **key, struct error *e);
/* Makes a P-256 key: file: a new PEM file (0600), tpm: a persistent key at the handle
 * (fixedTPM, sign; with a password the TPM counts wrong ones towards its lockout).
 * -EEXIST when something is there already. */
int hsm_create_key(const char *uri, EVP_PKEY **key, struct error *e);

/* A program's directory remembers the URI of its key in the file "key". */
int hsm_remember_key(const char *dir, const char *uri, struct error *e);
int hsm_open_remembered(const char *dir, EVP_PKEY **key, struct error *e);

#endif
