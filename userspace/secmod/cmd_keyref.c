// SPDX-License-Identifier: MIT
/* secmod keyref: a file that stands for a key of the module. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "provider/keyref.h"
#include "secmod/cli.h"

int cmd_keyref(struct cli *c, int argc, char **argv, struct error *e)
{
	char uri[KEYREF_URI_MAX + 1];
	const char *name;
	BIO *out;
	int rc = cli_parse(c, argc, argv, NULL, 1, 1, &name), n;

	if (rc)
		return rc;
	if (strcmp(name, "identity") != 0 && strcmp(name, "module") != 0)
		return cli_misuse(
			"'%s' is no key: a module has identity and module",
			name);
	if (strcmp(c->device, SECMOD_DEVICE) == 0)
		n = snprintf(uri, sizeof(uri), "secmod:%s", name);
	else
		n = snprintf(uri, sizeof(uri), "secmod:%s?device=%s", name,
			     c->device);
	out = BIO_new_fp(stdout, BIO_NOCLOSE);
	rc = out && n < (int)sizeof(uri) ? keyref_write(out, uri) : -EINVAL;
	BIO_free(out);
	return rc ? error_set(e, -rc, "cannot write a reference to '%s'", uri) :
		    0;
}
