// SPDX-License-Identifier: GPL-2.0-only
/* The certificate reader and the rules of one link of the chain. */
#include "cert.h"

#define SERIAL_NUMBER_MAX 20

static const u8 oid_ecdsa_sha256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };
static const u8 oid_ec_key[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
static const u8 oid_p256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
static const u8 oid_serial_number[] = { 0x55, 4, 5 };
static const u8 oid_user_id[] = { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1 };
static const u8 oid_key_usage[] = { 0x55, 0x1d, 0x0f };
static const u8 oid_basic_constraints[] = { 0x55, 0x1d, 0x13 };
static const u8 oid_ext_key_usage[] = { 0x55, 0x1d, 0x25 };
static const u8 oid_role_arc[] = { SECMOD_OID_ARC, 1 };
static const u8 oid_nonce[] = { SECMOD_OID_ARC, 2, SECMOD_EXT_NONCE };
static const u8 oid_salt[] = { SECMOD_OID_ARC, 2, SECMOD_EXT_SALT };
static const u8 oid_epoch[] = { SECMOD_OID_ARC, 2, SECMOD_EXT_EPOCH };

const char *cert_role_name(u8 role)
{
	static const char *const names[] = {
		"manufacturer", "identity", "signer", "module", "central", "unit-tls", "recovery",
	};

	return role < ARRAY_SIZE(names) ? names[role] : "unknown";
}

/* ECDSA-Sig-Value (RFC 3279, 2.2.3) to r and s. */
static bool read_signature(const struct tlv *bits, u8 out[SECMOD_SIG_SIZE])
{
	struct tlv_reader r;
	struct tlv seq;

	if (!bits->len || bits->value[0])
		return false;
	tlv_open(&r, bits->value + 1, bits->len - 1);
	if (!tlv_expect(&r, TLV_SEQUENCE, &seq) || !tlv_done(&r))
		return false;
	tlv_enter(&r, &seq);
	return tlv_unsigned(&r, out, 32) && tlv_unsigned(&r, out + 32, 32) && tlv_done(&r);
}

static bool is_ecdsa_sha256(const struct tlv *alg)
{
	struct tlv_reader r;
	struct tlv oid;

	tlv_enter(&r, alg);
	return tlv_expect(&r, TLV_OID, &oid) && tlv_done(&r) &&
	       tlv_equal(&oid, oid_ecdsa_sha256, sizeof(oid_ecdsa_sha256));
}

static bool read_public_key(const struct tlv *spki, u8 point[CERT_POINT_SIZE])
{
	struct tlv_reader r, in;
	struct tlv alg, key, oid, curve;

	tlv_enter(&r, spki);
	if (!tlv_expect(&r, TLV_SEQUENCE, &alg) || !tlv_expect(&r, TLV_BIT_STRING, &key) ||
	    !tlv_done(&r))
		return false;
	tlv_enter(&in, &alg);
	if (!tlv_expect(&in, TLV_OID, &oid) || !tlv_expect(&in, TLV_OID, &curve) || !tlv_done(&in))
		return false;
	if (!tlv_equal(&oid, oid_ec_key, sizeof(oid_ec_key)) ||
	    !tlv_equal(&curve, oid_p256, sizeof(oid_p256)))
		return false;
	/* No unused bits, then the uncompressed point. */
	if (key.len != 2 + CERT_POINT_SIZE || key.value[0] || key.value[1] != 4)
		return false;
	memcpy(point, key.value + 2, CERT_POINT_SIZE);
	return true;
}

static bool two_digits(const u8 *p, unsigned int max, unsigned int *out)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*out = (p[0] - '0') * 10 + p[1] - '0';
	return *out <= max;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar from 1970 on. */
static u64 days_since_1970(unsigned int year, unsigned int month, unsigned int day)
{
	unsigned int y = month > 2 ? year : year - 1;
	unsigned int m = month > 2 ? month - 3 : month + 9;

	return 365ull * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static unsigned int days_in_month(unsigned int year, unsigned int month)
{
	static const u8 days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* UTCTime until 2049, GeneralizedTime from 2050 on, both in Z (RFC 5280, 4.1.2.5). */
static bool read_time(struct tlv_reader *r, u64 *out)
{
	unsigned int century = 0, year, month, day, hour, minute, second;
	struct tlv t;
	const u8 *p;

	if (!tlv_next(r, &t))
		return false;
	p = t.value;
	if (t.tag == TLV_GENERALIZED_TIME && t.len == 15) {
		if (!two_digits(p, 99, &century))
			return false;
		p += 2;
	} else if (t.tag != TLV_UTC_TIME || t.len != 13) {
		return false;
	}
	if (!two_digits(p, 99, &year) || !two_digits(p + 2, 12, &month) ||
	    !two_digits(p + 4, 99, &day) || !two_digits(p + 6, 23, &hour) ||
	    !two_digits(p + 8, 59, &minute) || !two_digits(p + 10, 59, &second) || p[12] != 'Z' ||
	    !month || !day)
		return false;
	if (t.tag == TLV_UTC_TIME)
		century = year >= 50 ? 19 : 20;
	year += century * 100;
	if (t.tag == TLV_GENERALIZED_TIME ? year < 2050 : year < 1970)
		return false;
	if (day > days_in_month(year, month))
		return false;
	*out = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

static bool read_validity(struct tlv_reader *r, struct cert *c)
{
	struct tlv_reader in;
	struct tlv validity;

	if (!tlv_expect(r, TLV_SEQUENCE, &validity))
		return false;
	tlv_enter(&in, &validity);
	return read_time(&in, &c->not_before) && read_time(&in, &c->not_after) && tlv_done(&in);
}

static int hex_digit(u8 c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool read_uid(const struct tlv *t, struct cert *c)
{
	size_t i;

	if (c->has_uid || t->len != 2 * SECMOD_UID_SIZE)
		return false;
	for (i = 0; i < SECMOD_UID_SIZE; i++) {
		int high = hex_digit(t->value[2 * i]);
		int low = hex_digit(t->value[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		c->uid[i] = high << 4 | low;
	}
	c->has_uid = true;
	return true;
}

static bool read_serial(const struct tlv *t, struct cert *c)
{
	size_t i;

	if (c->serial[0] || !t->len || t->len > SECMOD_SERIAL_MAX)
		return false;
	for (i = 0; i < t->len; i++)
		if (t->value[i] <= ' ' || t->value[i] > '~')
			return false;
	memcpy(c->serial, t->value, t->len);
	return true;
}

static bool is_string(const struct tlv *t)
{
	return t->tag == TLV_UTF8_STRING || t->tag == TLV_PRINTABLE_STRING;
}

static bool read_attribute(const struct tlv *rdn, struct cert *c)
{
	struct tlv_reader r;
	struct tlv attribute, oid, value;

	tlv_enter(&r, rdn);
	if (!tlv_expect(&r, TLV_SEQUENCE, &attribute) || !tlv_done(&r))
		return false;
	tlv_enter(&r, &attribute);
	if (!tlv_expect(&r, TLV_OID, &oid) || !tlv_next(&r, &value) || !tlv_done(&r))
		return false;
	if (tlv_equal(&oid, oid_serial_number, sizeof(oid_serial_number)))
		return is_string(&value) && read_serial(&value, c);
	if (tlv_equal(&oid, oid_user_id, sizeof(oid_user_id)))
		return is_string(&value) && read_uid(&value, c);
	return true;
}

static bool read_subject(struct cert *c)
{
	struct tlv_reader r;
	struct tlv rdn;

	tlv_enter(&r, &c->subject);
	while (tlv_more(&r))
		if (!tlv_expect(&r, TLV_SET, &rdn) || !read_attribute(&rdn, c))
			return false;
	return tlv_done(&r) && c->subject.len; /* its certificates name it as issuer */
}

/* A named bit list ends with its last bit that is set (X.690, 11.2). */
static bool read_key_usage(struct tlv_reader *r, struct cert *c)
{
	struct tlv bits;
	u8 unused, last;

	if (!tlv_expect(r, TLV_BIT_STRING, &bits) || bits.len < 2 || bits.value[0] > 7)
		return false;
	unused = bits.value[0];
	last = bits.value[bits.len - 1];
	if ((last & ((2u << unused) - 1)) != 1u << unused)
		return false;
	c->key_usage = bits.value[1];
	return true;
}

static bool read_basic_constraints(struct tlv_reader *r, struct cert *c)
{
	struct tlv_reader in;
	struct tlv seq, t;
	u64 path_len;

	if (!tlv_expect(r, TLV_SEQUENCE, &seq))
		return false;
	tlv_enter(&in, &seq);
	if (tlv_optional(&in, TLV_BOOLEAN, &t)) {
		/* DEFAULT FALSE is not encoded (X.690, 11.5). */
		if (t.len != 1 || t.value[0] != 0xff)
			return false;
		c->ca = true;
	}
	if (tlv_more(&in)) {
		if (!c->ca || !tlv_u64(&in, &path_len) || path_len > 255)
			return false;
		c->path_len = path_len;
	}
	return tlv_done(&in);
}

static bool read_ext_key_usage(struct tlv_reader *r, struct cert *c)
{
	struct tlv_reader in;
	struct tlv seq, oid;

	if (!tlv_expect(r, TLV_SEQUENCE, &seq))
		return false;
	tlv_enter(&in, &seq);
	while (tlv_more(&in)) {
		if (!tlv_expect(&in, TLV_OID, &oid))
			return false;
		if (oid.len < sizeof(oid_role_arc) ||
		    memcmp(oid.value, oid_role_arc, sizeof(oid_role_arc)))
			continue;
		/* Two roles would be good for either: the attack A28 is about. */
		if (c->role || oid.len != sizeof(oid_role_arc) + 1)
			return false;
		c->role = oid.value[oid.len - 1];
		/* 0 stands for none; from 0x80 on the number would go on. */
		if (!c->role || c->role > 0x7f)
			return false;
	}
	return tlv_done(&in) && seq.len; /* RFC 5280, 4.2.1.12: at least one */
}

static bool read_nonce(struct tlv_reader *r, struct cert *c)
{
	c->has_nonce = tlv_fixed(r, TLV_OCTET_STRING, c->nonce, sizeof(c->nonce));
	return c->has_nonce;
}

static bool read_salt(struct tlv_reader *r, struct cert *c)
{
	c->has_salt = tlv_fixed(r, TLV_OCTET_STRING, c->salt, sizeof(c->salt));
	return c->has_salt;
}

static bool read_epoch(struct tlv_reader *r, struct cert *c)
{
	c->has_epoch = tlv_u64(r, &c->epoch);
	return c->has_epoch;
}

static const struct {
	const u8 *oid;
	size_t len;
	bool (*read)(struct tlv_reader *r, struct cert *c);
} extensions[] = {
	{ oid_key_usage, sizeof(oid_key_usage), read_key_usage },
	{ oid_basic_constraints, sizeof(oid_basic_constraints), read_basic_constraints },
	{ oid_ext_key_usage, sizeof(oid_ext_key_usage), read_ext_key_usage },
	{ oid_nonce, sizeof(oid_nonce), read_nonce },
	{ oid_salt, sizeof(oid_salt), read_salt },
	{ oid_epoch, sizeof(oid_epoch), read_epoch },
};

static bool read_known_extension(const struct tlv *oid, const struct tlv *value, bool critical,
				 struct cert *c)
{
	struct tlv_reader r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(extensions); i++) {
		if (!tlv_equal(oid, extensions[i].oid, extensions[i].len))
			continue;
		/* At most one instance of each (RFC 5280, 4.2). */
		if (c->seen & BIT(i))
			return false;
		c->seen |= BIT(i);
		tlv_enter(&r, value);
		/* An authority's constraints are critical (RFC 5280, 4.2.1.9). */
		return extensions[i].read(&r, c) && tlv_done(&r) &&
		       (critical || !c->ca || extensions[i].read != read_basic_constraints);
	}
	return !critical;
}

static bool read_extensions(const struct tlv *outer, struct cert *c)
{
	struct tlv_reader list, r;
	struct tlv seq, ext, oid, t, value;

	tlv_enter(&list, outer);
	if (!tlv_expect(&list, TLV_SEQUENCE, &seq) || !tlv_done(&list))
		return false;
	tlv_enter(&list, &seq);
	while (tlv_more(&list)) {
		bool critical = false;

		if (!tlv_expect(&list, TLV_SEQUENCE, &ext))
			return false;
		tlv_enter(&r, &ext);
		if (!tlv_expect(&r, TLV_OID, &oid))
			return false;
		if (tlv_optional(&r, TLV_BOOLEAN, &t)) {
			if (t.len != 1 || t.value[0] != 0xff)
				return false;
			critical = true;
		}
		if (!tlv_expect(&r, TLV_OCTET_STRING, &value) || !tlv_done(&r))
			return false;
		if (!read_known_extension(&oid, &value, critical, c))
			return false;
	}
	return tlv_done(&list) && seq.len;
}

/* Positive, shortest form, at most 20 octets (RFC 5280, 4.1.2.2). */
static bool read_serial_number(struct tlv_reader *r)
{
	static const u8 zero[SERIAL_NUMBER_MAX];
	u8 number[SERIAL_NUMBER_MAX];

	return tlv_unsigned(r, number, sizeof(number)) && !(number[0] & 0x80) &&
	       memcmp(number, zero, sizeof(zero));
}

static const char *read_tbs(const struct tlv *tbs, const struct tlv *alg, struct cert *c)
{
	struct tlv_reader r, in;
	struct tlv t, inner_alg, spki, outer;
	u64 version;

	tlv_enter(&r, tbs);
	if (!tlv_expect(&r, TLV_CONSTRUCTED(0), &t))
		return "its version is not 3";
	tlv_enter(&in, &t);
	if (!tlv_u64(&in, &version) || !tlv_done(&in) || version != 2)
		return "its version is not 3";
	if (!read_serial_number(&r))
		return "its serial number is malformed";
	if (!tlv_expect(&r, TLV_SEQUENCE, &inner_alg) || inner_alg.whole_len != alg->whole_len ||
	    memcmp(inner_alg.whole, alg->whole, alg->whole_len))
		return "its two signature algorithms differ";
	if (!tlv_expect(&r, TLV_SEQUENCE, &c->issuer))
		return "its issuer is malformed";
	if (!read_validity(&r, c))
		return "its validity is malformed";
	if (!tlv_expect(&r, TLV_SEQUENCE, &c->subject) || !read_subject(c))
		return "its subject is malformed";
	if (!tlv_expect(&r, TLV_SEQUENCE, &spki) || !read_public_key(&spki, c->point))
		return "its key is not an uncompressed point of P-256";
	if (!tlv_expect(&r, TLV_CONSTRUCTED(3), &outer) || !tlv_done(&r))
		return "it has no extensions, or something after them";
	if (!read_extensions(&outer, c))
		return "an extension is malformed, repeated, or critical and unknown";
	return NULL;
}

static const char *read_cert(struct cert *c, const u8 *der, size_t len)
{
	struct tlv_reader r;
	struct tlv cert, alg, bits;

	if (len > SECMOD_CERT_MAX)
		return "it is too long";
	tlv_open(&r, der, len);
	if (!tlv_expect(&r, TLV_SEQUENCE, &cert))
		return "it is no DER sequence";
	if (!tlv_done(&r))
		return "bytes follow it";
	tlv_enter(&r, &cert);
	if (!tlv_expect(&r, TLV_SEQUENCE, &c->tbs) || !tlv_expect(&r, TLV_SEQUENCE, &alg) ||
	    !tlv_expect(&r, TLV_BIT_STRING, &bits) || !tlv_done(&r))
		return "it is no certificate";
	if (!is_ecdsa_sha256(&alg))
		return "its signature algorithm is not ecdsa-with-SHA256";
	if (!read_signature(&bits, c->signature))
		return "its signature is malformed";
	return read_tbs(&c->tbs, &alg, c);
}

int cert_parse(struct cert *c, const u8 *der, size_t len, const char *what, struct refusal *why)
{
	const char *wrong;

	memset(c, 0, sizeof(*c));
	c->path_len = -1;
	wrong = read_cert(c, der, len);
	if (wrong)
		return refuse(why, -EBADMSG, "%s: %s", what, wrong);
	return 0;
}

/* What a certificate of a role may do, beside having the role. */
static const char *check_use(const struct cert *c, u8 role)
{
	bool ca = role == 0 || role == SECMOD_ROLE_SIGNER;

	if (c->role != role)
		return "role";
	if (c->ca != ca)
		return ca ? "it is no certification authority" : "it is a certification authority";
	if (ca && !(c->key_usage & CERT_KU_CERT_SIGN))
		return "its key usage does not allow signing certificates";
	if (role && !(c->key_usage & CERT_KU_DIGITAL_SIGNATURE))
		return "its key usage does not allow digital signatures";
	if (!ca && c->key_usage & CERT_KU_CERT_SIGN)
		return "its key usage allows signing certificates";
	if (role == SECMOD_ROLE_SIGNER && c->path_len != 0)
		return "its path length is not 0";
	if ((role == SECMOD_ROLE_IDENTITY || role == SECMOD_ROLE_MODULE) && !c->has_uid)
		return "it names no UID";
	if (role == SECMOD_ROLE_IDENTITY && !c->serial[0])
		return "it names no serial number";
	return NULL;
}

int cert_check(const struct cert *c, const struct cert *issuer, u8 role, const char *what,
	       const struct cert_verifier *v)
{
	const char *wrong = check_use(c, role);
	int rc;

	if (wrong && c->role != role)
		return refuse(v->why, -EKEYREJECTED, "%s: role is %s, not %s", what,
			      cert_role_name(c->role), cert_role_name(role));
	if (wrong)
		return refuse(v->why, -EKEYREJECTED, "%s: %s", what, wrong);
	if (c->issuer.whole_len != issuer->subject.whole_len ||
	    memcmp(c->issuer.whole, issuer->subject.whole, c->issuer.whole_len))
		return refuse(v->why, -EKEYREJECTED,
			      "%s: its issuer is not the certificate it came with", what);
	/* RFC 5280, 4.2.1.9: how many authorities may follow the issuer. */
	if (role == SECMOD_ROLE_SIGNER && issuer->path_len == 0)
		return refuse(v->why, -EKEYREJECTED, "%s: its issuer may not certify an authority",
			      what);
	if (v->now < c->not_before)
		return refuse(v->why, -EKEYEXPIRED, "%s: not valid before %llu, clock says %llu",
			      what, (unsigned long long)c->not_before, (unsigned long long)v->now);
	if (v->now > c->not_after)
		return refuse(v->why, -EKEYEXPIRED, "%s: not valid after %llu, clock says %llu",
			      what, (unsigned long long)c->not_after, (unsigned long long)v->now);
	rc = v->verify(v->ctx, issuer->point, c->tbs.whole, c->tbs.whole_len, c->signature);
	if (rc == -EKEYREJECTED)
		return refuse(v->why, rc, "%s: signature is wrong", what);
	return rc;
}
