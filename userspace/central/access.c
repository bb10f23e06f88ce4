// SPDX-License-Identifier: MIT
/* What a connected module says of its keysets. */
#include <string.h>
#include <unistd.h>

#include "central/access.h"
#include "common/relay.h"
#include "keyring/keyring.h"
#include "pki/pki.h"

int ask_keysets(const char *dir, const char *uid, struct gp_keysets *keysets,
		struct error *e)
{
	struct session_request q = { .kind = SESSION_KEYSETS };
	struct session_answer a;
	int fd = client_session(dir, uid, e), r;

	if (fd < 0)
		return fd;
	r = session_ask(fd, &q, &a, e);
	close(fd);
	*keysets = a.keysets;
	return r;
}

int access_relay(const char *dir, const uint8_t uid[STORE_UID_SIZE],
		 struct error *e)
{
	char text[2 * STORE_UID_SIZE + 1];
	struct relay_card relay = { 0 };
	struct gp_card card = { .transmit = relay_transmit,
				.ctx = &relay,
				.name = "module" };
	struct gp_response r;
	int ret;

	pki_hex(uid, STORE_UID_SIZE, text);
	relay.fd = client_relay(dir, text, e);
	if (relay.fd < 0)
		return relay.fd;
	ret = gp_select(&card, NULL, 0, &r, e);
	if (!ret)
		return relay.fd;
	if (relay.e.text[0])
		error_set(e, -ret, "%s", relay.e.text);
	close(relay.fd);
	return ret;
}

int access_ask(const char *dir, const uint8_t uid[STORE_UID_SIZE],
	       struct campaign_has *has, struct error *e)
{
	char text[2 * STORE_UID_SIZE + 1];
	struct gp_keysets k;
	int r;

	_Static_assert(sizeof(k.keysets[0].kcv) == STORE_KCV_MAX, "3 times 3");
	_Static_assert(CAMPAIGN_KEYSETS_MAX == GP_KEYSETS_MAX, "all of them");
	pki_hex(uid, STORE_UID_SIZE, text);
	r = ask_keysets(dir, text, &k, e);
	if (r)
		return r;
	has->n = k.count;
	for (size_t i = 0; i < k.count; i++) {
		has->keysets[i].kvn = k.keysets[i].kvn;
		memcpy(has->keysets[i].kcv, k.keysets[i].kcv, STORE_KCV_MAX);
		has->locked[i] = gp_is_locked(&k.keysets[i]);
	}
	return 0;
}
