// SPDX-License-Identifier: GPL-2.0-only
/* Commands on keys: the same bytes as tpm2-tss, and no byte of a response missing. */
#include "mu_exchange.h"

#define PARENT 0x81000001
#define KEY 0x80000001

static const TPM2B_AUTH none;
static const TPM2B_AUTH auth = { .size = 7, .buffer = "secret1" };
static const uint32_t persistent = 0x81010001, null = TPM2_RH_NULL;
static const uint16_t empty16;

static const TPM2B_DIGEST outside = { .size = 5, .buffer = "hello" };
static const TPM2B_PRIVATE priv = { .size = 100, .buffer = "private" };
static const TPML_PCR_SELECTION no_pcr;

static const TPMT_TK_CREATION creation_ticket = { TPM2_ST_CREATION,
						  TPM2_RH_OWNER,
						  { .size = 32,
						    .buffer = "ticket" } };

/* The same public area in both languages. */
static const TPM2B_PUBLIC public = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT |
				    TPMA_OBJECT_FIXEDTPM,
		.authPolicy = { .size = 32, .buffer = "policy" },
		.parameters.eccDetail = {
			.symmetric.algorithm = TPM2_ALG_NULL,
			.scheme = { .scheme = TPM2_ALG_ECDSA,
				    .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc = { .x = { .size = 32, .buffer = "x" },
				.y = { .size = 32, .buffer = "y" } },
	},
};

static struct t2_public pub(void)
{
	static const u8 policy[32] = "policy";
	static const struct t2_point point = { "x", "y" };
	const struct t2_ecc_template t = {
		.attributes = T2_OBJ_SIGN | T2_OBJ_FIXED_TPM,
		.scheme = T2_ALG_ECDSA,
		.policy = policy,
	};
	struct t2_public p;

	assert_int_equal(t2_public_ecc(&p, &t, &point), 0);
	return p;
}

static bool same_public(const struct t2_public *got)
{
	struct t2_public want = pub();

	return got->len == want.len && !memcmp(got->data, want.data, want.len);
}

static struct t2_entity entity(u32 handle, const char *value)
{
	struct t2_entity e = { .handle = handle, .auth = (const u8 *)value };

	e.auth_len = value ? strlen(value) : 0;
	return e;
}

/* Filled in at the start: they depend on hashes. */
static TPM2B_NAME name;
static TPM2B_DIGEST creation_hash;
static TPM2B_SENSITIVE_CREATE sensitive, sensitive_auth;
static TPM2B_CREATION_DATA creation;
static uint8_t creation_area[sizeof(TPMS_CREATION_DATA)];
static size_t creation_len;

static int run_create_primary(struct t2 *t)
{
	const struct t2_public template = pub();
	struct t2_public got;
	struct t2_entity owner;
	u32 handle;
	int err;

	t2_hierarchy(&owner, T2_RH_OWNER);
	err = t2_create_primary(t, &owner, &template, &handle, &got);
	if (!err) {
		assert_int_equal(handle, KEY);
		assert_true(same_public(&got));
	}
	return err;
}

static int run_create(struct t2 *t)
{
	const struct t2_public template = pub();
	struct t2_entity parent = entity(PARENT, "secret1");
	struct t2_created got;
	int err;

	err = t2_create(t, &parent, (const u8 *)"new", 3, &template,
			(const u8 *)"hello", 5, &got);
	if (err)
		return err;
	assert_int_equal(got.priv.len, priv.size);
	assert_memory_equal(got.priv.data, priv.buffer, priv.size);
	assert_true(same_public(&got.pub));
	assert_int_equal(got.creation_len, creation_len);
	assert_memory_equal(got.creation, creation_area, creation_len);
	assert_memory_equal(got.creation_hash, creation_hash.buffer, 32);
	assert_int_equal(got.ticket.tag, TPM2_ST_CREATION);
	assert_int_equal(got.ticket.hierarchy, TPM2_RH_OWNER);
	assert_int_equal(got.ticket.len, 32);
	assert_memory_equal(got.ticket.digest, "ticket", 7);
	return 0;
}

static int run_load(struct t2 *t)
{
	const struct t2_public p = pub();
	struct t2_entity parent = entity(PARENT, "secret1");
	struct t2_private private = { .len = priv.size };
	u32 handle;
	int err;

	memcpy(private.data, priv.buffer, priv.size);
	err = t2_load(t, &parent, &private, &p, &handle);
	if (!err)
		assert_int_equal(handle, KEY);
	return err;
}

static int run_load_external(struct t2 *t)
{
	const struct t2_public p = pub();
	u32 handle;
	int err = t2_load_external(t, &p, &handle);

	if (!err)
		assert_int_equal(handle, KEY);
	return err;
}

static int run_evict_control(struct t2 *t)
{
	const struct t2_entity key = entity(KEY, NULL);
	struct t2_entity owner;

	t2_hierarchy(&owner, T2_RH_OWNER);
	return t2_evict_control(t, &owner, &key, persistent);
}

static int run_read_public(struct t2 *t)
{
	struct t2_public got;
	struct t2_name n;
	int err = t2_read_public(t, KEY, &got, &n);

	if (!err) {
		assert_true(same_public(&got));
		assert_int_equal(n.len, name.size);
		assert_memory_equal(n.data, name.name, name.size);
	}
	return err;
}

static int run_flush_context(struct t2 *t)
{
	return t2_flush_context(t, KEY);
}

static const uint32_t flushed = KEY;

/* clang-format off */
static const struct mu_exchange exchanges[] = {
	{
		.name = "CreatePrimary", .cc = TPM2_CC_CreatePrimary,
		.handles = { TPM2_RH_OWNER }, .auths = { &none },
		.command = { { mu_TPM2B_SENSITIVE_CREATE, &sensitive },
			     { mu_TPM2B_PUBLIC, &public },
			     { mu_UINT16, &empty16 },
			     { mu_TPML_PCR_SELECTION, &no_pcr } },
		.handle = KEY,
		.response = { { mu_TPM2B_PUBLIC, &public },
			      { mu_TPM2B_CREATION_DATA, &creation },
			      { mu_TPM2B_DIGEST, &creation_hash },
			      { mu_TPMT_TK_CREATION, &creation_ticket },
			      { mu_TPM2B_NAME, &name } },
		.run = run_create_primary,
	}, {
		.name = "Create", .cc = TPM2_CC_Create,
		.handles = { PARENT }, .auths = { &auth },
		.command = { { mu_TPM2B_SENSITIVE_CREATE, &sensitive_auth },
			     { mu_TPM2B_PUBLIC, &public },
			     { mu_TPM2B_DIGEST, &outside },
			     { mu_TPML_PCR_SELECTION, &no_pcr } },
		.response = { { mu_TPM2B_PRIVATE, &priv },
			      { mu_TPM2B_PUBLIC, &public },
			      { mu_TPM2B_CREATION_DATA, &creation },
			      { mu_TPM2B_DIGEST, &creation_hash },
			      { mu_TPMT_TK_CREATION, &creation_ticket } },
		.run = run_create,
	}, {
		.name = "Load", .cc = TPM2_CC_Load,
		.handles = { PARENT }, .auths = { &auth },
		.command = { { mu_TPM2B_PRIVATE, &priv },
			     { mu_TPM2B_PUBLIC, &public } },
		.handle = KEY,
		.response = { { mu_TPM2B_NAME, &name } },
		.run = run_load,
	}, {
		.name = "LoadExternal", .cc = TPM2_CC_LoadExternal,
		.command = { { mu_UINT16, &empty16 },
			     { mu_TPM2B_PUBLIC, &public },
			     { mu_UINT32, &null } },
		.handle = KEY,
		.response = { { mu_TPM2B_NAME, &name } },
		.run = run_load_external,
	}, {
		.name = "EvictControl", .cc = TPM2_CC_EvictControl,
		.handles = { TPM2_RH_OWNER, KEY }, .auths = { &none },
		.command = { { mu_UINT32, &persistent } },
		.run = run_evict_control,
	}, {
		.name = "ReadPublic", .cc = TPM2_CC_ReadPublic,
		.handles = { KEY },
		.response = { { mu_TPM2B_PUBLIC, &public },
			      { mu_TPM2B_NAME, &name },
			      { mu_TPM2B_NAME, &name } },
		.run = run_read_public,
	}, {
		.name = "FlushContext", .cc = TPM2_CC_FlushContext,
		.command = { { mu_UINT32, &flushed } },
		.run = run_flush_context,
	},
};

/* clang-format on */

static void hash(const void *area, size_t len, uint8_t out[32])
{
	const struct t2_vec in = { area, len };

	assert_int_equal(t2_sha256(&in, 1, out), 0);
}

static void fill(void)
{
	const struct t2_public p = pub();

	creation_len = 0;
	name.size = 34;
	name.name[1] = TPM2_ALG_SHA256;
	hash(p.data, p.len, name.name + 2);
	sensitive_auth.sensitive.userAuth =
		(TPM2B_AUTH){ .size = 3, .buffer = "new" };
	creation.creationData.parentNameAlg = TPM2_ALG_SHA256;
	creation.creationData.outsideInfo =
		(TPM2B_DATA){ .size = 5, .buffer = "hello" };
	assert_int_equal(mu_TPM2B_CREATION_DATA(&creation, creation_area,
						sizeof(creation_area),
						&creation_len),
			 0);
	creation_len -= 2;
	memmove(creation_area, creation_area + 2, creation_len);
	creation_hash.size = 32;
	hash(creation_area, creation_len, creation_hash.buffer);
}

static void same_bytes_as_tpm2_tss(void **state)
{
	size_t i;

	(void)state;
	fill();
	for (i = 0; i < ARRAY_SIZE(exchanges); i++) {
		print_message("# %s\n", exchanges[i].name);
		mu_exchange_test(&exchanges[i]);
	}
}

/* Names and hashes that do not belong to what they come with. */
static void what_does_not_fit_is_refused(void **state)
{
	static struct t2 t;
	size_t i;

	(void)state;
	fill();
	for (i = 0; i < 6; i++) {
		const struct mu_exchange *x = &exchanges[i];

		mu_exchange_play(&t, x);
		if (!strcmp(x->name, "EvictControl"))
			continue;
		assert_int_equal(x->run(&t), 0);
		if (!strcmp(x->name, "Create"))
			creation_hash.buffer[31] ^= 1;
		else
			name.name[33] ^= 1;
		mu_exchange_play(&t, x);
		assert_int_equal(x->run(&t), -EBADMSG);
		fill();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes_as_tpm2_tss),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests_name("tpm marshal object", tests, NULL,
					   NULL);
}
