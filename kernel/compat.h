/* SPDX-License-Identifier: GPL-2.0-only */
/* Differences between the kernels the driver builds on, 6.1 to current, and nothing else. */
#ifndef SECMOD_COMPAT_H
#define SECMOD_COMPAT_H

/* crypto_memneq(), also where it moved to <crypto/utils.h> */
#include <crypto/algapi.h>
#include <crypto/rng.h>
#include <linux/slab.h>
#include <linux/tpm.h>
#include <linux/version.h>
/* hex2bin(), before in <linux/kernel.h> */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#include <linux/hex.h>
#endif

/*
 * The core's TPM buffer: since 7.3 the caller allocates it whole and says how
 * large it is, before it holds a page of its own.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
static inline struct tpm_buf *compat_tpm_buf_alloc(void)
{
	struct tpm_buf *buf = kzalloc(TPM_BUFSIZE, GFP_KERNEL);

	if (buf)
		tpm_buf_init(buf, TPM_BUFSIZE);
	return buf;
}

static inline void compat_tpm_buf_free(struct tpm_buf *buf)
{
	kfree_sensitive(buf);
}
#else
static inline struct tpm_buf *compat_tpm_buf_alloc(void)
{
	struct tpm_buf *buf = kzalloc(sizeof(*buf), GFP_KERNEL);

	if (buf && tpm_buf_init(buf, TPM2_ST_NO_SESSIONS, 0)) {
		kfree(buf);
		buf = NULL;
	}
	return buf;
}

static inline void compat_tpm_buf_free(struct tpm_buf *buf)
{
	if (!buf)
		return;
	memzero_explicit(buf->data, PAGE_SIZE);
	tpm_buf_destroy(buf);
	kfree(buf);
}
#endif

/* What ecdh draws from: since 7.1 the kernel's own generator, nothing to hold. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
static inline int compat_default_rng_get(void)
{
	return 0;
}

static inline void compat_default_rng_put(void)
{
}
#else
static inline int compat_default_rng_get(void)
{
	return crypto_get_default_rng();
}

static inline void compat_default_rng_put(void)
{
	crypto_put_default_rng();
}
#endif

#endif
