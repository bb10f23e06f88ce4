// SPDX-License-Identifier: GPL-2.0-only
/* Secure Channel Protocol 11a: key derivation and receipt. */
#include "kernel/tlv.h"
#include "scp11.h"

#define TAG_CONTROL 0xa6
#define TAG_PUBLIC_KEY 0x5f49
#define TAG_RECEIPT 0x86
#define KEY_TYPE_AES 0x88

/* Receipt key, S-ENC, S-MAC, S-RMAC, S-DEK */
#define DERIVED_KEYS 5
#define DERIVED_MAX (DERIVED_KEYS * SCP03_KEY_MAX)

/* Control reference template: Amendment F, table 6-11 */
static bool parse_control(struct scp11_request *q, const struct tlv *control)
{
	static const u8 scp11a[] = { 0x11, 0x01 };
	struct tlv_reader r;
	u8 protocol[2], type;

	tlv_enter(&r, control);
	return tlv_fixed(&r, 0x90, protocol, sizeof(protocol)) &&
	       !memcmp(protocol, scp11a, sizeof(scp11a)) && tlv_fixed(&r, 0x95, &q->usage, 1) &&
	       tlv_fixed(&r, 0x80, &type, 1) && type == KEY_TYPE_AES &&
	       tlv_fixed(&r, 0x81, &q->key_len, 1) && tlv_done(&r);
}

u16 scp11_parse(struct scp11_request *q, const struct apdu *a)
{
	struct tlv_reader r;
	struct tlv control, point;

	memset(q, 0, sizeof(*q));
	tlv_open(&r, a->data, a->len);
	if (!tlv_expect(&r, TAG_CONTROL, &control) || !tlv_expect(&r, TAG_PUBLIC_KEY, &point) ||
	    !tlv_done(&r) || !parse_control(q, &control))
		return SW_DATA;
	if (point.len != SCP11_POINT || point.value[0] != 0x04)
		return SW_DATA;
	if ((q->usage != SCP11_USAGE_MAC && q->usage != SCP11_USAGE_ALL) ||
	    (q->key_len != 16 && q->key_len != 32))
		return SW_DATA;
	memcpy(&q->peer, point.value + 1, sizeof(q->peer));
	q->data = a->data;
	q->len = a->len;
	return SW_OK;
}

/* BSI TR-03111, 4.3.3 (ANSI X9.63) with SHA-256; Amendment F, 3.1.2 */
static int derive(const struct scp11_request *q, const u8 secret[2 * T2_COORD_SIZE],
		  u8 out[DERIVED_MAX])
{
	const u8 info[] = { q->usage, KEY_TYPE_AES, q->key_len };
	const size_t len = DERIVED_KEYS * q->key_len;
	u8 counter[4] = {}, block[T2_DIGEST_SIZE];
	const struct t2_vec in[] = {
		{ secret, 2 * T2_COORD_SIZE },
		{ counter, sizeof(counter) },
		{ info, sizeof(info) },
	};
	size_t at, n;
	int rc = 0;

	for (at = 0; !rc && at < len; at += n) {
		counter[3]++;
		n = len - at < sizeof(block) ? len - at : sizeof(block);
		rc = t2_sha256(in, ARRAY_SIZE(in), block);
		memcpy(out + at, block, n);
	}
	memzero_explicit(block, sizeof(block));
	return rc;
}

/* The receipt is the first MAC chaining value of the session: Amendment F, 5.5. */
static int make_receipt(const struct scp11_request *q, const u8 *key,
			const struct apdu_response *own, u8 receipt[SCP11_RECEIPT])
{
	const struct t2_vec in[] = { { q->data, q->len }, { own->data, own->len } };

	return se_cmac(key, q->key_len, in, ARRAY_SIZE(in), receipt);
}

int scp11_begin(struct scp03 *s, const struct scp11_request *q, const u8 secret[2 * T2_COORD_SIZE],
		const struct t2_point *own, struct apdu_response *r, u8 dek[SCP03_KEY_MAX])
{
	const size_t n = q->key_len;
	u8 keys[DERIVED_MAX];
	int rc;

	memset(s, 0, sizeof(*s));
	apdu_put_constructed(r, TAG_PUBLIC_KEY, SCP11_POINT);
	apdu_put_byte(r, 0x04);
	apdu_put(r, own, sizeof(*own));
	rc = derive(q, secret, keys);
	rc = rc ?: make_receipt(q, keys, r, s->chain);
	if (!rc) {
		apdu_put_tlv(r, TAG_RECEIPT, s->chain, SCP11_RECEIPT);
		s->key_len = n;
		s->mac_len = 8;
		s->level = SCP03_C_MAC | SCP03_R_MAC;
		if (q->usage == SCP11_USAGE_ALL)
			s->level |= SCP03_C_DECRYPTION | SCP03_R_ENCRYPTION;
		memcpy(s->enc, keys + n, n);
		memcpy(s->mac, keys + 2 * n, n);
		memcpy(s->rmac, keys + 3 * n, n);
		memcpy(dek, keys + 4 * n, n);
	} else {
		scp03_wipe(s);
	}
	memzero_explicit(keys, sizeof(keys));
	return rc;
}
