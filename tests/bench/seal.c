// SPDX-License-Identifier: MIT
/*
 * AES-256-GCM of short messages by four ways: the module's transaction keys, AF_ALG
 * through libkcapi, SoftHSM2 through PKCS#11, and libcrypto in this process.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "libsecmod/libsecmod.h"
#include "load.h"
#include "p11.h"

#define AAD \
	14 /* as long as the header of a sealed message, where there is none */
#define TAG 16

struct messages {
	unsigned int kvn, id;
	size_t size;
	unsigned int batch;
	uint64_t number; /* sequence number of the next message for the module */
	uint8_t key[32], nonce[12], aad[AAD];
	uint8_t *text, *sealed; /* of one, or for the module of all */
	struct secmod *module;
	struct secmod_message *m; /* those of all operations */
	size_t next;
	struct p11 p11;
	void *kcapi;
	long (*kcapi_run)(void *handle, const uint8_t *in, size_t in_len,
			  const uint8_t *nonce, uint8_t *out, size_t out_len,
			  int access);
};

static void *from(const char *library, const char *name)
{
	void *l = dlopen(library, RTLD_NOW), *found = l ? dlsym(l, name) : NULL;

	if (!found)
		die("is not there", library);
	return found;
}

/*
 * The first operation sets things up. What counts is the fastest of many stretches of
 * @chunk operations, each so short that not all of them can have been disturbed.
 */
static int fastest(const struct load *l, unsigned int chunk,
		   void (*operation)(void *), void *arg)
{
	unsigned long done = 0;
	double start = now(), from, took, best = 1e9;

	operation(arg);
	do {
		from = now();
		for (unsigned int i = 0; i < chunk; i++)
			operation(arg);
		took = now() - from;
		best = took < best ? took : best;
		done += chunk;
	} while (l->count ? done + chunk <= l->count :
			    now() - start < l->seconds);
	printf("{\"done\": %lu, \"best\": %.9f}\n", done, best / chunk);
	return 0;
}

static void put_be(uint8_t *out, uint64_t v, size_t len)
{
	while (len--) {
		out[len] = (uint8_t)v;
		v >>= 8;
	}
}

/* What the central system would have sealed. */
static void seal_for_module(struct messages *s, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12] = { 1 };
	int n, ok;

	out[0] = 1;
	out[1] = (uint8_t)s->kvn;
	put_be(out + 2, s->id, 4);
	put_be(out + 6, s->number++, 8);
	memcpy(nonce + 4, out + 6, 8);
	ok = EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, s->key, nonce) &&
	     EVP_EncryptUpdate(c, NULL, &n, out, AAD) &&
	     EVP_EncryptUpdate(c, out + AAD, &n, s->text, (int)s->size) &&
	     EVP_EncryptFinal_ex(c, out + AAD + n, &n) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG,
				 out + AAD + s->size);
	EVP_CIPHER_CTX_free(c);
	if (!ok)
		die("cannot seal", NULL);
}

static void check(const struct messages *s, const struct secmod_message *m)
{
	for (unsigned int i = 0; i < s->batch; i++)
		if (m[i].result)
			die("a message was refused", secmod_reason(s->module));
}

static void module_seals(void *arg)
{
	struct messages *s = arg;
	unsigned int i;

	for (i = 0; i < s->batch; i++)
		s->m[i].out_len = (uint32_t)s->size + SECMOD_SEAL_OVERHEAD;
	if (secmod_seal_many(s->module, s->kvn, s->m, s->batch))
		die("cannot seal", secmod_reason(s->module));
	check(s, s->m);
}

static void module_opens(void *arg)
{
	struct messages *s = arg;

	if (secmod_unseal_many(s->module, s->m + s->next, s->batch))
		die("cannot open", secmod_reason(s->module));
	check(s, s->m + s->next);
	s->next += s->batch;
}

/* @all: messages, each of which has its own place */
static void prepare_module(struct messages *s, size_t all, int opening)
{
	size_t stretch = s->size + SECMOD_SEAL_OVERHEAD;

	if (secmod_open(NULL, &s->module))
		die(secmod_reason(NULL), NULL);
	s->m = calloc(all, sizeof(*s->m));
	s->sealed = calloc(all, stretch);
	for (size_t i = 0; i < all; i++) {
		uint8_t *own = s->sealed + i * stretch;

		if (opening)
			seal_for_module(s, own);
		s->m[i] = (struct secmod_message){
			.in = (uintptr_t)(opening ? own : s->text),
			.out = (uintptr_t)(opening ? s->text : own),
			.in_len = (uint32_t)(opening ? stretch : s->size),
			.out_len = (uint32_t)(opening ? s->size : stretch),
		};
	}
}

static int run_module(const struct load *l, struct messages *s, int opening)
{
	if (opening && l->count < 64)
		die("opening takes -n, 64 or more", NULL);
	prepare_module(s, opening ? (l->count + 1) * s->batch : s->batch,
		       opening);
	return fastest(l, s->batch > 1 ? 1 : 64,
		       opening ? module_opens : module_seals, s);
}

static void afalg(void *arg)
{
	struct messages *s = arg;
	long n;

	s->nonce[11]++;
	n = s->kcapi_run(s->kcapi, s->text, AAD + s->size, s->nonce, s->sealed,
			 AAD + s->size + TAG, 0);
	if (n < (long)s->size)
		die("AF_ALG failed", NULL);
}

static void afalg_opens(void *arg)
{
	struct messages *s = arg;

	if (s->kcapi_run(s->kcapi, s->sealed, AAD + s->size + TAG, s->nonce,
			 s->text, AAD + s->size, 0) < (long)s->size)
		die("AF_ALG failed", NULL);
}

static int run_afalg(const struct load *l, struct messages *s, int opening)
{
	static const char library[] = "libkcapi.so.1";
	int (*init)(void **handle, const char *name, uint32_t flags);
	int (*set_key)(void *handle, const uint8_t *key, uint32_t len);
	int (*set_tag)(void *handle, uint32_t len);
	void (*set_aad)(void *handle, size_t len);

	*(void **)&init = from(library, "kcapi_aead_init");
	*(void **)&set_key = from(library, "kcapi_aead_setkey");
	*(void **)&set_tag = from(library, "kcapi_aead_settaglen");
	*(void **)&set_aad = from(library, "kcapi_aead_setassoclen");
	*(void **)&s->kcapi_run = from(library, "kcapi_aead_encrypt");
	if (init(&s->kcapi, "gcm(aes)", 0) || set_key(s->kcapi, s->key, 32) ||
	    set_tag(s->kcapi, TAG))
		die("AF_ALG has no gcm(aes)", NULL);
	set_aad(s->kcapi, AAD);
	if (!opening)
		return fastest(l, 32, afalg, s);
	afalg(s);
	*(void **)&s->kcapi_run = from(library, "kcapi_aead_decrypt");
	return fastest(l, 32, afalg_opens, s);
}

static void softhsm_seals(void *arg)
{
	struct messages *s = arg;

	s->nonce[11]++;
	p11_run(&s->p11, 1, s->nonce, s->aad, AAD, s->text, s->size, s->sealed,
		s->size + TAG);
}

static void softhsm_opens(void *arg)
{
	struct messages *s = arg;

	p11_run(&s->p11, 0, s->nonce, s->aad, AAD, s->sealed, s->size + TAG,
		s->text, s->size + TAG);
}

static int run_softhsm(const struct load *l, struct messages *s, int opening)
{
	p11_open(&s->p11, s->key);
	if (!opening)
		return fastest(l, 8, softhsm_seals, s);
	softhsm_seals(s);
	return fastest(l, 8, softhsm_opens, s);
}

int run_seal(const struct load *l, int argc, char **argv)
{
	struct messages s = {
		.size = strtoul(argv[2], NULL, 10),
		.batch = (unsigned int)strtoul(argv[3], NULL, 10),
		.kvn = 0x40,
	};
	int opening = !strcmp(argv[0], "open");
	long n = 32;

	if (argc == 7) {
		uint8_t *key = OPENSSL_hexstr2buf(argv[4], &n);

		if (!key || n != 32)
			die("no key", argv[4]);
		memcpy(s.key, key, 32);
		OPENSSL_free(key);
		s.id = (unsigned int)strtoul(argv[5], NULL, 16);
		s.number = strtoull(argv[6], NULL, 10);
	}
	s.text = calloc(1, AAD + s.size + TAG);
	s.sealed = calloc(1, AAD + s.size + TAG);
	if (!strcmp(argv[1], "secmod"))
		return run_module(l, &s, opening);
	if (!strcmp(argv[1], "afalg"))
		return run_afalg(l, &s, opening);
	if (!strcmp(argv[1], "softhsm"))
		return run_softhsm(l, &s, opening);
	die("nobody of this name", argv[1]);
}
