/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command and response APDUs: ISO/IEC 7816-3, 12.1, and 7816-4, 5. What is parsed
 * points into the caller's bytes.
 */
#ifndef SECMOD_APDU_H
#define SECMOD_APDU_H

#include "kernel/pure.h"

#define APDU_DATA_MAX 4096 /* of one command, or of a chain of them */
#define APDU_RESPONSE_MAX (APDU_DATA_MAX + 2)
#define APDU_SHORT_MAX 256 /* bytes expected by a length of one byte */

/* ISO/IEC 7816-4, 5.4.1: bits of CLA; GlobalPlatform Card 2.3.1, 11.1.4 */
#define APDU_CLA_CHAIN 0x10
#define APDU_CLA_SECURE 0x04
#define APDU_CLA_GP 0x80

/* Status words: ISO/IEC 7816-4, 5.6, as GlobalPlatform Card 2.3.1, 11.1.3 uses them */
enum apdu_sw {
	SW_OK = 0x9000,
	SW_WRONG_KEY = 0x6300, /* host cryptogram not right */
	SW_TRIES = 0x63c0, /* and the number of tries left */
	SW_FAILED = 0x6400, /* nothing has changed */
	SW_MEMORY = 0x6581, /* no response; the command may have been carried out */
	SW_LENGTH = 0x6700,
	SW_CHANNEL = 0x6881,
	SW_LAST_OF_CHAIN = 0x6883,
	SW_SECURITY = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_CONDITIONS = 0x6985,
	SW_DATA = 0x6a80,
	SW_FILE = 0x6a82,
	SW_NO_SPACE = 0x6a84,
	SW_P1P2 = 0x6a86,
	SW_REFERENCE = 0x6a88,
	SW_INS = 0x6d00,
	SW_CLA = 0x6e00,
};

/**
 * struct apdu - a command, parsed
 * @cla: class
 * @ins: instruction
 * @p1: first parameter
 * @p2: second parameter
 * @data: command data, behind the header when there are none
 * @len: Lc, bytes of @data
 * @expected: Le as a number of bytes: 0 none, at most 65536
 * @extended: lengths were coded in three bytes and two
 */
struct apdu {
	u8 cla;
	u8 ins;
	u8 p1;
	u8 p2;
	u8 *data;
	size_t len;
	u32 expected;
	bool extended;
};

/* False unless @len bytes are exactly one command. */
bool apdu_parse(struct apdu *a, u8 *command, size_t len);

/**
 * struct apdu_response - where an answer is put together
 * @data: room for APDU_RESPONSE_MAX bytes
 * @len: used
 * @full: more was put than there is room: SW_MEMORY is what the command ends with
 */
struct apdu_response {
	u8 *data;
	size_t len;
	bool full;
};

void apdu_put(struct apdu_response *r, const void *data, size_t len);
void apdu_put_byte(struct apdu_response *r, u8 byte);
/* The head of a BER-TLV object with @len bytes of value. */
void apdu_put_constructed(struct apdu_response *r, u16 tag, size_t len);
/* A BER-TLV object, tag of one or two bytes: ISO/IEC 7816-4, 5.2.2. */
void apdu_put_tlv(struct apdu_response *r, u16 tag, const void *data, size_t len);

#endif
