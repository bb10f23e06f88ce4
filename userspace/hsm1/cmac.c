// SPDX-License-Identifier: MIT
/*
 * SP 800-108 with CMAC by the kernel (libkcapi): the key is then in the kernel, and no
 * longer in this process. Kernels may allow it or not: who asks has another way.
 */
#include <errno.h>
#include <stddef.h>

#include <kcapi.h>

#include "hsm1/internal.h"

/* The library asks the kernel by netlink what it makes: not possible any more later. */
static struct kcapi_handle *unused[HSM1_KEYS_MAX];
static size_t count;

static struct kcapi_handle *make(void)
{
	struct kcapi_handle *h;

	if (kcapi_md_init(&h, "cmac(aes)", 0))
		return NULL;
	/* the library may call it a success when the kernel did not answer */
	if (kcapi_md_digestsize(h) == CMAC_SIZE)
		return h;
	kcapi_md_destroy(h);
	return NULL;
}

void cmac_prepare(void)
{
	kcapi_set_verbosity(KCAPI_LOG_NONE);
	while (count < HSM1_KEYS_MAX && (unused[count] = make()))
		count++;
}

struct kcapi_handle *cmac_open(const uint8_t key[CUSTODY_BLOCK_SIZE])
{
	struct kcapi_handle *h;

	if (!count)
		return NULL;
	h = unused[--count];
	if (!kcapi_md_setkey(h, key, CUSTODY_BLOCK_SIZE))
		return h;
	cmac_close(h);
	return NULL;
}

void cmac_close(struct kcapi_handle *h)
{
	kcapi_md_destroy(h);
}

int cmac_derive(struct kcapi_handle *h, const uint8_t *fixed, size_t len,
		uint8_t *out, size_t out_len)
{
	struct kcapi_handle *operation;
	int ret;

	/* of its own: others use @h, and what fails halfway must not be gone on with */
	ret = kcapi_handle_reinit(&operation, h, 0);
	if (ret)
		return ret;
	ret = kcapi_kdf_ctr(operation, fixed, len, out, out_len) ? -EIO : 0;
	kcapi_md_destroy(operation);
	return ret;
}
