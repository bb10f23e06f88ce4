/* SPDX-License-Identifier: MIT */
/* What the files of gp share: the session's keys, and the functions that touch them. */
#ifndef SECMOD_GP_INTERNAL_H
#define SECMOD_GP_INTERNAL_H

#include "gp/gp.h"

#define BLOCK 16

/* Instructions: GlobalPlatform Card 2.3.1, table 11-1; ISO/IEC 7816-4, 4.4 */
enum gp_instruction {
	INS_PSO = 0x2a,
	INS_INITIALIZE_UPDATE = 0x50,
	INS_EXTERNAL_AUTHENTICATE = 0x82, /* MUTUAL AUTHENTICATE is the same */
	INS_GET_CHALLENGE = 0x84,
	INS_SELECT = 0xa4,
	INS_GET_RESPONSE = 0xc0,
	INS_GET_DATA = 0xca,
	INS_PUT_KEY = 0xd8,
	INS_STORE_DATA = 0xe2,
	INS_DELETE = 0xe4,
	INS_INSTALL = 0xe6,
	INS_SET_STATUS = 0xf0,
	INS_GET_STATUS = 0xf2,
};

#define CLA_GP 0x80
#define CLA_SECURE 0x04
#define CLA_CHAIN 0x10
#define LE_ALL 256 /* in a short command: as many as there are */
#define LE_LONG 65536 /* the same in an extended one, where such are carried */

/**
 * struct gp_session - keys and state of a secure channel
 * @level: security level, GP_C_MAC and so on
 * @mac_len: 8, or 16 in S16 mode
 * @key_len: of the four session keys
 * @dek_len: of @dek: SCP03 uses the static one
 * @chain: MAC chaining value
 * @counter: of commands, for the initial vectors
 */
struct gp_session {
	uint8_t level;
	uint8_t mac_len;
	uint8_t key_len;
	uint8_t dek_len;
	uint8_t enc[GP_KEY_MAX], mac[GP_KEY_MAX], rmac[GP_KEY_MAX];
	uint8_t dek[GP_KEY_MAX];
	uint8_t chain[BLOCK];
	uint64_t counter;
	struct gp_opened opened;
};

struct bytes {
	const uint8_t *data;
	size_t len;
};

/* crypto.c */
int gp_cmac(const uint8_t *key, size_t key_len, const struct bytes *in,
	    size_t count, uint8_t out[BLOCK], struct error *e);
/* In place, @len a multiple of a block. */
int gp_cbc(int encrypt, const uint8_t *key, size_t key_len,
	   const uint8_t iv[BLOCK], uint8_t *data, size_t len, struct error *e);
/* SP 800-108 in counter mode with CMAC: Amendment D, 4.1.5. */
int gp_derive(const uint8_t *key, size_t key_len, uint8_t constant,
	      const struct bytes context[2], uint8_t *out, size_t len,
	      struct error *e);

/* ANSI X9.63 with SHA-256 */
int gp_x963(const struct bytes *secret, const struct bytes *info, uint8_t *out,
	    size_t len, struct error *e);

/* session.c */
/* A fresh one; what was open is closed. */
int gp_session_begin(struct gp_card *card, struct error *e);

/* messaging.c: Amendment D, 6.2.4 to 6.2.7 */
/* Into @wrapped, whose data are at @data, GP_DATA_MAX bytes. */
int gp_wrap(struct gp_session *s, const struct gp_command *c,
	    struct gp_command *wrapped, uint8_t *data, struct error *e);
/* In place. -EBADMSG: it is not what the card sent. */
int gp_unwrap(struct gp_session *s, struct gp_response *r, struct error *e);

/* apdu.c: ISO/IEC 7816-3, 12.1; 7816-4, 5.3 */
int gp_is_extended(const struct gp_command *c);
int gp_encode(const struct gp_command *c, uint8_t out[GP_COMMAND_MAX],
	      size_t *len, struct error *e);
/* One command as it is, with GET RESPONSE and chaining as they are needed. */
int gp_exchange(struct gp_card *card, const struct gp_command *c,
		struct gp_response *r, struct error *e);

/* session.c, for whoever has a channel only */
/* -EPERM with a text when none is open. */
int gp_need_session(const struct gp_card *card, const char *what,
		    struct error *e);

/* ber.c: BER-TLV, tags of one or two bytes, lengths below 64 KiB */
struct ber {
	unsigned int tag;
	const uint8_t *value;
	size_t len;
	const uint8_t *start; /* of the tag */
};
/* Takes one element from the front of @in. 1, 0 at the end, -1: it is none. */
int ber_next(struct bytes *in, struct ber *t);
/* The element @tag, which has to be the first of @in. */
int ber_take(struct bytes *in, unsigned int tag, struct ber *t);
/* What @r consists of: exactly one element @tag. -EPROTO with a text. */
int ber_only(const struct gp_card *card, const struct gp_response *r,
	     unsigned int tag, struct ber *t, struct error *e);

/* A command's data in the making; what does not fit is remembered. */
struct builder {
	uint8_t data[GP_DATA_MAX];
	size_t len;
	int full;
};
void builder_put(struct builder *b, const void *data, size_t len);
void builder_byte(struct builder *b, unsigned int byte);
/* @size bytes, big endian */
void builder_number(struct builder *b, uint64_t number, size_t size);
void builder_tlv(struct builder *b, unsigned int tag, const void *value,
		 size_t len);
/* -E2BIG with a text when something did not fit. */
int builder_done(const struct builder *b, const char *what, struct error *e);

/* status.c */
const char *gp_name(const struct gp_card *card);

/* scp03.c: gp_scp03_open() with a challenge that is not random: for tests */
int gp_scp03_open_with(struct gp_card *card, const struct gp_keyset *k,
		       uint8_t kvn, unsigned int level,
		       const uint8_t *challenge, struct error *e);

#endif
