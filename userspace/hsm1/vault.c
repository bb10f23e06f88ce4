// SPDX-License-Identifier: MIT
/* HSM 1's directory, its TPM, and the keys it has in memory. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "hsm/tpm_key.h"
#include "hsm1/internal.h"
#include "hsm1/site.h"
#include "pki/pki.h"

#define KEYS_SIZE (HSM1_KEYS_MAX * sizeof(struct hsm1_key))

int vault_open(const char *dir, struct vault *v, struct error *e)
{
	struct site s;
	int ret;

	memset(v, 0, sizeof(*v));
	pthread_mutex_init(&v->lock, NULL);
	ret = site_read(dir, &s, e);
	if (ret)
		return ret;
	v->dir = dir;
	v->tpm_is_device = !strncmp(s.tcti, "device", 6);
	v->authority = s.authority;
	v->ek = s.ek;
	/* its own pages: out of core dumps, never swapped, gone in a child */
	v->keys = mmap(NULL, KEYS_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v->keys == MAP_FAILED) {
		v->keys = NULL;
		return error_set(e, ENOMEM, "out of memory");
	}
	madvise(v->keys, KEYS_SIZE, MADV_DONTDUMP);
	madvise(v->keys, KEYS_SIZE, MADV_WIPEONFORK);
	mlock(v->keys, KEYS_SIZE);
	ret = custody_tpm_open(s.tcti, &v->tpm, e);
	return ret ? ret : custody_tpm_is(&v->tpm, &s.storage_name, e);
}

void vault_close(struct vault *v)
{
	custody_tpm_close(&v->tpm);
	if (v->keys) {
		OPENSSL_cleanse(v->keys, KEYS_SIZE);
		munmap(v->keys, KEYS_SIZE);
	}
	EVP_PKEY_free(v->authority);
}

void vault_id(const struct custody_object *o, uint8_t id[CRYPTOGRAM_ID_SIZE])
{
	TPM2B_NAME name = { 0 };

	custody_name(&o->public, &name, NULL);
	memcpy(id, name.name + 2, CRYPTOGRAM_ID_SIZE);
}

static int check_value(const struct hsm1_key *k, struct error *e)
{
	uint8_t kcv[CUSTODY_KCV_SIZE];
	int ret = k->object.kind == CUSTODY_RECOVERY ?
			  custody_pair_kcv(&k->object.public, kcv, e) :
			  custody_block_kcv(k->block, kcv, e);

	if (!ret && memcmp(kcv, k->object.kcv, sizeof(kcv)))
		ret = error_set(e, EKEYREJECTED,
				"%s %u is refused: its check value is another",
				custody_kind_name(k->object.kind),
				k->object.version);
	return ret;
}

/* Into memory, with all checks; in the place of an older copy of the same version. */
static int take(struct vault *v, const struct hsm1_key *k, struct error *e)
{
	const struct custody_object *o = &k->object;
	struct hsm1_key *place = v->keys, before;
	int ret = 0;

	while (place < v->keys + v->count &&
	       (place->object.kind != o->kind ||
		place->object.version != o->version))
		place++;
	if (place == v->keys + HSM1_KEYS_MAX)
		return error_set(e, ENOSPC, "HSM 1 has %d keys already",
				 HSM1_KEYS_MAX);
	before = *place;
	*place = *k;
	if (o->kind != CUSTODY_RECOVERY)
		ret = custody_unseal(&v->tpm, v->authority, o, &k->approvals,
				     place->block, e);
	if (!ret)
		ret = check_value(place, e);
	/* an older handle stays open: a procedure may be using it */
	if (!ret && o->kind != CUSTODY_RECOVERY)
		derive_in_kernel(place);
	if (ret)
		*place = before;
	else if (place == v->keys + v->count)
		v->count++;
	OPENSSL_cleanse(&before, sizeof(before));
	return ret;
}

static int load_one(struct vault *v, const char *name, struct error *e)
{
	struct hsm1_key k = { 0 };
	int ret = site_read_key(v->dir, name, &k, e);

	if (!ret)
		ret = custody_check_object(&k.object, v->authority, e);
	return ret ? ret : take(v, &k, e);
}

int vault_load(struct vault *v, struct error *e)
{
	char path[SITE_PATH_MAX];
	struct dirent *entry;
	const char *end;
	DIR *dir;
	int ret = 0;

	snprintf(path, sizeof(path), "%s/keys", v->dir);
	dir = opendir(path);
	if (!dir)
		return error_set(e, errno, "cannot read '%s': %s", path,
				 strerror(errno));
	while (!ret && (entry = readdir(dir))) {
		/* what a crash left of a write has another end */
		end = strrchr(entry->d_name, '.');
		if (end && !strcmp(end, ".json"))
			ret = load_one(v, entry->d_name, e);
	}
	closedir(dir);
	return ret;
}

/* The duplicate becomes a child of the storage key. */
static int unwrap(struct vault *v, const struct custody_export *x,
		  struct custody_object *out, struct error *e)
{
	static const TPMT_SYM_DEF_OBJECT aes_cfb = {
		.algorithm = TPM2_ALG_AES,
		.keyBits.aes = 128,
		.mode.aes = TPM2_ALG_CFB,
	};
	TPM2B_DIGEST secret = { 0 };
	TPM2B_PRIVATE *private = NULL;
	ESYS_TR session = ESYS_TR_NONE;
	TPM2B_DATA inner = { 0 };
	TSS2_RC rc;
	int ret;

	ret = custody_credential_open(&v->tpm, &v->ek, &x->inner, &secret, e);
	if (!ret)
		ret = custody_session(&v->tpm, TPM2_SE_HMAC, &session, e);
	if (!ret) {
		inner.size = secret.size;
		memcpy(inner.buffer, secret.buffer, secret.size);
		rc = Esys_Import(v->tpm.esys, v->tpm.storage, ESYS_TR_PASSWORD,
				 session, ESYS_TR_NONE, &inner,
				 &x->object.public, &x->object.private,
				 &x->seed, &aes_cfb, &private);
		if (rc == TSS2_RC_SUCCESS)
			out->private = *private;
		else
			ret = tpm_esys_error(rc, "importing", e);
	}
	OPENSSL_cleanse(&inner, sizeof(inner));
	OPENSSL_cleanse(&secret, sizeof(secret));
	Esys_Free(private);
	custody_flush(&v->tpm, &session);
	return ret;
}

/* Did the authority mean this very object, for this HSM? */
static int check_export(const struct vault *v, const struct custody_export *x,
			struct error *e)
{
	const TPM2B_NAME *storage = &v->tpm.name;
	int whole = x->object.private.size != 0;
	int ret;

	ret = custody_check_object(&x->object, v->authority, e);
	if (!ret)
		ret = custody_check_approval(v->authority, &x->object, storage,
					     whole ? CUSTODY_EXPORT :
						     CUSTODY_PUBLIC,
					     &x->approvals, e);
	if (!ret && whole)
		ret = custody_check_approval(v->authority, &x->object, storage,
					     CUSTODY_USE, &x->approvals, e);
	if (!ret && !whole && x->object.kind != CUSTODY_RECOVERY)
		ret = error_set(e, EBADMSG, "the block itself is missing");
	return ret;
}

static int has_private(const struct vault *v, const struct custody_object *o)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->keys[i].object.kind == o->kind &&
		    v->keys[i].object.version == o->version)
			return v->keys[i].object.private.size != 0;
	return 0;
}

static int import(struct vault *v, const json_t *doc, struct hsm1_key *k,
		  struct error *e)
{
	struct custody_export x;
	int ret = custody_export_parse(doc, &x, e);

	if (!ret)
		ret = check_export(v, &x, e);
	if (ret)
		return ret;
	k->object = x.object;
	k->approvals = x.approvals;
	if (!x.object.private.size && has_private(v, &x.object))
		return error_set(e, EEXIST,
				 "HSM 1 has the whole of recovery %u already",
				 x.object.version);
	if (x.object.private.size)
		ret = unwrap(v, &x, &k->object, e);
	if (!ret)
		ret = take(v, k, e);
	return ret ? ret : site_write_key(v->dir, k, e);
}

int vault_import(struct vault *v, const char *document, size_t len,
		 char text[HSM1_TEXT_MAX], struct error *e)
{
	struct hsm1_key k = { 0 };
	char kcv[2 * CUSTODY_KCV_SIZE + 1];
	json_error_t why;
	json_t *doc;
	int ret;

	doc = json_loadb(document, len, JSON_REJECT_DUPLICATES, &why);
	if (!doc)
		return error_set(
			e, EBADMSG,
			"the document is none of \"secmod-kms export\": line %d: %s",
			why.line, why.text);
	pthread_mutex_lock(&v->lock);
	ret = import(v, doc, &k, e);
	pthread_mutex_unlock(&v->lock);
	json_decref(doc);
	if (ret)
		return ret;
	pki_hex(k.object.kcv, sizeof(k.object.kcv), kcv);
	snprintf(text, HSM1_TEXT_MAX, "%s %u%s, check value %s",
		 custody_kind_name(k.object.kind), k.object.version,
		 k.object.private.size ? "" : ", public half", kcv);
	return 0;
}

int vault_find(struct vault *v, enum custody_kind kind, unsigned int version,
	       struct hsm1_key *out, struct error *e)
{
	const struct hsm1_key *found = NULL;

	pthread_mutex_lock(&v->lock);
	for (size_t i = 0; i < v->count; i++) {
		const struct hsm1_key *k = &v->keys[i];

		if (k->object.kind == kind &&
		    (version ? k->object.version == version :
			       !found || k->object.version >
						 found->object.version))
			found = k;
	}
	if (found)
		*out = *found;
	pthread_mutex_unlock(&v->lock);
	if (found)
		return 0;
	if (version)
		return error_set(e, ENOENT, "HSM 1 has no %s %u: import it",
				 custody_kind_name(kind), version);
	return error_set(e, ENOENT, "HSM 1 has no %s: import one",
			 custody_kind_name(kind));
}

int vault_find_recovery(struct vault *v, const uint8_t id[CRYPTOGRAM_ID_SIZE],
			struct hsm1_key *out, struct error *e)
{
	uint8_t mine[CRYPTOGRAM_ID_SIZE];
	int found = 0;

	pthread_mutex_lock(&v->lock);
	for (size_t i = 0; i < v->count && !found; i++) {
		if (v->keys[i].object.kind != CUSTODY_RECOVERY)
			continue;
		vault_id(&v->keys[i].object, mine);
		found = !memcmp(mine, id, sizeof(mine));
		if (found)
			*out = v->keys[i];
	}
	pthread_mutex_unlock(&v->lock);
	return found ? 0 :
		       error_set(
			       e, ENOENT,
			       "the cryptogram is for a recovery key that HSM 1 "
			       "does not know: import it");
}

int vault_find_kvn(struct vault *v, enum custody_kind kind, uint8_t kvn,
		   unsigned int *version, struct error *e)
{
	*version = 0;
	pthread_mutex_lock(&v->lock);
	for (size_t i = 0; i < v->count; i++) {
		const struct custody_object *o = &v->keys[i].object;

		if (o->kind == kind && derive_kvn(kind, o->version) == kvn &&
		    o->version > *version)
			*version = o->version;
	}
	pthread_mutex_unlock(&v->lock);
	return *version ? 0 :
			  error_set(e, ENOENT,
				    "HSM 1 has no %s that makes keysets %02X",
				    custody_kind_name(kind), kvn);
}

int vault_agree(struct vault *v, const struct hsm1_key *k,
		const uint8_t point[65], uint8_t z[32], struct error *e)
{
	int ret;

	pthread_mutex_lock(&v->lock);
	ret = custody_agree(&v->tpm, v->authority, &k->object, &k->approvals,
			    point, z, e);
	pthread_mutex_unlock(&v->lock);
	return ret;
}

int vault_credential(struct vault *v, const struct custody_credential *c,
		     TPM2B_DIGEST *out, struct error *e)
{
	int ret;

	pthread_mutex_lock(&v->lock);
	ret = custody_credential_open(&v->tpm, &v->ek, c, out, e);
	pthread_mutex_unlock(&v->lock);
	return ret;
}

int vault_random(struct vault *v, uint8_t out[HSM1_RANDOM_SIZE],
		 struct error *e)
{
	ESYS_TR session = ESYS_TR_NONE;
	TPM2B_DIGEST *random = NULL;
	TSS2_RC rc = TSS2_RC_SUCCESS;
	int ret;

	pthread_mutex_lock(&v->lock);
	ret = custody_session(&v->tpm, TPM2_SE_HMAC, &session, e);
	if (!ret)
		rc = Esys_GetRandom(v->tpm.esys, session, ESYS_TR_NONE,
				    ESYS_TR_NONE, HSM1_RANDOM_SIZE, &random);
	custody_flush(&v->tpm, &session);
	pthread_mutex_unlock(&v->lock);
	if (!ret && rc != TSS2_RC_SUCCESS)
		ret = tpm_esys_error(rc, "drawing a random number", e);
	else if (!ret && (random->size != HSM1_RANDOM_SIZE ||
			  RAND_priv_bytes(out, HSM1_RANDOM_SIZE) != 1))
		ret = error_set_ssl(e, EIO, "there are no random numbers");
	for (size_t i = 0; !ret && i < HSM1_RANDOM_SIZE; i++)
		out[i] ^= random->buffer[i];
	if (random)
		OPENSSL_cleanse(random, sizeof(*random));
	Esys_Free(random);
	return ret;
}
