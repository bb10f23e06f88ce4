// SPDX-License-Identifier: GPL-2.0-only
/* Secure Channel Protocol 03, the card's side. */
#include "scp03.h"

/* Data derivation constants: Amendment D, 4.1.5, table 4-1 */
enum {
	DERIVE_CARD_CRYPTOGRAM = 0x00,
	DERIVE_HOST_CRYPTOGRAM = 0x01,
	DERIVE_CHALLENGE = 0x02,
	DERIVE_S_ENC = 0x04,
	DERIVE_S_MAC = 0x06,
	DERIVE_S_RMAC = 0x07,
};

#define CONTEXT_MAX 2

int scp03_derive(const u8 *key, size_t key_len, u8 constant, const struct t2_vec *context,
		 size_t count, u8 *out, size_t len)
{
	/* label of 12 bytes, 0, length in bits, counter */
	u8 fixed[16] = { [11] = constant, [13] = len * 8 >> 8, [14] = len * 8 };
	struct t2_vec in[1 + CONTEXT_MAX] = { { fixed, sizeof(fixed) } };
	u8 block[SCP03_BLOCK];
	size_t at, n;
	int rc = 0;

	if (count > CONTEXT_MAX)
		return -EINVAL;
	memcpy(in + 1, context, count * sizeof(*context));
	for (at = 0; !rc && at < len; at += n) {
		n = len - at < sizeof(block) ? len - at : sizeof(block);
		fixed[15]++;
		rc = se_cmac(key, key_len, in, 1 + count, block);
		memcpy(out + at, block, n);
	}
	memzero_explicit(block, sizeof(block));
	return rc;
}

int scp03_challenge(const struct scp03_keyset *k, u32 sequence, const u8 *aid, size_t aid_len,
		    u8 *challenge, size_t len)
{
	const u8 counter[] = { sequence >> 16, sequence >> 8, sequence };
	const struct t2_vec context[] = { { counter, sizeof(counter) }, { aid, aid_len } };

	return scp03_derive(k->enc, k->len, DERIVE_CHALLENGE, context, 2, challenge, len);
}

void scp03_wipe(struct scp03 *s)
{
	memzero_explicit(s, sizeof(*s));
}

int scp03_begin(struct scp03 *s, const struct scp03_keyset *k, const u8 *host, const u8 *card,
		u8 *card_cryptogram)
{
	const struct t2_vec context[] = { { host, s->mac_len }, { card, s->mac_len } };
	const struct {
		u8 constant;
		const u8 *key;
		u8 *out;
		size_t len;
	} steps[] = {
		{ DERIVE_S_ENC, k->enc, s->enc, k->len },
		{ DERIVE_S_MAC, k->mac, s->mac, k->len },
		{ DERIVE_S_RMAC, k->mac, s->rmac, k->len },
		{ DERIVE_CARD_CRYPTOGRAM, s->mac, card_cryptogram, s->mac_len },
		{ DERIVE_HOST_CRYPTOGRAM, s->mac, s->host_cryptogram, s->mac_len },
	};
	size_t i;
	int rc = 0;

	s->key_len = k->len;
	for (i = 0; !rc && i < ARRAY_SIZE(steps); i++)
		rc = scp03_derive(steps[i].key, k->len, steps[i].constant, context, 2, steps[i].out,
				  steps[i].len);
	if (rc)
		scp03_wipe(s);
	return rc;
}

/* The MAC over a command whose data are @len bytes without it: 6.2.4. */
static int command_mac(struct scp03 *s, const struct apdu *a, size_t len, u8 mac[SCP03_BLOCK])
{
	const size_t lc = len + s->mac_len;
	u8 header[7] = { a->cla, a->ins, a->p1, a->p2, lc };
	const struct t2_vec in[] = {
		{ s->chain, sizeof(s->chain) },
		{ header, a->extended ? 7 : 5 },
		{ a->data, len },
	};

	if (a->extended) {
		header[4] = 0;
		header[5] = lc >> 8;
		header[6] = lc;
	}
	return se_cmac(s->mac, s->key_len, in, ARRAY_SIZE(in), mac);
}

/* Checks and takes off the MAC at the end of the data. */
static int check_mac(struct scp03 *s, struct apdu *a)
{
	u8 mac[SCP03_BLOCK];
	size_t len;
	int rc;

	if (!(a->cla & APDU_CLA_SECURE) || a->len < s->mac_len)
		return -EBADMSG;
	len = a->len - s->mac_len;
	rc = command_mac(s, a, len, mac);
	if (!rc && !t2_equal(mac, a->data + len, s->mac_len))
		rc = -EBADMSG;
	if (!rc) {
		memcpy(s->chain, mac, sizeof(mac));
		a->len = len;
	}
	memzero_explicit(mac, sizeof(mac));
	return rc;
}

static bool level_is_valid(u8 level)
{
	static const u8 levels[] = { 0x01, 0x03, 0x11, 0x13, 0x33 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++)
		if (levels[i] == level)
			return true;
	return false;
}

int scp03_authenticate(struct scp03 *s, struct apdu *a)
{
	int rc = 0;

	if (s->level || !s->key_len || !level_is_valid(a->p1))
		rc = -EBADMSG;
	rc = rc ?: check_mac(s, a);
	if (!rc && a->len != s->mac_len)
		rc = -EBADMSG;
	if (!rc && !t2_equal(s->host_cryptogram, a->data, s->mac_len))
		rc = -EKEYREJECTED;
	if (rc)
		scp03_wipe(s);
	else
		s->level = a->p1;
	return rc;
}

/* Initial vector of the command under way, or of its response: 6.2.6, 6.2.7. */
static int initial_vector(const struct scp03 *s, u8 first, u8 iv[SCP03_BLOCK])
{
	static const u8 zeros[SCP03_BLOCK];
	size_t i;

	memset(iv, 0, SCP03_BLOCK);
	iv[0] = first;
	for (i = 0; i < sizeof(s->counter); i++)
		iv[SCP03_BLOCK - 1 - i] = s->counter >> 8 * i;
	return se_cbc(true, s->enc, s->key_len, zeros, iv, SCP03_BLOCK);
}

/* Takes off 80 00 … 00: 4.1.4. */
static bool unpad(struct apdu *a)
{
	size_t len = a->len;

	while (len && !a->data[len - 1])
		len--;
	if (!len || a->data[len - 1] != 0x80 || a->len - len >= SCP03_BLOCK)
		return false;
	a->len = len - 1;
	return true;
}

static int decrypt(struct scp03 *s, struct apdu *a)
{
	u8 iv[SCP03_BLOCK];
	int rc;

	s->counter++; /* also of a command without data */
	if (!a->len)
		return 0;
	if (a->len % SCP03_BLOCK)
		return -EBADMSG;
	rc = initial_vector(s, 0, iv);
	rc = rc ?: se_cbc(false, s->enc, s->key_len, iv, a->data, a->len);
	return rc ?: unpad(a) ? 0 : -EBADMSG;
}

int scp03_unwrap(struct scp03 *s, struct apdu *a)
{
	int rc = s->level & SCP03_C_MAC ? check_mac(s, a) : -EBADMSG;

	if (!rc && s->level & SCP03_C_DECRYPTION)
		rc = decrypt(s, a);
	if (rc)
		scp03_wipe(s);
	return rc;
}

static int encrypt(struct scp03 *s, struct apdu_response *r)
{
	static const u8 padding[SCP03_BLOCK] = { 0x80 };
	u8 iv[SCP03_BLOCK];
	int rc;

	apdu_put(r, padding, SCP03_BLOCK - r->len % SCP03_BLOCK);
	rc = r->full ? -ENOSPC : initial_vector(s, 0x80, iv);
	return rc ?: se_cbc(true, s->enc, s->key_len, iv, r->data, r->len);
}

/* 9000 and the warnings: Amendment D, 6.2.5. */
static bool is_covered(u16 sw)
{
	return sw == SW_OK || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

int scp03_wrap(struct scp03 *s, struct apdu_response *r, u16 sw)
{
	const u8 trailer[] = { sw >> 8, sw };
	u8 mac[SCP03_BLOCK];
	int rc = 0;

	if (!(s->level & SCP03_R_MAC) || !is_covered(sw))
		return 0;
	if (s->level & SCP03_R_ENCRYPTION && r->len)
		rc = encrypt(s, r);
	if (!rc) {
		const struct t2_vec in[] = {
			{ s->chain, sizeof(s->chain) },
			{ r->data, r->len },
			{ trailer, sizeof(trailer) },
		};

		rc = se_cmac(s->rmac, s->key_len, in, ARRAY_SIZE(in), mac);
	}
	if (!rc)
		apdu_put(r, mac, s->mac_len);
	memzero_explicit(mac, sizeof(mac));
	if (rc || r->full) {
		scp03_wipe(s);
		return rc ?: -ENOSPC;
	}
	return 0;
}
