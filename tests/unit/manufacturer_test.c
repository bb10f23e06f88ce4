// SPDX-License-Identifier: GPL-2.0-only
/*
 * secmod-manufacturer, as a module with a software TPM meets it: who gets an
 * identity certificate, and who does not.
 */
#include "soft_module.h"

#include <errno.h>
#include <openssl/x509v3.h>

#include "certs.h"
#include "common/endpoint.h"
#include "common/process.h"
#include "pki/peer.h"
#include "program.h"

#define LONG_MS 20000
#define EK_USAGE "2.23.133.8.1"

static struct tpm_fixture *fixture;
static char dir[256], mf[300], ca_file[320], allow_file[320];
static X509 *root, *ca;
static EVP_PKEY *ca_key;
static struct program server;

/* What a test sends; set up good, then changed. */
struct visit {
	struct soft_module m;
	struct t2_entity ek;
	struct t2_public ek_pub;
	const char *serial;
	unsigned char *ek_cert;
	int ek_cert_len;
	int spoil_answer;
	X509 *identity; /* what came of it */
	struct error e;
};

static X509 *ek_certificate(EVP_PKEY *ek, const char *usage, EVP_PKEY *signer)
{
	X509 *cert = certs_issue(PKI_ROLE_UNIT_TLS, ek, ca, ca_key, 100);

	certs_set_ext(cert, "extendedKeyUsage", usage, 0);
	certs_set_ext(cert, "keyUsage", "keyAgreement", 1);
	certs_set_ext(cert, "subjectAltName", "email:tpm@example", 1);
	certs_sign(cert, signer);
	return cert;
}

static void set_ek_certificate(struct visit *v, EVP_PKEY *ek, const char *usage,
			       EVP_PKEY *signer)
{
	X509 *cert = ek_certificate(ek, usage, signer);

	OPENSSL_free(v->ek_cert);
	v->ek_cert = NULL;
	v->ek_cert_len = i2d_X509(cert, &v->ek_cert);
	assert_true(v->ek_cert_len > 0);
	X509_free(cert);
}

static EVP_PKEY *ek_of(struct visit *v)
{
	struct error e;
	EVP_PKEY *ek;

	assert_int_equal(
		tpm_endorsement_key(v->ek_pub.data, v->ek_pub.len, &ek, &e), 0);
	return ek;
}

static void good_visit(struct visit *v, const char *serial, bool rsa)
{
	EVP_PKEY *ek;

	memset(v, 0, sizeof(*v));
	soft_module_init(&v->m, fixture, serial);
	soft_module_ek(&v->m, rsa, &v->ek, &v->ek_pub);
	v->serial = serial;
	ek = ek_of(v);
	set_ek_certificate(v, ek, EK_USAGE, ca_key);
	EVP_PKEY_free(ek);
}

static void end_visit(struct visit *v)
{
	tpm_ok(fixture, t2_flush_context(&fixture->t, v->ek.handle));
	soft_module_end(&v->m);
	OPENSSL_free(v->ek_cert);
	X509_free(v->identity);
}

static struct message *request(const struct visit *v)
{
	struct message *m = message_new(MSG_CERTIFY_REQUEST);
	struct wire_certify_request *r = m->u.certify_request;

	r->version = 1;
	wire_set_text(r->serial, v->serial);
	wire_set_octets(r->ek_public, v->ek_pub.data, v->ek_pub.len);
	wire_set_octets(r->ek_certificate, v->ek_cert, v->ek_cert_len);
	wire_set_octets(r->identity_public, v->m.identity.made.pub.data,
			v->m.identity.made.pub.len);
	return m;
}

static struct message *answer(struct visit *v, const struct message *in)
{
	const struct wire_credential *c = in->u.credential;
	struct message *m = message_new(MSG_ACTIVATION);
	uint8_t info[64];
	size_t len;

	tpm_ok(fixture, soft_module_activate(
				&v->m, &v->ek, ASN1_STRING_get0_data(c->blob),
				ASN1_STRING_length(c->blob),
				ASN1_STRING_get0_data(c->secret),
				ASN1_STRING_length(c->secret), info, &len));
	info[0] ^= v->spoil_answer;
	wire_set_octets(m->u.activation->secret, info, len);
	return m;
}

static int send_message(struct channel *ch, struct message *m, struct error *e)
{
	int ret = channel_send(ch, m, e);

	message_free(m);
	return ret;
}

static int converse(struct visit *v, struct channel *ch)
{
	struct message *m;
	int ret;

	ret = send_message(ch, request(v), &v->e);
	if (!ret)
		ret = channel_expect(ch, MSG_CREDENTIAL, &m, &v->e);
	if (ret)
		return ret;
	ret = send_message(ch, answer(v, m), &v->e);
	message_free(m);
	if (!ret)
		ret = channel_expect(ch, MSG_CERTIFIED, &m, &v->e);
	if (ret)
		return ret;
	assert_int_equal(X509_cmp(m->u.certified->checking, root), 0);
	X509_free(v->identity);
	v->identity = X509_dup(m->u.certified->identity);
	message_free(m);
	return 0;
}

static int run_visit(struct visit *v)
{
	SSL_CTX *ctx = channel_ctx(0, NULL, NULL, NULL, &v->e);
	struct channel *ch;
	int fd, ret;

	fd = endpoint_connect(server.endpoint, LONG_MS, &v->e);
	ret = fd < 0 ? fd :
		       channel_open(fd, 0, ctx, pki_peer_manufacturer, root,
				    LONG_MS, &ch, &v->e);
	if (!ret) {
		ret = converse(v, ch);
		channel_close(ch);
	}
	SSL_CTX_free(ctx);
	return ret;
}

static void certified(struct visit *v)
{
	char serial[33];
	uint8_t uid[16];

	if (run_visit(v))
		fail_msg("%s", v->e.text);
	assert_int_equal(pki_check_chain(v->identity, PKI_ROLE_IDENTITY, NULL,
					 root, time(NULL), &v->e),
			 0);
	assert_int_equal(pki_get_uid(v->identity, uid), 0);
	assert_memory_equal(uid, v->m.uid, 16);
	assert_int_equal(pki_get_serial(v->identity, serial, 33), 0);
	assert_string_equal(serial, v->serial);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(v->identity),
				     v->m.identity_public),
			 1);
}

static void refused(struct visit *v, const char *text)
{
	int ret = run_visit(v);

	if (ret != -EREMOTEIO || !strstr(v->e.text, text))
		fail_msg("%d '%s' instead of '%s'", ret,
			 ret ? v->e.text : "certified", text);
	program_expect(&server, text);
}

static void ecc_and_rsa_tpms_are_certified(void **state)
{
	char text[4096];
	struct visit v;
	int rsa;

	(void)state;
	for (rsa = 0; rsa < 2; rsa++) {
		good_visit(&v, rsa ? "rsa-1" : "ecc-1", rsa);
		certified(&v);
		certified(
			&v); /* the same again: its answer may have been lost */
		end_visit(&v);
	}
	assert_int_equal(program_run(text, sizeof(text), "secmod-manufacturer",
				     "list", "--dir", mf, NULL),
			 0);
	assert_non_null(strstr(text, "ecc-1"));
	assert_non_null(strstr(text, "rsa-1"));
}

static void only_genuine_tpms(void **state)
{
	EVP_PKEY *stranger = certs_key(), *ek;
	struct visit v;

	(void)state;
	good_visit(&v, "genuine-1", false);
	ek = ek_of(&v);
	set_ek_certificate(&v, ek, EK_USAGE, stranger);
	refused(&v, "does not verify");
	set_ek_certificate(&v, ek, "clientAuth", ca_key);
	refused(&v, "not for an endorsement key");
	set_ek_certificate(&v, stranger, EK_USAGE, ca_key);
	refused(&v, "not the key of the certificate");
	v.ek_cert_len--;
	refused(&v, "malformed");
	v.ek_cert_len = 0;
	refused(&v, "no certificate of a CA given and is not in the list");
	EVP_PKEY_free(ek);
	EVP_PKEY_free(stranger);
	end_visit(&v);
}

/* The credential: a key of this TPM's maker is nothing without this TPM. */
static void wrong_answer_is_refused(void **state)
{
	struct visit v;

	(void)state;
	good_visit(&v, "answer-1", false);
	v.spoil_answer = 1;
	refused(&v, "not in one TPM");
	v.spoil_answer = 0;
	certified(&v);
	end_visit(&v);
}

static void other_keys_are_no_identity_keys(void **state)
{
	struct visit v;
	struct t2_public was;

	(void)state;
	good_visit(&v, "identity-1", false);
	was = v.m.identity.made.pub;
	v.m.identity.made.pub.data[5] &= ~1; /* restricted */
	refused(&v, "not a restricted signing key");
	v.m.identity.made.pub = was;
	end_visit(&v);
}

static void serial_numbers_are_well_formed(void **state)
{
	static const char *const bad[] = { "a b", "../x", "-a" };
	struct visit v;
	size_t i;

	(void)state;
	good_visit(&v, "syntax-1", false);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		v.serial = bad[i];
		refused(&v, "serial number is malformed");
	}
	end_visit(&v);
}

/* One serial number, one module, one TPM, until it is released. */
static void serial_numbers_are_bound(void **state)
{
	struct visit v;
	char text[256];

	(void)state;
	good_visit(&v, "bound-1", false);
	certified(&v);
	end_visit(&v);
	good_visit(&v, "bound-1", false); /* initialized anew: another UID */
	refused(&v, "belongs to module");
	v.serial = "bound-2";
	refused(&v, "this TPM has serial number 'bound-1' already");
	v.serial = "bound-1";
	assert_int_equal(program_run(text, sizeof(text), "secmod-manufacturer",
				     "release", "--dir", mf, "bound-1", NULL),
			 0);
	certified(&v);
	end_visit(&v);
	assert_int_equal(program_run(text, sizeof(text), "secmod-manufacturer",
				     "release", "--dir", mf, "unknown", NULL),
			 1);
	assert_non_null(strstr(text, "no module has"));
}

/* The ecc and the rsa key are of one TPM: the tests share it, one after the other. */
static int release_all(void **state)
{
	static const char *const serials[] = { "ecc-1", "rsa-1", "answer-1",
					       "bound-1", "list-1" };
	size_t i;

	for (i = 0; i < sizeof(serials) / sizeof(serials[0]); i++)
		program_run(NULL, 0, "secmod-manufacturer", "release", "--dir",
			    mf, serials[i], NULL);
	return tpm_fixture_clean(state);
}

static void write_allowed(struct visit *v, const char *serial)
{
	unsigned char *der = NULL, digest[32];
	EVP_PKEY *ek = ek_of(v);
	int len = i2d_PUBKEY(ek, &der);
	char hex[65];
	FILE *f;

	openssl_sha256(der, len, digest);
	pki_hex(digest, 32, hex);
	f = fopen(allow_file, "w");
	fprintf(f, "# one key\n\n%s %s # of the test\n", hex, serial);
	fclose(f);
	OPENSSL_free(der);
	EVP_PKEY_free(ek);
}

static void listed_keys_need_no_certificate(void **state)
{
	struct program was = server;
	struct visit v;

	(void)state;
	good_visit(&v, "list-1", false);
	write_allowed(&v, "list-1");
	v.ek_cert_len = 0;
	program_serve(&server, "secmod-manufacturer", "serve", "--dir", mf,
		      "--ek-allow", allow_file, "tcp:127.0.0.1:0", NULL);
	certified(&v);
	v.serial = "list-2";
	refused(&v, "allowed for serial number 'list-1' only");
	program_stop(&server);
	server = was;
	refused(&v, "no certificate of a CA given and is not in the list");
	end_visit(&v);
}

static void malformed_list(void **state)
{
	static const char *const bad[] = {
		"12ab",
		"zz00000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000000 a/b",
	};
	char text[1024];
	size_t i;
	FILE *f;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = fopen(allow_file, "w");
		fprintf(f, "# a comment\n%s\n", bad[i]);
		fclose(f);
		assert_int_equal(
			program_run(text, sizeof(text), "secmod-manufacturer",
				    "serve", "--dir", mf, "--ek-allow",
				    allow_file, "tcp:127.0.0.1:0", NULL),
			1);
		assert_non_null(strstr(text, "line 2: not SHA-256"));
	}
}

static void command_line(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(program_run(text, sizeof(text), "secmod-manufacturer",
				     "serve", "--dir", mf, "tcp:127.0.0.1:0",
				     NULL),
			 2);
	assert_non_null(strstr(text, "needs --ek-ca or --ek-allow"));
	assert_int_equal(program_run(text, sizeof(text), "secmod-manufacturer",
				     "init", "--dir", mf, "--name", "again",
				     NULL),
			 1);
	assert_non_null(strstr(text, "is there already"));
	assert_int_equal(program_run(text, sizeof(text), "secmod-manufacturer",
				     "list", "--dir", mf, "--once", NULL),
			 2);
	assert_int_equal(program_run(text, sizeof(text), "secmod-manufacturer",
				     "init", "--dir", mf, "--name", "x",
				     "--days", "0", NULL),
			 2);
	assert_int_equal(program_run(text, sizeof(text), "secmod-manufacturer",
				     NULL),
			 2);
}

static int start_all(void **state)
{
	char path[320];
	struct error e;

	tpm_fixture_start(state);
	fixture = *state;
	program_mkdir(dir, sizeof(dir));
	snprintf(mf, sizeof(mf), "%s/mf", dir);
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
	snprintf(allow_file, sizeof(allow_file), "%s/allowed", dir);
	assert_int_equal(program_run(NULL, 0, "secmod-manufacturer", "init",
				     "--dir", mf, "--name", "maker", NULL),
			 0);
	snprintf(path, sizeof(path), "%s/root.pem", mf);
	assert_int_equal(pki_read_cert(path, &root, &e), 0);
	ca_key = certs_key();
	ca = certs_issue(PKI_ROLE_MANUFACTURER, ca_key, NULL, ca_key, 100);
	assert_int_equal(pki_write_cert(ca_file, ca, &e), 0);
	process_harden();
	program_serve(&server, "secmod-manufacturer", "serve", "--dir", mf,
		      "--ek-ca", ca_file, "tcp:127.0.0.1:0", NULL);
	return 0;
}

static int stop_all(void **state)
{
	program_stop(&server);
	program_rmdir(dir);
	X509_free(root);
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	return tpm_fixture_stop(state);
}

int main(void)
{
#define CLEAN(t) cmocka_unit_test_teardown(t, release_all)
	const struct CMUnitTest tests[] = {
		CLEAN(ecc_and_rsa_tpms_are_certified),
		CLEAN(only_genuine_tpms),
		CLEAN(wrong_answer_is_refused),
		CLEAN(other_keys_are_no_identity_keys),
		CLEAN(serial_numbers_are_well_formed),
		CLEAN(serial_numbers_are_bound),
		CLEAN(listed_keys_need_no_certificate),
		CLEAN(malformed_list),
		CLEAN(command_line),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("manufacturer", tests, start_all,
					   stop_all);
}
