// SPDX-License-Identifier: MIT
/* The connection to a unit: the manufacturer's or a personalization unit. */
#include <errno.h>

#include "common/endpoint.h"
#include "secmod/cli.h"

int unit_connect(const char *endpoint, X509 *cert, EVP_PKEY *key,
		 channel_check_fn check, void *arg, int timeout_ms,
		 struct channel **out, struct error *e)
{
	SSL_CTX *ctx = channel_ctx(0, cert, key, NULL, e);
	int fd, rc;

	*out = NULL;
	if (!ctx)
		return -EIO;
	fd = endpoint_connect(endpoint, timeout_ms, e);
	rc = fd < 0 ? fd :
		      channel_open(fd, 0, ctx, check, arg, timeout_ms, out, e);
	SSL_CTX_free(ctx);
	return rc;
}

int unit_send(struct channel *ch, struct message *m, struct error *e)
{
	int rc;

	if (!m)
		return error_set(e, ENOMEM, "out of memory");
	rc = channel_send(ch, m, e);
	message_free(m);
	return rc;
}
