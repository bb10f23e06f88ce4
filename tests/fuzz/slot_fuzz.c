// SPDX-License-Identifier: MIT
/* kernel/slot.c: a slot as anybody with the disk may have written it. */
#include "fuzz.h"
#include "kernel/slot.h"

static const u8 root[32];
static const u8 uid[SECMOD_UID_SIZE] = "module of seeds";

/* Only bounds are left of it: what is sealed is the text, and every tag is right. */
int secmod_gcm(bool encrypt, const u8 key[32], const u8 *aad, size_t aad_len,
	       u8 *data, size_t len)
{
	volatile u8 last;

	(void)encrypt;
	(void)key;
	CHECK(aad_len == SLOT_HEADER_SIZE);
	CHECK(aad + aad_len == data);
	last = data[len + SLOT_TAG_SIZE - 1]; /* is it all there? */
	(void)last;
	return 0;
}

static enum slot_verdict open_at(const uint8_t *data, size_t size, u64 counter,
				 u64 *found, struct record *out)
{
	const struct slot_owner owner = { root, uid, counter };
	u8 *copy = malloc(size ? size : 1);
	enum slot_verdict verdict;

	CHECK(copy);
	memcpy(copy, data, size);
	verdict = slot_open(&owner, copy, size, found, out);
	free(copy);
	return verdict;
}

/* What is good now is old one commit later, and was ahead one before. */
static void check_neighbours(const uint8_t *data, size_t size, u64 counter,
			     struct record *out)
{
	u64 found;

	CHECK(open_at(data, size, counter + 1, &found, out) ==
	      (counter + 1 ? SLOT_OLD : SLOT_AHEAD));
	CHECK(open_at(data, size, counter - 1, &found, out) ==
	      (counter ? SLOT_AHEAD : SLOT_OLD));
	CHECK(found == counter);
}

/* Sealed again it is as long, and opens to the same. */
static void check_round_trip(const struct record *r, u64 counter)
{
	const struct slot_owner owner = { root, uid, counter };
	struct record *again = malloc(sizeof(*again));
	u8 *slot = malloc(SLOT_USED);
	u64 found = 0;
	int len;

	CHECK(slot && again);
	len = slot_seal(&owner, r, slot);
	CHECK(len > SLOT_HEADER_SIZE && len <= SLOT_USED);
	CHECK(slot_open(&owner, slot, (size_t)len, &found, again) == SLOT_GOOD);
	CHECK(found == counter && !memcmp(r, again, sizeof(*r)));
	free(slot);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record *r = malloc(sizeof(*r));
	u64 found = 0, counter = 0;
	enum slot_verdict verdict;

	CHECK(r);
	verdict = open_at(data, size, counter, &found, r);
	if (verdict == SLOT_AHEAD) {
		counter = found;
		verdict = open_at(data, size, counter, &found, r);
		CHECK(verdict == SLOT_DAMAGED || verdict == SLOT_GOOD);
	}
	CHECK(verdict != SLOT_OLD && verdict != SLOT_UNREADABLE);
	if (verdict == SLOT_GOOD) {
		check_round_trip(r, counter);
		check_neighbours(data, size, counter, r);
	}
	free(r);
	return 0;
}
