// SPDX-License-Identifier: MIT
/* SCP11a sessions with modules, in the process that has the central system's key. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "common/relay.h"
#include "keyring/keyring.h"
#include "pki/pki.h"

#define TERMINATED 0x7f
#define CHALLENGE_SIZE 32
#define TRANSACTION_KEY_SIZE 32

struct session {
	const struct session_identity *id;
	struct relay_card relay;
	struct gp_card card;
	X509 *module, *signer;
	uint8_t uid[KEYRING_UID_SIZE];
};

/* The relay's own reason says more than the channel's. */
static int failed(struct session *s, int r, struct error *e)
{
	if (r && s->relay.e.text[0])
		return error_set(e, -r, "%s", s->relay.e.text);
	return r;
}

static int open_channel(struct session *s, struct error *e)
{
	struct gp_scp11a p = { .key = s->id->key,
			       .cert = s->id->cert,
			       .card = s->module };
	struct gp_response *r;
	int ret;

	if (s->card.session)
		return 0;
	r = malloc(sizeof(*r));
	if (!r)
		return error_set(e, ENOMEM, "out of memory");
	ret = gp_select(&s->card, NULL, 0, r, e);
	free(r);
	if (!ret)
		ret = gp_scp11a_open(&s->card, &p, e);
	return failed(s, ret, e);
}

static int has_kvn(const struct gp_key_info *info, uint8_t kvn)
{
	for (size_t i = 0; i < info->count; i++)
		if (info->keys[i].kvn == kvn)
			return 1;
	return 0;
}

static int do_keysets(struct session *s, const struct session_request *q,
		      struct session_answer *a)
{
	int r = gp_keysets(&s->card, &a->keysets, &a->e);

	(void)q;
	return r ? r : gp_key_info(&s->card, &a->info, &a->e);
}

static int do_transport(struct session *s, const struct session_request *q,
			struct session_answer *a)
{
	int r = gp_key_info(&s->card, &a->info, &a->e);

	return r ? r :
		   gp_put_keyset(&s->card,
				 has_kvn(&a->info, q->kvn) ? q->kvn : 0, q->kvn,
				 &q->transport, &a->e);
}

/*
 * Kept before it is put: the module may have it, and use it, though its answer
 * was lost.
 */
static int do_key(struct session *s, const struct session_request *q,
		  struct session_answer *a)
{
	struct gp_transaction_key key = {
		.kvn = q->kvn,
		.algorithm = GP_ALGORITHM_AES_GCM,
		.directions = GP_MODULE_SEALS | GP_MODULE_OPENS,
		.len = TRANSACTION_KEY_SIZE,
		.id = q->id,
		.lifetime = q->lifetime,
		.messages = q->messages,
	};
	int r = gp_key_info(&s->card, &a->info, &a->e);

	if (!r && RAND_priv_bytes(key.key, key.len) != 1)
		r = error_set_ssl(&a->e, EIO, "cannot make a key");
	if (!r)
		r = keyring_add(s->id->ring, s->uid, &key, &a->e);
	if (!r)
		r = gp_put_transaction_key(
			&s->card, has_kvn(&a->info, q->kvn) ? q->kvn : 0, &key,
			&a->e);
	OPENSSL_cleanse(&key, sizeof(key));
	return r;
}

/* From here on nothing sealed with it is believed, whatever the module does. */
static int do_revoke(struct session *s, const struct session_request *q,
		     struct session_answer *a)
{
	return gp_delete_key(&s->card, q->kvn, &a->e);
}

struct reset_order {
	uint8_t uid[KEYRING_UID_SIZE];
	uint64_t epoch;
	uint8_t challenge[CHALLENGE_SIZE];
	uint8_t nonce[32];
} __attribute__((packed));

static int do_reset(struct session *s, const struct session_request *q,
		    struct session_answer *a)
{
	struct reset_order order = { .epoch = htobe64(q->epoch) };
	struct gp_response r;
	int ret = gp_get_challenge(&s->card, order.challenge,
				   sizeof(order.challenge), &a->e);

	if (ret)
		return ret;
	memcpy(order.uid, s->uid, sizeof(order.uid));
	memcpy(order.nonce, q->nonce, sizeof(order.nonce));
	ret = gp_set_status(&s->card, TERMINATED, (const uint8_t *)&order,
			    sizeof(order), &r, &a->e);
	if (ret)
		return ret;
	if (r.len > sizeof(a->proof))
		return error_set(&a->e, EPROTO, "the proof is too long");
	memcpy(a->proof, r.data, r.len);
	a->proof_len = r.len;
	return 0;
}

static int (*const procedures[SESSION_KINDS])(struct session *,
					      const struct session_request *,
					      struct session_answer *) = {
	[SESSION_KEYSETS] = do_keysets, [SESSION_TRANSPORT] = do_transport,
	[SESSION_KEY] = do_key,		[SESSION_REVOKE] = do_revoke,
	[SESSION_RESET] = do_reset,
};

static int carry_out(struct session *s, const struct session_request *q,
		     struct session_answer *a)
{
	int r;

	if (q->kind < 0 || q->kind >= SESSION_KINDS)
		return error_set(&a->e, EINVAL, "no such request");
	if (q->kind == SESSION_REVOKE)
		keyring_revoke(s->id->ring, s->uid, q->kvn);
	r = open_channel(s, &a->e);
	if (r)
		return r;
	return failed(s, procedures[q->kind](s, q, a), &a->e);
}

/* Who the server says it is has to be true: the server is on the network. */
static int check_module(struct session *s, struct error *e)
{
	int r = s->id->cert && s->id->root ?
			pki_check_chain(s->module, PKI_ROLE_MODULE, s->signer,
					s->id->root, time(NULL), e) :
			error_set(e, EINVAL, "there is no central certificate");

	if (!r && pki_get_uid(s->module, s->uid))
		r = error_set(e, EKEYREJECTED,
			      "the module certificate names no UID");
	return r;
}

static void serve(struct session *s, int client)
{
	struct session_request q;
	struct session_answer a;
	struct error e;
	int r = check_module(s, &e);

	if (!r)
		r = relay_opened(s->relay.fd, &e);
	while (recv(client, &q, sizeof(q), 0) == sizeof(q)) {
		memset(&a, 0, sizeof(a));
		a.status = r;
		a.e = e;
		if (!r)
			a.status = carry_out(s, &q, &a);
		OPENSSL_cleanse(&q, sizeof(q));
		if (send(client, &a, sizeof(a), MSG_NOSIGNAL) != sizeof(a))
			break;
	}
}

void session_serve(const struct session_identity *id, int relay, int client,
		   X509 *module, X509 *signer)
{
	struct session s = { .id = id,
			     .relay = { .fd = relay },
			     .module = module,
			     .signer = signer };

	s.card = (struct gp_card){ .transmit = relay_transmit,
				   .ctx = &s.relay,
				   .name = "module" };
	serve(&s, client);
	gp_close(&s.card);
	close(relay);
	close(client);
}

int session_ask(int fd, const struct session_request *q,
		struct session_answer *a, struct error *e)
{
	if (send(fd, q, sizeof(*q), MSG_NOSIGNAL) != sizeof(*q) ||
	    recv(fd, a, sizeof(*a), 0) != sizeof(*a))
		return error_set(e, EPIPE, "the key process does not answer");
	return a->status ? error_set(e, -a->status, "%s", a->e.text) : 0;
}
