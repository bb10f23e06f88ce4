// SPDX-License-Identifier: GPL-2.0-only
/* Names, public areas and policy digests, computed without asking the TPM. */
#include "command.h"

void t2_hierarchy(struct t2_entity *e, u32 handle)
{
	struct t2_writer w;

	memset(e, 0, sizeof(*e));
	e->handle = handle;
	t2_writer_init(&w, e->name.data, sizeof(e->name.data));
	t2_put_u32(&w, handle);
	e->name.len = (u16)w.len;
}

/* nameAlg || H(area): Part 1, 16 */
static int name_of(const u8 *area, size_t len, struct t2_name *name)
{
	const struct t2_vec in = { area, len };

	name->len = T2_MAX_NAME;
	name->data[0] = T2_ALG_SHA256 >> 8;
	name->data[1] = T2_ALG_SHA256 & 0xff;
	return t2_sha256(&in, 1, name->data + 2);
}

int t2_name_of_public(const struct t2_public *pub, struct t2_name *name)
{
	struct t2_reader r;
	u16 name_alg;

	memset(name, 0, sizeof(*name));
	t2_reader_init(&r, pub->data, pub->len);
	t2_get_u16(&r);
	name_alg = t2_get_u16(&r);
	if (r.bad)
		return -EINVAL;
	if (name_alg != T2_ALG_SHA256)
		return -EOPNOTSUPP;
	return name_of(pub->data, pub->len, name);
}

/* TPMS_NV_PUBLIC: Part 2, 13.5 */
void t2_put_nv_public(struct t2_writer *w, const struct t2_nv_public *nv)
{
	if (nv->policy_len > sizeof(nv->policy)) {
		w->bad = true;
		return;
	}
	t2_put_u32(w, nv->index);
	t2_put_u16(w, nv->name_alg);
	t2_put_u32(w, nv->attributes);
	t2_put_2b(w, nv->policy, nv->policy_len);
	t2_put_u16(w, nv->size);
}

int t2_name_of_nv(const struct t2_nv_public *nv, struct t2_name *name)
{
	u8 area[T2_MAX_NV_PUBLIC];
	struct t2_writer w;

	memset(name, 0, sizeof(*name));
	t2_writer_init(&w, area, sizeof(area));
	t2_put_nv_public(&w, nv);
	if (w.bad)
		return -EINVAL;
	if (nv->name_alg != T2_ALG_SHA256)
		return -EOPNOTSUPP;
	return name_of(area, w.len, name);
}

/* TPMT_PUBLIC: Part 2, 12.2.4; TPMS_ECC_PARMS: 12.2.3.6 */
int t2_public_ecc(struct t2_public *pub, const struct t2_ecc_template *t,
		  const struct t2_point *point)
{
	struct t2_writer w;

	if (t->scheme != T2_ALG_ECDSA && t->scheme != T2_ALG_NULL)
		return -EINVAL;
	t2_writer_init(&w, pub->data, sizeof(pub->data));
	t2_put_u16(&w, T2_ALG_ECC);
	t2_put_u16(&w, T2_ALG_SHA256);
	t2_put_u32(&w, t->attributes);
	t2_put_2b(&w, t->policy, t->policy ? T2_DIGEST_SIZE : 0);
	t2_put_u16(&w, t->storage ? T2_ALG_AES : T2_ALG_NULL);
	if (t->storage) {
		t2_put_u16(&w, 128);
		t2_put_u16(&w, T2_ALG_CFB);
	}
	t2_put_u16(&w, t->scheme);
	if (t->scheme == T2_ALG_ECDSA)
		t2_put_u16(&w, T2_ALG_SHA256);
	t2_put_u16(&w, T2_CURVE_P256);
	t2_put_u16(&w, T2_ALG_NULL); /* kdf */
	t2_put_2b(&w, point ? point->x : NULL, point ? T2_COORD_SIZE : 0);
	t2_put_2b(&w, point ? point->y : NULL, point ? T2_COORD_SIZE : 0);
	pub->len = (u16)w.len;
	return w.bad ? -EINVAL : 0;
}

/* A coordinate, which the TPM may give without its leading zeros. */
static void get_coord(struct t2_reader *r, u8 out[T2_COORD_SIZE])
{
	size_t len;
	const u8 *at = t2_get_2b(r, &len);

	memset(out, 0, T2_COORD_SIZE);
	if (!at || !len || len > T2_COORD_SIZE)
		r->bad = true;
	else
		memcpy(out + T2_COORD_SIZE - len, at, len);
}

static bool get_symmetric(struct t2_reader *r, bool *storage)
{
	u16 alg = t2_get_u16(r);

	*storage = alg == T2_ALG_AES;
	if (*storage)
		return t2_get_u16(r) == 128 && t2_get_u16(r) == T2_ALG_CFB;
	return alg == T2_ALG_NULL;
}

static bool get_scheme(struct t2_reader *r, u16 *scheme)
{
	*scheme = t2_get_u16(r);
	if (*scheme == T2_ALG_ECDSA)
		return t2_get_u16(r) == T2_ALG_SHA256;
	return *scheme == T2_ALG_NULL;
}

int t2_public_parse_ecc(const struct t2_public *pub, struct t2_ecc_template *t,
			struct t2_point *point)
{
	struct t2_reader r;
	size_t policy_len;

	memset(t, 0, sizeof(*t));
	t2_reader_init(&r, pub->data, pub->len);
	if (t2_get_u16(&r) != T2_ALG_ECC || t2_get_u16(&r) != T2_ALG_SHA256)
		return -EINVAL;
	t->attributes = t2_get_u32(&r);
	t->policy = t2_get_2b(&r, &policy_len);
	if (policy_len && policy_len != T2_DIGEST_SIZE)
		return -EINVAL;
	if (!policy_len)
		t->policy = NULL;
	if (!get_symmetric(&r, &t->storage) || !get_scheme(&r, &t->scheme))
		return -EINVAL;
	if (t2_get_u16(&r) != T2_CURVE_P256 || t2_get_u16(&r) != T2_ALG_NULL)
		return -EINVAL;
	get_coord(&r, point->x);
	get_coord(&r, point->y);
	return r.bad || t2_left(&r) ? -EINVAL : 0;
}

/* PolicyA of the EK templates: TPM2_PolicySecret(TPM_RH_ENDORSEMENT) */
static const u8 ek_policy[T2_DIGEST_SIZE] = {
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
	0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
	0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

#define EK_ATTRIBUTES                                              \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT |                  \
	 T2_OBJ_SENSITIVE_DATA_ORIGIN | T2_OBJ_ADMIN_WITH_POLICY | \
	 T2_OBJ_RESTRICTED | T2_OBJ_DECRYPT)

int t2_public_ek_ecc(struct t2_public *pub)
{
	static const struct t2_point zeros;
	const struct t2_ecc_template ek = {
		.attributes = EK_ATTRIBUTES,
		.scheme = T2_ALG_NULL,
		.storage = true,
		.policy = ek_policy,
	};

	return t2_public_ecc(pub, &ek, &zeros);
}

int t2_public_ek_rsa(struct t2_public *pub)
{
	static const u8 zeros[256];
	struct t2_writer w;

	t2_writer_init(&w, pub->data, sizeof(pub->data));
	t2_put_u16(&w, T2_ALG_RSA);
	t2_put_u16(&w, T2_ALG_SHA256);
	t2_put_u32(&w, EK_ATTRIBUTES);
	t2_put_2b(&w, ek_policy, sizeof(ek_policy));
	t2_put_u16(&w, T2_ALG_AES);
	t2_put_u16(&w, 128);
	t2_put_u16(&w, T2_ALG_CFB);
	t2_put_u16(&w, T2_ALG_NULL); /* no scheme */
	t2_put_u16(&w, 2048);
	t2_put_u32(&w, 0); /* the default exponent, 65537 */
	t2_put_2b(&w, zeros, sizeof(zeros));
	pub->len = w.len;
	return w.bad ? -EINVAL : 0;
}

int t2_public_srk_ecc(struct t2_public *pub)
{
	static const struct t2_point zeros;
	const struct t2_ecc_template srk = {
		.attributes = T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT |
			      T2_OBJ_SENSITIVE_DATA_ORIGIN |
			      T2_OBJ_USER_WITH_AUTH | T2_OBJ_NO_DA |
			      T2_OBJ_RESTRICTED | T2_OBJ_DECRYPT,
		.scheme = T2_ALG_NULL,
		.storage = true,
	};

	return t2_public_ecc(pub, &srk, &zeros);
}

/* policyDigest = H(policyDigest || commandCode || a || b): Part 1, 19.7.4 */
static int policy_extend(u8 digest[T2_DIGEST_SIZE], u32 cc,
			 const struct t2_vec *a, const struct t2_vec *b)
{
	struct t2_vec in[4];
	struct t2_writer w;
	u8 code[4];

	t2_writer_init(&w, code, sizeof(code));
	t2_put_u32(&w, cc);
	in[0] = (struct t2_vec){ digest, T2_DIGEST_SIZE };
	in[1] = (struct t2_vec){ code, sizeof(code) };
	in[2] = *a;
	in[3] = *b;
	return t2_sha256(in, 4, digest);
}

/* Part 3, 23.9: args = H(operandB || offset || operation) */
int t2_policy_digest_nv(u8 digest[T2_DIGEST_SIZE], const struct t2_name *nv,
			const u8 *operand, size_t len, u16 offset, u16 op)
{
	const struct t2_vec name = { nv->data, nv->len };
	u8 tail[4], args[T2_DIGEST_SIZE];
	const struct t2_vec in[] = { { operand, len }, { tail, sizeof(tail) } };
	const struct t2_vec hashed = { args, sizeof(args) };
	struct t2_writer w;
	int err;

	t2_writer_init(&w, tail, sizeof(tail));
	t2_put_u16(&w, offset);
	t2_put_u16(&w, op);
	err = t2_sha256(in, 2, args);
	if (err)
		return err;
	return policy_extend(digest, T2_CC_POLICY_NV, &hashed, &name);
}

/* Part 3, 23.17 */
int t2_policy_digest_auth_value(u8 digest[T2_DIGEST_SIZE])
{
	const struct t2_vec none = { "", 0 };

	return policy_extend(digest, T2_CC_POLICY_AUTH_VALUE, &none, &none);
}

/* Part 3, 23.4 and 23.2.3 (PolicyUpdate), with an empty policyRef */
int t2_policy_digest_secret(u8 digest[T2_DIGEST_SIZE],
			    const struct t2_name *entity)
{
	const struct t2_vec name = { entity->data, entity->len };
	const struct t2_vec none = { "", 0 };
	const struct t2_vec first = { digest, T2_DIGEST_SIZE };
	int err;

	err = policy_extend(digest, T2_CC_POLICY_SECRET, &name, &none);
	return err ? err : t2_sha256(&first, 1, digest);
}

/* Part 3, 23.7: TPML_PCR_SELECTION || digestTPM */
int t2_policy_digest_pcr(u8 digest[T2_DIGEST_SIZE], const u8 select[3],
			 const u8 digest_pcr[T2_DIGEST_SIZE])
{
	const u8 selection[] = { 0,
				 0,
				 0,
				 1,
				 T2_ALG_SHA256 >> 8,
				 T2_ALG_SHA256 & 0xff,
				 3,
				 select[0],
				 select[1],
				 select[2] };
	const struct t2_vec pcrs = { selection, sizeof(selection) };
	const struct t2_vec values = { digest_pcr, T2_DIGEST_SIZE };

	return policy_extend(digest, T2_CC_POLICY_PCR, &pcrs, &values);
}
