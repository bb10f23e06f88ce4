// SPDX-License-Identifier: MIT
/* The command "serve": certifies identity keys, one connection after the other. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/process.h"
#include "manufacturer/manufacturer.h"
#include "pki/peer.h"

#define MESSAGE_MS 30000
#define IDENTITY_DAYS 7305 /* twenty years: made once in a module's life */

struct server {
	struct certifier certifier;
	struct listener *listener;
	SSL_CTX *ctx;
	time_t ctx_made;
};

static int refresh_ctx(struct server *s, struct error *e)
{
	const struct office *o = s->certifier.office;
	time_t now = time(NULL);

	if (s->ctx && now >= s->ctx_made &&
	    now - s->ctx_made < PKI_UNIT_CTX_LIFE)
		return 0;
	SSL_CTX_free(s->ctx);
	s->ctx_made = now;
	return pki_unit_ctx("secmod-manufacturer", o->root, o->key, &s->ctx, e);
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
	if (ret) {
		close(fd);
		return ret;
	}
	ret = channel_open(fd, 1, s->ctx, NULL, NULL, MESSAGE_MS, &ch, e);
	if (!ret)
		ret = certify_one(&s->certifier, ch, e);
	if (ret)
		log_warn("%s", e->text);
	channel_close(ch);
	return 0;
}

static int serve(struct server *s, const struct options *o,
		 const char *endpoint, struct error *e)
{
	int ret;

	ret = endpoint_listen(endpoint, &s->listener, e);
	if (!ret)
		ret = process_drop(o->user, e);
	if (!ret)
		ret = refresh_ctx(s, e);
	if (ret)
		return ret;
	log_info("listening on %s", listener_name(s->listener));
	notify_manager("READY=1");
	do {
		ret = serve_one(s, e);
	} while (!ret && !process_stop && !o->once);
	notify_manager("STOPPING=1");
	return process_stop ? 0 : ret;
}

int cmd_serve(const struct options *o, int argc, char **argv, struct error *e)
{
	struct server s = { 0 };
	struct ek_policy *policy = NULL;
	struct office office;
	int ret;

	(void)argc;
	ret = office_open(&office, o->dir, e);
	if (ret)
		return ret;
	process_on_stop();
	ret = ek_policy_new(o->ek_ca, o->ek_allow, &policy, e);
	s.certifier = (struct certifier){
		.office = &office,
		.ek = policy,
		.days = o->days ? o->days : IDENTITY_DAYS,
		.instances = o->instances ? o->instances : 1,
	};
	if (!ret)
		ret = serve(&s, o, argv[0], e);
	listener_close(s.listener);
	SSL_CTX_free(s.ctx);
	ek_policy_free(policy);
	office_close(&office);
	return ret;
}
