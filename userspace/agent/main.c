// SPDX-License-Identifier: MIT
/*
 * secmod-agent: on the terminal, keeps the connection to the central system with
 * the module's key and relays the transactions of local applications.
 */
#include <errno.h>
#include <getopt.h>
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
#include "common/process.h"

enum { EXIT_USAGE = 2 };
enum { OPT_SOFTWARE = 256, OPT_STATUS, OPT_RETRY, OPT_SEAL };

static const struct option long_options[] = {
	{ "device", required_argument, NULL, 'D' },
	{ "connect", required_argument, NULL, 'C' },
	{ "listen", required_argument, NULL, 'L' },
	{ "user", required_argument, NULL, 'u' },
	{ "group", required_argument, NULL, 'g' },
	{ "time-limit", required_argument, NULL, 'T' },
	{ "retry", required_argument, NULL, OPT_RETRY },
	{ "insecure-software-key", no_argument, NULL, OPT_SOFTWARE },
	{ "key", required_argument, NULL, 'K' },
	{ "cert", required_argument, NULL, 'c' },
	{ "central", required_argument, NULL, 's' },
	{ "seal", no_argument, NULL, OPT_SEAL },
	{ "status", no_argument, NULL, OPT_STATUS },
	{ "check", no_argument, NULL, 'n' },
	{ "foreground", no_argument, NULL, 'd' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void usage(FILE *f)
{
	fputs("usage: secmod-agent [-ndv] [--device DEVICE] --connect ENDPOINT "
	      "[--listen unix:PATH]\n"
	      "                    [--group GROUP] [--user USER] "
	      "[--time-limit S] [--retry MIN,MAX] [--seal]\n"
	      "       secmod-agent --insecure-software-key --key URI "
	      "--cert FILE --central FILE ...\n"
	      "       secmod-agent --status [--listen unix:PATH]\n",
	      f);
}

static int retry_times(struct options *o, const char *arg)
{
	int end = 0;

	return sscanf(arg, "%d,%d%n", &o->retry_min_ms, &o->retry_max_ms,
		      &end) == 2 &&
			       !arg[end] && o->retry_min_ms > 0 &&
			       o->retry_max_ms >= o->retry_min_ms &&
			       o->retry_max_ms <= 3600000 ?
		       0 :
		       -1;
}

static int answer_time(struct options *o, const char *arg)
{
	char *end;
	long v = strtol(arg, &end, 10);

	if (end == arg || *end || v < 1 || v > 3600)
		return -1;
	o->answer_s = v;
	return 0;
}

static const char **text_option(struct options *o, int c)
{
	switch (c) {
	case 'D':
		return &o->device;
	case 'C':
		return &o->connect;
	case 'L':
		return &o->listen;
	case 'u':
		return &o->user;
	case 'g':
		return &o->group;
	case 'K':
		return &o->key;
	case 'c':
		return &o->cert;
	case 's':
		return &o->central;
	}
	return NULL;
}

static int take_option(struct options *o, int c, const char *arg)
{
	const char **text = text_option(o, c);

	if (text)
		*text = arg;
	else if (c == OPT_SOFTWARE)
		o->software = 1;
	else if (c == OPT_STATUS)
		o->status = 1;
	else if (c == OPT_SEAL)
		o->seal = 1;
	else if (c == 'n')
		o->check_only = 1;
	else if (c == 'v')
		o->verbose = 1;
	else if (c == 'T')
		return answer_time(o, arg);
	else if (c == OPT_RETRY)
		return retry_times(o, arg);
	return c == '?' ? -1 : 0;
}

static int parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "ndvh", long_options, NULL)) !=
	       -1) {
		if (c == 'h') {
			usage(stdout);
			exit(0);
		}
		if (take_option(o, c, optarg))
			return -1;
	}
	if (optind != argc || strncmp(o->listen, "unix:/", 6))
		return -1;
	if (o->status)
		return 0;
	if (o->seal && o->software)
		return -1;
	if (!o->connect || !o->software != !(o->key && o->cert && o->central))
		return -1;
	return 0;
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
	int r;

	if (parse(&o, argc, argv)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	log_init("secmod-agent", o.verbose);
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
