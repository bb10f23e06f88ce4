// SPDX-License-Identifier: MIT
/* audit.log: who did what. Each line holds the digest of the one before. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/journal.h"
#include "kms/kms.h"
#include "pki/pki.h"

struct chain {
	char digest[2 * CUSTODY_DIGEST_SIZE + 1]; /* of the line before */
	int number;
	int (*fn)(void *arg, const char *line);
	void *arg;
	struct error *e;
	int trusting; /* only the last line's digest is wanted */
};

static int link_up(struct chain *c, const char *line)
{
	uint8_t digest[CUSTODY_DIGEST_SIZE];

	if (!EVP_Digest(line, strlen(line), digest, NULL, EVP_sha256(), NULL))
		return error_set_ssl(c->e, EIO, "cannot hash");
	pki_hex(digest, sizeof(digest), c->digest);
	return 0;
}

/* A last line cut off by a crash was never acted upon: audit() comes first. */
static int check_line(void *arg, const char *line)
{
	struct chain *c = arg;
	json_t *event = c->trusting ? NULL : json_loads(line, 0, NULL);
	const char *before = custody_text(event, "before");
	int same = before && !strcmp(before, c->digest);
	int cut = !event;

	json_decref(event);
	c->number++;
	if (cut || c->trusting)
		return link_up(c, line);
	if (!same)
		return error_set(
			c->e, EBADMSG,
			"audit.log, line %d: a line before it was changed or removed",
			c->number);
	if (c->fn && c->fn(c->arg, line))
		return -ECANCELED;
	return link_up(c, line);
}

static int walk(const struct kms *k, struct chain *c, char **path)
{
	int ret;

	memset(c->digest, '0', 2 * CUSTODY_DIGEST_SIZE);
	ret = kms_path(k, path, c->e, "audit.log");
	return ret ? ret : journal_each(*path, check_line, c, c->e);
}

int audit_each(const struct kms *k, int (*fn)(void *arg, const char *line),
	       void *arg, struct error *e)
{
	struct chain c = { .fn = fn, .arg = arg, .e = e };
	char *path = NULL;
	int ret = walk(k, &c, &path);

	free(path);
	return ret;
}

/* SUDO_USER tells more only when it is root who says it. */
static void actor(char *out, size_t size)
{
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	struct passwd *pw = getpwuid(getuid());

	if (sudo)
		snprintf(out, size, "%s as root", sudo);
	else if (pw)
		snprintf(out, size, "%s", pw->pw_name);
	else
		snprintf(out, size, "uid %u", (unsigned int)getuid());
}

int audit(const struct kms *k, const char *event, const char *object,
	  const char *detail, struct error *e)
{
	struct chain c = { .e = e, .trusting = k->serving };
	char who[128], *path = NULL, *line = NULL;
	json_t *doc;
	int ret = walk(k, &c, &path);

	actor(who, sizeof(who));
	doc = ret ? NULL :
		    json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "time",
			      (json_int_t)time(NULL), "actor", who, "event",
			      event, "object", object, "detail", detail,
			      "before", c.digest);
	if (doc)
		line = json_dumps(doc, JSON_COMPACT);
	if (line)
		ret = journal_append(path, line, e);
	else if (!ret)
		ret = error_set(e, ENOMEM, "out of memory");
	json_decref(doc);
	free(line);
	free(path);
	return ret;
}
