// SPDX-License-Identifier: MIT
/* secmod gp: secrets from files and descriptors, read and wiped. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "pki/pki.h"
#include "secmod/gp_cli.h"

#define SECRET_MAX 65536
#define KEYS 3
#define KVN 0x08 /* bit of a keyset's line, behind those of its keys */
#define WHOLE 0x0f

int gp_cli_unhex(char *text, uint8_t *out, size_t max)
{
	char *to = text;

	for (const char *p = text; *p; p++)
		if (!isspace((unsigned char)*p))
			*to++ = (char)tolower((unsigned char)*p);
	*to = '\0';
	if ((to - text) % 2 || (size_t)(to - text) / 2 > max ||
	    pki_unhex(text, out, (size_t)(to - text) / 2))
		return -1;
	return (int)((to - text) / 2);
}

static int check_file(int fd, const char *path, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return error_set(
			e, EINVAL,
			"'%s' is no file: give keys by a file, or by a descriptor",
			path);
	if (st.st_uid != geteuid())
		return error_set(
			e, EPERM,
			"'%s' belongs to user %u, who may change it: make a file of your own",
			path, st.st_uid);
	if (st.st_mode & 077)
		return error_set(
			e, EPERM,
			"'%s' has mode %04o, others may have read it: chmod 600, and think of new keys",
			path, st.st_mode & 07777);
	return 0;
}

/* O_NONBLOCK: the open of what is no file does not wait for somebody. */
static int open_file(const char *path, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc = fd < 0 ? error_set(e, errno,
				    "cannot open '%s': %s: give a file itself",
				    path, strerror(errno)) :
			  check_file(fd, path, e);

	if (rc && fd >= 0)
		close(fd);
	return rc ? rc : fd;
}

static int take_descriptor(const char *option, const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (end == text || *end || fd < 0 || fcntl((int)fd, F_GETFD) < 0)
		return cli_misuse("--%s-fd: '%s' is no open descriptor", option,
				  text);
	return (int)fd;
}

static int read_whole(int fd, const char *name, char *data, struct error *e)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n && len < SECRET_MAX) {
		n = read(fd, data + len, SECRET_MAX - len);
		if (n < 0 && errno != EINTR)
			return error_set(e, errno, "cannot read '%s': %s", name,
					 strerror(errno));
		if (n > 0)
			len += (size_t)n;
	}
	if (len == SECRET_MAX)
		return error_set(
			e, EFBIG,
			"'%s' is longer than %d bytes: are these keys?", name,
			SECRET_MAX - 1);
	data[len] = '\0';
	return 0;
}

static int each_line(char *data, gp_secret_fn fn, void *arg, const char *name,
		     struct error *e)
{
	struct gp_secret_line line = { 0 };
	struct error why = { "" };
	char *end, *words;
	int rc = 0;

	for (char *at = data; rc == 0 && at; at = end ? end + 1 : NULL) {
		end = strchr(at, '\n');
		if (end)
			*end = '\0';
		line.number++;
		at[strcspn(at, "#")] = '\0';
		line.name = strtok_r(at, " \t\r", &words);
		line.value = words;
		if (line.name)
			rc = fn(arg, &line, &why);
	}
	if (rc)
		error_set(e, -rc, "'%s', line %u: %s", name, line.number,
			  why.text);
	return rc;
}

int gp_secret_read(const char *option, const char *path, const char *fd_text,
		   gp_secret_fn fn, void *arg, struct error *e)
{
	static char data[SECRET_MAX + 1];
	char name[32];
	int fd, rc;

	if (!path == !fd_text)
		return cli_misuse("give --%s FILE or --%s-fd N", option,
				  option);
	if (path) {
		fd = open_file(path, e);
		if (fd < 0)
			return fd;
	} else {
		fd = take_descriptor(option, fd_text);
		if (fd == CLI_USAGE)
			return CLI_USAGE;
		snprintf(name, sizeof(name), "descriptor %d", fd);
		path = name;
	}
	rc = read_whole(fd, path, data, e);
	if (rc == 0)
		rc = each_line(data, fn, arg, path, e);
	OPENSSL_cleanse(data, sizeof(data));
	if (!fd_text)
		close(fd);
	return rc;
}

struct reading {
	struct gp_keyset *keys;
	uint8_t kvn;
	unsigned int seen;
};

static int take_kvn(struct reading *r, char *value, struct error *e)
{
	if (gp_cli_unhex(value, &r->kvn, 1) == 1)
		return 0;
	return error_set(
		e, EINVAL,
		"kvn is a key version number, 2 hex digits: 30 transport, 31 to 37 replacement, 38 to 3F master");
}

static int take_key(struct reading *r, const char *name, uint8_t *key,
		    char *value, struct error *e)
{
	int len = gp_cli_unhex(value, key, GP_KEY_MAX);

	if (len != 16 && len != 24 && len != 32)
		return error_set(e, EINVAL,
				 "%s is no key of AES: 32, 48 or 64 hex digits",
				 name);
	if (r->keys->len && r->keys->len != len)
		return error_set(
			e, EINVAL,
			"%s has %d bytes, the key before it %u: those of a keyset are equally long",
			name, len, r->keys->len);
	r->keys->len = (uint8_t)len;
	return 0;
}

/* What is not understood is not repeated: it may be a key. */
static int keyset_line(void *arg, const struct gp_secret_line *line,
		       struct error *e)
{
	static const char *const names[] = { "enc", "mac", "dek", "kvn" };
	struct reading *r = arg;
	uint8_t *const keys[KEYS] = { r->keys->enc, r->keys->mac,
				      r->keys->dek };

	for (unsigned int i = 0; i <= KEYS; i++) {
		if (strcasecmp(line->name, names[i]) != 0)
			continue;
		if (r->seen & 1U << i)
			return error_set(e, EINVAL, "a second %s", names[i]);
		r->seen |= 1U << i;
		return i == KEYS ?
			       take_kvn(r, line->value, e) :
			       take_key(r, names[i], keys[i], line->value, e);
	}
	return error_set(
		e, EINVAL,
		"a line is one of kvn, enc, mac, dek, a blank, and hex digits");
}

int gp_secret_keyset(const char *option, const char *path, const char *fd,
		     struct gp_keyset *keys, uint8_t *kvn, struct error *e)
{
	struct reading r = { .keys = keys };
	int rc;

	memset(keys, 0, sizeof(*keys));
	rc = gp_secret_read(option, path, fd, keyset_line, &r, e);
	if (rc == 0 && r.seen != WHOLE)
		rc = error_set(
			e, EINVAL,
			"'%s' is no whole keyset: kvn, enc, mac and dek, on a line each",
			path ? path : "the descriptor");
	if (rc)
		gp_keyset_wipe(keys);
	*kvn = r.kvn;
	return rc;
}
