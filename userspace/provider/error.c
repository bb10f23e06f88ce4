// SPDX-License-Identifier: MIT
/* The provider's errors on libcrypto's queue. */
#include <stdarg.h>

#include "provider/provider.h"

const OSSL_ITEM provider_reasons[] = {
	{ REASON_OPEN, "cannot open key" },
	{ REASON_SIGN, "cannot sign" },
	{ REASON_RESTRICTED, "not with a restricted key" },
	{ REASON_DIGEST, "digest not supported" },
	{ REASON_KEY, "no private key" },
	{ REASON_REFERENCE, "malformed key reference" },
	{ REASON_MEMORY, "out of memory" },
	{ 0, NULL },
};

int provider_raise(const struct provider *prov, const char *file, int line,
		   const char *func, uint32_t reason, const char *fmt, ...)
{
	const struct core *core = &prov->core;
	va_list ap;

	if (!core->new_error || !core->set_error_debug || !core->vset_error)
		return 0;
	core->new_error(prov->handle);
	core->set_error_debug(prov->handle, file, line, func);
	va_start(ap, fmt);
	core->vset_error(prov->handle, reason, fmt, ap);
	va_end(ap);
	return 0;
}
