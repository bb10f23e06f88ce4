/* SPDX-License-Identifier: MIT */
/*
 * The host's side of a GlobalPlatform card, which a module is for remote parties
 * (docs/executive.md): commands, the secure channels SCP03 (Amendment D 1.1.2) and SCP11a
 * (Amendment F 1.3), keys and applications. Over whatever carries APDUs: nothing here
 * trusts it.
 *
 * Functions return 0 or -errno with a text. What ends a secure channel (a lost answer, a
 * wrong MAC) wipes its keys at once; a command the card refuses does not end it.
 */
#ifndef SECMOD_GP_GP_H
#define SECMOD_GP_GP_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/error.h"

#define GP_DATA_MAX 4096 /* of a command or a response */
#define GP_COMMAND_MAX (GP_DATA_MAX + 9)
#define GP_RESPONSE_MAX (GP_DATA_MAX + 2)
#define GP_KEY_MAX 32
#define GP_KCV_SIZE 3
#define GP_AID_MAX 16
#define GP_OK 0x9000 /* status word */

/* Security levels; any other combination is refused. */
#define GP_C_MAC 0x01
#define GP_C_DECRYPTION 0x02
#define GP_R_MAC 0x10
#define GP_R_ENCRYPTION 0x20
#define GP_LEVEL_FULL 0x33

struct gp_session;

/**
 * struct gp_card - a card and, when one is open, the secure channel to it
 * @transmit: carries one command; *@response_len is the room on entry
 *            (GP_RESPONSE_MAX). Returns 0 or -errno
 * @ctx: its first argument
 * @name: for errors; NULL is "card"
 * @short_only: whatever carries APDUs takes lengths of one byte only
 * @aid: what gp_select() has selected by name, @aid_len is 0 when nothing
 * @sw: status word of the last response, 0 when there was none
 * @session: of the secure channel, NULL when none is open
 */
struct gp_card {
	int (*transmit)(void *ctx, const uint8_t *command, size_t len,
			uint8_t *response, size_t *response_len);
	void *ctx;
	const char *name;
	int short_only;
	uint8_t aid[GP_AID_MAX], aid_len;
	uint16_t sw;
	struct gp_session *session;
};

/* Le as a number of bytes: 0 none. */
struct gp_command {
	uint8_t cla, ins, p1, p2;
	const uint8_t *data;
	size_t len;
	uint32_t expected;
};

struct gp_response {
	uint8_t data[GP_DATA_MAX];
	size_t len;
	uint16_t sw;
};

/*
 * Has @c carried out, in the secure channel if one is open, and fetches all of the
 * response. 0 also when the card refuses: see @r->sw.
 */
int gp_send(struct gp_card *card, const struct gp_command *c,
	    struct gp_response *r, struct error *e);
/* The same; any status word but 9000 is an error that says what was refused: @what. */
int gp_do(struct gp_card *card, const char *what, const struct gp_command *c,
	  struct gp_response *r, struct error *e);
/* "@what refused: status word in words: way out"; returns the -errno that fits. */
int gp_refused(const struct gp_card *card, const char *what, uint8_t ins,
	       uint16_t sw, struct error *e);
/* What a status word means, with the way out; @ins: of the command it answers. */
#define GP_WORDS_MAX 128
void gp_words(uint8_t ins, uint16_t sw, char text[GP_WORDS_MAX]);
/* Ends the secure channel and wipes its keys; there may be none. */
void gp_close(struct gp_card *card);

/* An AID of no bytes is the issuer security domain. Ends a secure channel. */
int gp_select(struct gp_card *card, const uint8_t *aid, size_t aid_len,
	      struct gp_response *r, struct error *e);
int gp_get_data(struct gp_card *card, uint16_t tag, struct gp_response *r,
		struct error *e);

/*
 * Static keys, AES
 */
struct gp_keyset {
	uint8_t len; /* of each: 16, 24 or 32 bytes */
	uint8_t enc[GP_KEY_MAX], mac[GP_KEY_MAX], dek[GP_KEY_MAX];
};

/* The first bytes of AES-ECB(@key, 16 bytes 01). */
int gp_kcv(const uint8_t *key, size_t len, uint8_t kcv[GP_KCV_SIZE],
	   struct error *e);
void gp_keyset_wipe(struct gp_keyset *k);

/*
 * SCP03 under @k, which is version @kvn of the card's keys (0: its first one). @level is
 * one of 01, 03, 11, 13, 33, or'ed with GP_S16 for MACs and challenges of 16 bytes. Below
 * 11 whoever is in between can answer that all is done, and keep the command.
 */
#define GP_S16 0x100
int gp_scp03_open(struct gp_card *card, const struct gp_keyset *k, uint8_t kvn,
		  unsigned int level, struct error *e);

/*
 * What a card said when the channel was opened; NULL when none is. Nothing protects
 * @diversification on its way, and @sequence only when the card was selected by name.
 */
struct gp_opened {
	uint8_t kvn;
	uint8_t protocol; /* 03, 11 */
	uint8_t i; /* SCP03: parameter i */
	uint8_t diversification[10]; /* SCP03: a module's UID begins so */
	uint32_t sequence; /* SCP03 with i = 70: how often this keyset was used */
};
const struct gp_opened *gp_opened(const struct gp_card *card);

/*
 * SCP11a: the card's certified key and ours, each proving itself by agreement.
 */
struct gp_scp11a {
	EVP_PKEY *key; /* ours, P-256; may be where only EVP_PKEY_derive() reaches it */
	X509 *cert; /* ours, for the card */
	X509 *card; /* the certificate the card has to have, or NULL and: */
	/* is it one to speak with? 0 or -errno with a text; @issuer as the card gives it */
	int (*verify)(void *arg, X509 *issuer, X509 *card, struct error *e);
	void *arg;
	unsigned int key_len; /* of the session keys: 16 or 32, 0 is 32 */
	int mac_only; /* level 11 instead of 33 */
};
int gp_scp11a_open(struct gp_card *card, const struct gp_scp11a *p,
		   struct error *e);

/*
 * Keys, in a secure channel: under its Key-DEK. The card answers with the check values,
 * which have to be those of the keys sent. Replacing under a replacement keyset (B8) ends
 * the channel at the module with the response.
 */
/* @old: version that is replaced, 0: there was none. */
int gp_put_keyset(struct gp_card *card, uint8_t old, uint8_t kvn,
		  const struct gp_keyset *k, struct error *e);
#define GP_ALGORITHM_AES_GCM 1
#define GP_MODULE_SEALS 0x01
#define GP_MODULE_OPENS 0x02
struct gp_transaction_key {
	uint8_t kvn; /* 40 to 5F */
	uint8_t algorithm;
	uint8_t directions;
	uint8_t len;
	uint8_t key[GP_KEY_MAX];
	uint32_t id, lifetime; /* seconds */
	uint64_t messages;
};
int gp_put_transaction_key(struct gp_card *card, uint8_t old,
			   const struct gp_transaction_key *k, struct error *e);
int gp_delete_key(struct gp_card *card, uint8_t kvn, struct error *e);

/*
 * What a card says of its keys
 */
#define GP_KEYS_MAX 64
struct gp_key_info {
	size_t count;
	struct gp_key {
		uint8_t id, kvn, type, len;
	} keys[GP_KEYS_MAX];
};
/* Tag E0, for anybody. */
int gp_key_info(struct gp_card *card, struct gp_key_info *info,
		struct error *e);
#define GP_KEYSETS_MAX 8
struct gp_keysets {
	size_t count;
	struct gp_keyset_state {
		uint8_t kvn, len, failures, tries;
		uint8_t kcv[3][GP_KCV_SIZE]; /* ENC, MAC, DEK */
	} keysets[GP_KEYSETS_MAX];
};
/* Tag DF22, in a secure channel: a module's. */
int gp_keysets(struct gp_card *card, struct gp_keysets *k, struct error *e);
/* No tries are left: it opens no channel until it is replaced (6983). */
int gp_is_locked(const struct gp_keyset_state *k);
/* Tag 45 */
int gp_uid(struct gp_card *card, uint8_t uid[16], struct error *e);
/* Tag DF20, for anybody: a module's. */
struct gp_status {
	uint8_t state;
	uint64_t epoch;
	uint32_t generation;
};
int gp_status(struct gp_card *card, struct gp_status *status, struct error *e);

/*
 * Applications, and the end of a card's first load
 */
int gp_install(struct gp_card *card, const uint8_t *aid, size_t len,
	       struct error *e);
/* From now on STORE DATA is for this application. */
int gp_personalize(struct gp_card *card, const uint8_t *aid, size_t len,
		   struct error *e);
struct gp_groups {
	uint8_t data[16384];
	size_t len;
};
/*
 * Adds a data group to @g. Numbers 8000 to 8FFF are keys, and go under Key-DEK: one byte
 * of usage (bit 0 MAC, bit 1 encrypt, bit 2 decrypt), and the key.
 */
int gp_data_group(struct gp_card *card, uint16_t dgi, const uint8_t *data,
		  size_t len, struct gp_groups *g, struct error *e);
/* In as many commands as it takes. */
int gp_store_data(struct gp_card *card, const struct gp_groups *g,
		  struct error *e);
int gp_delete_application(struct gp_card *card, const uint8_t *aid, size_t len,
			  struct error *e);
#define GP_APPLICATIONS_MAX 64
struct gp_applications {
	size_t count;
	struct gp_application {
		uint8_t aid[GP_AID_MAX], aid_len, state;
	} applications[GP_APPLICATIONS_MAX];
};
/* @what: 80 the issuer security domain, 40 applications. */
int gp_get_status(struct gp_card *card, uint8_t what,
		  struct gp_applications *list, struct error *e);
#define GP_SECURED 0x0f
/* Of the card itself: P1 80. */
int gp_set_status(struct gp_card *card, uint8_t status, const uint8_t *data,
		  size_t len, struct gp_response *r, struct error *e);
/* @len bytes, at most 255. */
int gp_get_challenge(struct gp_card *card, uint8_t *challenge, size_t len,
		     struct error *e);

#endif
