// SPDX-License-Identifier: MIT
/* Full TLS 1.3 handshakes, both sides with certificates, one after another. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "load.h"

#define HELLO 'h'

struct side {
	SSL_CTX *ctx;
	struct sockaddr_in address;
};

static struct side side_begin(const struct load *l, const SSL_METHOD *method,
			      const char *port, const char *ca)
{
	struct side s = { .ctx = SSL_CTX_new_ex(NULL, l->propq, method) };
	X509 *cert = load_certificate(l->chain);
	EVP_PKEY *key = load_key(l, cert);

	if (!s.ctx ||
	    SSL_CTX_use_certificate_chain_file(s.ctx, l->chain) != 1 ||
	    SSL_CTX_use_PrivateKey(s.ctx, key) != 1 ||
	    SSL_CTX_load_verify_file(s.ctx, ca) != 1)
		die("no TLS with", l->uri);
	SSL_CTX_set_min_proto_version(s.ctx, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(s.ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(s.ctx, 0);
	SSL_CTX_set_verify(
		s.ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	s.address.sin_family = AF_INET;
	s.address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	s.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EVP_PKEY_free(key);
	X509_free(cert);
	return s;
}

static int tcp_socket(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd;
}

static SSL *tls_on(const struct side *s, int fd)
{
	SSL *ssl = SSL_new(s->ctx);

	if (!ssl || SSL_set_fd(ssl, fd) != 1)
		die("no TLS connection", NULL);
	return ssl;
}

/* In TLS 1.3 the client is done before the server has seen its certificate. */
static void connect_once(void *arg)
{
	const struct side *s = arg;
	int fd = tcp_socket();
	SSL *ssl = tls_on(s, fd);
	char byte = 0;

	if (connect(fd, (const struct sockaddr *)&s->address,
		    sizeof(s->address)) < 0)
		die("cannot connect", NULL);
	if (SSL_connect(ssl) != 1 || SSL_read(ssl, &byte, 1) != 1 ||
	    byte != HELLO)
		die("the handshake fails", NULL);
	SSL_free(ssl);
	close(fd);
}

int run_connect(const struct load *l, int argc, char **argv)
{
	struct side s = side_begin(l, TLS_client_method(), argv[1], argv[2]);

	(void)argc;
	repeat(l, connect_once, &s);
	SSL_CTX_free(s.ctx);
	return 0;
}

static void serve_one(const struct side *s, int fd)
{
	const char byte = HELLO;
	int one = 1;
	SSL *ssl = tls_on(s, fd);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (SSL_accept(ssl) == 1)
		SSL_write(ssl, &byte, 1);
	SSL_free(ssl);
	close(fd);
}

int run_serve(const struct load *l, int argc, char **argv)
{
	struct side s = side_begin(l, TLS_server_method(), argv[1], argv[2]);
	int fd = tcp_socket();

	(void)argc;
	if (bind(fd, (struct sockaddr *)&s.address, sizeof(s.address)) < 0 ||
	    listen(fd, 16) < 0)
		die("cannot listen", argv[1]);
	puts("listening");
	fflush(stdout);
	for (;;)
		serve_one(&s, accept(fd, NULL, NULL));
}
