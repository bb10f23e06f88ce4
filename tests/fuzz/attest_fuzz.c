// SPDX-License-Identifier: MIT
/*
 * pki/: what a module's TPM says, as the PU, the manufacturer and a verifier of proofs
 * read it. Every signature is right and every digest is zeros, so that the inner
 * structures can be made to fit each other.
 */
#include <errno.h>

#include <openssl/evp.h>

#include "common/wire.h"
#include "fuzz.h"
#include "linux/secmod.h"
#include "pki/tpm.h"
#include "tests/vectors/chunks.inc"

int EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t siglen,
		     const unsigned char *data, size_t len)
{
	CHECK(ctx && sig && siglen && (data || !len));
	return 1;
}

int X509_verify(X509 *cert, EVP_PKEY *key)
{
	CHECK(cert && key);
	return 1;
}

int EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md, unsigned int *len)
{
	CHECK(ctx);
	memset(md, 0, 32);
	if (len)
		*len = 32;
	return 1;
}

static X509 *root;

static void read_root(void)
{
	static const char hex[] = CERT_ROOT;
	unsigned char der[SECMOD_CERT_MAX];
	const unsigned char *p = der;
	size_t len = strlen(hex) / 2, i;
	unsigned int octet;

	for (i = 0; i < len; i++) {
		CHECK(sscanf(hex + 2 * i, "%2x", &octet) == 1);
		der[i] = (unsigned char)octet;
	}
	root = d2i_X509(NULL, &p, (long)len);
	CHECK(root && X509_get0_pubkey(root));
}

static void check_text(const struct error *e, int ret)
{
	CHECK(ret <= 0 && !ret == !e->text[0]);
	CHECK(strnlen(e->text, sizeof(e->text)) < sizeof(e->text));
}

static void public_area(struct input *in)
{
	struct piece p = input_piece(in);
	struct error e = { "" };
	uint32_t attributes;
	EVP_PKEY *key;
	int ret;

	ret = tpm_public_key(p.data, p.len, &key, &attributes, &e);
	check_text(&e, ret);
	CHECK(!ret == !!key);
	EVP_PKEY_free(key);
	e.text[0] = 0;
	check_text(&e, tpm_check_identity(p.data, p.len, &e));
	e.text[0] = 0;
	key = NULL;
	ret = tpm_endorsement_key(p.data, p.len, &key, &e);
	check_text(&e, ret);
	CHECK(!ret == !!key);
	EVP_PKEY_free(key);
	free(p.data);
}

static void credential(struct input *in)
{
	struct piece ek = input_piece(in), identity = input_piece(in);
	struct piece secret = input_piece(in);
	uint8_t *blob = malloc(256), *enc = malloc(512);
	size_t blob_len = 0, enc_len = 0;
	struct error e = { "" };
	int ret;

	CHECK(blob && enc);
	ret = tpm_make_credential(ek.data, ek.len, identity.data, identity.len,
				  secret.data, secret.len, blob, &blob_len, enc,
				  &enc_len, &e);
	check_text(&e, ret);
	CHECK(blob_len <= 256 && enc_len <= 512);
	CHECK(ret || secret.len <= 32);
	free(blob);
	free(enc);
	free(ek.data);
	free(identity.data);
	free(secret.data);
}

static void birth(struct input *in)
{
	static const uint8_t zeros[SECMOD_SIG_SIZE];
	struct piece public = input_piece(in), creation = input_piece(in);
	struct piece attest = input_piece(in);
	const struct tpm_birth b = {
		.public_area = public.data,
		.public_len = public.len,
		.creation = creation.data,
		.creation_len = creation.len,
		.attest = attest.data,
		.attest_len = attest.len,
		.signature = zeros,
		.uid = zeros,
		.serial = "SN-1",
		.salt = zeros,
		.pu_nonce = zeros,
		.module_nonce = zeros,
	};
	struct error e = { "" };
	EVP_PKEY *key = NULL;
	int ret;

	ret = tpm_check_birth(&b, X509_get0_pubkey(root), &key, &e);
	check_text(&e, ret);
	CHECK(!ret == !!key);
	EVP_PKEY_free(key);
	free(public.data);
	free(creation.data);
	free(attest.data);
}

static void attestation(struct input *in)
{
	static const uint8_t zeros[SECMOD_SIG_SIZE];
	struct piece nv = input_piece(in), attest = input_piece(in);
	const struct tpm_attestation a = {
		.attest = attest.data,
		.attest_len = attest.len,
		.nv_public = nv.data,
		.nv_public_len = nv.len,
		.signature = zeros,
		.uid = zeros,
		.nonce = zeros,
		.key_digest = zeros,
		.epoch = 7,
		.state = SECMOD_STATE_OPERATING,
		.magic = SECMOD_ATTEST_MAGIC,
	};
	struct error e = { "" };

	check_text(&e, tpm_check_attestation(&a, X509_get0_pubkey(root), &e));
	free(nv.data);
	free(attest.data);
}

static void erasure(struct input *in)
{
	struct wire_erasure_proof *proof = NULL;
	struct error e = { "" };
	uint8_t *der = malloc(in->left ? in->left : 1);
	size_t len = in->left;

	CHECK(der);
	input_copy(in, der, len);
	if (!wire_erasure_proof_decode(der, len, &proof, &e))
		check_text(&e, tpm_check_erasure(proof, root, &e));
	wire_erasure_proof_free(proof);
	free(der);
}

static void (*const parsers[])(struct input *in) = {
	public_area, credential, birth, attestation, erasure,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!root)
		read_root();
	parsers[input_byte(&in) % (sizeof(parsers) / sizeof(parsers[0]))](&in);
	return 0;
}
