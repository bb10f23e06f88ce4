// SPDX-License-Identifier: MIT
/* Who administers, for the audit log. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "central/central.h"

/* SUDO_USER tells more only when it is root who says it. */
static void actor(char *out, size_t size)
{
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	struct passwd *pw = getpwuid(getuid());
	const char *name = pw ? pw->pw_name : NULL;
	char number[32];

	snprintf(number, sizeof(number), "uid %u", (unsigned int)getuid());
	if (sudo)
		snprintf(out, size, "%s as %s", sudo, name ? name : number);
	else
		snprintf(out, size, "%s", name ? name : number);
}

int audit(struct store *s, const char *action, const char *object,
	  const char *detail, struct error *e)
{
	char who[128];
	struct store_audit a = { .actor = who,
				 .action = action,
				 .object = object,
				 .detail = detail ? detail : "" };

	actor(who, sizeof(who));
	return store_audit_add(s, &a, e);
}
