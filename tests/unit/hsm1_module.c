// SPDX-License-Identifier: GPL-2.0-only
/* A module for HSM 1: a card in software at the end of a relay. */
#include "hsm1_module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

static struct module *current; /* run() has the card only */

static void put_kcv(struct apdu_response *r, const uint8_t *key)
{
	uint8_t kcv[3];

	assert_int_equal(gp_kcv(key, 32, kcv, NULL), 0);
	apdu_put(r, kcv, 3);
}

static u16 keyset_states(struct soft_card *c, struct apdu_response *r)
{
	size_t i, n = 0;

	for (i = 0; i < SOFT_KEYSETS; i++)
		n += c->keysets[i].kvn != 0;
	apdu_put(r, "\xdf\x22", 2);
	apdu_put_byte(r, n * 13);
	for (i = 0; i < SOFT_KEYSETS; i++) {
		const struct soft_keyset *k = &c->keysets[i];

		if (!k->kvn)
			continue;
		apdu_put_byte(r, k->kvn);
		apdu_put(r, (uint8_t[]){ 0x20, k->failures, 10 }, 3);
		put_kcv(r, k->keys.enc);
		put_kcv(r, k->keys.mac);
		put_kcv(r, k->keys.dek);
	}
	return SW_OK;
}

static u16 key_information(struct soft_card *c, struct apdu_response *r)
{
	size_t i, n = 0;

	for (i = 0; i < SOFT_KEYSETS; i++)
		n += c->keysets[i].kvn != 0;
	apdu_put_byte(r, 0xe0);
	apdu_put_byte(r, n * 6);
	for (i = 0; i < SOFT_KEYSETS; i++) {
		if (!c->keysets[i].kvn)
			continue;
		apdu_put(r, "\xc0\4\1", 3);
		apdu_put_byte(r, c->keysets[i].kvn);
		apdu_put(r, "\x88\x20", 2);
	}
	return SW_OK;
}

/* The module's side of what HSM 1 asks, as docs/executive.md has it. */
static u16 answer(struct soft_card *c, const struct apdu *a,
		  struct apdu_response *r)
{
	unsigned int tag = a->p1 << 8 | a->p2;

	if (a->ins != 0xca)
		return 0;
	if (tag == 0x45) {
		apdu_put(r, "\x45\x10", 2);
		apdu_put(r, current->uid, 16);
		return SW_OK;
	}
	if (tag == 0xdf22)
		return c->session.level ? keyset_states(c, r) : SW_SECURITY;
	return tag == 0xe0 ? key_information(c, r) : 0;
}

/* How often is @what in the memory of a process? -1: it cannot be read. */
int count_in(int pid, const uint8_t *what, size_t len)
{
	char path[64], line[512], mode[8];
	unsigned long from, to;
	uint8_t *copy, *p, *end;
	int mem, found = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	if (mem < 0 || !maps)
		return -1;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
		    mode[0] != 'r' || strstr(line, "[v"))
			continue;
		copy = malloc(to - from);
		if (copy &&
		    pread(mem, copy, to - from, from) == (ssize_t)(to - from))
			for (p = copy, end = copy + (to - from);
			     (p = memmem(p, end - p, what, len)); p++)
				found++;
		free(copy);
	}
	fclose(maps);
	close(mem);
	return found;
}

static int read_all(int fd, uint8_t *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = read(fd, p, len);
		if (n <= 0)
			return -1;
	}
	return 0;
}

static void *be_module(void *arg)
{
	uint8_t head[2], command[4200], response[4200], plain[48];
	struct module *m = arg;
	size_t len, room;

	while (!read_all(m->theirs, head, 2)) {
		len = head[0] << 8 | head[1];
		if (read_all(m->theirs, command, len))
			break;
		m->puts += len > 100; /* PUT KEY is the long one */
		if (len > 100 && m->puts == m->cut_at)
			break;
		if (len > 100 && m->puts == 1 && m->pid) {
			hsm1_decrypt(m->world, m->cryptogram, m->cryptogram_len,
				     plain);
			m->seen = count_in(m->pid, plain + 16, 32);
		}
		room = sizeof(response) - 2;
		soft_card_transmit(&m->card, command, len, response + 2, &room);
		response[0] = room >> 8;
		response[1] = room;
		assert_int_equal(write(m->theirs, response, room + 2),
				 room + 2);
	}
	close(m->theirs);
	return NULL;
}

void module_plug(struct module *m)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	m->ours = fds[0];
	m->theirs = fds[1];
	m->card.run = answer;
	m->card.i = 0x60;
	m->puts = 0;
	current = m;
	assert_int_equal(pthread_create(&m->thread, NULL, be_module, m), 0);
}

void module_unplug(struct module *m)
{
	shutdown(m->ours, SHUT_RDWR);
	close(m->ours);
	pthread_join(m->thread, NULL);
}

void module_new(struct module *m, struct hsm1_world *w, const uint8_t uid[16],
		struct gp_keyset *transport)
{
	struct soft_keyset *k;

	memset(m, 0, sizeof(*m));
	m->world = w;
	memcpy(m->uid, uid, 16);
	memcpy(m->issued_to, uid, 16);
	soft_keyset(&m->card, 0x30, 32, transport);
	/* bytes that are found nowhere else */
	k = soft_find(&m->card, 0x30);
	assert_int_equal(RAND_bytes(k->keys.dek, 32), 1);
	memcpy(transport->dek, k->keys.dek, 32);
}

/* --- what HSM 1 asks of the process that started it --- */

int module_store(void *arg, const uint8_t whose[16], const uint8_t *cryptogram,
		 size_t len, struct error *e)
{
	struct module *m = arg;

	if (m->refuse)
		return error_set(e, ENOSPC, "the disk is full");
	assert_memory_equal(whose, m->issued_to, 16);
	assert_int_equal(len, CRYPTOGRAM_SIZE);
	memcpy(m->cryptogram, cryptogram, len);
	m->cryptogram_len = len;
	m->stored_early = !m->card.opened && !m->puts;
	return 0;
}

/* The key management server of variant "carried out there", its key in a file. */
int module_recover(void *arg, unsigned int version, const uint8_t whose[16],
		   const uint8_t point[65], struct hsm1_credential *out,
		   struct error *e)
{
	struct module *m = arg;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(m->world->recovery, NULL);
	EVP_PKEY *peer = EVP_PKEY_new();
	struct custody_credential c;
	uint8_t z[32];
	size_t len = sizeof(z);

	m->asked++;
	m->id_at_kms = version;
	assert_memory_equal(whose, m->issued_to, 16);
	assert_true(EVP_PKEY_copy_parameters(peer, m->world->recovery) &&
		    EVP_PKEY_set1_encoded_public_key(peer, point, 65) &&
		    EVP_PKEY_derive_init(ctx) > 0 &&
		    EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
		    EVP_PKEY_derive(ctx, z, &len) > 0);
	EVP_PKEY_free(peer);
	EVP_PKEY_CTX_free(ctx);
	z[5] ^= m->lie;
	assert_int_equal(custody_credential_make(&m->world->ek,
						 &m->world->storage, z,
						 sizeof(z), &c, e),
			 0);
	memcpy(out->blob, c.blob.credential, c.blob.size);
	memcpy(out->secret, c.secret.secret, c.secret.size);
	out->blob_len = c.blob.size;
	out->secret_len = c.secret.size;
	return 0;
}
