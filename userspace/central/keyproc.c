// SPDX-License-Identifier: MIT
/*
 * The process that holds the private key. It is started before the first peer
 * can say a word and knows one request: sign this digest. Whoever takes over
 * the process that talks to the network can use the key while he is there,
 * and cannot take it along.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/store.h>

#include "central/central.h"
#include "common/log.h"
#include "common/process.h"
#include "hsm/hsm.h"
#include "provider/backend.h"

#define SCHEME "keyproc"
#define DIGEST_MAX 64

struct key_hello {
	int status;
	unsigned char point[KEY_POINT_SIZE];
	struct error e;
};

struct key_request {
	int hash_nid;
	size_t len;
	unsigned char digest[DIGEST_MAX];
};

struct key_answer {
	int status;
	unsigned char sig[KEY_SIGNATURE_SIZE];
	struct error e;
};

/*
 * In the key process
 */

static int split_signature(const unsigned char *der, size_t len,
			   unsigned char sig[KEY_SIGNATURE_SIZE])
{
	ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, len);
	int half = KEY_SIGNATURE_SIZE / 2;
	int ok = parts &&
		 BN_bn2binpad(ECDSA_SIG_get0_r(parts), sig, half) == half &&
		 BN_bn2binpad(ECDSA_SIG_get0_s(parts), sig + half, half) ==
			 half;

	ECDSA_SIG_free(parts);
	return ok;
}

static int sign_digest(EVP_PKEY *key, const struct key_request *q,
		       struct key_answer *a)
{
	const EVP_MD *md = EVP_get_digestbynid(q->hash_nid);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	unsigned char der[128];
	size_t len = sizeof(der);
	int r = 0;

	if (!ctx || !md || q->len != (size_t)EVP_MD_get_size(md) ||
	    EVP_PKEY_sign_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0 ||
	    EVP_PKEY_sign(ctx, der, &len, q->digest, q->len) <= 0 ||
	    !split_signature(der, len, a->sig))
		r = error_set_ssl(&a->e, EIO, "the key cannot sign");
	EVP_PKEY_CTX_free(ctx);
	return r;
}

static void serve_key(int fd, EVP_PKEY *key)
{
	struct key_request q;
	struct key_answer a;

	while (recv(fd, &q, sizeof(q), 0) == sizeof(q) && q.len <= DIGEST_MAX) {
		memset(&a, 0, sizeof(a));
		a.status = sign_digest(key, &q, &a);
		if (send(fd, &a, sizeof(a), 0) != sizeof(a))
			break;
	}
}

static int open_key(const char *uri, const char *user, EVP_PKEY **key,
		    struct key_hello *hello)
{
	size_t len;
	int r = hsm_open_key(uri, key, &hello->e);

	if (!r && (!EVP_PKEY_get_octet_string_param(
			   *key, OSSL_PKEY_PARAM_PUB_KEY, hello->point,
			   sizeof(hello->point), &len) ||
		   len != KEY_POINT_SIZE))
		r = error_set(&hello->e, EINVAL, "key '%s' is not on P-256",
			      uri);
	return r ? r : process_drop(user, &hello->e);
}

static void key_process(int fd, const char *uri, const char *user)
{
	struct key_hello hello = { 0 };
	EVP_PKEY *key = NULL;

	/* its end is the end of the other process, which has work to finish */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	prctl(PR_SET_NAME, "central-key");
	hello.status = open_key(uri, user, &key, &hello);
	if (send(fd, &hello, sizeof(hello), 0) == sizeof(hello) &&
	    !hello.status)
		serve_key(fd, key);
	EVP_PKEY_free(key);
	_exit(0);
}

/*
 * In the other: a backend of the provider
 */

static int key_fd = -1;
static unsigned char key_point[KEY_POINT_SIZE];

static int remote_open(const char *uri, void **priv,
		       unsigned char point[KEY_POINT_SIZE], struct error *e)
{
	(void)uri;
	(void)e;
	memcpy(point, key_point, KEY_POINT_SIZE);
	*priv = &key_fd;
	return 0;
}

static int remote_sign(void *priv, int hash_nid, const unsigned char *digest,
		       size_t len, unsigned char sig[KEY_SIGNATURE_SIZE],
		       struct error *e)
{
	struct key_request q = { .hash_nid = hash_nid, .len = len };
	struct key_answer a;

	(void)priv;
	if (len > DIGEST_MAX)
		return error_set(e, EINVAL, "a digest of %zu bytes", len);
	memcpy(q.digest, digest, len);
	if (send(key_fd, &q, sizeof(q), 0) != sizeof(q) ||
	    recv(key_fd, &a, sizeof(a), 0) != sizeof(a))
		return error_set(e, EPIPE, "the key process does not answer");
	if (a.status)
		return error_set(e, -a.status, "%s", a.e.text);
	memcpy(sig, a.sig, KEY_SIGNATURE_SIZE);
	return 0;
}

static void remote_close(void *priv)
{
	(void)priv;
}

static const struct key_backend remote_backend = {
	.scheme = SCHEME,
	.open = remote_open,
	.sign = remote_sign,
	.close = remote_close,
};

static int load_key(EVP_PKEY **key, struct error *e)
{
	OSSL_STORE_CTX *store;
	OSSL_STORE_INFO *info = NULL;
	int r = provider_register_backend(&remote_backend);

	if (!r)
		r = provider_load(e);
	if (r)
		return error_set(e, -r, "cannot load the key provider");
	store = OSSL_STORE_open(SCHEME ":central", NULL, NULL, NULL, NULL);
	if (store)
		info = OSSL_STORE_load(store);
	*key = info ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;
	OSSL_STORE_INFO_free(info);
	OSSL_STORE_close(store);
	return *key ? 0 : error_set_ssl(e, EIO, "cannot use the key process");
}

int keyproc_start(const char *uri, const char *user, EVP_PKEY **key,
		  struct error *e)
{
	struct key_hello hello;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return error_set(e, errno, "cannot make a socket pair");
	pid = fork();
	if (pid < 0)
		return error_set(e, errno, "cannot start the key process");
	if (!pid) {
		close(fds[0]);
		key_process(fds[1], uri, user);
	}
	close(fds[1]);
	key_fd = fds[0];
	if (recv(key_fd, &hello, sizeof(hello), 0) != sizeof(hello))
		return error_set(e, EPIPE, "the key process has ended");
	if (hello.status)
		return error_set(e, -hello.status, "%s", hello.e.text);
	memcpy(key_point, hello.point, sizeof(key_point));
	return load_key(key, e);
}
