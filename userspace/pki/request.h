/* SPDX-License-Identifier: MIT */
/* Requests for certificates (PKCS #10), and bare public keys, in PEM files. */
#ifndef SECMOD_PKI_REQUEST_H
#define SECMOD_PKI_REQUEST_H

#include "pki/pki.h"

/* Writes a request for @key with @name as common name, signed by the key itself. */
int pki_write_csr(const char *path, const char *name, EVP_PKEY *key,
		  struct error *e);
/* The public key of a request whose signature proves possession; -EKEYREJECTED. */
int pki_read_csr(const char *path, EVP_PKEY **key, struct error *e);
/* A public key of P-256. Nothing proves that its owner asks. */
int pki_read_public(const char *path, EVP_PKEY **key, struct error *e);
/* Whose key is to be certified: of the request, or else the bare one, with a warning. */
int pki_read_applicant(const char *csr, const char *public, EVP_PKEY **key,
		       struct error *e);

#endif
