// SPDX-License-Identifier: MIT
/*
 * Transactions that wait for their reply. They keep the ids their applications
 * chose, so that sending them again after a broken connection books nothing twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "common/log.h"
#include "common/transaction.h"

#define PENDING_MAX 256

struct entry {
	TAILQ_ENTRY(entry) link;
	struct app *owner; /* NULL: it has gone */
	struct message *request;
	int64_t deadline; /* monotonic milliseconds */
};

struct pending {
	struct agent *agent;
	TAILQ_HEAD(entries, entry)
	entries; /* in the order of their deadlines */
	int count;
	struct event *timer;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void arm(struct pending *p)
{
	struct entry *first = TAILQ_FIRST(&p->entries);
	struct timeval tv;
	int64_t ms;

	if (!first) {
		event_del(p->timer);
		return;
	}
	ms = first->deadline - now_ms();
	if (ms < 0)
		ms = 0;
	tv = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	event_add(p->timer, &tv);
}

static void tell(struct app *owner, const struct message *request,
		 enum transaction_status status, const char *text)
{
	struct message *m = transaction_reply(request, status, 0, text);

	if (m && owner)
		app_reply(owner, m);
	message_free(m);
}

static void entry_free(struct pending *p, struct entry *en)
{
	TAILQ_REMOVE(&p->entries, en, link);
	p->count--;
	message_free(en->request);
	free(en);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct pending *p = arg;
	const char *why = link_last_error(p->agent->link);
	int64_t now = now_ms();
	struct entry *en;

	(void)fd;
	(void)what;
	while ((en = TAILQ_FIRST(&p->entries)) && en->deadline <= now) {
		tell(en->owner, en->request, TRANSACTION_UNANSWERED,
		     why[0] ? why : "the central system does not answer");
		entry_free(p, en);
	}
	arm(p);
	status_write(p->agent);
}

static struct entry *find(struct pending *p, const ASN1_OCTET_STRING *id)
{
	struct entry *en;

	TAILQ_FOREACH(en, &p->entries, link)
	if (!ASN1_OCTET_STRING_cmp(en->request->u.transaction->id, id))
		return en;
	return NULL;
}

/* The application asks again, perhaps after it was restarted: the new asker waits. */
static void adopt(struct entry *en, struct app *owner, struct message *m)
{
	if (ASN1_OCTET_STRING_cmp(en->request->u.transaction->payload,
				  m->u.transaction->payload)) {
		tell(owner, m, TRANSACTION_CONFLICT,
		     "the id is waiting with another payload");
	} else {
		if (en->owner && en->owner != owner)
			tell(en->owner, m, TRANSACTION_UNANSWERED,
			     "another connection has taken over this id");
		else if (en->owner)
			tell(owner, m, TRANSACTION_UNANSWERED,
			     "the id is waiting already");
		en->owner = owner;
	}
	message_free(m);
}

static int transmit(struct pending *p, const struct message *m)
{
	return p->agent->seal ? seal_send(p->agent->seal, m) :
				link_send(p->agent->link, m);
}

void pending_add(struct pending *p, struct app *owner, struct message *m)
{
	struct entry *en = find(p, m->u.transaction->id);

	if (en) {
		adopt(en, owner, m);
		return;
	}
	if (p->count < PENDING_MAX)
		en = calloc(1, sizeof(*en));
	if (!en) {
		tell(owner, m, TRANSACTION_FULL,
		     "too many transactions are waiting");
		message_free(m);
		return;
	}
	en->owner = owner;
	en->request = m;
	en->deadline = now_ms() + p->agent->options->answer_s * 1000LL;
	TAILQ_INSERT_TAIL(&p->entries, en, link);
	p->count++;
	transmit(p, m);
	arm(p);
}

void pending_reply(struct pending *p, struct message *m)
{
	struct entry *en = find(p, m->u.transaction_reply->id);

	if (en) {
		if (en->owner)
			app_reply(en->owner, m);
		entry_free(p, en);
		arm(p);
	} else {
		log_debug("a reply that nobody waits for any more");
	}
	message_free(m);
}

void pending_send_all(struct pending *p)
{
	struct entry *en;

	TAILQ_FOREACH(en, &p->entries, link)
	if (transmit(p, en->request))
		break;
}

void pending_forget(struct pending *p, struct app *owner)
{
	struct entry *en;

	TAILQ_FOREACH(en, &p->entries, link)
	if (en->owner == owner)
		en->owner = NULL;
}

int pending_count(const struct pending *p)
{
	return p->count;
}

int pending_new(struct agent *a, struct error *e)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p)
		return error_set(e, ENOMEM, "out of memory");
	a->pending = p;
	p->agent = a;
	TAILQ_INIT(&p->entries);
	p->timer = evtimer_new(a->base, on_timer, p);
	return p->timer ? 0 : error_set(e, ENOMEM, "out of memory");
}

void pending_free(struct pending *p)
{
	struct entry *en;

	if (!p)
		return;
	while ((en = TAILQ_FIRST(&p->entries)))
		entry_free(p, en);
	if (p->timer)
		event_free(p->timer);
	free(p);
}
