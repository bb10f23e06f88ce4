// SPDX-License-Identifier: MIT
/*
 * kernel/cert.c: every certificate, against every role, under an issuer that has the
 * name it asks for and with a signature that is always right, so that nothing but
 * the rules of the profile is in the way.
 */
#include "fuzz.h"
#include "kernel/cert.h"

#define NOW 1893456000ull

static int accept_signature(void *ctx, const u8 point[CERT_POINT_SIZE],
			    const void *data, size_t len,
			    const u8 sig[SECMOD_SIG_SIZE])
{
	const u8 *tbs = data;

	(void)point, (void)sig;
	CHECK(len && tbs[0] == TLV_SEQUENCE);
	++*(int *)ctx;
	return 0;
}

static void check_reason(const struct refusal *why, int rc)
{
	CHECK(rc == -why->error);
	CHECK(!rc == !why->text[0]);
	CHECK(strnlen(why->text, sizeof(why->text)) < sizeof(why->text));
}

static void check_parsed(const struct cert *c, const u8 *der, size_t len)
{
	CHECK(len <= SECMOD_CERT_MAX);
	CHECK(c->tbs.whole > der && c->subject.whole > c->issuer.whole);
	CHECK(c->subject.whole + c->subject.whole_len < der + len);
	CHECK(strnlen(c->serial, sizeof(c->serial)) <= SECMOD_SERIAL_MAX);
	CHECK(c->role <= 0x7f);
	CHECK(c->path_len >= -1);
	CHECK(c->ca || c->path_len == -1);
}

/* What RFC 5280 and the profile promise of a certificate that passed. */
static void check_accepted(const struct cert *c, u8 role, u64 now)
{
	bool ca = role == 0 || role == SECMOD_ROLE_SIGNER;

	CHECK(c->role == role && c->ca == ca);
	CHECK(c->not_before <= now && now <= c->not_after);
	CHECK(ca == !!(c->key_usage & CERT_KU_CERT_SIGN));
	if (role == SECMOD_ROLE_MODULE || role == SECMOD_ROLE_IDENTITY)
		CHECK(c->has_uid);
}

static void check_role(const struct cert *c, u8 role, u64 now)
{
	struct cert issuer = *c;
	struct refusal why = { 0 };
	int verified = 0, rc;
	const struct cert_verifier v = { accept_signature, &verified, now,
					 &why };

	issuer.subject = c->issuer;
	issuer.path_len = -1;
	rc = cert_check(c, &issuer, role, "certificate", &v);
	check_reason(&why, rc);
	CHECK(verified == !rc);
	if (!rc)
		check_accepted(c, role, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refusal why = { 0 };
	struct cert c;
	u8 role, *der = malloc(size + 1);
	int rc;

	CHECK(der);
	memcpy(der, data, size);
	der = realloc(der, size ? size : 1);
	rc = cert_parse(&c, der, size, "certificate", &why);
	check_reason(&why, rc);
	CHECK(!rc || rc == -EBADMSG);
	if (!rc) {
		check_parsed(&c, der, size);
		for (role = 0; role <= SECMOD_ROLE_RECOVERY + 1; role++) {
			check_role(&c, role, NOW);
			check_role(&c, role, c.not_after + 1);
		}
		CHECK(cert_role_name(c.role));
	}
	free(der);
	return 0;
}
