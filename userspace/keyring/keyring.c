// SPDX-License-Identifier: MIT
/* Transaction keys of modules, and the messages under them. */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "keyring/keyring.h"
#include "keyring/window.h"

#define VERSION 1
#define TAG_SIZE 16
#define NONCE_SIZE 12

enum direction { FROM_MODULE = 0, FROM_CENTRAL = 1 };

struct header {
	uint8_t version, kvn;
	uint32_t id;
	uint64_t sequence;
} __attribute__((packed));

struct entry {
	LIST_ENTRY(entry) link;
	uint8_t uid[KEYRING_UID_SIZE];
	struct gp_transaction_key key;
	int64_t deadline; /* boot-time clock, seconds */
	uint64_t sequence; /* last one sealed */
	struct window window; /* of those opened */
};

#define BUCKETS 1024 /* by id, which counts up */
struct keyring {
	pthread_mutex_t lock;
	LIST_HEAD(, entry) buckets[BUCKETS];
};

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec;
}

struct keyring *keyring_new(void)
{
	struct keyring *r = calloc(1, sizeof(*r));

	if (r)
		pthread_mutex_init(&r->lock, NULL);
	return r;
}

static void forget(struct entry *en)
{
	LIST_REMOVE(en, link);
	OPENSSL_cleanse(en, sizeof(*en));
	free(en);
}

typedef int (*entry_fn)(struct entry *en, const uint8_t *uid, uint8_t kvn);

/* Forgets those for which @fn says so. */
static void sweep(struct keyring *r, entry_fn fn, const uint8_t *uid,
		  uint8_t kvn)
{
	struct entry *en, *next;

	for (size_t i = 0; i < BUCKETS; i++)
		for (en = LIST_FIRST(&r->buckets[i]); en; en = next) {
			next = LIST_NEXT(en, link);
			if (fn(en, uid, kvn))
				forget(en);
		}
}

static int is_of(const struct entry *en, const uint8_t *uid, uint8_t kvn)
{
	return en->key.kvn == kvn && !memcmp(en->uid, uid, KEYRING_UID_SIZE);
}

static int any(struct entry *en, const uint8_t *uid, uint8_t kvn)
{
	(void)en;
	(void)uid;
	(void)kvn;
	return 1;
}

static int revoked(struct entry *en, const uint8_t *uid, uint8_t kvn)
{
	return is_of(en, uid, kvn);
}

/* What the module has sealed already may be on its way. */
static int over(struct entry *en, const uint8_t *uid, uint8_t kvn)
{
	int64_t grace = now() + KEYRING_GRACE_S;

	if (is_of(en, uid, kvn) && en->deadline > grace)
		en->deadline = grace;
	return en->deadline + KEYRING_GRACE_S < now();
}

void keyring_free(struct keyring *r)
{
	if (!r)
		return;
	sweep(r, any, NULL, 0);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int keyring_add(struct keyring *r, const uint8_t uid[KEYRING_UID_SIZE],
		const struct gp_transaction_key *key, struct error *e)
{
	struct entry *en = calloc(1, sizeof(*en));

	if (!en)
		return error_set(e, ENOMEM, "out of memory");
	memcpy(en->uid, uid, KEYRING_UID_SIZE);
	en->key = *key;
	en->deadline = now() + key->lifetime;
	pthread_mutex_lock(&r->lock);
	sweep(r, over, uid, key->kvn);
	LIST_INSERT_HEAD(&r->buckets[key->id % BUCKETS], en, link);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

void keyring_revoke(struct keyring *r, const uint8_t uid[KEYRING_UID_SIZE],
		    uint8_t kvn)
{
	pthread_mutex_lock(&r->lock);
	sweep(r, revoked, uid, kvn);
	pthread_mutex_unlock(&r->lock);
}

static struct entry *find(struct keyring *r, uint32_t id)
{
	struct entry *en;

	LIST_FOREACH(en, &r->buckets[id % BUCKETS], link)
	if (en->key.id == id)
		return en;
	return NULL;
}

struct crypt {
	const struct gp_transaction_key *key;
	enum direction direction;
	const struct header *header;
	const void *aad;
	size_t aad_len, len;
	const uint8_t *in;
	uint8_t *out, *tag;
};

static int crypt(const struct crypt *c, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[NONCE_SIZE] = { (uint8_t)c->direction };
	int n, ok;

	memcpy(nonce + 4, &c->header->sequence, sizeof(c->header->sequence));
	ok = ctx &&
	     EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), c->key->key, nonce,
				encrypt, NULL) &&
	     EVP_CipherUpdate(ctx, NULL, &n, c->aad, (int)c->aad_len) &&
	     EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)c->header,
			      sizeof(*c->header)) &&
	     EVP_CipherUpdate(ctx, c->out, &n, c->in, (int)c->len);
	if (ok && !encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE,
					 c->tag) > 0;
	if (ok)
		ok = EVP_CipherFinal_ex(ctx, c->out + c->len, &n) > 0;
	if (ok && encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE,
					 c->tag) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EBADMSG;
}

uint32_t keyring_id(const uint8_t *sealed, size_t len)
{
	struct header h;

	if (len < KEYRING_OVERHEAD || sealed[0] != VERSION)
		return 0;
	memcpy(&h, sealed, sizeof(h));
	return be32toh(h.id);
}

static int stale(struct error *e)
{
	return error_set(e, ESTALE,
			 "the sealed message has come before, or too late");
}

/* The key that @h names, if it is @uid's and still good; a copy. */
static int key_for(struct keyring *r, const uint8_t *uid,
		   const struct header *h, struct gp_transaction_key *key,
		   struct error *e)
{
	struct entry *en;
	int ret = 0;

	pthread_mutex_lock(&r->lock);
	en = find(r, be32toh(h->id));
	if (!en)
		ret = error_set(e, ENOKEY,
				"the message is sealed with a key that is "
				"not known (any more)");
	else if (!is_of(en, uid, h->kvn) ||
		 !(en->key.directions & GP_MODULE_SEALS))
		ret = error_set(e, EBADMSG,
				"the message is sealed with a key that is not "
				"for it");
	else if (en->deadline + KEYRING_GRACE_S < now())
		ret = error_set(e, EKEYEXPIRED,
				"the message is sealed with an expired key");
	else if (!window_admits(&en->window, be64toh(h->sequence)))
		ret = stale(e);
	else
		*key = en->key;
	pthread_mutex_unlock(&r->lock);
	return ret;
}

/* It is genuine: from now on it has come. A forged one would shut out others. */
static int note(struct keyring *r, const struct header *h, struct error *e)
{
	uint64_t n = be64toh(h->sequence);
	struct entry *en;
	int ret = 0;

	pthread_mutex_lock(&r->lock);
	en = find(r, be32toh(h->id));
	if (!en)
		ret = error_set(e, ENOKEY, "the key has just been revoked");
	else if (!window_admits(&en->window, n))
		ret = stale(e);
	else
		window_mark(&en->window, n);
	pthread_mutex_unlock(&r->lock);
	return ret;
}

int keyring_open(struct keyring *r, const uint8_t uid[KEYRING_UID_SIZE],
		 const void *aad, size_t aad_len, const uint8_t *sealed,
		 size_t len, uint8_t *text, size_t *text_len, struct error *e)
{
	struct gp_transaction_key key;
	struct header h;
	int ret;

	if (!keyring_id(sealed, len))
		return error_set(e, EBADMSG, "the message is not sealed");
	memcpy(&h, sealed, sizeof(h));
	ret = key_for(r, uid, &h, &key, e);
	if (ret)
		return ret;
	*text_len = len - KEYRING_OVERHEAD;
	ret = crypt(
		&(struct crypt){ .key = &key,
				 .direction = FROM_MODULE,
				 .header = &h,
				 .aad = aad,
				 .aad_len = aad_len,
				 .in = sealed + sizeof(h),
				 .len = *text_len,
				 .out = text,
				 .tag = (uint8_t *)sealed + len - TAG_SIZE },
		0);
	OPENSSL_cleanse(&key, sizeof(key));
	if (ret)
		return error_set(
			e, EBADMSG,
			"the sealed message was changed, or is another "
			"transaction's");
	return note(r, &h, e);
}

/* The next sequence number; none is used twice. */
static int take_number(struct keyring *r, uint32_t id, struct header *h,
		       struct gp_transaction_key *key, struct error *e)
{
	struct entry *en;
	int ret = 0;

	pthread_mutex_lock(&r->lock);
	en = find(r, id);
	if (!en || !(en->key.directions & GP_MODULE_OPENS))
		ret = error_set(e, ENOKEY, "there is no key to seal with");
	else {
		*key = en->key;
		h->version = VERSION;
		h->kvn = en->key.kvn;
		h->id = htobe32(id);
		h->sequence = htobe64(++en->sequence);
	}
	pthread_mutex_unlock(&r->lock);
	return ret;
}

int keyring_seal(struct keyring *r, uint32_t id, const void *aad,
		 size_t aad_len, const uint8_t *text, size_t len,
		 uint8_t *sealed, struct error *e)
{
	struct gp_transaction_key key;
	struct header h;
	int ret = take_number(r, id, &h, &key, e);

	if (ret)
		return ret;
	memcpy(sealed, &h, sizeof(h));
	ret = crypt(&(struct crypt){ .key = &key,
				     .direction = FROM_CENTRAL,
				     .header = &h,
				     .aad = aad,
				     .aad_len = aad_len,
				     .in = text,
				     .len = len,
				     .out = sealed + sizeof(h),
				     .tag = sealed + sizeof(h) + len },
		    1);
	OPENSSL_cleanse(&key, sizeof(key));
	return ret ? error_set_ssl(e, EIO, "cannot seal") : 0;
}
