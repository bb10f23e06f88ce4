/* SPDX-License-Identifier: MIT */
/*
 * TLS between units: short-lived server certificates of the role unit-tls, and the
 * checks of a peer that channel_open() takes.
 */
#ifndef SECMOD_PKI_PEER_H
#define SECMOD_PKI_PEER_H

#include "common/channel.h"
#include "pki/pki.h"

/*
 * Makes an ephemeral key, has @issuer certify it for some days as @name, and
 * makes a server context with it. A signer is sent along, the root is not.
 */
int pki_unit_ctx(const char *name, X509 *issuer, EVP_PKEY *issuer_key,
		 SSL_CTX **ctx, struct error *e);
/* How long such a context is to be used before it is made anew, in seconds. */
#define PKI_UNIT_CTX_LIFE 43200

/* channel_check_fn; @arg is the manufacturer's certificate (X509 *). */
/* A client: unit-tls, issued by the root itself. */
int pki_peer_manufacturer(void *root, X509 *leaf, STACK_OF(X509) *sent,
			  struct error *e);
/* A client: unit-tls, issued by the one signer that was sent along. */
int pki_peer_unit(void *root, X509 *leaf, STACK_OF(X509) *sent,
		  struct error *e);
/* A server: an identity certificate. */
int pki_peer_identity(void *root, X509 *leaf, STACK_OF(X509) *sent,
		      struct error *e);

#endif
