/* SPDX-License-Identifier: MIT */
/*
 * Key references: PEM files that stand in for a private key file in programs which
 * take nothing else. KeyReference ::= SEQUENCE { uri UTF8String }
 */
#ifndef SECMOD_PROVIDER_KEYREF_H
#define SECMOD_PROVIDER_KEYREF_H

#include <stddef.h>

#include <openssl/bio.h>

#define KEYREF_LABEL "SECMOD KEY REFERENCE"
#define KEYREF_URI_MAX 255

/* DER, strict and without anything behind; returns 0, or -EBADMSG. */
int keyref_parse(const unsigned char *der, size_t len,
		 char uri[KEYREF_URI_MAX + 1]);
/* PEM; returns 0 or -errno. */
int keyref_write(BIO *out, const char *uri);

#endif
