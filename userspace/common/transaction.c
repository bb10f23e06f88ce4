// SPDX-License-Identifier: MIT
/* Replies to transactions. */
#include <string.h>

#include "common/transaction.h"

struct message *transaction_reply(const struct message *request,
				  enum transaction_status status, uint64_t row,
				  const char *text)
{
	const ASN1_OCTET_STRING *id = request->u.transaction->id;
	struct message *m = message_new(MSG_TRANSACTION_REPLY);

	if (!m)
		return NULL;
	m->u.transaction_reply->status = status;
	m->u.transaction_reply->row = row;
	if (wire_set_octets(m->u.transaction_reply->id,
			    ASN1_STRING_get0_data(id),
			    ASN1_STRING_length(id)) ||
	    wire_set_octets(m->u.transaction_reply->payload, text,
			    strlen(text))) {
		message_free(m);
		return NULL;
	}
	return m;
}
