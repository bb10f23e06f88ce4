// SPDX-License-Identifier: GPL-2.0-only
/* Sealing and opening a slot of the vault. */
#include "slot.h"
#include "tpm/buf.h"

static const u8 magic[8] = { 'S', 'E', 'C', 'M', 'O', 'D', 'V', 'T' };

struct slot_header {
	u32 version;
	u32 len;
	u64 counter;
	const u8 *uid;
	const u8 *salt;
};

int secmod_derive(const u8 root[32], const char *label, const u8 *context, size_t context_len,
		  u8 out[32])
{
	const struct t2_vec in[] = {
		{ label, strlen(label) + 1 },
		{ context, context_len },
	};

	return t2_hmac_sha256(root, 32, in, context_len ? 2 : 1, out);
}

/* The header is what the tag covers beside the record. */
static int slot_crypt(const struct slot_owner *o, bool encrypt, const u8 *salt, u8 *slot,
		      size_t len)
{
	u8 key[32];
	int rc;

	rc = secmod_derive(o->root, "secmod vault slot", salt, SLOT_SALT_SIZE, key);
	rc = rc ?: secmod_gcm(encrypt, key, slot, SLOT_HEADER_SIZE, slot + SLOT_HEADER_SIZE, len);
	memzero_explicit(key, sizeof(key));
	return rc;
}

int slot_seal(const struct slot_owner *o, const struct record *r, u8 *slot)
{
	u8 salt[SLOT_SALT_SIZE];
	struct t2_writer w;
	int len, rc;

	len = record_encode(r, slot + SLOT_HEADER_SIZE, RECORD_MAX);
	if (len < 0)
		return len;
	rc = t2_random(salt, sizeof(salt));
	t2_writer_init(&w, slot, SLOT_HEADER_SIZE);
	t2_put_bytes(&w, magic, sizeof(magic));
	t2_put_u32(&w, SLOT_VERSION);
	t2_put_u32(&w, len);
	t2_put_u64(&w, o->counter);
	t2_put_bytes(&w, o->uid, SECMOD_UID_SIZE);
	t2_put_bytes(&w, salt, sizeof(salt));
	rc = rc ?: slot_crypt(o, true, salt, slot, len);
	return rc ?: SLOT_HEADER_SIZE + len + SLOT_TAG_SIZE;
}

static void read_header(struct slot_header *h, const u8 *slot)
{
	struct t2_reader r;

	t2_reader_init(&r, slot + sizeof(magic), SLOT_HEADER_SIZE - sizeof(magic));
	h->version = t2_get_u32(&r);
	h->len = t2_get_u32(&r);
	h->counter = t2_get_u64(&r);
	h->uid = t2_get_bytes(&r, SECMOD_UID_SIZE);
	h->salt = t2_get_bytes(&r, SLOT_SALT_SIZE);
}

enum slot_verdict slot_open(const struct slot_owner *o, u8 *slot, size_t len, u64 *found,
			    struct record *out)
{
	struct slot_header h;
	int rc;

	if (len < SLOT_HEADER_SIZE || memcmp(slot, magic, sizeof(magic)))
		return SLOT_EMPTY;
	read_header(&h, slot);
	if (memcmp(h.uid, o->uid, SECMOD_UID_SIZE))
		return SLOT_FOREIGN;
	*found = h.counter;
	if (h.counter != o->counter)
		return h.counter < o->counter ? SLOT_OLD : SLOT_AHEAD;
	if (h.version != SLOT_VERSION || h.len > RECORD_MAX ||
	    len < SLOT_HEADER_SIZE + h.len + SLOT_TAG_SIZE)
		return SLOT_DAMAGED;
	rc = slot_crypt(o, false, h.salt, slot, h.len);
	if (rc && rc != -EBADMSG)
		return SLOT_UNREADABLE;
	if (rc || record_decode(out, slot + SLOT_HEADER_SIZE, h.len))
		return SLOT_DAMAGED;
	return SLOT_GOOD;
}
