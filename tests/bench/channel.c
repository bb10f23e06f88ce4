// SPDX-License-Identifier: MIT
/*
 * Secure channels, opened and used by userspace/gp: with a module, with a card in this
 * process whose keys are in memory (the same secure channel, but no kernel, no TPM and no
 * vault), and for SCP11a with the arithmetic alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "gp/gp.h"
#include "libsecmod/libsecmod.h"
#include "load.h"
#include "soft_card.h"

#define STRETCHES 2048
#define APDUS 32 /* in a stretch */
#define TPM_TIME "/sys/class/secmod/secmod0/stats/tpm_ns"

struct channel {
	struct gp_card card;
	struct secmod *module;
	struct soft_card soft;
	struct gp_keyset keys;
	struct gp_scp11a central;
	uint8_t kvn;
	unsigned int level; /* 0: none */
	double in_card; /* seconds that commands have taken there */
	FILE *tpm_time;
	struct error e;
};

/* One stretch of operations, seconds of each. */
struct stretch {
	double all, card, tpm;
};

static int transmit(void *ctx, const uint8_t *command, size_t len,
		    uint8_t *response, size_t *response_len)
{
	struct channel *c = ctx;
	double start = now();
	int rc = c->module ? secmod_transmit(c->module, command, len, response,
					     response_len) :
			     soft_card_transmit(&c->soft, command, len,
						response, response_len);

	c->in_card += now() - start;
	return rc;
}

/* Of GET DATA: as many bytes as the module's identifier takes. */
static u16 soft_data(struct soft_card *c, const struct apdu *a,
		     struct apdu_response *r)
{
	(void)c;
	if (a->ins != 0xca)
		return 0;
	for (int i = 0; i < 18; i++)
		apdu_put_byte(r, 0x45);
	return SW_OK;
}

static void plug(struct channel *c, const char *who)
{
	c->card = (struct gp_card){ .transmit = transmit, .ctx = c };
	c->soft.i = 0x60;
	c->soft.run = soft_data;
	if (who[0] != '/')
		return;
	if (secmod_open(who, &c->module))
		die(secmod_reason(NULL), who);
}

/* @keys: hexadecimal, ENC, MAC and DEK of 32 bytes */
static void take_keys(struct channel *c, const char *kvn, const char *keys)
{
	struct soft_keyset *k = c->soft.keysets;
	long len;
	uint8_t *all = OPENSSL_hexstr2buf(keys, &len);

	if (!all || len != 3 * GP_KEY_MAX)
		die("no keyset", keys);
	c->kvn = (uint8_t)strtoul(kvn, NULL, 16);
	c->keys.len = GP_KEY_MAX;
	memcpy(c->keys.enc, all, GP_KEY_MAX);
	memcpy(c->keys.mac, all + GP_KEY_MAX, GP_KEY_MAX);
	memcpy(c->keys.dek, all + 2 * (size_t)GP_KEY_MAX, GP_KEY_MAX);
	OPENSSL_free(all);
	k->kvn = c->kvn;
	k->keys.len = GP_KEY_MAX;
	memcpy(k->keys.enc, c->keys.enc, GP_KEY_MAX);
	memcpy(k->keys.mac, c->keys.mac, GP_KEY_MAX);
	memcpy(k->keys.dek, c->keys.dek, GP_KEY_MAX);
}

static int take_any(void *arg, X509 *issuer, X509 *card, struct error *e)
{
	(void)arg, (void)issuer, (void)card, (void)e;
	return 0;
}

/* The central system's key and certificate: DIR/central.key, DIR/central.pem */
static void take_central(struct channel *c, const char *dir)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/central.pem", dir);
	c->central.cert = load_certificate(path);
	snprintf(path, sizeof(path), "%s/central.key", dir);
	f = fopen(path, "r");
	c->central.key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (!c->central.key)
		die("no key", path);
	fclose(f);
	c->central.verify = take_any;
}

static void open_channel(struct channel *c)
{
	struct gp_response r;

	if (gp_select(&c->card, NULL, 0, &r, &c->e))
		die(c->e.text, NULL);
	if (c->central.key ? gp_scp11a_open(&c->card, &c->central, &c->e) :
			     c->level && gp_scp03_open(&c->card, &c->keys,
						       c->kvn, c->level, &c->e))
		die(c->e.text, NULL);
}

static void one_session(void *arg)
{
	struct channel *c = arg;

	open_channel(c);
	gp_close(&c->card);
}

/* GET DATA of the identifier: 18 bytes, and nothing to do for them. */
static void one_apdu(void *arg)
{
	struct channel *c = arg;
	struct gp_response r;

	if (gp_get_data(&c->card, 0x45, &r, &c->e))
		die(c->e.text, NULL);
}

/* Both ends' part of SCP11a that takes long; the host also checks a certificate. */
static void one_agreement(void *arg)
{
	struct channel *c = arg;
	EVP_PKEY *ends[] = { EVP_EC_gen("P-256"), EVP_EC_gen("P-256"),
			     c->central.key, c->central.key };
	uint8_t x[32];

	for (int i = 0; i < 4; i++) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ends[i], NULL);
		size_t len = sizeof(x);

		if (EVP_PKEY_derive_init(ctx) != 1 ||
		    EVP_PKEY_derive_set_peer(ctx, ends[i ^ 1]) != 1 ||
		    EVP_PKEY_derive(ctx, x, &len) != 1)
			die("no agreement", NULL);
		EVP_PKEY_CTX_free(ctx);
	}
	EVP_PKEY_free(ends[0]);
	EVP_PKEY_free(ends[1]);
}

static double tpm_seconds(struct channel *c)
{
	char text[32] = "";

	if (!c->tpm_time)
		return 0;
	rewind(c->tpm_time);
	if (!fgets(text, sizeof(text), c->tpm_time))
		die("cannot read", TPM_TIME);
	return strtod(text, NULL) / 1e9;
}

static struct stretch one_stretch(struct channel *c, unsigned int count,
				  void (*operation)(void *))
{
	double tpm = tpm_seconds(c), card = c->in_card, start = now();
	struct stretch s;

	for (unsigned int i = 0; i < count; i++)
		operation(c);
	s.all = (now() - start) / count;
	s.card = (c->in_card - card) / count;
	s.tpm = (tpm_seconds(c) - tpm) / count;
	return s;
}

static int longer(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return (x->all > y->all) - (x->all < y->all);
}

/*
 * The first operation sets things up. What counts of those that take a TPM is the median,
 * and of others the fastest stretch: the machine has other work.
 */
static int run(const struct load *l, struct channel *c, unsigned int count,
	       void (*operation)(void *))
{
	static struct stretch s[STRETCHES];
	double start = now();
	size_t n = 0;

	c->tpm_time = c->module ? fopen(TPM_TIME, "r") : NULL;
	if (c->tpm_time)
		setvbuf(c->tpm_time, NULL, _IONBF, 0);
	operation(c);
	do
		s[n++] = one_stretch(c, count, operation);
	while (n < STRETCHES &&
	       (l->count ? n < l->count : now() - start < l->seconds));
	qsort(s, n, sizeof(s[0]), longer);
	if (count == 1)
		s[0] = s[n / 2];
	printf("{\"done\": %zu, \"seconds\": %.9f, \"card\": %.9f, \"tpm\": %.9f}\n",
	       n * count, s[0].all, s[0].card, s[0].tpm);
	return 0;
}

int run_session(const struct load *l, int argc, char **argv)
{
	struct channel *c = calloc(1, sizeof(*c));

	c->level = (unsigned int)strtoul(argv[2], NULL, 16);
	if (argc == 4) {
		take_central(c, argv[3]);
		if (!strcmp(argv[1], "agreement"))
			return run(l, c, 1, one_agreement);
	} else {
		take_keys(c, argv[3], argv[4]);
	}
	plug(c, argv[1]);
	if (!strcmp(argv[0], "session"))
		return run(l, c, 1, one_session);
	open_channel(c);
	return run(l, c, APDUS, one_apdu);
}

struct many {
	char **argv;
	struct channel *channels;
};

static void take_channel(void *arg, unsigned long i)
{
	struct many *m = arg;
	struct channel *c = m->channels + i;

	c->level = (unsigned int)strtoul(m->argv[2], NULL, 16);
	take_keys(c, m->argv[3], m->argv[4]);
	plug(c, m->argv[1]);
	open_channel(c);
}

int run_channels(const struct load *l, int argc, char **argv)
{
	struct many m = { argv, calloc(l->count, sizeof(*m.channels)) };

	(void)argc;
	return hold(l, take_channel, &m);
}
