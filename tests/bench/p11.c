// SPDX-License-Identifier: MIT
/* PKCS#11 2.40 and 3.0: names and numbers as they stand there. */
#include <dlfcn.h>

#include "load.h"
#include "p11.h"

#define LIBRARY "/usr/lib/softhsm/libsofthsm2.so"

typedef unsigned long CK_ULONG;

struct CK_ATTRIBUTE {
	CK_ULONG type;
	const void *value;
	CK_ULONG len;
};

struct CK_MECHANISM {
	CK_ULONG mechanism;
	const void *parameter;
	CK_ULONG len;
};

struct CK_GCM_PARAMS {
	const uint8_t *iv;
	CK_ULONG iv_len, iv_bits;
	const uint8_t *aad;
	CK_ULONG aad_len, tag_bits;
};

#define CKM_AES_GCM 0x1087
#define CKF_SERIAL_SESSION 4
#define CKF_RW_SESSION 2
#define CKU_USER 1

static void *function(const char *name)
{
	static void *library;
	void *found;

	if (!library)
		library = dlopen(LIBRARY, RTLD_NOW);
	found = library ? dlsym(library, name) : NULL;
	if (!found)
		die("is not there", name);
	return found;
}

static void need(CK_ULONG rv, const char *what)
{
	if (rv)
		die("PKCS#11 refuses", what);
}

static CK_ULONG make_key(CK_ULONG session, const uint8_t value[32])
{
	static const CK_ULONG secret_key = 4, aes = 0x1f;
	static const uint8_t yes = 1, no;
	struct CK_ATTRIBUTE a[] = {
		{ 0x000, &secret_key, sizeof(secret_key) }, /* CKA_CLASS */
		{ 0x100, &aes, sizeof(aes) }, /* CKA_KEY_TYPE */
		{ 0x001, &no, 1 }, /* CKA_TOKEN: of the session */
		{ 0x104, &yes, 1 }, /* CKA_ENCRYPT */
		{ 0x105, &yes, 1 }, /* CKA_DECRYPT */
		{ 0x011, value, 32 }, /* CKA_VALUE */
	};
	CK_ULONG(*create)
	(CK_ULONG, struct CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *);
	CK_ULONG key;

	*(void **)&create = function("C_CreateObject");
	need(create(session, a, sizeof(a) / sizeof(a[0]), &key), "a key");
	return key;
}

void p11_open(struct p11 *p, const uint8_t key[32])
{
	CK_ULONG (*initialize)(void *);
	CK_ULONG (*slots)(unsigned char, CK_ULONG *, CK_ULONG *);
	CK_ULONG (*open)(CK_ULONG, CK_ULONG, void *, void *, CK_ULONG *);
	CK_ULONG (*login)(CK_ULONG, CK_ULONG, const char *, CK_ULONG);
	CK_ULONG slot[8], count = 8;

	*(void **)&initialize = function("C_Initialize");
	*(void **)&slots = function("C_GetSlotList");
	*(void **)&open = function("C_OpenSession");
	*(void **)&login = function("C_Login");
	need(initialize(NULL), "to begin");
	need(slots(1, slot, &count), "a list of tokens");
	need(open(slot[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
		  &p->session),
	     "a session");
	need(login(p->session, CKU_USER, "1234", 4), "the PIN");
	p->key = make_key(p->session, key);
	p->init[0] = function("C_DecryptInit");
	p->init[1] = function("C_EncryptInit");
	p->run[0] = function("C_Decrypt");
	p->run[1] = function("C_Encrypt");
}

void p11_run(const struct p11 *p, int encrypt, const uint8_t nonce[12],
	     const uint8_t *aad, size_t aad_len, const uint8_t *in,
	     size_t in_len, uint8_t *out, size_t room)
{
	struct CK_GCM_PARAMS params = { nonce, 12, 96, aad, aad_len, 128 };
	struct CK_MECHANISM m = { CKM_AES_GCM, &params, sizeof(params) };
	CK_ULONG (*init)(CK_ULONG, struct CK_MECHANISM *, CK_ULONG);
	CK_ULONG(*run)
	(CK_ULONG, const uint8_t *, CK_ULONG, uint8_t *, CK_ULONG *);
	CK_ULONG len = room;

	*(void **)&init = p->init[encrypt];
	*(void **)&run = p->run[encrypt];
	need(init(p->session, &m, p->key), "AES-GCM");
	need(run(p->session, in, in_len, out, &len), "a message");
}
