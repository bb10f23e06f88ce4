// SPDX-License-Identifier: GPL-2.0-only
#include "t2_tcti.h"

#include "swtpm.h"

#define TCTI_MAGIC 0x7365636d6f640001ull

static TSS2_RC tcti_transmit(TSS2_TCTI_CONTEXT *ctx, size_t size,
			     const uint8_t *command)
{
	struct t2_tcti *tcti = (struct t2_tcti *)ctx;

	return t2_socket_send(*tcti->fd, command, size) ?
		       TSS2_TCTI_RC_IO_ERROR :
		       TSS2_RC_SUCCESS;
}

static TSS2_RC tcti_receive(TSS2_TCTI_CONTEXT *ctx, size_t *size,
			    uint8_t *response, int32_t timeout)
{
	struct t2_tcti *tcti = (struct t2_tcti *)ctx;
	int n;

	if (!response) {
		*size = 4096;
		return TSS2_RC_SUCCESS;
	}
	n = t2_socket_receive(*tcti->fd, response, *size,
			      timeout < 0 ? 20000 : timeout);
	if (n < 0)
		return TSS2_TCTI_RC_IO_ERROR;
	*size = (size_t)n;
	return TSS2_RC_SUCCESS;
}

static void tcti_finalize(TSS2_TCTI_CONTEXT *ctx)
{
	(void)ctx;
}

TSS2_TCTI_CONTEXT *t2_tcti_init(struct t2_tcti *tcti, int *fd)
{
	memset(tcti, 0, sizeof(*tcti));
	tcti->fd = fd;
	tcti->common.v1.magic = TCTI_MAGIC;
	tcti->common.v1.version = 2;
	tcti->common.v1.transmit = tcti_transmit;
	tcti->common.v1.receive = tcti_receive;
	tcti->common.v1.finalize = tcti_finalize;
	return (TSS2_TCTI_CONTEXT *)tcti;
}
