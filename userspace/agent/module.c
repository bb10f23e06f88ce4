// SPDX-License-Identifier: MIT
/* The security module as the agent needs it: state, certificates, key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "common/log.h"
#include "hsm/hsm.h"
#include "libsecmod/libsecmod.h"
#include "pki/pki.h"

#define RELOAD_MS 5000 /* after certificates or key could not be read */
#define LAST_WORD_MS 20
#define LAST_WORDS 1500 /* so often it is waited for: TPMs take seconds */

struct module {
	struct agent *agent;
	struct secmod *dev; /* NULL: software key */
	struct event *changed, *reload, *settle;
	unsigned int state, generation;
	int waits; /* for a last word, see settle() */
};

void identity_clear(struct identity *id)
{
	X509_free(id->cert);
	X509_free(id->signer);
	sk_X509_pop_free(id->central, X509_free);
	EVP_PKEY_free(id->key);
	*id = (struct identity){ 0 };
}

static int read_cert(struct secmod *dev, enum secmod_cert kind,
		     unsigned int index, X509 **out, struct error *e)
{
	const unsigned char *p;
	uint8_t *der;
	size_t len;
	int r = secmod_get_cert(dev, kind, index, &der, &len);

	if (r)
		return error_set(e, -r, "%s: %s certificate: %s",
				 secmod_device(dev), secmod_cert_name(kind),
				 secmod_reason(dev));
	p = der;
	*out = d2i_X509(NULL, &p, len);
	secmod_free(der);
	return *out ? 0 :
		      error_set_ssl(e, EBADMSG, "%s: %s certificate is damaged",
				    secmod_device(dev), secmod_cert_name(kind));
}

static int read_central(struct secmod *dev, struct identity *id,
			struct error *e)
{
	id->central = sk_X509_new_null();
	for (unsigned int i = 0; i < SECMOD_CENTRAL_MAX; i++) {
		X509 *cert;
		int r = read_cert(dev, SECMOD_CERT_CENTRAL, i, &cert, e);

		if (r == -ENOENT && i)
			return 0;
		if (r)
			return r;
		if (!id->central || !sk_X509_push(id->central, cert)) {
			X509_free(cert);
			return error_set(e, ENOMEM, "out of memory");
		}
	}
	return 0;
}

static int read_module(struct secmod *dev, struct identity *id, struct error *e)
{
	char uri[256];
	int r = read_cert(dev, SECMOD_CERT_MODULE, 0, &id->cert, e);

	if (!r)
		r = read_cert(dev, SECMOD_CERT_SIGNER, 0, &id->signer, e);
	if (!r)
		r = read_central(dev, id, e);
	snprintf(uri, sizeof(uri), "secmod:module?device=%s",
		 secmod_device(dev));
	return r ? r : hsm_open_key(uri, &id->key, e);
}

static int read_files(const struct options *o, struct identity *id,
		      struct error *e)
{
	STACK_OF(X509) *chain = NULL;
	int r = pki_read_chain(o->cert, &chain, e);

	if (!r && sk_X509_num(chain) != 2)
		r = error_set(e, EINVAL,
			      "'%s' must hold two certificates: the module's "
			      "and its signer's",
			      o->cert);
	if (!r) {
		id->cert = sk_X509_shift(chain);
		id->signer = sk_X509_shift(chain);
		r = pki_read_chain(o->central, &id->central, e);
	}
	sk_X509_pop_free(chain, X509_free);
	return r ? r : hsm_open_key(o->key, &id->key, e);
}

/* A certificate and a key that do not belong together: the state changed between. */
static int check_pair(const struct identity *id, struct error *e)
{
	if (X509_check_private_key(id->cert, id->key))
		return 0;
	return error_set_ssl(e, EKEYREJECTED,
			     "the module certificate is over another key");
}

static void load(struct module *m)
{
	struct identity id = { 0 };
	struct error e;
	int r = m->dev ? read_module(m->dev, &id, &e) :
			 read_files(m->agent->options, &id, &e);

	if (!r)
		r = check_pair(&id, &e);
	if (!r) {
		link_identity(m->agent->link, &id);
		return;
	}
	identity_clear(&id);
	log_warn("%s", e.text);
	link_identity(m->agent->link, NULL);
	if (m->reload) {
		struct timeval tv = { RELOAD_MS / 1000, 0 };

		event_add(m->reload, &tv);
	}
}

/*
 * A command through the relay may have changed the state, and its response (proof of an
 * erasure) belongs to the connection that is about to be dropped.
 */
static void settle(struct module *m)
{
	struct agent *a = m->agent;
	struct timeval tv = { 0, LAST_WORD_MS * 1000 };

	if ((relay_busy(a->relay) || link_unsent(a->link)) &&
	    m->waits++ < LAST_WORDS) {
		event_add(m->settle, &tv);
		return;
	}
	m->waits = 0;
	if (m->state == SECMOD_STATE_OPERATING)
		load(m);
	else
		link_identity(a->link, NULL);
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	settle(arg);
}

/* Whatever changed, what was read before may be dead: drop it, read anew. */
static void look(struct module *m, int first)
{
	struct secmod_info info = { 0 };
	int r = secmod_info(m->dev, &info);

	if (r) {
		log_warn("%s: %s", secmod_device(m->dev),
			 secmod_reason(m->dev));
		m->agent->failed = 1;
		event_base_loopbreak(m->agent->base);
		return;
	}
	if (!first && info.generation == m->generation)
		return;
	m->state = info.state;
	m->generation = info.generation;
	log_info("module %s is %s", secmod_device(m->dev),
		 secmod_state_name(info.state));
	event_del(m->reload);
	settle(m);
}

static void on_changed(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg, 0);
}

static void on_reload(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	load(arg);
}

int module_open(struct agent *a, struct error *e)
{
	struct module *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return error_set(e, ENOMEM, "out of memory");
	a->module = m;
	m->agent = a;
	if (a->options->software)
		return 0;
	r = secmod_open(a->options->device, &m->dev);
	return r ? error_set(e, -r, "%s", secmod_reason(NULL)) : 0;
}

int module_start(struct agent *a, struct error *e)
{
	struct module *m = a->module;

	if (!m->dev) {
		load(m);
		return 0;
	}
	m->changed = event_new(a->base, secmod_fd(m->dev), EV_READ | EV_PERSIST,
			       on_changed, m);
	m->reload = evtimer_new(a->base, on_reload, m);
	m->settle = evtimer_new(a->base, on_settle, m);
	if (!m->changed || !m->reload || !m->settle ||
	    event_add(m->changed, NULL))
		return error_set(e, EIO, "cannot watch '%s'",
				 secmod_device(m->dev));
	look(m, 1);
	return 0;
}

const char *module_state(const struct module *m)
{
	return m->dev ? secmod_state_name(m->state) : "insecure software key";
}

void module_close(struct module *m)
{
	if (!m)
		return;
	if (m->changed)
		event_free(m->changed);
	if (m->reload)
		event_free(m->reload);
	if (m->settle)
		event_free(m->settle);
	secmod_close(m->dev);
	free(m);
}
