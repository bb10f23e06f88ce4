// SPDX-License-Identifier: MIT
/* The calls, and what they leave. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "tests/vm/preload/fail_nth.h"
#include "world.h"

struct world w;

static const uint8_t issuer[] = { 0xa0, 0, 0, 1, 0x51, 0, 0, 0 };
const uint8_t purse[5] = { 'p', 'u', 'r', 's', 'e' };

void must(int rc, const struct error *e)
{
	if (!rc)
		return;
	printf("%02x at %u: %s\n", w.ins, w.n, e->text);
	exit(1);
}

int faulted(unsigned long request, void *arg)
{
	int fd = secmod_fd(w.module), rc;

	if (w.armed && !w.struck)
		fail_nth_arm(w.control, w.n);
	rc = ioctl(fd, request, arg) ? -errno : 0;
	if (w.armed && !w.struck) {
		w.struck = fail_nth_disarm(w.control);
		w.error = -rc;
	}
	return rc;
}

static int carry(void *ctx, const uint8_t *command, size_t len,
		 uint8_t *response, size_t *response_len)
{
	struct secmod_apdu arg = {
		.size = sizeof(arg),
		.command = (uintptr_t)command,
		.command_len = (uint32_t)len,
		.response = (uintptr_t)response,
		.response_len = (uint32_t)*response_len,
	};
	const int armed = w.armed;
	int rc;

	(void)ctx;
	w.armed = armed && command[1] == w.ins;
	rc = faulted(SECMOD_IOC_APDU, &arg);
	w.armed = armed;
	*response_len = arg.response_len;
	return rc;
}

void open_file(void)
{
	secmod_close(w.module);
	gp_close(&w.card);
	w.card = (struct gp_card){ .transmit = carry, .name = "module" };
	if (secmod_open(NULL, &w.module))
		errx(1, "%s", secmod_reason(NULL));
}

static void say_select(void)
{
	struct gp_response r;
	struct error e;

	open_file();
	must(gp_select(&w.card, issuer, sizeof(issuer), &r, &e), &e);
}

struct gp_keyset keys_of(uint8_t kvn)
{
	struct gp_keyset k = { .len = 16 };

	memset(k.enc, kvn, k.len);
	memset(k.mac, kvn + 0x40, k.len);
	memset(k.dek, kvn + 0x80, k.len);
	return k;
}

void open_keyset(uint8_t kvn)
{
	const struct gp_keyset k = keys_of(kvn);
	struct error e;

	say_select();
	must(gp_scp03_open(&w.card, &k, kvn, GP_LEVEL_FULL, &e), &e);
}

/* Whose certificates these are is no matter here. */
static int believe(void *arg, X509 *signer, X509 *module, struct error *e)
{
	(void)arg, (void)signer, (void)module, (void)e;
	return 0;
}

int scp11a(struct error *e)
{
	const struct gp_scp11a p = { .key = w.key,
				     .cert = w.cert,
				     .verify = believe };

	return gp_scp11a_open(&w.card, &p, e);
}

void open_central(void)
{
	struct error e;

	say_select();
	must(scp11a(&e), &e);
}

void find_master(void)
{
	struct gp_key_info info;
	struct error e;
	size_t i;

	say_select();
	must(gp_key_info(&w.card, &info, &e), &e);
	w.master = 0;
	for (i = 0; i < info.count; i++)
		if (info.keys[i].kvn == MK || info.keys[i].kvn == MK + 1)
			w.master = info.keys[i].kvn;
	if (!w.master)
		errx(1, "there is no master keyset");
}

static void look_at_application(struct snapshot *s)
{
	struct gp_response r;
	struct error e;

	gp_select(&w.card, purse, sizeof(purse), &r, &e);
	s->selected = w.card.sw;
	if (s->selected != GP_OK || gp_get_data(&w.card, GROUP, &r, &e) ||
	    r.len > sizeof(s->group))
		return;
	s->group_len = r.len;
	memcpy(s->group, r.data, r.len);
}

static void look_at_transactions(struct snapshot *s)
{
	struct secmod_txn_key keys[SECMOD_TXN_KEYS_MAX];
	struct secmod_keys all = { .count = SECMOD_TXN_KEYS_MAX };
	size_t i, n = 0;

	if (secmod_txn_keys(w.module, keys, &all))
		errx(1, "%s", secmod_reason(w.module));
	for (i = 0; i < all.count; i++)
		if (keys[i].state == SECMOD_TXN_READY)
			s->ids[n++] = keys[i].id;
}

static void attach(void)
{
	struct secmod_info info;

	if (secmod_info(w.module, &info))
		errx(1, "%s", secmod_reason(w.module));
	if (info.state == SECMOD_STATE_DETACHED &&
	    secmod_attach_file(w.module, w.vault))
		errx(1, "%s", secmod_reason(w.module));
}

void look(struct snapshot *s)
{
	struct secmod *module = w.module;
	struct gp_card card = w.card;
	struct error e;

	memset(s, 0, sizeof(*s));
	w.module = NULL;
	w.card.session = NULL;
	open_file();
	attach();
	say_select();
	must(gp_status(&w.card, &s->status, &e), &e);
	s->status.generation = 0;
	must(gp_key_info(&w.card, &s->info, &e), &e);
	if (s->status.state == SECMOD_STATE_OPERATING)
		look_at_transactions(s);
	look_at_application(s);
	gp_close(&w.card);
	secmod_close(w.module);
	w.card = card;
	w.module = module;
}

/* In an open channel of the central system: another key each time. */
int put_new_txn(struct error *e)
{
	static uint32_t count;
	struct gp_transaction_key k = {
		.kvn = TXN,
		.algorithm = GP_ALGORITHM_AES_GCM,
		.directions = GP_MODULE_SEALS | GP_MODULE_OPENS,
		.len = 32,
		.id = (uint32_t)getpid() << 12 | ++count,
		.lifetime = 3600,
		.messages = 100000,
	};
	FILE *random = fopen("/dev/urandom", "r");
	int rc;

	if (!random || fread(k.key, k.len, 1, random) != 1)
		err(1, "random");
	fclose(random);
	rc = gp_put_transaction_key(&w.card, 0, &k, e);
	return rc ?: keyring_add(w.ring, w.uid, &k, e);
}

void put_txn(void)
{
	struct error e;

	open_central();
	must(put_new_txn(&e), &e);
}

static void *read_pem(const char *directory, const char *name)
{
	char path[4096];
	FILE *file;
	void *p;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "r");
	if (!file)
		err(1, "%s", path);
	p = strstr(name, ".key") ?
		    (void *)PEM_read_PrivateKey(file, NULL, NULL, NULL) :
		    (void *)PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	if (!p)
		errx(1, "%s is none", path);
	return p;
}

void world_open(const char *directory, const char *vault)
{
	struct error e;

	w.vault = vault;
	w.key = read_pem(directory, "central.key");
	w.cert = read_pem(directory, "central.pem");
	w.ring = keyring_new();
	w.control = fail_nth_open();
	if (w.control < 0)
		errx(70, "this kernel cannot make calls fail");
	say_select();
	must(gp_uid(&w.card, w.uid, &e), &e);
}
