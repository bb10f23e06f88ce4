// SPDX-License-Identifier: MIT
/* URIs of TPM keys, and the file with the password. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "hsm/tpm_key.h"

#define DEFAULT_TCTI "device:/dev/tpmrm0"
#define PERSISTENT_FIRST 0x81000000u
#define PERSISTENT_LAST 0x81ffffffu

static int malformed(const char *uri, struct error *e)
{
	return error_set(
		e, EINVAL,
		"key '%s' is not tpm:0x81......[?tcti=CONF][&auth=FILE]", uri);
}

/* One name=value of @len bytes. */
static int take_option(const char *option, size_t len, struct tpm_key_uri *out)
{
	const struct {
		const char *name;
		char *value;
		size_t size;
	} options[] = {
		{ "tcti=", out->tcti, sizeof(out->tcti) },
		{ "auth=", out->auth, sizeof(out->auth) },
	};
	size_t i, name_len;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		name_len = strlen(options[i].name);
		if (len <= name_len ||
		    strncmp(option, options[i].name, name_len))
			continue;
		len -= name_len;
		if (len >= options[i].size)
			return -EINVAL;
		memcpy(options[i].value, option + name_len, len);
		options[i].value[len] = 0;
		return 0;
	}
	return -EINVAL;
}

int tpm_key_parse(const char *uri, struct tpm_key_uri *out, struct error *e)
{
	const char *p = uri + strlen("tpm:");
	unsigned long handle;
	size_t len;
	char *end;

	*out = (struct tpm_key_uri){ .tcti = DEFAULT_TCTI };
	if (strncmp(uri, "tpm:0x", 6))
		return malformed(uri, e);
	handle = strtoul(p, &end, 16);
	if (handle < PERSISTENT_FIRST || handle > PERSISTENT_LAST ||
	    (*end && *end != '?'))
		return malformed(uri, e);
	out->handle = handle;
	while (*end) {
		p = end + 1;
		len = strcspn(p, "&");
		if (take_option(p, len, out))
			return malformed(uri, e);
		end = (char *)p + len;
	}
	return 0;
}

int tpm_key_read_auth(const struct tpm_key_uri *u, TPM2B_AUTH *auth,
		      struct error *e)
{
	char text[sizeof(auth->buffer) + 2];
	ssize_t n;
	int fd;

	auth->size = 0;
	if (!*u->auth)
		return 0;
	fd = open(u->auth, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return error_set(e, errno,
				 "cannot read the password in '%s': %s",
				 u->auth, strerror(errno));
	if (n && text[n - 1] == '\n')
		n--;
	if ((size_t)n > sizeof(auth->buffer) || memchr(text, '\n', n)) {
		OPENSSL_cleanse(text, sizeof(text));
		return error_set(
			e, EINVAL,
			"'%s' holds no password: one line, at most %zu bytes",
			u->auth, sizeof(auth->buffer));
	}
	memcpy(auth->buffer, text, n);
	auth->size = n;
	OPENSSL_cleanse(text, sizeof(text));
	return 0;
}
