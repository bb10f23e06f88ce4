// SPDX-License-Identifier: MIT
/*
 * Brings a connected module and the key process together: a conversation for the
 * one, requests for the other. Neither passes through here in the clear.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "central/server.h"
#include "pki/pki.h"

/* The signing certificate that the module was admitted with, as it sent it. */
static X509 *signer_of(const struct conn *c, STACK_OF(X509) *sent)
{
	char fingerprint[65];

	for (int i = 0; i < sk_X509_num(sent); i++) {
		pki_fingerprint(sk_X509_value(sent, i), fingerprint);
		if (!strcmp(fingerprint, c->member.signer))
			return sk_X509_value(sent, i);
	}
	return NULL;
}

static int begin(struct conn *c, int relay[2], int client[2], struct error *e)
{
	SSL *ssl = stream_ssl(c->stream);
	X509 *signer = signer_of(c, SSL_get_peer_cert_chain(ssl));
	struct bufferevent *bev;
	int r;

	if (!signer)
		return error_set(e, ENOENT, "the signing certificate is gone");
	r = keyproc_session(SSL_get0_peer_certificate(ssl), signer, relay[1],
			    client[1], e);
	if (r)
		return r;
	evutil_make_socket_nonblocking(relay[0]);
	bev = bufferevent_socket_new(c->server->base, relay[0],
				     BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		return error_set(e, ENOMEM, "out of memory");
	relay[0] = -1;
	talk_start(c, bev);
	return 0;
}

int session_start(struct conn *c, struct error *e)
{
	int relay[2] = { -1, -1 }, client[2] = { -1, -1 };
	int r = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, relay) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, client))
		r = error_set(e, errno, "cannot make a socket pair");
	if (!r)
		r = begin(c, relay, client, e);
	for (int i = 0; i < 2; i++)
		if (relay[i] >= 0)
			close(relay[i]);
	if (client[1] >= 0)
		close(client[1]);
	if (!r)
		return client[0];
	if (client[0] >= 0)
		close(client[0]);
	return r;
}
