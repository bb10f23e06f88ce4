// SPDX-License-Identifier: MIT
/* A status file beside the socket, for "--status" and monitoring. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "agent/agent.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "common/notify.h"

static json_t *describe(const struct agent *a)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:I}", "module",
			 module_state(a->module), "connection",
			 link_state(a->link), "endpoint", a->options->connect,
			 "server", link_server(a->link), "pending",
			 pending_count(a->pending), "last_error",
			 link_last_error(a->link), "time",
			 (json_int_t)time(NULL));
}

/* Read by others at any moment: replaced, never rewritten. */
void status_write(const struct agent *a)
{
	char temporary[sizeof(a->status_path) + 4], line[160];
	json_t *j;

	snprintf(line, sizeof(line), "STATUS=%s, %s", module_state(a->module),
		 link_state(a->link));
	notify_manager(line);
	if (!a->status_path[0])
		return;
	snprintf(temporary, sizeof(temporary), "%s.new", a->status_path);
	j = describe(a);
	if (!j || json_dump_file(j, temporary, JSON_INDENT(2)) ||
	    chmod(temporary, 0644) || rename(temporary, a->status_path))
		log_debug("cannot write '%s'", a->status_path);
	json_decref(j);
}

int status_print(const struct options *o, struct error *e)
{
	char path[256];
	json_t *j;
	int fd = endpoint_connect(o->listen, 2000, e);

	if (fd < 0)
		return error_set(e, -fd, "no agent listens on '%s'", o->listen);
	close(fd);
	snprintf(path, sizeof(path), "%s.status", o->listen + strlen("unix:"));
	j = json_load_file(path, 0, NULL);
	if (!j)
		return error_set(e, ENOENT, "cannot read '%s'", path);
	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
	return 0;
}
