// SPDX-License-Identifier: MIT
/*
 * Writes the seeds of all fuzzers: DIRECTORY/NAME/NNN. Certificates and bundles are
 * those of tests/vectors, the rest is made here by the project's own encoders.
 *
 * usage: seeds DIRECTORY
 */
#include <errno.h>
#include <sys/stat.h>

#include "kernel/slot.h"
#include "seeds.h"
#include "tests/vectors/bundle.h"
#include "tests/vectors/cert.h"

static const char *directory;

static void make_directory(const char *path)
{
	CHECK(!mkdir(path, 0777) || errno == EEXIST);
}

void seed(const char *fuzzer, const void *data, size_t len)
{
	static int number;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, fuzzer);
	make_directory(path);
	snprintf(path, sizeof(path), "%s/%s/seed-%04d", directory, fuzzer,
		 number++);
	f = fopen(path, "we");
	CHECK(f && fwrite(data, 1, len, f) == len && !fclose(f));
}

void put(struct output *o, const void *data, size_t len)
{
	CHECK(len <= sizeof(o->data) - o->len);
	if (len)
		memcpy(o->data + o->len, data, len);
	o->len += len;
}

void put_u8(struct output *o, unsigned int v)
{
	uint8_t byte = (uint8_t)v;

	put(o, &byte, 1);
}

void put_u16(struct output *o, unsigned int v)
{
	put_u8(o, v >> 8);
	put_u8(o, v);
}

void put_u32(struct output *o, uint32_t v)
{
	put_u16(o, v >> 16);
	put_u16(o, v);
}

void put_piece(struct output *o, const void *data, size_t len)
{
	put_u16(o, (unsigned int)len);
	put(o, data, len);
}

void put_zeros(struct output *o, size_t len)
{
	while (len--)
		put_u8(o, 0);
}

size_t put_hex(struct output *o, const char *hex)
{
	size_t len = strlen(hex) / 2, i;
	unsigned int octet;

	for (i = 0; i < len; i++) {
		CHECK(sscanf(hex + 2 * i, "%2x", &octet) == 1);
		put_u8(o, octet);
	}
	return len;
}

static void seed_hex(const char *fuzzer, const char *hex)
{
	struct output o = { .len = 0 };

	put_hex(&o, hex);
	seed(fuzzer, o.data, o.len);
}

#define CERT_ROWS(rows)                                  \
	do {                                             \
		for (i = 0; i < ARRAY_SIZE(rows); i++) { \
			seed_hex("cert", (rows)[i].der); \
			seed_hex("pki", (rows)[i].der);  \
		}                                        \
	} while (0)

#define BUNDLE_ROWS(rows)                                  \
	do {                                               \
		for (i = 0; i < ARRAY_SIZE(rows); i++) {   \
			seed_hex("bundle", (rows)[i].der); \
			seed_hex("wire", (rows)[i].der);   \
		}                                          \
	} while (0)

static void seeds_vectors(void)
{
	size_t i;

	CERT_ROWS(cert_good);
	CERT_ROWS(cert_malformed);
	CERT_ROWS(cert_refused);
	BUNDLE_ROWS(bundle_good);
	BUNDLE_ROWS(bundle_malformed);
	BUNDLE_ROWS(bundle_refused);
}

/* Programs for tlv_fuzz.c: go through everything; ask for numbers and fields. */
static void seeds_tlv(void)
{
	static const u8 programs[][8] = {
		{ 0x84, 0x30, 0x80, 0x30, 0x80, 0x30, 0x80, 0x30 },
		{ 0x85, 0x30, 0x86, 0xa0, 0x05, 0x02, 0x04, 0x02 },
		{ 0x80, 0x00, 0x80, 0x00, 0x00, 0x00, 0x01, 0x30 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(programs); i++) {
		struct output o = { .len = 0 };

		put_piece(&o, programs[i], sizeof(programs[i]));
		put_hex(&o, i == 2 ? "020107020200ff04021234bf1f0102" :
				     CERT_MODULE);
		seed("tlv", o.data, o.len);
	}
}

static void set_cert(struct record_cert *c, const char *hex)
{
	struct output o = { .len = 0 };

	put_hex(&o, hex);
	CHECK(!record_set_cert(c, o.data, o.len));
}

/* As tests/fuzz/slot_fuzz.c opens it: its text in the clear, its tag zeros. */
static void seed_slot(const u8 *record, size_t len)
{
	struct output o = { .len = 0 };

	put(&o, "SECMODVT", 8);
	put_u32(&o, SLOT_VERSION);
	put_u32(&o, (u32)len);
	put_u32(&o, 0);
	put_u32(&o, 7); /* the counter */
	put(&o, "module of seeds", SECMOD_UID_SIZE);
	put_zeros(&o, SLOT_SALT_SIZE);
	put(&o, record, len);
	put_zeros(&o, SLOT_TAG_SIZE);
	seed("slot", o.data, o.len);
	seed("slot", o.data, o.len - SLOT_TAG_SIZE / 2);
}

static void seeds_record(void)
{
	static u8 data[RECORD_MAX];
	struct record *r = calloc(1, sizeof(*r));
	int i, len;

	CHECK(r);
	r->state = SECMOD_STATE_PERSONALIZATION;
	set_cert(&r->checking, CERT_ROOT);
	set_cert(&r->identity, CERT_ROOT);
	for (i = 0; i < 3; i++) {
		len = record_encode(r, data, sizeof(data));
		CHECK(len > 0);
		seed("record", data, (size_t)len);
		seed_slot(data, (size_t)len);
		r->state = SECMOD_STATE_OPERATING;
		r->epoch = MODULE_EPOCH;
		set_cert(&r->signer, CERT_PU);
		set_cert(&r->module, CERT_MODULE);
		set_cert(&r->central[0], CERT_CENTRAL);
		if (i == 1)
			r->central[1].len = SECMOD_CERT_MAX; /* no room left */
	}
	free(r);
}

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	directory = argv[1];
	make_directory(directory);
	seeds_vectors();
	seeds_tlv();
	seeds_record();
	seeds_tpm();
	seeds_attest();
	seeds_wire();
	seeds_files();
	seeds_apdu();
	return 0;
}
