// SPDX-License-Identifier: MIT
/* Certificates, requests and TLS with keys of the provider. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "provider_world.h"

static X509 *self_signed(struct world *w, EVP_PKEY *key, const char *name)
{
	X509 *cert = X509_new_ex(w->libctx, NULL);
	X509_NAME *subject = X509_get_subject_name(cert);

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static void certificate_is_signed(void **state)
{
	struct world *w = *state;
	EVP_PKEY *keys[2] = { open_plain(w), open_restricted(w) };

	for (size_t i = 0; i < 2; i++) {
		X509 *cert = self_signed(w, keys[i], "module");

		assert_int_equal(X509_verify(cert, fake_keys[i]), 1);
		assert_int_not_equal(X509_verify(cert, fake_keys[1 - i]), 1);
		assert_int_equal(X509_check_private_key(cert, keys[i]), 1);
		assert_int_not_equal(X509_check_private_key(cert, keys[1 - i]),
				     1);
		X509_free(cert);
	}
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
}

static void request_is_signed(void **state)
{
	struct world *w = *state;
	EVP_PKEY *keys[2] = { open_plain(w), open_restricted(w) };

	for (size_t i = 0; i < 2; i++) {
		X509_REQ *req = X509_REQ_new_ex(w->libctx, NULL);

		assert_int_equal(X509_REQ_set_version(req, X509_REQ_VERSION_1),
				 1);
		assert_int_equal(X509_REQ_set_pubkey(req, keys[i]), 1);
		assert_true(X509_REQ_sign(req, keys[i], EVP_sha256()) > 0);
		assert_int_equal(X509_REQ_verify(req, fake_keys[i]), 1);
		assert_int_equal(
			X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
		X509_REQ_free(req);
	}
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
}

/*
 * Handshakes in memory, with client authentication
 */

struct party {
	SSL_CTX *ctx;
	X509 *cert;
};

static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static struct party party_begin(struct world *w, int server, EVP_PKEY *key)
{
	struct party p;

	p.ctx = SSL_CTX_new_ex(w->libctx, NULL,
			       server ? TLS_server_method() :
					TLS_client_method());
	p.cert = self_signed(w, key, server ? "server" : "client");
	assert_int_equal(SSL_CTX_use_certificate(p.ctx, p.cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(p.ctx, key), 1);
	assert_int_equal(SSL_CTX_check_private_key(p.ctx), 1);
	SSL_CTX_set_verify(p.ctx,
			   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   accept_any);
	return p;
}

static void party_end(struct party *p)
{
	SSL_CTX_free(p->ctx);
	X509_free(p->cert);
}

static int step(SSL *ssl)
{
	int rc = SSL_do_handshake(ssl);

	if (rc == 1)
		return 1;
	return SSL_get_error(ssl, rc) == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* 1 when both sides came through and @p saw @other's certificate. */
static int handshake(const struct party *client, const struct party *server,
		     int version)
{
	SSL *c = SSL_new(client->ctx), *s = SSL_new(server->ctx);
	BIO *a, *b;
	int done_c = 0, done_s = 0;
	char byte = 0;

	BIO_new_bio_pair(&a, 32768, &b, 32768);
	SSL_set_bio(c, a, a);
	SSL_set_bio(s, b, b);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	SSL_set_min_proto_version(c, version);
	SSL_set_max_proto_version(c, version);
	for (int i = 0; i < 10 && done_c >= 0 && done_s >= 0; i++) {
		done_c = step(c);
		done_s = step(s);
		if (done_c == 1 && done_s == 1)
			break;
	}
	if (done_c == 1 && done_s == 1) {
		X509 *seen = SSL_get1_peer_certificate(s);

		assert_int_equal(X509_cmp(seen, client->cert), 0);
		X509_free(seen);
		assert_int_equal(SSL_version(s), version);
		assert_int_equal(SSL_write(c, "x", 1), 1);
		assert_int_equal(SSL_read(s, &byte, 1), 1);
	}
	SSL_free(c);
	SSL_free(s);
	return byte == 'x';
}

static void tls_with_the_module_key(void **state)
{
	struct world *w = *state;
	EVP_PKEY *ours = open_plain(w), *soft = EVP_EC_gen("P-256");
	struct party client = party_begin(w, 0, ours);
	struct party server = party_begin(w, 1, soft);
	struct party module_server = party_begin(w, 1, ours);

	assert_true(handshake(&client, &server, TLS1_3_VERSION));
	assert_true(handshake(&client, &server, TLS1_2_VERSION));
	assert_true(handshake(&client, &module_server, TLS1_3_VERSION));
	assert_true(handshake(&client, &module_server, TLS1_2_VERSION));
	assert_int_equal(ERR_peek_error(), 0);
	party_end(&client);
	party_end(&server);
	party_end(&module_server);
	EVP_PKEY_free(ours);
	EVP_PKEY_free(soft);
}

static void tls_with_the_restricted_key(void **state)
{
	struct world *w = *state;
	EVP_PKEY *ours = open_restricted(w), *soft = EVP_EC_gen("P-256");
	struct party client = party_begin(w, 0, ours);
	struct party server = party_begin(w, 1, soft);

	assert_true(handshake(&client, &server, TLS1_3_VERSION));
	/* there it would have to sign all the messages there were */
	handshake(&client, &server, TLS1_2_VERSION);
	ERR_clear_error();
	party_end(&client);
	party_end(&server);
	EVP_PKEY_free(ours);
	EVP_PKEY_free(soft);
}

static void tls_in_workers_of_a_server(void **state)
{
	struct world *w = *state;
	EVP_PKEY *ours = open_plain(w), *soft = EVP_EC_gen("P-256");
	struct party client = party_begin(w, 0, soft);
	struct party server = party_begin(w, 1, ours);
	int status;

	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			_exit(handshake(&client, &server, TLS1_3_VERSION) ? 0 :
									    1);
	for (int i = 0; i < 3; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_true(handshake(&client, &server, TLS1_3_VERSION));
	party_end(&client);
	party_end(&server);
	EVP_PKEY_free(ours);
	EVP_PKEY_free(soft);
}

static void tls_refuses_the_wrong_key(void **state)
{
	struct world *w = *state;
	EVP_PKEY *ours = open_plain(w), *other = open_restricted(w);
	struct party client = party_begin(w, 0, ours);

	assert_int_not_equal(SSL_CTX_use_PrivateKey(client.ctx, other), 1);
	party_end(&client);
	EVP_PKEY_free(ours);
	EVP_PKEY_free(other);
}

static int world_of_tls(void **state)
{
	return world_secmod_first(state);
}

#define T(f)                                                                \
	cmocka_unit_test_setup_teardown(f, world_default_first, world_end), \
	{                                                                   \
#f " secmod_first", f, world_of_tls, world_end, NULL        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(certificate_is_signed),      T(request_is_signed),
		T(tls_with_the_module_key),    T(tls_with_the_restricted_key),
		T(tls_in_workers_of_a_server), T(tls_refuses_the_wrong_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("provider tls", tests,
					   world_group_begin, world_group_end);
}
