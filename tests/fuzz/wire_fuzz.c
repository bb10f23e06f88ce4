// SPDX-License-Identifier: MIT
/*
 * common/wire: whatever is decoded is encoded into the same bytes again, and a
 * bundle that a PU would send is one that the module can read.
 */
#include "common/wire.h"
#include "fuzz.h"
#include "kernel/bundle.h"

static void check_text(const struct error *e, int ret)
{
	CHECK(!ret || ret == -EPROTO);
	CHECK(strnlen(e->text, sizeof(e->text)) < sizeof(e->text));
	CHECK(!ret == !e->text[0]);
}

static void message(const uint8_t *data, size_t size)
{
	struct error e = { "" };
	unsigned char *again;
	struct message *m;
	int ret, len;

	ret = message_decode(data, size, &m, &e);
	check_text(&e, ret);
	CHECK(!ret == !!m);
	if (ret)
		return;
	len = message_encode(m, &again);
	CHECK(len >= 0 && (size_t)len == size && !memcmp(again, data, size));
	CHECK(strcmp(message_name(m->type), "unknown message") != 0);
	if (m->type == MSG_ERROR)
		CHECK(strlen(wire_text(m->u.error->text)) ==
		      (size_t)ASN1_STRING_length(m->u.error->text));
	OPENSSL_free(again);
	message_free(m);
}

static int is_bundle_type(const ASN1_OBJECT *type)
{
	static const uint8_t oid[] = { SECMOD_OID_ARC, 3, SECMOD_MSG_BUNDLE };

	return OBJ_length(type) == sizeof(oid) &&
	       !memcmp(OBJ_get0_data(type), oid, sizeof(oid));
}

static void bundle(const uint8_t *data, size_t size)
{
	struct refusal why = { 0 };
	struct wire_bundle *b;
	struct error e = { "" };
	struct bundle read;
	int ret;

	ret = wire_bundle_decode(data, size, &b, &e);
	check_text(&e, ret);
	if (ret)
		return;
	/* the one thing of the schema that pki_bundle_check() looks at */
	if (!is_bundle_type(b->tbs->type)) {
		CHECK(bundle_parse(&read, data, size, &why) == -EBADMSG);
		wire_bundle_free(b);
		return;
	}
	CHECK(!bundle_parse(&read, data, size, &why));
	CHECK(read.epoch == b->tbs->epoch && read.time == b->tbs->time);
	CHECK(read.policy.max_keys == b->tbs->policy->max_keys);
	CHECK(read.central_count == (u32)sk_X509_num(b->tbs->central));
	CHECK(!memcmp(read.uid, ASN1_STRING_get0_data(b->tbs->uid),
		      sizeof(read.uid)));
	wire_bundle_free(b);
}

static void proof(const uint8_t *data, size_t size)
{
	struct wire_erasure_proof *p;
	struct error e = { "" };
	int ret;

	ret = wire_erasure_proof_decode(data, size, &p, &e);
	check_text(&e, ret);
	if (!ret)
		wire_erasure_proof_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	CHECK(copy);
	memcpy(copy, data, size);
	message(copy, size);
	bundle(copy, size);
	proof(copy, size);
	free(copy);
	return 0;
}
