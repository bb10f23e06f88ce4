// SPDX-License-Identifier: MIT
/*
 * kernel/bundle.c: the session expects what the bundle brings, the signer has the name
 * that the module certificate asks for, and signatures are right. Then one
 * expectation after the other is wrong, and it has to be refused.
 */
#include "fuzz.h"
#include "kernel/bundle.h"

#define NOW 1893456000ull

struct session {
	struct bundle_expect expect;
	struct cert signer;
	struct refusal why;
	struct cert_verifier verifier;
	int verified;
};

static int accept_signature(void *ctx, const u8 point[CERT_POINT_SIZE],
			    const void *data, size_t len,
			    const u8 sig[SECMOD_SIG_SIZE])
{
	(void)point, (void)sig;
	CHECK(len && *(const u8 *)data == TLV_SEQUENCE);
	++*(int *)ctx;
	return 0;
}

static void session_begin(struct session *s, const struct bundle *b)
{
	struct cert module;

	memset(s, 0, sizeof(*s));
	s->verifier = (struct cert_verifier){ accept_signature, &s->verified,
					      NOW, &s->why };
	memcpy(s->expect.uid, b->uid, sizeof(b->uid));
	memcpy(s->expect.module_nonce, b->module_nonce,
	       sizeof(b->module_nonce));
	memcpy(s->expect.salt, b->salt, sizeof(b->salt));
	s->expect.epoch = b->epoch;
	if (cert_parse(&module, b->module.whole, b->module.whole_len, "module",
		       &s->why))
		memset(&module, 0, sizeof(module));
	memset(&s->why, 0, sizeof(s->why));
	memcpy(s->expect.point, module.point, sizeof(module.point));
	memcpy(s->expect.serial, module.serial, sizeof(module.serial));
	s->signer.subject = module.issuer;
	s->signer.path_len = 0;
}

static int check(struct session *s, const struct bundle *b)
{
	int rc;

	memset(&s->why, 0, sizeof(s->why));
	s->verified = 0;
	rc = bundle_check(b, &s->expect, &s->signer, &s->verifier);
	CHECK(rc == -s->why.error && !rc == !s->why.text[0]);
	CHECK(strnlen(s->why.text, sizeof(s->why.text)) < sizeof(s->why.text));
	return rc;
}

/* Each field of the session, wrong by one bit. */
static void check_expectations(struct session *s, const struct bundle *b)
{
	struct {
		void *at;
		int error;
	} fields[] = {
		{ s->expect.uid, -ESTALE },
		{ &s->expect.epoch, -ESTALE },
		{ s->expect.module_nonce, -ESTALE },
		{ s->expect.salt, -ESTALE },
		{ s->expect.serial, -ESTALE },
		{ s->expect.point, -EKEYREJECTED },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		*(u8 *)fields[i].at ^= 1;
		CHECK(check(s, b) == fields[i].error);
		*(u8 *)fields[i].at ^= 1;
	}
}

static void check_parsed(const struct bundle *b, const u8 *der, size_t len)
{
	u32 i;

	CHECK(b->central_count >= 1 && b->central_count <= SECMOD_CENTRAL_MAX);
	CHECK(b->tbs.whole > der);
	CHECK(b->module.whole > der &&
	      b->module.whole + b->module.whole_len < der + len);
	for (i = 0; i < b->central_count; i++)
		CHECK(b->central[i].whole > b->module.whole &&
		      b->central[i].whole + b->central[i].whole_len <
			      der + len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refusal why = { 0 };
	struct session s;
	struct bundle b;
	u8 *der = malloc(size ? size : 1);
	int rc;

	CHECK(der);
	memcpy(der, data, size);
	rc = bundle_parse(&b, der, size, &why);
	CHECK(rc == -why.error && (!rc || rc == -EBADMSG));
	if (!rc) {
		check_parsed(&b, der, size);
		session_begin(&s, &b);
		if (!check(&s, &b)) {
			CHECK(s.verified == 2 + (int)b.central_count);
			check_expectations(&s, &b);
		}
	}
	free(der);
	return 0;
}
