// SPDX-License-Identifier: MIT
/* Sealed messages and keys of applications that are made to fail. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define MESSAGES 3

/* More than the driver takes in one go: the middle one goes with the first. */
static const uint32_t lengths[MESSAGES] = { SECMOD_SEAL_DATA_MAX - 100, 64,
					    SECMOD_SEAL_DATA_MAX };
static uint8_t texts[MESSAGES][SECMOD_SEAL_DATA_MAX];
static uint8_t sealed[MESSAGES][SECMOD_SEAL_DATA_MAX + SECMOD_SEAL_OVERHEAD];
static uint8_t out[SECMOD_SEAL_DATA_MAX];
static struct secmod_message m[MESSAGES];

static int is_failure(uint32_t result)
{
	return result == ENOMEM || result == EFAULT || result == EIO;
}

static int call(unsigned long request, uint32_t kvn)
{
	struct secmod_messages arg = { .size = sizeof(arg),
				       .messages = (uintptr_t)m,
				       .count = MESSAGES,
				       .kvn = kvn };

	return faulted(request, &arg);
}

/* What it has sealed is right, what it has not says why. */
static int check_sealed(size_t i, struct error *e)
{
	size_t len;

	if (is_failure(m[i].result))
		return 0;
	if (m[i].result)
		return error_set(e, EPROTO, "message %zu: %s", i,
				 strerrorname_np((int)m[i].result));
	if (keyring_open(w.ring, w.uid, NULL, 0, sealed[i], m[i].out_len, out,
			 &len, e))
		return -EBADMSG;
	if (len != lengths[i] || memcmp(out, texts[i], len))
		return error_set(e, EBADMSG, "message %zu: another text", i);
	return 0;
}

int seal_messages(struct error *e)
{
	size_t i;
	int rc;

	for (i = 0; i < MESSAGES; i++) {
		memset(texts[i], (int)(w.n + i), lengths[i]);
		m[i] = (struct secmod_message){
			.in = (uintptr_t)texts[i],
			.in_len = lengths[i],
			.out = (uintptr_t)sealed[i],
			.out_len = sizeof(sealed[i]),
			.result = EPROTO,
		};
	}
	rc = call(SECMOD_IOC_SEAL, TXN);
	if (rc)
		return error_set(e, -rc, "SEAL: %s", strerrorname_np(-rc));
	for (i = 0; !rc && i < MESSAGES; i++)
		rc = check_sealed(i, e);
	return rc;
}

static int seal_for_module(struct error *e)
{
	struct secmod_txn_key keys[SECMOD_TXN_KEYS_MAX];
	struct secmod_keys all = { .count = SECMOD_TXN_KEYS_MAX };
	size_t i;
	int rc = secmod_txn_keys(w.module, keys, &all);

	if (rc || !all.count)
		return error_set(e, EPROTO, "there is no transaction key");
	for (i = 0; !rc && i < MESSAGES; i++) {
		memset(texts[i], (int)(w.n + i), lengths[i]);
		rc = keyring_seal(w.ring, keys[0].id, NULL, 0, texts[i],
				  lengths[i], sealed[i], e);
	}
	return rc;
}

static void give(size_t i, uint8_t *room)
{
	m[i] = (struct secmod_message){
		.in = (uintptr_t)sealed[i],
		.in_len = lengths[i] + SECMOD_SEAL_OVERHEAD,
		.out = (uintptr_t)room,
		.out_len = SECMOD_SEAL_DATA_MAX,
		.result = EPROTO,
	};
}

/*
 * What was opened cannot be opened again, what was not can. Where the text could not be
 * handed over either is right.
 */
static int check_opened(size_t i, struct error *e)
{
	const uint32_t first = m[i].result;
	uint32_t again;

	if (first && !is_failure(first))
		return error_set(e, EPROTO, "message %zu: %s", i,
				 strerrorname_np((int)first));
	if (!first &&
	    (m[i].out_len != lengths[i] ||
	     memcmp((void *)(uintptr_t)m[i].out, texts[i], lengths[i])))
		return error_set(e, EBADMSG, "message %zu: another text", i);
	give(i, out);
	if (secmod_unseal_many(w.module, &m[i], 1))
		return error_set(e, EPROTO, "%s", secmod_reason(w.module));
	again = m[i].result;
	if (again == (first ? 0 : ESTALE) ||
	    (first == EFAULT && again == ESTALE))
		return 0;
	return error_set(e, EPROTO, "message %zu: %s, then %s", i,
			 strerrorname_np((int)first),
			 strerrorname_np((int)again));
}

int open_messages(struct error *e)
{
	static uint8_t room[MESSAGES][SECMOD_SEAL_DATA_MAX];
	int rc = seal_for_module(e), called;
	size_t i;

	if (rc)
		return rc;
	for (i = 0; i < MESSAGES; i++)
		give(i, room[i]);
	called = call(SECMOD_IOC_OPEN, 0);
	for (i = 0; !rc && i < MESSAGES; i++) {
		if (called)
			m[i].result = (uint32_t)-called;
		rc = check_opened(i, e);
	}
	if (!rc && called)
		rc = error_set(e, -called, "OPEN: %s",
			       strerrorname_np(-called));
	return rc;
}

int list_keys(struct error *e)
{
	static struct secmod_txn_key keys[SECMOD_TXN_KEYS_MAX];
	struct secmod_keys arg = { .size = sizeof(arg),
				   .keys = (uintptr_t)keys,
				   .count = SECMOD_TXN_KEYS_MAX };
	int rc = faulted(SECMOD_IOC_KEYS, &arg);

	if (rc)
		return error_set(e, -rc, "KEYS: %s", strerrorname_np(-rc));
	if (!arg.count || keys[0].kvn != TXN || keys[0].state)
		return error_set(e, EPROTO, "KEYS: another list");
	return 0;
}

/* The same comes of it each time. */
int use_key(struct error *e)
{
	static uint8_t first[4096], result[4096];
	struct secmod_use_key arg = { .size = sizeof(arg),
				      .aid_len = sizeof(purse),
				      .dgi = SECRET,
				      .use = SECMOD_USE_ENCRYPT,
				      .in = (uintptr_t)texts,
				      .in_len = sizeof(result),
				      .out = (uintptr_t)result,
				      .out_len = sizeof(result) };
	const struct secmod_app_key name = { purse, sizeof(purse), SECRET };
	const struct secmod_bytes in = { texts, sizeof(first) };
	size_t len = sizeof(first);
	int rc;

	memcpy(arg.aid, purse, sizeof(purse));
	memset(result, 0, sizeof(result));
	if (secmod_use_key(w.module, &name, SECMOD_USE_ENCRYPT, arg.iv, &in,
			   first, &len))
		return error_set(e, EPROTO, "%s", secmod_reason(w.module));
	rc = faulted(SECMOD_IOC_USE_KEY, &arg);
	if (rc)
		return error_set(e, -rc, "USE_KEY: %s", strerrorname_np(-rc));
	if (arg.out_len != len || memcmp(first, result, len))
		return error_set(e, EPROTO, "USE_KEY: another result");
	return 0;
}
