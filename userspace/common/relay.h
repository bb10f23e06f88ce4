/* SPDX-License-Identifier: MIT */
/*
 * APDUs on a stream descriptor, between the process that has a module's connection
 * and the one that has the keys: each command and each response follows its length,
 * 2 bytes, big endian. In place of a response, length 0 and then a text with its
 * length tell that the conversation is over, and why.
 */
#ifndef SECMOD_COMMON_RELAY_H
#define SECMOD_COMMON_RELAY_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define RELAY_COMMAND_MAX 4105
#define RELAY_RESPONSE_MAX 4098
#define RELAY_TIMEOUT_MS 120000 /* for a response */

#define RELAY_LINE_MAX 600
/* A line, without its end. */
int relay_line(int fd, char *line, size_t size, int64_t deadline);
/* Reads up to the "ok" that comes ahead of the frames; -EREMOTEIO with the server's words. */
int relay_opened(int fd, struct error *e);

struct relay_card {
	int fd;
	struct error e; /* why the last relay_transmit() failed */
};

/*
 * One command and its response; *@response_len is the room for it, RELAY_RESPONSE_MAX.
 * @card is a struct relay_card. 0 or -errno: -EREMOTEIO when the other side has told why,
 * -ECONNRESET when it has gone, -ETIMEDOUT. After an error the descriptor is of no more use.
 */
int relay_transmit(void *card, const uint8_t *command, size_t len,
		   uint8_t *response, size_t *response_len);

#endif
