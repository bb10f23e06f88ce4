// SPDX-License-Identifier: MIT
/* The life of a secure channel's keys: here they come to be, and here they go. */
#include <errno.h>

#include <openssl/crypto.h>

#include "gp/internal.h"

int gp_session_begin(struct gp_card *card, struct error *e)
{
	gp_close(card);
	card->session = OPENSSL_zalloc(sizeof(*card->session));
	return card->session ? 0 : error_set(e, ENOMEM, "out of memory");
}

void gp_close(struct gp_card *card)
{
	OPENSSL_clear_free(card->session, sizeof(*card->session));
	card->session = NULL;
}

void gp_keyset_wipe(struct gp_keyset *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

const struct gp_opened *gp_opened(const struct gp_card *card)
{
	return card->session ? &card->session->opened : NULL;
}

int gp_need_session(const struct gp_card *card, const char *what,
		    struct error *e)
{
	if (card->session)
		return 0;
	return error_set(
		e, EPERM,
		"%s: %s needs a secure channel: open one first, again if it broke",
		gp_name(card), what);
}
