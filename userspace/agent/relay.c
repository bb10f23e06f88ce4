// SPDX-License-Identifier: MIT
/*
 * APDUs between the central system and the security executive, unread. The device is
 * opened for a conversation and closed with it, which wipes the session. A thread says
 * them: an APDU may take the TPM for seconds, and applications go on meanwhile.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"
#include "common/log.h"
#include "libsecmod/libsecmod.h"

#define NONE (-1)

struct relay {
	struct agent *agent;
	struct event *answered;
	int fd; /* to the thread, -1: there is none */
	int64_t conversation, next; /* next: when the thread has ended */
	int asked; /* it owes an answer */
	int ending; /* it was told to, and has not yet */
};

struct answer { /* a record on the socket pair; its size tells the length of @data */
	int status;
	uint8_t data[SECMOD_RESPONSE_MAX];
};
#define ANSWER_HEAD offsetof(struct answer, data)

struct thread_job { /* the thread's own */
	int fd;
	char *device;
};

static int answer(int fd, struct answer *a, int status, size_t len,
		  const char *text)
{
	a->status = -status;
	if (status) {
		len = strnlen(text, sizeof(a->data));
		memcpy(a->data, text, len);
	}
	return send(fd, a, ANSWER_HEAD + len, MSG_NOSIGNAL) < 0 ? -errno :
								  status;
}

static void converse(int fd, const char *device)
{
	uint8_t command[SECMOD_APDU_MAX];
	struct secmod *m = NULL;
	struct answer a;
	size_t len = 0;
	ssize_t n;
	int r = secmod_open(device, &m);

	r = answer(fd, &a, r, 0, secmod_reason(NULL));
	while (!r && (n = recv(fd, command, sizeof(command), 0)) > 0) {
		r = secmod_transmit(m, command, n, a.data, &len);
		r = answer(fd, &a, r, len, secmod_reason(m));
	}
	secmod_close(m);
}

static void *work(void *arg)
{
	struct thread_job *job = arg;

	converse(job->fd, job->device);
	close(job->fd);
	free(job->device);
	free(job);
	return NULL;
}

static int start_thread(struct relay *r)
{
	struct thread_job *job = calloc(1, sizeof(*job));
	pthread_attr_t attr;
	pthread_t thread;
	int fds[2], rc = ENOMEM;

	if (job)
		job->device = strdup(r->agent->options->device ?
					     r->agent->options->device :
					     SECMOD_DEVICE);
	if (!job || !job->device ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		goto err_free;
	job->fd = fds[1];
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, work, job);
	pthread_attr_destroy(&attr);
	if (!rc) {
		r->fd = fds[0];
		return 0;
	}
	close(fds[0]);
	close(fds[1]);
err_free:
	if (job)
		free(job->device);
	free(job);
	return -rc;
}

static void respond(struct relay *r, uint64_t conversation, int status,
		    const void *data, size_t len)
{
	struct message *m = message_new(MSG_RELAY_RESPONSE);

	if (!m)
		return;
	m->u.relay_response->conversation = conversation;
	m->u.relay_response->status = status;
	if (!wire_set_octets(m->u.relay_response->response, data, len))
		link_send(r->agent->link, m);
	message_free(m);
}

static void refuse(struct relay *r, uint64_t conversation, int status,
		   const char *why)
{
	log_debug("conversation %llu: %s", (unsigned long long)conversation,
		  why);
	respond(r, conversation, status, why, strlen(why));
}

/* The thread wipes the session, then its end of the pair closes. */
static void end(struct relay *r)
{
	if (r->fd < 0 || r->ending)
		return;
	r->ending = 1;
	shutdown(r->fd, SHUT_WR);
}

static void on_answer(evutil_socket_t fd, short what, void *arg);

static void begin(struct relay *r, int64_t conversation)
{
	if (r->agent->options->software) {
		refuse(r, conversation, ENODEV,
		       "there is no module, the key is in software");
		return;
	}
	if (start_thread(r)) {
		refuse(r, conversation, ENOMEM, "out of memory");
		return;
	}
	r->conversation = conversation;
	r->asked = 1;
	r->ending = 0;
	event_assign(r->answered, r->agent->base, r->fd, EV_READ | EV_PERSIST,
		     on_answer, r);
	event_add(r->answered, NULL);
	log_debug("conversation %lld: opened", (long long)conversation);
}

static void gone(struct relay *r)
{
	int64_t next = r->next;

	event_del(r->answered);
	close(r->fd);
	r->fd = -1;
	r->next = NONE;
	log_debug("conversation %lld: closed", (long long)r->conversation);
	if (next != NONE)
		begin(r, next);
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct relay *r = arg;
	struct answer a;
	ssize_t n = recv(fd, &a, sizeof(a), MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)ANSWER_HEAD) {
		if (r->asked && !r->ending)
			refuse(r, r->conversation, EIO,
			       "the conversation broke off");
		gone(r);
		return;
	}
	r->asked = 0;
	if (r->ending)
		return;
	respond(r, r->conversation, a.status, a.data, n - ANSWER_HEAD);
	if (a.status)
		end(r);
}

static void open_conversation(struct relay *r, int64_t conversation)
{
	if (r->fd < 0)
		begin(r, conversation);
	else if (r->ending && r->next == NONE)
		r->next = conversation;
	else
		refuse(r, conversation, EBUSY,
		       "another conversation with this module is open");
}

static void say(struct relay *r, const struct wire_relay_command *c)
{
	const ASN1_OCTET_STRING *s = c->command;

	if (r->fd < 0 || r->ending ||
	    (uint64_t)r->conversation != c->conversation)
		refuse(r, c->conversation, ENOTCONN,
		       "this conversation is not open");
	else if (r->asked)
		refuse(r, c->conversation, EBUSY,
		       "the command before has no response yet");
	else if (send(r->fd, ASN1_STRING_get0_data(s), ASN1_STRING_length(s),
		      MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		refuse(r, c->conversation, errno, strerror(errno));
	else
		r->asked = 1;
}

static void close_conversation(struct relay *r, int64_t conversation)
{
	if (r->next == conversation)
		r->next = NONE;
	if (r->conversation == conversation)
		end(r);
}

int relay_message(struct relay *r, const struct message *m)
{
	switch (m->type) {
	case MSG_RELAY_OPEN:
		open_conversation(r, m->u.relay_open->conversation);
		return 0;
	case MSG_RELAY_COMMAND:
		say(r, m->u.relay_command);
		return 0;
	case MSG_RELAY_CLOSE:
		close_conversation(r, m->u.relay_close->conversation);
		return 0;
	}
	return -ENOENT;
}

int relay_busy(const struct relay *r)
{
	return r->fd >= 0 && r->asked && !r->ending;
}

void relay_drop(struct relay *r)
{
	r->next = NONE;
	end(r);
}

int relay_new(struct agent *a, struct error *e)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return error_set(e, ENOMEM, "out of memory");
	a->relay = r;
	*r = (struct relay){
		.agent = a, .fd = -1, .conversation = NONE, .next = NONE
	};
	r->answered = event_new(a->base, -1, 0, on_answer, r);
	return r->answered ? 0 : error_set(e, ENOMEM, "out of memory");
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	if (r->answered)
		event_free(r->answered);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}
