// SPDX-License-Identifier: MIT
/* Transaction keys: sealing and opening messages, and what keys there are. */
#include <errno.h>

#include "libsecmod/handle.h"

static int run(struct secmod *m, unsigned long request, unsigned int kvn,
	       struct secmod_message *messages, size_t count)
{
	struct secmod_messages a = {
		.size = sizeof(a),
		.messages = (__u64)(uintptr_t)messages,
		.kvn = kvn,
	};
	size_t n;
	int rc = 0;

	/* one call for each SECMOD_SEAL_COUNT_MAX of them */
	for (; count && rc == 0; messages += n, count -= n) {
		n = count < SECMOD_SEAL_COUNT_MAX ? count :
						    SECMOD_SEAL_COUNT_MAX;
		a.messages = (__u64)(uintptr_t)messages;
		a.count = (__u32)n;
		rc = secmod_call(m, request, &a);
	}
	return rc;
}

int secmod_seal_many(struct secmod *m, unsigned int kvn,
		     struct secmod_message *messages, size_t count)
{
	return run(m, SECMOD_IOC_SEAL, kvn, messages, count);
}

int secmod_unseal_many(struct secmod *m, struct secmod_message *messages,
		       size_t count)
{
	return run(m, SECMOD_IOC_OPEN, 0, messages, count);
}

static int one(struct secmod *m, unsigned long request, unsigned int kvn,
	       const struct secmod_bytes *aad, const struct secmod_bytes *in,
	       void *out, size_t *out_len)
{
	struct secmod_message message = {
		.in = (__u64)(uintptr_t)in->data,
		.out = (__u64)(uintptr_t)out,
		.out_len = *out_len < UINT32_MAX ? (__u32)*out_len : UINT32_MAX,
	};
	int rc;

	*out_len = 0;
	if (in->len > SECMOD_SEAL_DATA_MAX + SECMOD_SEAL_OVERHEAD ||
	    (aad && aad->len > SECMOD_SEAL_AAD_MAX))
		return secmod_fail(
			m, E2BIG,
			"a message has at most %d bytes, and %d of associated data",
			SECMOD_SEAL_DATA_MAX, SECMOD_SEAL_AAD_MAX);
	message.in_len = (__u32)in->len;
	if (aad) {
		message.aad = (__u64)(uintptr_t)aad->data;
		message.aad_len = (__u32)aad->len;
	}
	rc = run(m, request, kvn, &message, 1);
	if (rc)
		return rc;
	*out_len = message.out_len;
	return message.result ? secmod_refused(m, (int)message.result) : 0;
}

int secmod_seal(struct secmod *m, unsigned int kvn,
		const struct secmod_bytes *aad, const struct secmod_bytes *text,
		void *sealed, size_t *sealed_len)
{
	return one(m, SECMOD_IOC_SEAL, kvn, aad, text, sealed, sealed_len);
}

int secmod_unseal(struct secmod *m, const struct secmod_bytes *aad,
		  const struct secmod_bytes *sealed, void *text,
		  size_t *text_len)
{
	return one(m, SECMOD_IOC_OPEN, 0, aad, sealed, text, text_len);
}

int secmod_txn_keys(struct secmod *m,
		    struct secmod_txn_key keys[SECMOD_TXN_KEYS_MAX],
		    struct secmod_keys *out)
{
	int rc;

	*out = (struct secmod_keys){
		.size = sizeof(*out),
		.keys = (__u64)(uintptr_t)keys,
		.count = SECMOD_TXN_KEYS_MAX,
	};
	rc = secmod_call(m, SECMOD_IOC_KEYS, out);
	if (rc == 0 && out->count > SECMOD_TXN_KEYS_MAX)
		rc = secmod_fail(m, EBADMSG,
				 "the driver told of %u transaction keys",
				 out->count);
	return rc;
}
