/* SPDX-License-Identifier: MIT */
/*
 * TransactionReply.status. Where it is not 0 the reply's payload says why, as text.
 * Whatever the status: sending the same id with the same payload again is
 * safe, it is booked once.
 */
#ifndef SECMOD_COMMON_TRANSACTION_H
#define SECMOD_COMMON_TRANSACTION_H

#include "common/wire.h"

enum transaction_status {
	TRANSACTION_BOOKED = 0, /* row is where it stands in the ledger */
	TRANSACTION_CONFLICT =
		1, /* the id was used before with another payload */
	TRANSACTION_UNANSWERED =
		2, /* no answer in time: booked or not, send it again */
	TRANSACTION_FULL =
		3, /* not taken: too many are waiting, send it again later */
	TRANSACTION_KEY =
		4, /* not taken: sealed with a key that is not known (any more) */
};

/* The reply to @request; NULL when out of memory. @text becomes the payload. */
struct message *transaction_reply(const struct message *request,
				  enum transaction_status status, uint64_t row,
				  const char *text);

#endif
