/* SPDX-License-Identifier: MIT */
/*
 * A channel: TLS 1.3 on an endpoint's descriptor, and in it length-prefixed
 * messages (docs/protocol/secmod.asn1). Blocking, with a time limit per message.
 * The certificate rules of the peer are the project's, not a host name: see pki/pki.h.
 */
#ifndef SECMOD_COMMON_CHANNEL_H
#define SECMOD_COMMON_CHANNEL_H

#include <openssl/ssl.h>

#include "common/error.h"
#include "common/wire.h"

struct channel;

/*
 * Makes a TLS 1.3-only context (TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, P-256/X25519,
 * ecdsa_secp256r1_sha256, no tickets, no compression). @cert may be NULL (a client
 * without a certificate). @chain: further certificates to send, may be NULL. It asks the peer
 * for a certificate and accepts any that has its key: who uses it without channel_open() checks.
 */
SSL_CTX *channel_ctx(int server, X509 *cert, EVP_PKEY *key,
		     STACK_OF(X509) *chain, struct error *e);

/*
 * Called with the peer's leaf and the further certificates it sent (never NULL), after
 * TLS has proved possession. Returns 0 to go on, -errno with a text to end the
 * connection with that reason, which the peer is told.
 */
typedef int (*channel_check_fn)(void *arg, X509 *leaf, STACK_OF(X509) *sent,
				struct error *e);

/*
 * Takes over @fd (closes it, also on error). @server: 1 accepts, 0 connects.
 * @check NULL: a server asks for no certificate; a client gets -EINVAL, since it
 * would talk to anybody. With @check a peer without a certificate is refused.
 * @timeout_ms bounds the handshake, and each message after it. The program ignores SIGPIPE
 * (process_harden()).
 */
int channel_open(int fd, int server, SSL_CTX *ctx, channel_check_fn check,
		 void *arg, int timeout_ms, struct channel **out,
		 struct error *e);
SSL *channel_ssl(struct channel *c);
/* The peer's certificate as @check saw it, NULL when it has none; borrowed. */
X509 *channel_peer(struct channel *c);
int channel_send(struct channel *c, const struct message *m, struct error *e);
/*
 * Receives one message, freed with message_free(). -EPROTO: unknown, malformed or larger than WIRE_MAX;
 * the peer is told why and the channel is of no more use. An Error message of the
 * peer becomes -EREMOTEIO with its text, and ends the channel. -ECONNRESET when the peer has closed.
 */
int channel_recv(struct channel *c, struct message **m, struct error *e);
/* Receives and requires one type. */
int channel_expect(struct channel *c, int type, struct message **m,
		   struct error *e);
/* Sends Error (best effort), for instance before closing on a refusal; @code is an
 * errno, 0 when there is none. @text is cut to what the schema allows. */
void channel_refuse(struct channel *c, int code, const char *text);
/* close_notify both ways (bounded wait), then closes. NULL is fine. */
void channel_close(struct channel *c);

#endif
