// SPDX-License-Identifier: MIT
/* A channel: messages in TLS 1.3 on a descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "common/channel.h"
#include "common/wait.h"

#define HEADER_SIZE 4
#define REFUSE_MS 2000
#define CLOSE_MS 2000
#define TEXT_MAX 255 /* Error.text */

struct channel {
	SSL *ssl;
	X509 *peer;
	int fd;
	int timeout_ms;
	int dead; /* TLS or the framing broke: nothing more can be said */
};

/*
 * Possession of the key is proved by TLS; whether the certificate is worth
 * anything is for channel_check_fn, which knows roles that X509_verify_cert() does not.
 */
static int accept_any(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static int limit_protocol(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) &&
	       SSL_CTX_set_ciphersuites(
		       ctx, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256") &&
	       SSL_CTX_set1_groups_list(ctx, "P-256:X25519") &&
	       SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256") &&
	       SSL_CTX_set_num_tickets(ctx, 0);
}

static int use_certificate(SSL_CTX *ctx, X509 *cert, EVP_PKEY *key,
			   STACK_OF(X509) *chain)
{
	return SSL_CTX_use_certificate(ctx, cert) &&
	       SSL_CTX_use_PrivateKey(ctx, key) &&
	       SSL_CTX_set1_chain(ctx, chain);
}

SSL_CTX *channel_ctx(int server, X509 *cert, EVP_PKEY *key,
		     STACK_OF(X509) *chain, struct error *e)
{
	SSL_CTX *ctx;

	if (server && !cert) {
		error_set(e, EINVAL, "a TLS server needs a certificate");
		return NULL;
	}
	ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (!ctx || !limit_protocol(ctx)) {
		error_set_ssl(e, EIO, "cannot set up TLS 1.3");
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
	SSL_CTX_set_verify(
		ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (cert && !use_certificate(ctx, cert, key, chain)) {
		error_set_ssl(e, EINVAL,
			      "cannot use the certificate and its key for TLS");
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* Waits for what OpenSSL wants after @n; 0 to call it again. */
static int wait_ssl(struct channel *c, int n, int64_t deadline,
		    const char *doing, struct error *e)
{
	int err, want, ret;

	want = SSL_get_error(c->ssl, n);
	err = errno;
	if (want == SSL_ERROR_WANT_READ || want == SSL_ERROR_WANT_WRITE) {
		ret = wait_fd(c->fd,
			      want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
			      deadline);
		if (!ret)
			return 0;
		c->dead = 1;
		if (ret == -ETIMEDOUT)
			return error_set(e, ETIMEDOUT,
					 "the peer did not answer in time (%s)",
					 doing);
		return error_set(e, -ret, "%s: %s", doing, strerror(-ret));
	}
	c->dead = 1;
	if (want == SSL_ERROR_ZERO_RETURN)
		return error_set(e, ECONNRESET,
				 "the peer closed the connection");
	if (want == SSL_ERROR_SYSCALL && !ERR_peek_error())
		return error_set(e, ECONNRESET, "%s: %s", doing,
				 err ? strerror(err) : "the connection broke");
	if (ERR_GET_REASON(ERR_peek_error()) ==
	    SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return error_set_ssl(e, ECONNRESET, "%s: the connection broke",
				     doing);
	return error_set_ssl(e, EPROTO, "%s: TLS failed", doing);
}

static int write_all(struct channel *c, const unsigned char *data, size_t len,
		     int64_t deadline, struct error *e)
{
	size_t n;
	int ret;

	while (len) {
		ERR_clear_error();
		errno = 0;
		ret = SSL_write_ex(c->ssl, data, len, &n);
		if (ret) {
			data += n;
			len -= n;
			continue;
		}
		ret = wait_ssl(c, ret, deadline, "sending", e);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_all(struct channel *c, unsigned char *data, size_t len,
		    int64_t deadline, struct error *e)
{
	size_t n;
	int ret;

	while (len) {
		ERR_clear_error();
		errno = 0;
		ret = SSL_read_ex(c->ssl, data, len, &n);
		if (ret) {
			data += n;
			len -= n;
			continue;
		}
		ret = wait_ssl(c, ret, deadline, "receiving", e);
		if (ret)
			return ret;
	}
	return 0;
}

static int handshake(struct channel *c, struct error *e)
{
	int64_t deadline = wait_deadline(c->timeout_ms);
	int n, ret;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		n = SSL_do_handshake(c->ssl);
		if (n == 1)
			return 0;
		ret = wait_ssl(c, n, deadline, "TLS handshake", e);
		if (ret)
			return ret;
	}
}

/* What the peer sent beside its own certificate: a client sees that among them. */
static STACK_OF(X509) *further_certificates(SSL *ssl)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);
	STACK_OF(X509) *further = sk_X509_new_null();
	int i;

	for (i = SSL_is_server(ssl) ? 0 : 1; further && i < sk_X509_num(sent);
	     i++)
		if (!sk_X509_push(further, sk_X509_value(sent, i))) {
			sk_X509_free(further);
			return NULL;
		}
	return further;
}

static int check_peer(struct channel *c, channel_check_fn check, void *arg,
		      struct error *e)
{
	STACK_OF(X509) *further;
	int ret;

	c->peer = SSL_get1_peer_certificate(c->ssl);
	if (!check)
		return 0;
	if (!c->peer)
		return error_set(e, EKEYREJECTED,
				 "the peer has no certificate");
	further = further_certificates(c->ssl);
	if (!further)
		return error_set(e, ENOMEM, "out of memory");
	ret = check(arg, c->peer, further, e);
	sk_X509_free(further);
	return ret;
}

static void channel_free(struct channel *c)
{
	SSL_free(c->ssl);
	X509_free(c->peer);
	close(c->fd);
	free(c);
}

/* The fd BIO, not the socket one: the descriptor may be a serial line. */
static struct channel *channel_new(int fd, int server, SSL_CTX *ctx,
				   int timeout_ms)
{
	struct channel *c = calloc(1, sizeof(*c));
	BIO *bio;

	if (!c) {
		close(fd);
		return NULL;
	}
	c->fd = fd;
	c->timeout_ms = timeout_ms;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	c->ssl = SSL_new(ctx);
	bio = BIO_new_fd(fd, BIO_NOCLOSE);
	if (!c->ssl || !bio) {
		BIO_free(bio);
		channel_free(c);
		return NULL;
	}
	SSL_set_bio(c->ssl, bio, bio);
	if (server)
		SSL_set_accept_state(c->ssl);
	else
		SSL_set_connect_state(c->ssl);
	return c;
}

int channel_open(int fd, int server, SSL_CTX *ctx, channel_check_fn check,
		 void *arg, int timeout_ms, struct channel **out,
		 struct error *e)
{
	struct error local;
	struct channel *c;
	int ret;

	*out = NULL;
	if (!e)
		e = &local;
	if (!server && !check) {
		close(fd);
		return error_set(
			e, EINVAL,
			"a client must check its server's certificate");
	}
	c = channel_new(fd, server, ctx, timeout_ms);
	if (!c)
		return error_set_ssl(e, ENOMEM, "cannot set up a connection");
	SSL_set_verify(c->ssl,
		       check ? SSL_VERIFY_PEER |
				       SSL_VERIFY_FAIL_IF_NO_PEER_CERT :
			       SSL_VERIFY_NONE,
		       NULL);
	ret = handshake(c, e);
	if (ret) {
		channel_free(c);
		return ret;
	}
	ret = check_peer(c, check, arg, e);
	if (ret) {
		channel_refuse(c, -ret, e->text);
		channel_close(c);
		return ret;
	}
	*out = c;
	return 0;
}

SSL *channel_ssl(struct channel *c)
{
	return c->ssl;
}

X509 *channel_peer(struct channel *c)
{
	return c->peer;
}

static int send_until(struct channel *c, const struct message *m,
		      int64_t deadline, struct error *e)
{
	unsigned char *der, *frame;
	int len, ret;

	if (c->dead)
		return error_set(e, EPIPE, "the connection has ended");
	len = message_encode(m, &der);
	if (len < 0)
		return error_set(
			e, -len,
			"cannot encode %s: a field is outside its limits",
			message_name(m->type));
	frame = OPENSSL_malloc(HEADER_SIZE + len);
	if (frame) {
		frame[0] = len >> 24;
		frame[1] = len >> 16;
		frame[2] = len >> 8;
		frame[3] = len;
		memcpy(frame + HEADER_SIZE, der, len);
		ret = write_all(c, frame, HEADER_SIZE + len, deadline, e);
	} else {
		ret = error_set(e, ENOMEM, "out of memory");
	}
	OPENSSL_clear_free(frame, frame ? HEADER_SIZE + len : 0);
	OPENSSL_clear_free(der, len);
	return ret;
}

int channel_send(struct channel *c, const struct message *m, struct error *e)
{
	return send_until(c, m, wait_deadline(c->timeout_ms), e);
}

/* The longest prefix of @text that the schema takes as Error.text. */
static int set_error_text(ASN1_UTF8STRING *field, const char *text)
{
	char copy[TEXT_MAX + 1];
	size_t i;

	for (i = 0; text[i] && i < TEXT_MAX; i++)
		copy[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	copy[i] = 0;
	return wire_set_text(field, copy);
}

void channel_refuse(struct channel *c, int code, const char *text)
{
	struct message *m;

	if (c->dead)
		return;
	m = message_new(MSG_ERROR);
	if (!m)
		return;
	m->u.error->code = code;
	if (!set_error_text(m->u.error->text, text))
		send_until(c, m, wait_deadline(REFUSE_MS), NULL);
	message_free(m);
}

/* After this the framing is lost: the peer is told, and nothing else is said. */
static int break_off(struct channel *c, int ret, struct error *e)
{
	channel_refuse(c, -ret, e->text);
	c->dead = 1;
	return ret;
}

static int recv_frame(struct channel *c, unsigned char **frame, size_t *len,
		      struct error *e)
{
	int64_t deadline = wait_deadline(c->timeout_ms);
	unsigned char header[HEADER_SIZE];
	size_t size;
	int ret;

	ret = read_all(c, header, sizeof(header), deadline, e);
	if (ret)
		return ret;
	size = (size_t)header[0] << 24 | header[1] << 16 | header[2] << 8 |
	       header[3];
	if (!size || size > WIRE_MAX)
		return break_off(
			c,
			error_set(
				e, EPROTO,
				"a message of %zu bytes came, 1 to %d are allowed",
				size, WIRE_MAX),
			e);
	*frame = OPENSSL_malloc(size);
	if (!*frame)
		return break_off(c, error_set(e, ENOMEM, "out of memory"), e);
	ret = read_all(c, *frame, size, deadline, e);
	if (ret)
		OPENSSL_clear_free(*frame, size);
	*len = size;
	return ret;
}

int channel_recv(struct channel *c, struct message **m, struct error *e)
{
	struct error local;
	unsigned char *frame;
	size_t len = 0;
	int ret;

	*m = NULL;
	if (!e)
		e = &local;
	if (c->dead)
		return error_set(e, EPIPE, "the connection has ended");
	ret = recv_frame(c, &frame, &len, e);
	if (ret)
		return ret;
	ret = message_decode(frame, len, m, e);
	OPENSSL_clear_free(frame, len);
	if (ret)
		return break_off(c, ret, e);
	if ((*m)->type != MSG_ERROR)
		return 0;
	error_set(e, EREMOTEIO, "the peer refused: %s",
		  wire_text((*m)->u.error->text));
	message_free(*m);
	*m = NULL;
	c->dead = 1;
	return -EREMOTEIO;
}

int channel_expect(struct channel *c, int type, struct message **m,
		   struct error *e)
{
	struct error local;
	int ret;

	if (!e)
		e = &local;
	ret = channel_recv(c, m, e);
	if (ret || (*m)->type == type)
		return ret;
	ret = error_set(e, EPROTO, "%s came where %s was expected",
			message_name((*m)->type), message_name(type));
	message_free(*m);
	*m = NULL;
	return break_off(c, ret, e);
}

/*
 * Reads until the peer's close_notify. A socket closed with unread bytes would
 * be reset, and the peer could lose the reason it was just told.
 */
static void drain(struct channel *c)
{
	int64_t deadline = wait_deadline(CLOSE_MS);
	unsigned char scrap[1024];
	size_t n;
	int ret;

	do {
		ERR_clear_error();
		errno = 0;
		ret = SSL_read_ex(c->ssl, scrap, sizeof(scrap), &n);
		if (!ret && wait_ssl(c, ret, deadline, "closing", NULL))
			break;
	} while (wait_deadline(0) < deadline);
	OPENSSL_cleanse(scrap, sizeof(scrap));
}

void channel_close(struct channel *c)
{
	int ret;

	if (!c)
		return;
	ERR_clear_error();
	ret = SSL_shutdown(c->ssl);
	if (ret == 0)
		drain(c);
	ERR_clear_error();
	channel_free(c);
}
