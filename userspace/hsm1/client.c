// SPDX-License-Identifier: MIT
/* HSM 1 as the process sees it that started it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "hsm1/internal.h"

struct hsm1 {
	int fd;
	pid_t pid;
};

struct call { /* one request and what comes of it */
	struct hsm1_message m;
	struct hsm1_reply r;
	const struct hsm1_ops *ops;
	int fd; /* where the answers come */
};

static int await_hello(struct hsm1 *h, struct error *e)
{
	struct hsm1_reply hello;
	int ret = message_recv(h->fd, &hello, sizeof(hello), NULL, 0);

	if (ret)
		return error_set(e, EPIPE, "HSM 1 has ended");
	if (hello.status)
		return error_set(e, -hello.status, "%s", hello.e.text);
	return 0;
}

int hsm1_start(const char *dir, const char *user, struct hsm1 **out,
	       struct error *e)
{
	struct hsm1 *h = calloc(1, sizeof(*h));
	int fds[2], ret;

	*out = NULL;
	if (!h)
		return error_set(e, ENOMEM, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) {
		free(h);
		return error_set(e, errno, "cannot make a socket pair");
	}
	h->pid = fork();
	if (!h->pid) {
		close(fds[0]);
		hsm1_process(fds[1], dir, user);
	}
	close(fds[1]);
	h->fd = fds[0];
	ret = h->pid < 0 ? error_set(e, errno, "cannot start HSM 1") :
			   await_hello(h, e);
	if (ret)
		hsm1_stop(h);
	else
		*out = h;
	return ret;
}

void hsm1_stop(struct hsm1 *h)
{
	if (!h)
		return;
	close(h->fd);
	if (h->pid > 0)
		waitpid(h->pid, NULL, 0);
	free(h);
}

static int begin(struct hsm1 *h, struct call *c, int relay, struct error *e)
{
	int pair[2], fds[2], ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_set(e, errno, "cannot make a socket pair");
	fds[0] = pair[1];
	fds[1] = relay;
	ret = message_send(h->fd, &c->m, sizeof(c->m), fds, relay < 0 ? 1 : 2);
	close(pair[1]);
	if (ret) {
		close(pair[0]);
		return error_set(e, EPIPE, "HSM 1 has ended");
	}
	c->fd = pair[0];
	return 0;
}

/* What it asks on the way. */
static int oblige(struct call *c)
{
	const struct hsm1_ops *ops = c->ops;
	struct hsm1_reply *r = &c->r;

	if (r->word == HSM1_STORE && ops && ops->store &&
	    r->len <= sizeof(r->data))
		return ops->store(ops->arg, c->m.uid, r->data, r->len, &r->e);
	if (r->word == HSM1_RECOVER && ops && ops->recover)
		return ops->recover(ops->arg, r->version, c->m.uid, r->point,
				    &r->credential, &r->e);
	return error_set(&r->e, EPROTO, "nobody can do that for HSM 1");
}

static int answer(struct call *c, struct error *e)
{
	int ret;

	for (;;) {
		ret = message_recv(c->fd, &c->r, sizeof(c->r), NULL, 0);
		if (ret)
			return error_set(e, EPIPE, "HSM 1 has ended");
		if (c->r.word == HSM1_DONE)
			break;
		c->r.status = oblige(c);
		ret = message_send(c->fd, &c->r, sizeof(c->r), NULL, 0);
		if (ret)
			return error_set(e, EPIPE, "HSM 1 has ended");
	}
	if (c->r.status)
		return error_set(e, -c->r.status, "%s", c->r.e.text);
	return 0;
}

static struct call *new_call(enum hsm1_op op, const uint8_t *uid,
			     const struct hsm1_versions *versions)
{
	struct call *c = OPENSSL_zalloc(sizeof(*c));

	if (!c)
		return NULL;
	c->m.op = op;
	if (uid)
		memcpy(c->m.uid, uid, HSM1_UID_SIZE);
	if (versions)
		c->m.versions = *versions;
	return c;
}

/* Frees @c. */
static int carry_out(struct hsm1 *h, struct call *c, int relay, char *text,
		     struct hsm1_result *result, struct error *e)
{
	int ret = c ? begin(h, c, relay, e) :
		      error_set(e, ENOMEM, "out of memory");

	if (!ret) {
		ret = answer(c, e);
		close(c->fd);
	}
	if (!ret && text)
		snprintf(text, HSM1_TEXT_MAX, "%s", (const char *)c->r.data);
	if (!ret && result)
		*result = c->r.result;
	OPENSSL_clear_free(c, sizeof(*c));
	return ret;
}

/* The document or cryptogram of a request. Frees @c when it does not fit. */
static int attach(struct call **c, const void *data, size_t len,
		  struct error *e)
{
	if (!*c)
		return 0; /* carry_out() says it */
	if (len > sizeof((*c)->m.data)) {
		OPENSSL_free(*c);
		*c = NULL;
		return error_set(e, EMSGSIZE, "it is too long");
	}
	memcpy((*c)->m.data, data, len);
	(*c)->m.len = len;
	return 0;
}

int hsm1_import(struct hsm1 *h, const char *document, size_t len,
		char text[HSM1_TEXT_MAX], struct error *e)
{
	struct call *c = new_call(HSM1_IMPORT, NULL, NULL);
	int ret = attach(&c, document, len, e);

	return ret ? ret : carry_out(h, c, -1, text, NULL, e);
}

int hsm1_status(struct hsm1 *h, char text[HSM1_TEXT_MAX], struct error *e)
{
	return carry_out(h, new_call(HSM1_STATUS, NULL, NULL), -1, text, NULL,
			 e);
}

int hsm1_expect(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE],
		unsigned int version, struct hsm1_keyset *out, struct error *e)
{
	struct hsm1_versions versions = { .master = version };
	struct hsm1_result result;
	int ret = carry_out(h, new_call(HSM1_EXPECT, uid, &versions), -1, NULL,
			    &result, e);

	if (!ret)
		*out = result.master;
	return ret;
}

int hsm1_explain(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE],
		 unsigned int version, char text[HSM1_TEXT_MAX],
		 struct error *e)
{
	struct hsm1_versions versions = { .master = version };

	return carry_out(h, new_call(HSM1_EXPLAIN, uid, &versions), -1, text,
			 NULL, e);
}

static int with_relay(struct hsm1 *h, struct call *c, int relay,
		      const struct hsm1_ops *ops, struct hsm1_result *out,
		      struct error *e)
{
	if (c) {
		c->ops = ops;
		c->m.can_recover = ops && ops->recover;
	}
	return carry_out(h, c, relay, NULL, out, e);
}

int hsm1_issue(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE], int relay,
	       const struct gp_keyset *transport,
	       const struct hsm1_versions *versions, const struct hsm1_ops *ops,
	       struct hsm1_result *out, struct error *e)
{
	struct call *c = new_call(HSM1_ISSUE, uid, versions);

	if (c)
		c->m.transport = *transport;
	return with_relay(h, c, relay, ops, out, e);
}

int hsm1_resume(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE], int relay,
		const uint8_t *cryptogram, size_t len,
		const struct gp_keyset *transport,
		const struct hsm1_versions *versions,
		const struct hsm1_ops *ops, struct hsm1_result *out,
		struct error *e)
{
	struct call *c = new_call(HSM1_ISSUE, uid, versions);
	int ret = attach(&c, cryptogram, len, e);

	if (!len && c) {
		OPENSSL_free(c);
		return error_set(e, EINVAL, "there is no cryptogram");
	}
	if (ret)
		return ret;
	if (c)
		c->m.transport = *transport;
	return with_relay(h, c, relay, ops, out, e);
}

int hsm1_replace(struct hsm1 *h, const uint8_t uid[HSM1_UID_SIZE], int relay,
		 const uint8_t *cryptogram, size_t len,
		 const struct hsm1_versions *versions,
		 const struct hsm1_ops *ops, struct hsm1_result *out,
		 struct error *e)
{
	struct call *c = new_call(HSM1_REPLACE, uid, versions);
	int ret = attach(&c, cryptogram, len, e);

	return ret ? ret : with_relay(h, c, relay, ops, out, e);
}
