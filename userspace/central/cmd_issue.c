// SPDX-License-Identifier: MIT
/*
 * The command "issue": a module's first keysets (B3, B5). A fresh transport keyset goes in
 * over SCP11a; under it HSM 1 fills both slots; then it is wiped (SECURED).
 *
 * The journal is the cryptogram, stored before any of these keys leaves for the module, and
 * the module itself, which is asked first: with a keyset in one of its slots an
 * issuance broke off, and goes on with that cryptogram under another transport keyset.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "central/access.h"
#include "common/log.h"
#include "common/relay.h"
#include "keyring/keyring.h"
#include "pki/pki.h"

#define TRANSPORT_KVN 0x30
#define SLOTS 2 /* one for each high-level keyset */
#define ATTEMPTS 3 /* as long as the transport keyset is at hand */

struct issue {
	const struct options *o;
	struct store *store;
	struct hsm1 *hsm1;
	struct recovery recovery;
	struct store_module m;
	char uid[2 * STORE_UID_SIZE + 1];
	struct gp_keyset transport;
	struct hsm1_result result;
	int begun; /* a keyset of it is in the module */
};

static int put_transport(struct issue *i, struct error *e)
{
	static struct session_answer a;
	struct session_request q = { .kind = SESSION_TRANSPORT,
				     .kvn = TRANSPORT_KVN };
	int fd, r;

	i->transport.len = GP_KEY_MAX;
	if (RAND_priv_bytes(i->transport.enc, GP_KEY_MAX) != 1 ||
	    RAND_priv_bytes(i->transport.mac, GP_KEY_MAX) != 1 ||
	    RAND_priv_bytes(i->transport.dek, GP_KEY_MAX) != 1)
		return error_set_ssl(e, EIO, "cannot make a transport keyset");
	fd = client_session(i->o->dir, i->uid, e);
	if (fd < 0)
		return fd;
	q.transport = i->transport;
	r = session_ask(fd, &q, &a, e);
	OPENSSL_cleanse(&q, sizeof(q));
	close(fd);
	return r;
}

static int keep_cryptogram(void *arg, const uint8_t uid[HSM1_UID_SIZE],
			   const uint8_t *cryptogram, size_t len,
			   struct error *e)
{
	struct issue *i = arg;
	int r = store_begin(i->store, e);

	if (!r)
		r = store_cryptogram_add(i->store, uid, cryptogram, len, e);
	if (!r)
		r = audit(i->store, "keys issued", i->uid, i->m.serial, e);
	return r ? r : store_commit(i->store, e);
}

/* An issuance that broke off goes on with what its cryptogram says. */
static int recover(void *arg, unsigned int version,
		   const uint8_t uid[HSM1_UID_SIZE], const uint8_t point[65],
		   struct hsm1_credential *out, struct error *e)
{
	struct issue *i = arg;

	return recovery_ask(&i->recovery, version, uid, point, out, e);
}

static int attempt(struct issue *i, struct error *e)
{
	const struct hsm1_versions versions = {
		.master = (unsigned int)i->o->version
	};
	const struct hsm1_ops ops = {
		.store = keep_cryptogram,
		.recover = i->recovery.at_kms ? recover : NULL,
		.arg = i,
	};
	uint8_t *cms = NULL;
	size_t len = 0;
	int r, relay = access_relay(i->o->dir, i->m.uid, e);

	if (relay < 0)
		return relay;
	if (!i->begun) {
		r = hsm1_issue(i->hsm1, i->m.uid, relay, &i->transport,
			       &versions, &ops, &i->result, e);
	} else {
		r = store_cryptogram(i->store, i->m.uid, &cms, &len, e);
		if (!r)
			r = hsm1_resume(i->hsm1, i->m.uid, relay, cms, len,
					&i->transport, &versions, &ops,
					&i->result, e);
	}
	free(cms);
	close(relay);
	return r;
}

/* The transport keyset has done its work: from now on it is gone. */
static int secure(struct issue *i, struct error *e)
{
	static struct gp_response r;
	struct relay_card relay = { .fd = access_relay(i->o->dir, i->m.uid,
						       e) };
	struct gp_card card = { .transmit = relay_transmit,
				.ctx = &relay,
				.name = "module" };
	int ret;

	if (relay.fd < 0)
		return relay.fd;
	ret = gp_scp03_open(&card, &i->transport, TRANSPORT_KVN, GP_LEVEL_FULL,
			    e);
	if (!ret)
		ret = gp_set_status(&card, GP_SECURED, NULL, 0, &r, e);
	gp_close(&card);
	close(relay.fd);
	return ret;
}

/* Which keysets stand in its slots; the transport keyset stands beside them. */
static int ask_slots(struct issue *i, struct campaign_has *slots,
		     int *transport, struct error *e)
{
	struct campaign_has has;
	int r = access_ask(i->o->dir, i->m.uid, &has, e);

	slots->n = 0;
	*transport = 0;
	for (size_t k = 0; !r && k < has.n; k++) {
		if (has.keysets[k].kvn == TRANSPORT_KVN) {
			*transport = 1;
			continue;
		}
		slots->locked[slots->n] = has.locked[k];
		slots->keysets[slots->n++] = has.keysets[k];
	}
	return r;
}

static int find_out(struct issue *i, struct error *e)
{
	struct campaign_has slots;
	uint8_t *cms = NULL;
	size_t len;
	int transport, r = ask_slots(i, &slots, &transport, e);

	if (r)
		return r;
	if (slots.n == SLOTS && !transport)
		return error_set(e, EEXIST,
				 "it has its keys already: 'campaign' replaces "
				 "the master keyset, a reset takes all away");
	i->begun = slots.n > 0;
	if (!i->begun)
		return 0;
	/* they may be somebody else's */
	r = store_cryptogram(i->store, i->m.uid, &cms, &len, e);
	free(cms);
	if (!r)
		log_info("module %s: goes on with an issuance that broke off",
			 i->m.serial);
	return r;
}

/* What HSM 1 says it put, and what the module says it has. */
static int compare(struct issue *i, struct error *e)
{
	const struct hsm1_keyset *want[] = { &i->result.master,
					     &i->result.replacement };
	struct campaign_has has;
	int transport, r = ask_slots(i, &has, &transport, e), same = 0;

	if (r)
		return r;
	for (size_t w = 0; w < SLOTS; w++)
		for (size_t k = 0; k < has.n; k++)
			same += has.keysets[k].kvn == want[w]->kvn &&
				!memcmp(has.keysets[k].kcv, want[w]->kcv,
					STORE_KCV_MAX);
	if (same != SLOTS || has.n != SLOTS)
		return error_set(e, EPROTO,
				 "the module has other keysets than were put");
	return store_keysets_seen(i->store, i->m.uid, has.keysets, has.n, e);
}

static int issue_one(struct issue *i, const char *which, struct error *e)
{
	int r = store_module_find(i->store, which, &i->m, e);

	if (r)
		return r;
	pki_hex(i->m.uid, sizeof(i->m.uid), i->uid);
	if (!i->m.sw.enabled)
		return error_set(e, EACCES, "module %s is disabled: %s",
				 i->m.serial, i->m.sw.reason);
	r = find_out(i, e);
	if (!r)
		r = put_transport(i, e);
	if (!r)
		r = attempt(i, e);
	for (int n = 1; r && n < ATTEMPTS && campaign_is_transient(r); n++) {
		log_warn("module %s: %s; once more", i->m.serial, e->text);
		r = find_out(i, e);
		if (!r)
			r = attempt(i, e);
	}
	/* in this order: a module that is found secured is known, and has its keys */
	if (!r)
		r = compare(i, e);
	if (!r)
		r = secure(i, e);
	gp_keyset_wipe(&i->transport);
	if (r)
		return error_set(e, -r, "module %s: %s", i->m.serial, e->text);
	printf("module %s has replacement keyset %02x and master keyset %02x "
	       "(version %u)\n",
	       i->m.serial, i->result.replacement.kvn, i->result.master.kvn,
	       i->result.master.version);
	return 0;
}

int cmd_issue(const struct options *o, int argc, char **argv, struct error *e)
{
	struct issue i = { .o = o };
	struct site s = { 0 };
	int r;

	r = hsm1_start(o->hsm1, o->hsm1_user, &i.hsm1, e);
	if (!r)
		r = site_open(&s, o->dir, e);
	if (!r)
		r = recovery_open(&i.recovery, o, &s, e);
	i.store = s.store;
	for (int n = 0; !r && n < argc; n++)
		r = issue_one(&i, argv[n], e);
	recovery_close(&i.recovery);
	site_close(&s);
	hsm1_stop(i.hsm1);
	return r;
}
