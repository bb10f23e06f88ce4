// SPDX-License-Identifier: MIT
/* HSM 1 with keys the test knows. */
#include "hsm1_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/core_names.h>

#include "hsm/hsm.h"
#include "hsm1/site.h"
#include "pki/pki.h"
#include "program.h"

#define run(...)                                                   \
	do {                                                       \
		char text_[4096];                                  \
		if (program_run(text_, sizeof(text_), __VA_ARGS__, \
				(char *)NULL))                     \
			fail_msg("line %d: %s", __LINE__, text_);  \
	} while (0)
#define ok(call)                                                   \
	do {                                                       \
		if (call)                                          \
			fail_msg("line %d: %s", __LINE__, e.text); \
	} while (0)

static char kms[300], authority[300], key_uri[320], out[320];

/* The key management server gives HSM 1 a key. */
static void give(const char *kind, const char *version, const char *site)
{
	int half = !strcmp(version, "2") && !strcmp(kind, "recovery");

	if (half) {
		run("secmod-kms", "approve", "--dir", kms, "--to", "hsm1",
		    "--key", key_uri, "--public", kind, version);
		run("secmod-kms", "export", "--dir", kms, "--to", "hsm1",
		    "--out", out, "--public", kind, version);
		run("secmod-hsm1", "import", "--dir", site, out);
		return;
	}
	run("secmod-kms", "approve", "--dir", kms, "--to", "hsm1", "--key",
	    key_uri, kind, version);
	run("secmod-kms", "export", "--dir", kms, "--to", "hsm1", "--out", out,
	    kind, version);
	run("secmod-hsm1", "import", "--dir", site, out);
}

static void admit(const char *site, const char *dir)
{
	char request[320], challenge[320], response[320], allow[320];
	char text[4096], *digest;
	FILE *f;

	snprintf(request, sizeof(request), "%s/request", dir);
	snprintf(challenge, sizeof(challenge), "%s/challenge", dir);
	snprintf(response, sizeof(response), "%s/response", dir);
	snprintf(allow, sizeof(allow), "%s/allow", dir);
	run("secmod-hsm1", "request", "--dir", site, "--out", request);
	/* this TPM has no certificate: who asks without is told the digest */
	f = fopen(allow, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_not_equal(program_run(text, sizeof(text), "secmod-kms",
					 "enroll", "--dir", kms, "--request",
					 request, "--ek-allow", allow, "--out",
					 challenge, "hsm1", (char *)NULL),
			     0);
	digest = strstr(text, "endorsement key ");
	assert_non_null(digest);
	f = fopen(allow, "w");
	fprintf(f, "%.64s\n", digest + strlen("endorsement key "));
	fclose(f);
	run("secmod-kms", "enroll", "--dir", kms, "--request", request,
	    "--ek-allow", allow, "--out", challenge, "hsm1");
	run("secmod-hsm1", "answer", "--dir", site, "--challenge", challenge,
	    "--out", response);
	run("secmod-kms", "certify", "--dir", kms, "--response", response,
	    "--key", key_uri, "hsm1");
}

/* A recovery key whose private half is here: approved as the authority does. */
static void give_recovery(struct hsm1_world *w)
{
	struct custody_export x = { .hsm = "hsm1" };
	struct custody_object *o = &x.object;
	uint8_t point[65];
	TPM2B_NAME storage;
	struct error e;
	size_t len;

	w->recovery = EVP_EC_gen("P-256");
	o->kind = CUSTODY_RECOVERY;
	o->version = 3;
	ok(custody_object_template(o->kind, o->version, w->authority,
				   &o->public, &e));
	assert_true(EVP_PKEY_get_octet_string_param(
		w->recovery, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
		&len));
	o->public.publicArea.unique.ecc.x.size = 32;
	o->public.publicArea.unique.ecc.y.size = 32;
	memcpy(o->public.publicArea.unique.ecc.x.buffer, point + 1, 32);
	memcpy(o->public.publicArea.unique.ecc.y.buffer, point + 33, 32);
	ok(custody_pair_kcv(&o->public, o->kcv, &e));
	ok(custody_name(&w->storage, &storage, &e));
	ok(custody_approve(w->authority, o, &storage, CUSTODY_PUBLIC,
			   &x.approvals, &e));
	ok(custody_write(out, custody_export_document(&x), &e));
	run("secmod-hsm1", "import", "--dir", w->site, out);
}

/* A program of ours reads the block for the test: the policy allows it on this TPM. */
static void learn(struct hsm1_world *w, const char *name, uint8_t block[32])
{
	struct hsm1_key k = { 0 };
	struct custody_tpm t;
	struct error e;

	ok(site_read_key(w->site, name, &k, &e));
	ok(custody_tpm_open(w->tpm.tcti, &t, &e));
	ok(custody_unseal(&t, w->authority, &k.object, &k.approvals, block,
			  &e));
	custody_tpm_close(&t);
}

/* In a process of its own: HSM 1 inherits the memory of this one. */
static void learn_elsewhere(struct hsm1_world *w)
{
	static const char *const names[] = { "master-1.json", "master-2.json",
					     "replacement-1.json" };
	uint8_t block[32];
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	for (size_t i = 0; !pid && i < sizeof(names) / sizeof(names[0]); i++) {
		learn(w, names[i], block);
		if (write(pipes[1], block, sizeof(block)) != sizeof(block))
			_exit(1);
	}
	if (!pid)
		_exit(0);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(pipes[1]);
	w->blocks = pipes[0];
}

static void make_tpm(struct hsm1_world *w, struct soft_tpm *t, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
	soft_tpm_init(t, path);
	soft_tpm_on(t);
}

void hsm1_world_make(struct hsm1_world *w)
{
	struct site s;
	struct error e;

	memset(w, 0, sizeof(*w));
	program_mkdir(w->dir, sizeof(w->dir));
	make_tpm(w, &w->kms_tpm, "t1");
	make_tpm(w, &w->tpm, "t2");
	snprintf(kms, sizeof(kms), "%s/kms", w->dir);
	snprintf(w->site, sizeof(w->site), "%s/hsm1", w->dir);
	snprintf(authority, sizeof(authority), "%s/authority.pem", w->dir);
	snprintf(key_uri, sizeof(key_uri), "file:%s/authority.key", w->dir);
	snprintf(out, sizeof(out), "%s/export", w->dir);
	run("secmod-kms", "authority", "--key", key_uri, "--out", authority);
	ok(hsm_open_key(key_uri, &w->authority, &e));
	run("secmod-kms", "init", "--dir", kms, "--authority", authority,
	    "--tcti", w->kms_tpm.tcti);
	run("secmod-kms", "generate", "--dir", kms, "master");
	run("secmod-kms", "generate", "--dir", kms, "master");
	run("secmod-kms", "generate", "--dir", kms, "replacement");
	run("secmod-kms", "generate", "--dir", kms, "recovery");
	run("secmod-kms", "generate", "--dir", kms, "recovery");
	run("secmod-hsm1", "init", "--dir", w->site, "--authority", authority,
	    "--tcti", w->tpm.tcti);
	ok(site_read(w->site, &s, &e));
	w->storage = s.storage;
	w->ek = s.ek;
	EVP_PKEY_free(s.authority);
	admit(w->site, w->dir);
	give("master", "1", w->site);
	give("master", "2", w->site);
	give("replacement", "1", w->site);
	give("recovery", "1", w->site);
	give("recovery", "2", w->site);
	give_recovery(w);
	learn_elsewhere(w);
}

void hsm1_world_learn(struct hsm1_world *w)
{
	assert_int_equal(read(w->blocks, w->master[1], 32), 32);
	assert_int_equal(read(w->blocks, w->master[2], 32), 32);
	assert_int_equal(read(w->blocks, w->replacement, 32), 32);
	close(w->blocks);
}

void hsm1_world_serve(struct hsm1_world *w, struct program *server, X509 *cert,
		      int approved, struct hsm1_kms *k)
{
	char client[320], pem[320];
	struct error e;

	snprintf(client, sizeof(client), "%s/client.pem", w->dir);
	snprintf(pem, sizeof(pem), "%s/tls.pem", kms);
	ok(pki_write_cert(client, cert, &e));
	if (approved)
		run("secmod-kms", "approve", "--dir", kms, "--to", "here",
		    "--key", key_uri, "recovery", "2");
	program_serve(server, "secmod-kms", "serve", "--dir", kms, "--client",
		      client, "tcp:127.0.0.1:0", (char *)NULL);
	memset(k, 0, sizeof(*k));
	k->endpoint = server->endpoint;
	k->hsm = "hsm1";
	ok(pki_read_cert(pem, &k->server, &e));
}

void hsm1_world_end(struct hsm1_world *w)
{
	EVP_PKEY_free(w->authority);
	EVP_PKEY_free(w->recovery);
	soft_tpm_off(&w->kms_tpm);
	soft_tpm_off(&w->tpm);
	program_rmdir(w->dir);
}

void hsm1_reference(const uint8_t key[32], const uint8_t *fixed, size_t len,
		    uint8_t *out_bytes, size_t out_len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER,
				       (char *)"AES-256-CBC", 0),
		OSSL_PARAM_END,
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	uint8_t block[16];
	size_t n, at;

	for (at = 0; at < out_len; at += 16) {
		EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
		uint8_t counter[4] = { 0, 0, 0, at / 16 + 1 };

		assert_true(EVP_MAC_init(ctx, key, 32, params) &&
			    EVP_MAC_update(ctx, counter, 4) &&
			    EVP_MAC_update(ctx, fixed, len) &&
			    EVP_MAC_final(ctx, block, &n, sizeof(block)));
		memcpy(out_bytes + at, block, 16);
		EVP_MAC_CTX_free(ctx);
	}
	EVP_MAC_free(mac);
}

void hsm1_expected(const uint8_t block[32], const char *name, uint8_t kvn,
		   const uint8_t *context, size_t len, struct gp_keyset *k)
{
	static const char *const keys[] = { "ENC", "MAC", "DEK" };
	uint8_t *place[] = { k->enc, k->mac, k->dek };
	uint8_t fixed[128];
	size_t n;

	k->len = 32;
	for (int i = 0; i < 3; i++) {
		n = sprintf((char *)fixed, "secmod %s %s %02X", name, keys[i],
			    kvn);
		fixed[n++] = 0;
		memcpy(fixed + n, context, len);
		n += len;
		memcpy(fixed + n, "\0\0\1\0", 4); /* 256 bits */
		hsm1_reference(block, fixed, n + 4, place[i], 32);
	}
}

void hsm1_decrypt(struct hsm1_world *w, const uint8_t *cryptogram, size_t len,
		  uint8_t plain[48])
{
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &cryptogram, len);
	BIO *content = BIO_new(BIO_s_mem());

	assert_non_null(cms);
	assert_true(CMS_decrypt(cms, w->recovery, NULL, NULL, content, 0));
	assert_int_equal(BIO_read(content, plain, 48), 48);
	assert_int_equal(BIO_pending(content), 0);
	BIO_free(content);
	CMS_ContentInfo_free(cms);
}
