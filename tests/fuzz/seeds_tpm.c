// SPDX-License-Identifier: MIT
/*
 * Seeds of tpm_fuzz.c and attest_fuzz.c: what a TPM answers, with zeros where there
 * would be digests, as the harnesses' hash has it.
 */
#include "linux/secmod.h"
#include "seeds.h"
#include "tests/vectors/chunks.inc"
#include "tpm_calls.h"

#define FORM(type) \
	((type) << 3) /* see tpm_fuzz.c: index of the handle's type */

static void put_public(struct output *o)
{
	struct t2_public pub;

	CHECK(!t2_public_srk_ecc(&pub));
	put_piece(o, pub.data, pub.len);
}

static void put_name(struct output *o)
{
	put_u16(o, T2_MAX_NAME);
	put_u16(o, T2_ALG_SHA256);
	put_zeros(o, T2_DIGEST_SIZE);
}

static void put_digest(struct output *o, size_t len)
{
	put_u16(o, (unsigned int)len);
	put_zeros(o, len);
}

static void put_ticket_of(struct output *o, u16 tag)
{
	put_u16(o, tag);
	put_u32(o, T2_RH_OWNER);
	put_digest(o, 32);
}

static void put_signature(struct output *o)
{
	put_u16(o, T2_ALG_ECDSA);
	put_u16(o, T2_ALG_SHA256);
	put_digest(o, 32);
	put_digest(o, 31);
}

/* TPMS_ATTEST up to what it attests: Part 2, 10.12.12 */
static void put_attest(struct output *o, u16 type)
{
	put_u32(o, T2_GENERATED_VALUE);
	put_u16(o, type);
	put_name(o); /* qualifiedSigner */
	put_digest(o, 32); /* extraData */
	put_zeros(o, 17 + 8); /* clockInfo, firmwareVersion */
}

static void put_creation_attest(struct output *o)
{
	put_attest(o, T2_ST_ATTEST_CREATION);
	put_name(o);
	put_digest(o, 32);
}

static void put_nv_attest(struct output *o)
{
	put_attest(o, T2_ST_ATTEST_NV);
	put_name(o);
	put_u16(o, 0);
	put_u16(o, 8);
	put_zeros(o, 7);
	put_u8(o, 7);
}

static void put_nv_public(struct output *o)
{
	put_u32(o, 0x01800000);
	put_u16(o, T2_ALG_SHA256);
	put_u32(o, T2_NV_TYPE_COUNTER | T2_NV_WRITTEN | T2_NV_AUTH_READ);
	put_u16(o, 0);
	put_u16(o, 8);
}

static void put_piece_of(struct output *o, void (*fill)(struct output *o))
{
	struct output inner = { .len = 0 };

	fill(&inner);
	put_piece(o, inner.data, inner.len);
}

static void put_digest_32(struct output *o)
{
	put_digest(o, 32);
}

static void put_digest_8(struct output *o)
{
	put_digest(o, 8);
}

static void put_digest_64(struct output *o)
{
	put_digest(o, 64);
}

static void put_creation_ticket(struct output *o)
{
	put_ticket_of(o, T2_ST_CREATION);
}

static void put_verified_ticket(struct output *o)
{
	put_ticket_of(o, T2_ST_VERIFIED);
}

static void put_hash_ticket(struct output *o)
{
	put_ticket_of(o, T2_ST_HASHCHECK);
}

static void put_auth_ticket(struct output *o)
{
	put_ticket_of(o, T2_ST_AUTH_SECRET);
}

static void put_two_digests(struct output *o)
{
	put_digest(o, 32);
	put_digest(o, 32);
}

static void put_point(struct output *o)
{
	put_piece_of(o, put_two_digests);
}

static void put_creation_attest_2b(struct output *o)
{
	put_piece_of(o, put_creation_attest);
}

static void put_nv_attest_2b(struct output *o)
{
	put_piece_of(o, put_nv_attest);
}

static void put_nv_public_2b(struct output *o)
{
	put_piece_of(o, put_nv_public);
}

static void put_property(struct output *o)
{
	put_u8(o, 0);
	put_u32(o, T2_CAP_TPM_PROPERTIES);
	put_u32(o, 1);
	put_u32(o, T2_PT_MANUFACTURER);
	put_u32(o, 0x53544d20);
}

static void put_handles(struct output *o)
{
	put_u8(o, 0);
	put_u32(o, T2_CAP_HANDLES);
	put_u32(o, 2);
	put_u32(o, 0x81000000);
	put_u32(o, 0x81000001);
}

/* The beginning of a list of two, with a third to come */
static void put_list(struct output *o, u32 capability)
{
	put_u8(o, 1);
	put_u32(o, capability);
	put_u32(o, 2);
}

static void put_algorithms(struct output *o)
{
	put_list(o, T2_CAP_ALGS);
	put_u16(o, T2_ALG_RSA);
	put_u32(o, 9);
	put_u16(o, T2_ALG_SHA256);
	put_u32(o, 4);
}

static void put_commands(struct output *o)
{
	put_list(o, T2_CAP_COMMANDS);
	put_u32(o, T2_CC_CREATE);
	put_u32(o, T2_CC_SIGN);
}

static void put_curves(struct output *o)
{
	put_list(o, T2_CAP_ECC_CURVES);
	put_u16(o, T2_CURVE_P256);
	put_u16(o, T2_CURVE_P256 + 1);
}

static void put_banks(struct output *o)
{
	put_list(o, T2_CAP_PCRS);
	put_u16(o, T2_ALG_SHA384);
	put_u8(o, 0);
	put_u16(o, T2_ALG_SHA256);
	put_u8(o, 2);
	put(o, "\xff\xff", 2);
}

static void put_handle_byte(struct output *o)
{
	put_u8(o, 1);
}

static const struct {
	char letter;
	void (*put)(struct output *o);
} structures[] = {
	{ 'P', put_public },	      { 'N', put_name },
	{ 'D', put_digest_32 },	      { 'd', put_digest_8 },
	{ 'b', put_digest_64 },	      { 'S', put_signature },
	{ 'C', put_creation_ticket }, { 'V', put_verified_ticket },
	{ 'H', put_hash_ticket },     { 'K', put_auth_ticket },
	{ 'Z', put_point },	      { 'A', put_creation_attest_2b },
	{ 'B', put_nv_attest_2b },    { 'R', put_nv_public_2b },
	{ 'Y', put_property },	      { 'L', put_handles },
	{ '1', put_algorithms },      { '2', put_commands },
	{ '3', put_curves },	      { '4', put_banks },
};

/*
 * In the order of calls[] in tpm_calls.c. A comma ends a response, an exclamation
 * mark one with a handle.
 */
static const char *const answers[] = {
	"PddCN!", "dPdDC", "N!",  "N!",	 "",	"",    "PNN", "S",
	"V",	  "N!V,,", "Z",	  "DH",	 "",	"D,D", "AS",  "D",
	"",	  "",	   "RN",  "",	 "b",	"d",   "",    "",
	"",	  "BS",	   "Y",	  "L",	 "D!,", "",    "",    "dK",
	"",	  "D",	   "1,1", "2,2", "3,3", "4",   "",    "",
};

#define SESSION_CALL 28

static void put_letter(struct output *o, char letter)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(structures); i++)
		if (structures[i].letter == letter)
			structures[i].put(o);
}

static void put_response(struct output *o, size_t which,
			 const struct output *body, bool handle)
{
	put_u8(o, which == SESSION_CALL ? FORM(1) : FORM(0));
	put_piece(o, body->data, body->len);
	if (handle)
		put_handle_byte(o);
}

static void put_answer(struct output *o, size_t which)
{
	struct output body = { .len = 0 };
	const char *letter = answers[which];
	bool open = true;

	for (; *letter; letter++) {
		open = *letter != ',' && *letter != '!';
		if (open) {
			put_letter(&body, *letter);
		} else {
			put_response(o, which, &body, *letter == '!');
			body.len = 0;
		}
	}
	if (open)
		put_response(o, which, &body, false);
}

void seeds_tpm(void)
{
	static const u8 hows[] = { 0, HOW_GUARD | HOW_DECRYPT | HOW_ENCRYPT,
				   HOW_PASSWORD,
				   HOW_POLICY | HOW_AUTH_VALUE | HOW_ONCE };
	size_t which, i;

	CHECK(ARRAY_SIZE(answers) == scene_calls());
	for (which = 0; which < ARRAY_SIZE(answers); which++)
		for (i = 0; i < ARRAY_SIZE(hows); i++) {
			struct output o = { .len = 0 };

			put_u8(&o, which);
			put_u8(&o, hows[i]);
			put_answer(&o, which);
			put_answer(&o, which);
			put_zeros(&o, 8);
			seed("tpm", o.data, o.len);
		}
}

/* The structures that attest_fuzz.c reads: by parser, then the pieces. */
static void put_key(struct output *o, u32 attributes, bool policy)
{
	static const u8 zeros[T2_DIGEST_SIZE];
	const struct t2_ecc_template template = {
		.attributes = attributes,
		.scheme = T2_ALG_ECDSA,
		.policy = policy ? zeros : NULL,
	};
	struct output point = { .len = 0 };
	struct t2_public pub;

	put_hex(&point, MODULE_POINT);
	CHECK(!t2_public_ecc(&pub, &template, (void *)point.data));
	put_piece(o, pub.data, pub.len);
}

#define FIXED \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT | T2_OBJ_SENSITIVE_DATA_ORIGIN)
#define IDENTITY \
	(FIXED | T2_OBJ_RESTRICTED | T2_OBJ_SIGN | T2_OBJ_USER_WITH_AUTH)
#define MODULE_KEY (FIXED | T2_OBJ_SIGN | T2_OBJ_ADMIN_WITH_POLICY)

/* TPMS_CREATION_DATA: Part 2, 15.1 */
static void put_creation(struct output *o)
{
	put_u32(o, 0); /* no PCR */
	put_digest(o, 32);
	put_u8(o, 1);
	put_u16(o, T2_ALG_SHA256);
	put_name(o);
	put_name(o);
	put_digest(o, 32); /* outsideInfo */
}

static void seed_key(int parser, u32 attributes, bool policy)
{
	struct output o = { .len = 0 };

	put_u8(&o, parser);
	put_key(&o, attributes, policy);
	seed("attest", o.data, o.len);
}

/* A coordinate that is longer than the curve has it: TPM2B of 33 bytes */
static void seed_long_coordinate(void)
{
	struct output key = { .len = 0 }, inner = { .len = 0 },
		      o = { .len = 0 };
	size_t unique;

	put_key(&key, IDENTITY, false);
	unique = key.len - 2 * (2 + T2_COORD_SIZE);
	put(&inner, key.data + 2, unique - 2);
	put_digest(&inner, T2_COORD_SIZE + 1);
	put(&inner, key.data + unique + 2 + T2_COORD_SIZE, 2 + T2_COORD_SIZE);
	put_u8(&o, 0);
	put_piece(&o, inner.data, inner.len);
	seed("attest", o.data, o.len);
}

static void seed_credential(int (*ek_template)(struct t2_public *pub))
{
	struct output o = { .len = 0 };
	struct t2_public ek;

	CHECK(!ek_template(&ek));
	put_u8(&o, 1);
	put_piece(&o, ek.data, ek.len);
	put_key(&o, IDENTITY, false);
	put_digest(&o, 32);
	seed("attest", o.data, o.len);
	o.data[0] = 0;
	seed("attest", o.data, o.len);
}

void seeds_attest(void)
{
	struct output birth = { .len = 0 }, attestation = { .len = 0 };

	seed_key(0, IDENTITY, false);
	seed_key(0, MODULE_KEY, true);
	seed_long_coordinate();
	seed_credential(t2_public_ek_ecc);
	seed_credential(t2_public_ek_rsa);
	put_u8(&birth, 2);
	put_key(&birth, MODULE_KEY, true);
	put_piece_of(&birth, put_creation);
	put_creation_attest_2b(&birth);
	seed("attest", birth.data, birth.len);
	put_u8(&attestation, 3);
	put_nv_public_2b(&attestation);
	put_nv_attest_2b(&attestation);
	seed("attest", attestation.data, attestation.len);
}
