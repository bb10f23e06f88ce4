// SPDX-License-Identifier: MIT
/*
 * Issuance (B3 to B5) and replacement (B7, B8). Keys and random number are in one struct
 * on the stack of the procedure's thread, wiped on every way out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "common/relay.h"
#include "hsm1/internal.h"

#define TRANSPORT_KVN 0x30
#define REPLACEMENT_FIRST 0x31
#define REPLACEMENT_LAST 0x37
#define MASTER_FIRST 0x38
#define MASTER_LAST 0x3f

struct secrets {
	uint8_t random[HSM1_RANDOM_SIZE], z[32];
	TPM2B_DIGEST opened;
	struct hsm1_key block;
	struct gp_keyset master, replacement;
};

/* Says @word to who asked, with what is in p->r; gets the reply into p->r. */
static int ask(struct procedure *p, enum hsm1_word word, struct error *e)
{
	int ret;

	p->r.word = word;
	p->r.status = 0;
	ret = message_send(p->answer, &p->r, sizeof(p->r), NULL, 0);
	if (!ret)
		ret = message_recv(p->answer, &p->r, sizeof(p->r), NULL, 0);
	if (ret)
		return error_set(e, -ret, "nobody waits for HSM 1 any more");
	if (p->r.status)
		error_set(e, -p->r.status, "%s", p->r.e.text);
	return p->r.status;
}

/*
 * B6: the recovery key's part is done here with the imported key, or at the key management
 * server, whose result only this TPM can open.
 */
static int remote_agree(struct procedure *p, unsigned int version,
			const uint8_t *point, struct secrets *s,
			struct error *e)
{
	const struct hsm1_credential *got = &p->r.credential;
	struct custody_credential c = { 0 };
	int ret;

	p->r.version = version;
	memcpy(p->r.point, point, sizeof(p->r.point));
	ret = ask(p, HSM1_RECOVER, e);
	if (ret)
		return ret;
	if (got->blob_len > sizeof(c.blob.credential) ||
	    got->secret_len > sizeof(c.secret.secret))
		return error_set(e, EPROTO, "it is no credential");
	memcpy(c.blob.credential, got->blob, got->blob_len);
	memcpy(c.secret.secret, got->secret, got->secret_len);
	c.blob.size = got->blob_len;
	c.secret.size = got->secret_len;
	ret = vault_credential(p->vault, &c, &s->opened, e);
	if (!ret && s->opened.size != sizeof(s->z))
		ret = error_set(e, EPROTO, "the credential has another length");
	if (!ret)
		memcpy(s->z, s->opened.buffer, sizeof(s->z));
	return ret;
}

static int regain(struct procedure *p, struct secrets *s, struct error *e)
{
	struct cryptogram c;
	struct hsm1_key k;
	int ret;

	ret = cryptogram_parse(p->m.data, p->m.len, &c, e);
	if (!ret)
		ret = vault_find_recovery(p->vault, c.id, &k, e);
	if (ret)
		return ret;
	p->r.result.recovery = k.object.version;
	if (k.object.private.size)
		ret = vault_agree(p->vault, &k, c.point, s->z, e);
	else if (p->m.can_recover)
		ret = remote_agree(p, k.object.version, c.point, s, e);
	else
		ret = error_set(
			e, ENOKEY,
			"HSM 1 has the public half of recovery %u only, and no key management server to ask",
			k.object.version);
	return ret ? ret : cryptogram_open(&c, s->z, p->m.uid, s->random, e);
}

/* Draws the random number and has it kept, encrypted, before it is used. */
static int draw(struct procedure *p, struct secrets *s, struct error *e)
{
	uint8_t id[CRYPTOGRAM_ID_SIZE];
	EVP_PKEY *recovery = NULL;
	struct hsm1_key k;
	int ret;

	ret = vault_find(p->vault, CUSTODY_RECOVERY, p->m.versions.recovery, &k,
			 e);
	if (!ret)
		ret = custody_public_key(&k.object.public, &recovery, e);
	if (!ret)
		ret = vault_random(p->vault, s->random, e);
	if (!ret) {
		p->r.result.recovery = k.object.version;
		vault_id(&k.object, id);
		p->r.len = CRYPTOGRAM_SIZE;
		ret = cryptogram_make(recovery, id, p->m.uid, s->random,
				      p->r.data, e);
	}
	EVP_PKEY_free(recovery);
	return ret ? ret : ask(p, HSM1_STORE, e);
}

static int derive(struct procedure *p, enum custody_kind kind,
		  unsigned int version, struct secrets *s, struct error *e)
{
	int master = kind == CUSTODY_MASTER;
	int ret = vault_find(p->vault, kind, version, &s->block, e);

	if (!ret)
		ret = derive_keyset(&s->block, master ? p->m.uid : s->random,
				    master ? HSM1_UID_SIZE : HSM1_RANDOM_SIZE,
				    master ? &s->master : &s->replacement,
				    master ? &p->r.result.master :
					     &p->r.result.replacement,
				    e);
	OPENSSL_cleanse(&s->block, sizeof(s->block));
	return ret;
}

/* @version: of the replacement block */
static int derive_both(struct procedure *p, unsigned int version,
		       struct secrets *s, struct error *e)
{
	int ret = derive(p, CUSTODY_REPLACEMENT, version, s, e);

	/* B3: from here on the random number is in the cryptogram only */
	OPENSSL_cleanse(s->random, sizeof(s->random));
	OPENSSL_cleanse(s->z, sizeof(s->z));
	OPENSSL_cleanse(&s->opened, sizeof(s->opened));
	return ret ? ret :
		     derive(p, CUSTODY_MASTER, p->m.versions.master, s, e);
}

/* Is it the module the keys are for? Asked in the secure channel. */
static int check_uid(struct procedure *p, struct gp_card *card, struct error *e)
{
	uint8_t uid[HSM1_UID_SIZE];
	int ret = gp_uid(card, uid, e);

	if (!ret && memcmp(uid, p->m.uid, sizeof(uid)))
		ret = error_set(e, EKEYREJECTED,
				"another module is at the end of the relay");
	return ret;
}

static int open_channel(struct procedure *p, struct gp_card *card,
			const struct gp_keyset *keys, uint8_t kvn,
			struct error *e)
{
	int ret = gp_scp03_open(card, keys, kvn, GP_LEVEL_FULL, e);

	return ret ? ret : check_uid(p, card, e);
}

static const struct gp_keyset_state *in_range(const struct gp_keysets *all,
					      uint8_t first, uint8_t last)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->keysets[i].kvn >= first && all->keysets[i].kvn <= last)
			return &all->keysets[i];
	return NULL;
}

static int is_there(const struct gp_keyset_state *at,
		    const struct hsm1_keyset *k)
{
	return at && at->kvn == k->kvn &&
	       !memcmp(at->kcv, k->kcv, sizeof(k->kcv));
}

/* Into an empty slot; what an issuance that broke off has put there is left. */
static int fill_slot(struct gp_card *card, const struct gp_keyset_state *at,
		     const struct gp_keyset *keys, const struct hsm1_keyset *k,
		     struct error *e)
{
	if (is_there(at, k))
		return 0;
	if (at)
		return error_set(
			e, EEXIST,
			"the module has another keyset %02X already: replace it, or reset the module",
			at->kvn);
	return gp_put_keyset(card, 0, k->kvn, keys, e);
}

/* A channel that an earlier conversation has left open would answer otherwise. */
static int begin(struct gp_card *card, struct error *e)
{
	struct gp_response r;

	return gp_select(card, NULL, 0, &r, e);
}

static int install(struct procedure *p, struct gp_card *card, struct secrets *s,
		   struct error *e)
{
	struct hsm1_result *r = &p->r.result;
	struct gp_keysets there;
	int ret;

	ret = begin(card, e);
	if (!ret)
		ret = open_channel(p, card, &p->m.transport, TRANSPORT_KVN, e);
	if (!ret)
		ret = gp_keysets(card, &there, e);
	if (!ret)
		ret = fill_slot(card,
				in_range(&there, REPLACEMENT_FIRST,
					 REPLACEMENT_LAST),
				&s->replacement, &r->replacement, e);
	if (!ret)
		ret = fill_slot(card,
				in_range(&there, MASTER_FIRST, MASTER_LAST),
				&s->master, &r->master, e);
	return ret;
}

/*
 * The block that a keyset in the module was made from: asked, not believed. 0 when
 * there is no such keyset.
 */
static int version_there(struct procedure *p, struct gp_card *card,
			 enum custody_kind kind, unsigned int *version,
			 struct error *e)
{
	int master = kind == CUSTODY_MASTER;
	uint8_t first = master ? MASTER_FIRST : REPLACEMENT_FIRST;
	uint8_t last = master ? MASTER_LAST : REPLACEMENT_LAST;
	struct gp_key_info info;
	int ret = gp_key_info(card, &info, e);

	*version = 0;
	for (size_t i = 0; !ret && i < info.count; i++)
		if (info.keys[i].kvn >= first && info.keys[i].kvn <= last)
			return vault_find_kvn(p->vault, kind, info.keys[i].kvn,
					      version, e);
	return ret;
}

/* Newer blocks than those it was begun with are not for an issuance that broke off. */
static int resumed_versions(struct procedure *p, struct gp_card *card,
			    struct error *e)
{
	struct hsm1_versions *v = &p->m.versions;
	int ret = begin(card, e);

	if (!ret && !v->replacement)
		ret = version_there(p, card, CUSTODY_REPLACEMENT,
				    &v->replacement, e);
	if (!ret && !v->master)
		ret = version_there(p, card, CUSTODY_MASTER, &v->master, e);
	return ret;
}

int procedure_issue(struct procedure *p, struct error *e)
{
	struct relay_card relay = { .fd = p->relay };
	struct gp_card card = { .transmit = relay_transmit,
				.ctx = &relay,
				.name = "module" };
	struct secrets s;
	int ret;

	memset(&s, 0, sizeof(s));
	/* a cryptogram: an issuance that broke off behind it */
	ret = p->m.len ? regain(p, &s, e) : draw(p, &s, e);
	if (!ret && p->m.len)
		ret = resumed_versions(p, &card, e);
	if (!ret)
		ret = derive_both(p, p->m.versions.replacement, &s, e);
	if (!ret)
		ret = install(p, &card, &s, e);
	gp_close(&card);
	OPENSSL_cleanse(&s, sizeof(s));
	OPENSSL_cleanse(&p->m.transport, sizeof(p->m.transport));
	return ret;
}

/* The replacement block the module's KRK was made from. */
static int replacement_version(struct procedure *p, struct gp_card *card,
			       unsigned int *version, struct error *e)
{
	int ret;

	*version = p->m.versions.replacement;
	if (*version)
		return 0;
	ret = version_there(p, card, CUSTODY_REPLACEMENT, version, e);
	return ret || *version ?
		       ret :
		       error_set(
			       e, ENOENT,
			       "the module has no key replacement key: issue it first");
}

static int exchange(struct procedure *p, struct gp_card *card,
		    struct secrets *s, struct error *e)
{
	struct hsm1_result *r = &p->r.result;
	const struct gp_keyset_state *old;
	struct gp_keysets there;
	int ret;

	ret = open_channel(p, card, &s->replacement, r->replacement.kvn, e);
	if (!ret)
		ret = gp_keysets(card, &there, e);
	if (ret)
		return ret;
	old = in_range(&there, MASTER_FIRST, MASTER_LAST);
	/* a locked one is put once more, and has all its tries again */
	if (is_there(old, &r->master) && !gp_is_locked(old))
		return 0;
	if (!old)
		return error_set(e, ENOENT,
				 "the module has no master key to replace");
	return gp_put_keyset(card, old->kvn, r->master.kvn, &s->master, e);
}

int procedure_replace(struct procedure *p, struct error *e)
{
	struct relay_card relay = { .fd = p->relay };
	struct gp_card card = { .transmit = relay_transmit,
				.ctx = &relay,
				.name = "module" };
	unsigned int version;
	struct secrets s;
	int ret;

	memset(&s, 0, sizeof(s));
	ret = regain(p, &s, e);
	if (!ret)
		ret = begin(&card, e);
	if (!ret)
		ret = replacement_version(p, &card, &version, e);
	if (!ret)
		ret = derive_both(p, version, &s, e);
	if (!ret)
		ret = exchange(p, &card, &s, e);
	gp_close(&card);
	OPENSSL_cleanse(&s, sizeof(s));
	return ret;
}
