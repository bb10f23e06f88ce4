// SPDX-License-Identifier: MIT
/* The command "serve": personalizes modules on one endpoint, one after the other. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/process.h"
#include "pki/peer.h"
#include "pu/pu.h"

#define MESSAGE_MS 30000

struct server {
	struct unit unit;
	const struct options *o;
	struct listener *listener;
	SSL_CTX *ctx;
	time_t ctx_made;
};

static int refresh_ctx(struct server *s, struct error *e)
{
	time_t now = time(NULL);
	int ret;

	if (s->ctx && now >= s->ctx_made &&
	    now - s->ctx_made < PKI_UNIT_CTX_LIFE)
		return 0;
	SSL_CTX_free(s->ctx);
	s->ctx = NULL;
	s->ctx_made = now;
	ret = pki_check(s->unit.signer, PKI_ROLE_SIGNER, s->unit.root, now, e);
	if (ret)
		return ret;
	return pki_unit_ctx("secmod-pu", s->unit.signer, s->unit.key, &s->ctx,
			    e);
}

/* add-central may have run meanwhile. */
static int refresh_central(struct server *s, struct error *e)
{
	STACK_OF(X509) *central;
	int ret;

	ret = unit_read_central(s->unit.dir, &central, e);
	if (ret)
		return ret;
	sk_X509_pop_free(s->unit.central, X509_free);
	s->unit.central = central;
	return 0;
}

/* One peer that fails is no reason to stop; only accepting is. */
static int serve_one(struct server *s, struct error *e)
{
	struct channel *ch;
	int fd, ret;

	fd = listener_accept(s->listener, e);
	if (fd < 0)
		return fd;
	ret = refresh_ctx(s, e);
	if (!ret)
		ret = refresh_central(s, e);
	if (ret) {
		close(fd);
		return ret;
	}
	ret = channel_open(fd, 1, s->ctx, pki_peer_identity, s->unit.root,
			   MESSAGE_MS, &ch, e);
	if (!ret)
		ret = personalize(&s->unit, s->o, ch, e);
	if (ret)
		log_warn("%s", e->text);
	channel_close(ch);
	return 0;
}

static int serve(struct server *s, const char *endpoint, struct error *e)
{
	int ret;

	ret = endpoint_listen(endpoint, &s->listener, e);
	if (!ret)
		ret = process_drop(s->o->user, e);
	if (!ret)
		ret = refresh_ctx(s, e);
	if (ret)
		return ret;
	if (!sk_X509_num(s->unit.central))
		log_warn(
			"there is no central certificate yet: modules will be refused until add-central");
	log_info("listening on %s", listener_name(s->listener));
	notify_manager("READY=1");
	do {
		ret = serve_one(s, e);
	} while (!ret && !process_stop && !s->o->once);
	notify_manager("STOPPING=1");
	return process_stop ? 0 : ret;
}

int cmd_serve(const struct options *o, int argc, char **argv, struct error *e)
{
	struct server s = { .o = o };
	int ret;

	(void)argc;
	ret = unit_open(&s.unit, o->dir, e);
	if (ret)
		return ret;
	process_on_stop();
	ret = serve(&s, argv[0], e);
	listener_close(s.listener);
	SSL_CTX_free(s.ctx);
	unit_close(&s.unit);
	return ret;
}
