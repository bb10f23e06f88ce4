// SPDX-License-Identifier: MIT
/*
 * Keys of a TPM for the OpenSSL provider. The connection is kept, guarded by a
 * lock, made anew in a child process and when the TPM was restarted.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/obj_mac.h>

#include "hsm/tpm_key.h"

#define COORD_SIZE (KEY_SIGNATURE_SIZE / 2)

struct tpm_key {
	struct tpm_key_uri uri;
	unsigned char point[KEY_POINT_SIZE];
	pthread_mutex_t lock; /* guards the rest */
	ESYS_CONTEXT *esys;
	ESYS_TR object;
	pid_t owner; /* of the connection */
};

static const struct {
	int nid;
	TPM2_ALG_ID alg;
	size_t size;
} hashes[] = {
	{ NID_sha256, TPM2_ALG_SHA256, 32 },
	{ NID_sha384, TPM2_ALG_SHA384, 48 },
	{ NID_sha512, TPM2_ALG_SHA512, 64 },
};

/* Big endian numbers come with or without leading zeros. */
static int put_number(unsigned char out[COORD_SIZE],
		      const TPM2B_ECC_PARAMETER *in)
{
	if (in->size > COORD_SIZE)
		return -EBADMSG;
	memset(out, 0, COORD_SIZE - in->size);
	memcpy(out + COORD_SIZE - in->size, in->buffer, in->size);
	return 0;
}

static int read_point(struct tpm_key *k, unsigned char point[KEY_POINT_SIZE],
		      struct error *e)
{
	const TPMT_PUBLIC *area;
	TPM2B_PUBLIC *pub = NULL;
	TSS2_RC rc;
	int ret = 0;

	rc = Esys_ReadPublic(k->esys, k->object, ESYS_TR_NONE, ESYS_TR_NONE,
			     ESYS_TR_NONE, &pub, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_esys_error(rc, "reading the public key", e);
	area = &pub->publicArea;
	point[0] = 4;
	if (area->type != TPM2_ALG_ECC ||
	    area->parameters.eccDetail.curveID != TPM2_ECC_NIST_P256 ||
	    !(area->objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT) ||
	    area->objectAttributes & TPMA_OBJECT_RESTRICTED ||
	    put_number(point + 1, &area->unique.ecc.x) ||
	    put_number(point + 1 + COORD_SIZE, &area->unique.ecc.y))
		ret = error_set(
			e, EINVAL,
			"0x%08x is not an unrestricted signing key of P-256",
			k->uri.handle);
	Esys_Free(pub);
	return ret;
}

/*
 * The parent's connection stays open in a child: closing it properly would speak
 * to the TPM in the parent's name.
 */
static void disconnect(struct tpm_key *k)
{
	if (k->owner == getpid())
		tpm_esys_close(&k->esys);
	k->esys = NULL;
}

static int find_object(struct tpm_key *k, struct error *e)
{
	TPM2B_AUTH auth;
	TSS2_RC rc;
	int ret;

	rc = Esys_TR_FromTPMPublic(k->esys, k->uri.handle, ESYS_TR_NONE,
				   ESYS_TR_NONE, ESYS_TR_NONE, &k->object);
	if (rc != TSS2_RC_SUCCESS) {
		tpm_esys_error(rc, "reading it", e);
		return error_set(e, ENOENT, "there is no key at 0x%08x: %s",
				 k->uri.handle, e ? e->text : "");
	}
	ret = tpm_key_read_auth(&k->uri, &auth, e);
	if (!ret)
		rc = Esys_TR_SetAuth(k->esys, k->object, &auth);
	OPENSSL_cleanse(&auth, sizeof(auth));
	if (!ret && rc != TSS2_RC_SUCCESS)
		ret = tpm_esys_error(rc, "setting the password", e);
	return ret;
}

static int connect_key(struct tpm_key *k, unsigned char point[KEY_POINT_SIZE],
		       struct error *e)
{
	int ret;

	ret = tpm_esys_open(k->uri.tcti, &k->esys, e);
	if (ret)
		return ret;
	k->owner = getpid();
	ret = find_object(k, e);
	if (!ret)
		ret = read_point(k, point, e);
	if (ret)
		disconnect(k);
	return ret;
}

/* After a restart another key may be there: its signatures would be no good. */
static int reconnect(struct tpm_key *k, struct error *e)
{
	unsigned char point[KEY_POINT_SIZE];
	int ret;

	if (k->esys && k->owner == getpid())
		return 0;
	k->esys = NULL;
	ret = connect_key(k, point, e);
	if (ret)
		return ret;
	if (!memcmp(point, k->point, sizeof(point)))
		return 0;
	disconnect(k);
	return error_set(e, ESTALE, "another key is at 0x%08x now",
			 k->uri.handle);
}

static int tpm_open(const char *uri, void **priv,
		    unsigned char point[KEY_POINT_SIZE], struct error *e)
{
	struct tpm_key *k = calloc(1, sizeof(*k));
	int ret;

	if (!k)
		return error_set(e, ENOMEM, "out of memory");
	ret = tpm_key_parse(uri, &k->uri, e);
	if (!ret)
		ret = connect_key(k, k->point, e);
	if (ret) {
		free(k);
		return ret;
	}
	pthread_mutex_init(&k->lock, NULL);
	memcpy(point, k->point, KEY_POINT_SIZE);
	*priv = k;
	return 0;
}

static TSS2_RC sign_digest(struct tpm_key *k, const TPM2B_DIGEST *digest,
			   TPM2_ALG_ID alg, TPMT_SIGNATURE **sig)
{
	static const TPMT_TK_HASHCHECK unrestricted = {
		.tag = TPM2_ST_HASHCHECK,
		.hierarchy = TPM2_RH_NULL,
	};
	TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_ECDSA,
				   .details.ecdsa.hashAlg = alg };

	return Esys_Sign(k->esys, k->object, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			 ESYS_TR_NONE, digest, &scheme, &unrestricted, sig);
}

/* Once more on a fresh connection when it was the connection that failed. */
static int sign_locked(struct tpm_key *k, const TPM2B_DIGEST *digest,
		       TPM2_ALG_ID alg, TPMT_SIGNATURE **sig, struct error *e)
{
	TSS2_RC rc = TSS2_RC_SUCCESS;
	int tries, ret;

	for (tries = 0; tries < 2; tries++) {
		ret = reconnect(k, e);
		if (ret)
			return ret;
		rc = sign_digest(k, digest, alg, sig);
		if (rc == TSS2_RC_SUCCESS)
			return 0;
		if (tpm_esys_answered(rc))
			break;
		disconnect(k);
	}
	return tpm_esys_error(rc, "signing in the TPM", e);
}

static int tpm_sign(void *priv, int hash_nid, const unsigned char *data,
		    size_t len, unsigned char out[KEY_SIGNATURE_SIZE],
		    struct error *e)
{
	struct tpm_key *k = priv;
	TPM2B_DIGEST digest = { .size = len };
	TPMT_SIGNATURE *sig = NULL;
	size_t i, n = sizeof(hashes) / sizeof(hashes[0]);
	int ret;

	for (i = 0; i < n && hashes[i].nid != hash_nid; i++)
		;
	if (i == n || len != hashes[i].size)
		return error_set(e, EINVAL, "the TPM signs no such digest");
	memcpy(digest.buffer, data, len);
	pthread_mutex_lock(&k->lock);
	ret = sign_locked(k, &digest, hashes[i].alg, &sig, e);
	pthread_mutex_unlock(&k->lock);
	if (ret)
		return ret;
	if (sig->sigAlg != TPM2_ALG_ECDSA ||
	    put_number(out, &sig->signature.ecdsa.signatureR) ||
	    put_number(out + COORD_SIZE, &sig->signature.ecdsa.signatureS))
		ret = error_set(e, EBADMSG, "the TPM made another signature");
	Esys_Free(sig);
	return ret;
}

static void tpm_close(void *priv)
{
	struct tpm_key *k = priv;

	disconnect(k);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

const struct key_backend tpm_key_backend = {
	.scheme = "tpm",
	.open = tpm_open,
	.sign = tpm_sign,
	.close = tpm_close,
};
