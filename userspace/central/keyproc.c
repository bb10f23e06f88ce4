// SPDX-License-Identifier: MIT
/*
 * The process that holds the private key, and the transaction keys. It is started
 * before the first peer can say a word and knows few requests: sign this digest; open,
 * seal this transaction; speak with this module (keyring/session.c), of which it checks
 * itself that it is one. Whoever takes over the process that talks to the network can
 * use the keys while he is there, and cannot take them along.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "central/central.h"
#include "central/keyproc.h"
#include "common/log.h"
#include "common/process.h"
#include "hsm/hsm.h"

#define SESSIONS_MAX 64
#define KEY_FD 3 /* behind the standard ones */

static struct session_identity identity;
static int sessions; /* atomic */

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

static int do_sign(const struct key_request *q, struct key_answer *a)
{
	const EVP_MD *md = EVP_get_digestbynid(q->hash_nid);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(identity.key, NULL);
	unsigned char der[128];
	size_t len = sizeof(der);
	int r = 0;

	if (!ctx || !md || q->len != (size_t)EVP_MD_get_size(md) ||
	    EVP_PKEY_sign_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0 ||
	    EVP_PKEY_sign(ctx, der, &len, q->data, q->len) <= 0 ||
	    !split_signature(der, len, a->data))
		r = error_set_ssl(&a->e, EIO, "the key cannot sign");
	EVP_PKEY_CTX_free(ctx);
	a->len = KEY_SIGNATURE_SIZE;
	return r;
}

static int do_open(const struct key_request *q, struct key_answer *a)
{
	return keyring_open(identity.ring, q->uid, q->aad, sizeof(q->aad),
			    q->data, q->len, a->data, &a->len, &a->e);
}

static int do_seal(const struct key_request *q, struct key_answer *a)
{
	if (q->len > KEY_DATA_MAX - KEYRING_OVERHEAD)
		return error_set(&a->e, EMSGSIZE, "too long a text");
	a->len = q->len + KEYRING_OVERHEAD;
	return keyring_seal(identity.ring, q->id, q->aad, sizeof(q->aad),
			    q->data, q->len, a->data, &a->e);
}

/*
 * Sessions: a thread each
 */

struct job {
	int fds[2];
	X509 *module, *signer;
};

static void job_free(struct job *job)
{
	X509_free(job->module);
	X509_free(job->signer);
	free(job);
}

static void *converse(void *arg)
{
	struct job *job = arg;

	session_serve(&identity, job->fds[0], job->fds[1], job->module,
		      job->signer);
	job_free(job);
	__atomic_sub_fetch(&sessions, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static int start_thread(struct job *job)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	__atomic_add_fetch(&sessions, 1, __ATOMIC_SEQ_CST);
	r = pthread_create(&thread, &attr, converse, job);
	if (r)
		__atomic_sub_fetch(&sessions, 1, __ATOMIC_SEQ_CST);
	pthread_attr_destroy(&attr);
	return r;
}

static int do_session(const struct key_request *q, const int fds[2],
		      struct key_answer *a)
{
	const unsigned char *p = q->data;
	struct job *job = calloc(1, sizeof(*job));
	int r = 0;

	if (!job)
		return error_set(&a->e, ENOMEM, "out of memory");
	memcpy(job->fds, fds, sizeof(job->fds));
	job->module = d2i_X509(NULL, &p, (long)q->len);
	job->signer = d2i_X509(NULL, &p, (long)(q->data + q->len - p));
	if (!job->module || !job->signer)
		r = error_set_ssl(&a->e, EBADMSG, "no certificates");
	else if (sessions >= SESSIONS_MAX)
		r = error_set(&a->e, EBUSY, "too many sessions");
	else if (start_thread(job))
		r = error_set(&a->e, EAGAIN, "cannot start a thread");
	if (r)
		job_free(job);
	return r;
}

/*
 * Requests
 */

static int (*const kinds[])(const struct key_request *, struct key_answer *) = {
	[KEY_SIGN] = do_sign,
	[KEY_OPEN] = do_open,
	[KEY_SEAL] = do_seal,
};

static void carry_out(const struct key_request *q, const int fds[2],
		      struct key_answer *a)
{
	a->len = 0;
	if (q->kind == KEY_SESSION && fds[0] >= 0)
		a->status = do_session(q, fds, a);
	else if (q->kind >= 0 && q->kind < KEY_SESSION)
		a->status = kinds[q->kind](q, a);
	else
		a->status = error_set(&a->e, EINVAL, "no such request");
	if (a->status)
		a->len = 0;
	/* a session that runs has its own */
	if (fds[0] >= 0 && (q->kind != KEY_SESSION || a->status)) {
		close(fds[0]);
		close(fds[1]);
	}
}

/* 0 when the other process has gone. */
static int receive(int fd, struct key_request *q, int fds[2])
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec part = { q, sizeof(*q) };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	fds[0] = fds[1] = -1;
	if (c && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(2 * sizeof(int)))
		memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
	return n >= (ssize_t)offsetof(struct key_request, data) &&
	       (size_t)n == offsetof(struct key_request, data) + q->len;
}

static void serve_key(int fd)
{
	static struct key_request q;
	static struct key_answer a;
	int fds[2];

	while (receive(fd, &q, fds)) {
		carry_out(&q, fds, &a);
		if (send(fd, &a, offsetof(struct key_answer, data) + a.len, 0) <
		    0)
			break;
	}
}

/* Without them it still signs; sessions are refused. */
static void read_certificates(const char *dir)
{
	struct site site;
	struct error e;

	if (site_open_roots(&site, dir, &e)) {
		log_debug("%s", e.text);
		return;
	}
	identity.root = site.root;
	identity.cert = site.cert;
	site.root = site.cert = NULL;
	site_close(&site);
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

void key_process(int fd, const char *uri, const char *user, const char *dir)
{
	struct key_hello hello = { 0 };

	/* its end is the end of the other process, which has work to finish */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	prctl(PR_SET_NAME, "central-key");
	/* nothing of what the other process has open */
	if (dup3(fd, KEY_FD, 0) < 0 && fd != KEY_FD)
		_exit(1);
	close_range(KEY_FD + 1, ~0U, 0);
	fd = KEY_FD;
	read_certificates(dir);
	identity.ring = keyring_new();
	hello.status = identity.ring ?
			       open_key(uri, user, &identity.key, &hello) :
			       error_set(&hello.e, ENOMEM, "out of memory");
	if (send(fd, &hello, sizeof(hello), 0) == sizeof(hello) &&
	    !hello.status)
		serve_key(fd);
	_exit(0);
}
