// SPDX-License-Identifier: MIT
/*
 * The key process as the server uses it: a backend of the provider, and requests. One
 * at a time, in the server's own thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/store.h>

#include "central/central.h"
#include "central/keyproc.h"

#define SCHEME "keyproc"

static int key_fd = -1;
static unsigned char key_point[KEY_POINT_SIZE];
static struct key_request request;
static struct key_answer answer;

/* @fds: two descriptors that go along, or NULL. */
static int ask(const int *fds, struct error *e)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec part = { &request, offsetof(struct key_request, data) +
						request.len };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fds) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(c), fds, 2 * sizeof(int));
	}
	if (sendmsg(key_fd, &m, 0) != (ssize_t)part.iov_len ||
	    recv(key_fd, &answer, sizeof(answer), 0) <
		    (ssize_t)offsetof(struct key_answer, data))
		return error_set(e, EPIPE, "the key process does not answer");
	return answer.status ?
		       error_set(e, -answer.status, "%s", answer.e.text) :
		       0;
}

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
	int r;

	(void)priv;
	if (len > EVP_MAX_MD_SIZE)
		return error_set(e, EINVAL, "a digest of %zu bytes", len);
	request = (struct key_request){ .kind = KEY_SIGN,
					.hash_nid = hash_nid,
					.len = len };
	memcpy(request.data, digest, len);
	r = ask(NULL, e);
	if (!r)
		memcpy(sig, answer.data, KEY_SIGNATURE_SIZE);
	return r;
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

int keyproc_open(const uint8_t uid[STORE_UID_SIZE],
		 const uint8_t id[STORE_ID_SIZE], const uint8_t *sealed,
		 size_t len, const uint8_t **text, size_t *text_len,
		 struct error *e)
{
	int r;

	if (len > KEY_DATA_MAX)
		return error_set(e, EMSGSIZE, "too long a message");
	request = (struct key_request){ .kind = KEY_OPEN, .len = len };
	memcpy(request.uid, uid, sizeof(request.uid));
	memcpy(request.aad, id, sizeof(request.aad));
	memcpy(request.data, sealed, len);
	r = ask(NULL, e);
	*text = answer.data;
	*text_len = r ? 0 : answer.len;
	return r;
}

int keyproc_seal(uint32_t key, const uint8_t id[STORE_ID_SIZE],
		 const uint8_t *text, size_t len, const uint8_t **sealed,
		 size_t *sealed_len, struct error *e)
{
	int r;

	if (len > KEY_DATA_MAX)
		return error_set(e, EMSGSIZE, "too long a message");
	request =
		(struct key_request){ .kind = KEY_SEAL, .id = key, .len = len };
	memcpy(request.aad, id, sizeof(request.aad));
	memcpy(request.data, text, len);
	r = ask(NULL, e);
	*sealed = answer.data;
	*sealed_len = r ? 0 : answer.len;
	return r;
}

static int put_cert(X509 *cert)
{
	unsigned char *p = request.data + request.len;
	int n = i2d_X509(cert, NULL);

	if (n <= 0 || request.len + (size_t)n > KEY_DATA_MAX)
		return -EMSGSIZE;
	i2d_X509(cert, &p);
	request.len += (size_t)n;
	return 0;
}

int keyproc_session(X509 *module, X509 *signer, int relay, int client,
		    struct error *e)
{
	int fds[2] = { relay, client };

	request = (struct key_request){ .kind = KEY_SESSION };
	if (put_cert(module) || put_cert(signer))
		return error_set(e, EMSGSIZE, "too long a certificate");
	return ask(fds, e);
}

int keyproc_start(const char *uri, const char *user, const char *dir,
		  EVP_PKEY **key, struct error *e)
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
		key_process(fds[1], uri, user, dir);
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
