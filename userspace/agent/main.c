// SPDX-License-Identifier: MIT
/*
 * secmod-agent: on the terminal, keeps the connection to the central system with
 * the module's key and relays the transactions of local applications.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/options.h"
#include "common/process.h"

static const struct command command = {
	.options = "device connect listen user group time-limit retry "
		   "seal|insecure-software-key key cert central status check "
		   "foreground",
	.usage =
		"[-ndv] [--device DEVICE] --connect ENDPOINT [--listen unix:PATH]\n"
		"                    [--group GROUP] [--user USER] "
		"[--time-limit S] [--retry MIN,MAX] [--seal]\n"
		"       secmod-agent --insecure-software-key --key URI "
		"--cert FILE --central FILE ...\n"
		"       secmod-agent --status [--listen unix:PATH]",
};

static const struct option_spec specs[] = {
	OPTION(TEXT, "device", device),
	OPTION(TEXT, "connect", connect),
	OPTION(TEXT, "listen", listen),
	OPTION(TEXT, "user", user),
	OPTION(TEXT, "group", group),
	OPTION(NUMBER, "time-limit", answer_s, .min = 1, .max = 3600),
	OPTION(TEXT, "retry", retry),
	OPTION(FLAG, "insecure-software-key", software),
	OPTION(TEXT, "key", key),
	OPTION(TEXT, "cert", cert),
	OPTION(TEXT, "central", central),
	OPTION(FLAG, "seal", seal),
	OPTION(FLAG, "status", status),
	OPTION(FLAG, "check", check_only, .letter = 'n'),
	OPTION(FLAG, "foreground", foreground, .letter = 'd'),
	OPTION(FLAG, "verbose", verbose, .letter = 'v', .common = 1),
};

static const struct program program = {
	.name = "secmod-agent",
	.options = specs,
	.n_options = sizeof(specs) / sizeof(specs[0]),
	.commands = &command,
	.n_commands = 1,
};

static int retry_times(struct options *o)
{
	int end = 0;

	return sscanf(o->retry, "%d,%d%n", &o->retry_min_ms, &o->retry_max_ms,
		      &end) == 2 &&
	       !o->retry[end] && o->retry_min_ms > 0 &&
	       o->retry_max_ms >= o->retry_min_ms && o->retry_max_ms <= 3600000;
}

/* What the tables do not say; NULL or what is wrong. */
static const char *check(struct options *o)
{
	if (strncmp(o->listen, "unix:/", 6))
		return "--listen takes unix:PATH";
	if (o->retry && !retry_times(o))
		return "--retry takes MIN,MAX: milliseconds, at most 3600000";
	if (o->status)
		return NULL;
	if (!o->connect)
		return "--connect is needed";
	if (!o->software != !(o->key && o->cert && o->central))
		return "--insecure-software-key, --key, --cert and --central go together";
	return NULL;
}

/* The listener made it for the owner alone; now the group may use it. */
static int share_socket(const struct options *o, struct error *e)
{
	const char *path = o->listen + strlen("unix:");
	struct group *gr = o->group ? getgrnam(o->group) : NULL;

	if (o->group && !gr)
		return error_set(e, ENOENT, "there is no group '%s'", o->group);
	if ((gr && chown(path, -1, gr->gr_gid)) || chmod(path, 0660))
		return error_set(e, errno, "cannot share '%s': %s", path,
				 strerror(errno));
	return 0;
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct agent *a = arg;

	(void)sig;
	(void)what;
	event_base_loopbreak(a->base);
}

static int loop(struct agent *a, struct listener *l, struct error *e)
{
	struct event *term = evsignal_new(a->base, SIGTERM, on_signal, a);
	struct event *intr = evsignal_new(a->base, SIGINT, on_signal, a);
	int r = 0;

	if (!term || !intr || event_add(term, NULL) || event_add(intr, NULL))
		r = error_set(e, ENOMEM, "out of memory");
	if (!r)
		r = relay_new(a, e);
	if (!r)
		r = seal_new(a, e);
	if (!r)
		r = link_new(a, e);
	if (!r)
		r = pending_new(a, e);
	if (!r)
		r = apps_new(a, l, e);
	if (!r)
		r = module_start(a, e);
	if (!r) {
		notify_manager("READY=1");
		event_base_dispatch(a->base);
		notify_manager("STOPPING=1");
		if (a->failed)
			r = error_set(e, ENODEV, "stopped without the module");
	}
	if (term)
		event_free(term);
	if (intr)
		event_free(intr);
	return r;
}

static int run(struct agent *a, struct error *e)
{
	const struct options *o = a->options;
	struct listener *l = NULL;
	int r = module_open(a, e);

	if (!r && o->check_only) {
		printf("configuration OK\n");
		return 0;
	}
	if (!r)
		r = endpoint_listen(o->listen, &l, e);
	if (!r)
		r = share_socket(o, e);
	if (!r)
		r = process_drop(o->user, e);
	if (!r) {
		log_info("listening on %s", listener_name(l));
		r = loop(a, l, e);
	}
	listener_close(l);
	return r;
}

int main(int argc, char **argv)
{
	struct options o = { .listen = AGENT_SOCKET,
			     .retry_min_ms = 1000,
			     .retry_max_ms = 60000,
			     .answer_s = 30 };
	struct agent a = { .options = &o };
	struct error e = { "" };
	const char *wrong;
	int r;

	if (!options_parse(&program, &o, &argc, &argv))
		return EXIT_USAGE;
	wrong = check(&o);
	if (wrong)
		return options_wrong(&program, &command, "%s", wrong);
	log_init(program.name, o.verbose);
	process_harden();
	if (o.software)
		log_warn("the key is in software: for tests only");
	snprintf(a.status_path, sizeof(a.status_path), "%s.status",
		 o.listen + strlen("unix:"));
	a.base = event_base_new();
	if (o.status)
		r = status_print(&o, &e);
	else
		r = a.base ? run(&a, &e) : error_set(&e, ENOMEM, "no memory");
	apps_free(a.apps);
	link_free(a.link);
	relay_free(a.relay);
	seal_free(a.seal);
	pending_free(a.pending);
	module_close(a.module);
	if (a.base)
		event_base_free(a.base);
	if (r)
		log_warn("%s", e.text);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
