// SPDX-License-Identifier: MIT
/*
 * Transactions sealed with a key that the central system put into the module (A11). The
 * key is asked for when the connection is up, and again before it expires. Transactions
 * stay pending as they are until they have a reply: whatever becomes of a key, they
 * are sealed again with the next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "common/log.h"
#include "common/transaction.h"
#include "libsecmod/libsecmod.h"

#define KVN 0x40
#define AGAIN_S 5 /* after the central system had none */
#define TEXT_MAX 33000

struct seal {
	struct agent *agent;
	struct secmod *dev;
	struct event *renew;
	int ready; /* the module has a key, as far as is known */
	int asked; /* for one */
	uint64_t used, messages;
};

static void ask(struct seal *s)
{
	struct message *m = s->asked ? NULL : message_new(MSG_KEY_REQUEST);

	if (!m)
		return;
	m->u.key_request->kvn = KVN;
	s->asked = !link_send(s->agent->link, m);
	message_free(m);
}

static void on_renew(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask(arg);
}

static void in_seconds(struct seal *s, uint64_t seconds)
{
	struct timeval tv = { seconds ? (time_t)seconds : 1, 0 };

	event_add(s->renew, &tv);
}

/* Three quarters leave time for the next key. */
static uint64_t most_of(uint64_t n)
{
	return n / 4 * 3 + n % 4 * 3 / 4;
}

static void count(struct seal *s)
{
	if (++s->used >= most_of(s->messages))
		ask(s);
}

void seal_up(struct seal *s)
{
	s->ready = s->asked = 0;
	ask(s);
}

void seal_lost(struct seal *s)
{
	s->ready = 0;
	ask(s);
}

static int send_sealed(struct seal *s, const ASN1_OCTET_STRING *id,
		       const uint8_t *sealed, size_t len)
{
	struct message *m = message_new(MSG_SEALED_TRANSACTION);
	int r = -ENOMEM;

	if (m &&
	    !wire_set_octets(m->u.sealed_transaction->id,
			     ASN1_STRING_get0_data(id),
			     ASN1_STRING_length(id)) &&
	    !wire_set_octets(m->u.sealed_transaction->sealed, sealed, len))
		r = link_send(s->agent->link, m);
	message_free(m);
	return r;
}

static struct secmod_bytes bytes_of(const ASN1_OCTET_STRING *s)
{
	return (struct secmod_bytes){ ASN1_STRING_get0_data(s),
				      (size_t)ASN1_STRING_length(s) };
}

int seal_send(struct seal *s, const struct message *transaction)
{
	const struct wire_transaction *t = transaction->u.transaction;
	static uint8_t sealed[TEXT_MAX + SECMOD_SEAL_OVERHEAD];
	struct secmod_bytes aad = bytes_of(t->id), text = bytes_of(t->payload);
	size_t len = sizeof(sealed);
	int r;

	if (!s->ready || !link_up(s->agent->link))
		return -EAGAIN; /* seal_message() sends it when there is a key */
	r = secmod_seal(s->dev, KVN, &aad, &text, sealed, &len);
	if (r) {
		log_debug("cannot seal: %s", secmod_reason(s->dev));
		seal_lost(s);
		return -EAGAIN;
	}
	r = send_sealed(s, t->id, sealed, len);
	count(s);
	return r;
}

static void take_key(struct seal *s, const struct wire_key_answer *a)
{
	int first = !s->ready;

	s->asked = 0;
	if (a->status) {
		log_warn("no transaction key: %s", wire_text(a->text));
		in_seconds(s, AGAIN_S);
		return;
	}
	s->ready = 1;
	s->used = 0;
	s->messages = a->messages;
	in_seconds(s, most_of(a->lifetime));
	log_info("transaction key %llu, for %llu s and %llu messages",
		 (unsigned long long)a->id, (unsigned long long)a->lifetime,
		 (unsigned long long)a->messages);
	/* what is under way under the key before needs nothing */
	if (first)
		pending_send_all(s->agent->pending);
}

static int open_reply(struct seal *s, const struct wire_sealed_reply *r,
		      struct message **out, struct error *e)
{
	static uint8_t text[TEXT_MAX];
	struct secmod_bytes aad = bytes_of(r->id), sealed = bytes_of(r->sealed);
	size_t len = sizeof(text);
	int rc = secmod_unseal(s->dev, &aad, &sealed, text, &len);

	*out = NULL;
	if (rc)
		return error_set(e, -rc, "%s", secmod_reason(s->dev));
	count(s);
	rc = message_decode(text, len, out, e);
	if (!rc &&
	    ((*out)->type != MSG_TRANSACTION_REPLY ||
	     ASN1_OCTET_STRING_cmp((*out)->u.transaction_reply->id, r->id)))
		rc = error_set(e, EPROTO, "it is another message");
	return rc;
}

int seal_message(struct seal *s, const struct message *m)
{
	struct message *reply;
	struct error e;

	if (m->type == MSG_KEY_ANSWER) {
		take_key(s, m->u.key_answer);
		return 0;
	}
	if (m->type != MSG_SEALED_REPLY)
		return -ENOENT;
	if (!open_reply(s, m->u.sealed_reply, &reply, &e)) {
		pending_reply(s->agent->pending, reply);
	} else {
		log_warn("a sealed reply does not open: %s", e.text);
		message_free(reply);
	}
	return 0;
}

int seal_new(struct agent *a, struct error *e)
{
	struct seal *s;

	if (!a->options->seal)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(e, ENOMEM, "out of memory");
	a->seal = s;
	s->agent = a;
	s->renew = evtimer_new(a->base, on_renew, s);
	if (!s->renew)
		return error_set(e, ENOMEM, "out of memory");
	if (secmod_open(a->options->device, &s->dev))
		return error_set(e, ENODEV, "%s", secmod_reason(NULL));
	return 0;
}

void seal_free(struct seal *s)
{
	if (!s)
		return;
	if (s->renew)
		event_free(s->renew);
	secmod_close(s->dev);
	free(s);
}
