// SPDX-License-Identifier: MIT
/*
 * The protocol of vpcd: messages with two bytes of length. One of a single byte is about
 * power or asks for the answer to reset, any other is a command.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/log.h"
#include "libsecmod/libsecmod.h"
#include "vpicc/vpicc.h"

#define MESSAGE_MAX 65535

enum control { POWER_OFF, POWER_ON, RESET, GET_ATR = 4 };

static int read_all(int fd, uint8_t *data, size_t len, struct error *e)
{
	ssize_t n;

	for (size_t at = 0; at < len; at += (size_t)n) {
		n = recv(fd, data + at, len - at, 0);
		if (n == 0)
			return error_set(e, ECONNRESET,
					 "the reader has closed");
		if (n < 0 && errno != EINTR)
			return error_set(e, errno, "the reader: %s",
					 strerror(errno));
		if (n < 0)
			n = 0;
	}
	return 0;
}

static int send_message(int fd, const uint8_t *data, size_t len,
			struct error *e)
{
	uint8_t message[2 + SECMOD_RESPONSE_MAX] = { (uint8_t)(len >> 8),
						     (uint8_t)len };
	ssize_t n;

	memcpy(message + 2, data, len);
	len += 2;
	for (size_t at = 0; at < len; at += (size_t)n) {
		n = send(fd, message + at, len - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return error_set(e, errno, "the reader: %s",
					 strerror(errno));
		if (n < 0)
			n = 0;
	}
	return 0;
}

static int control(int fd, struct card *c, uint8_t what, struct error *e)
{
	const uint8_t *atr;
	size_t len;

	switch (what) {
	case POWER_OFF:
		card_off(c);
		return 0;
	case POWER_ON:
	case RESET:
		card_on(c);
		return 0;
	case GET_ATR:
		atr = card_atr(&len);
		return send_message(fd, atr, len, e);
	}
	return error_set(e, EPROTO,
			 "the reader: unknown control %02X: is it vpcd?", what);
}

int reader_serve(int fd, struct card *c, struct error *e)
{
	static uint8_t message[MESSAGE_MAX];
	uint8_t head[2], response[SECMOD_RESPONSE_MAX];
	size_t len, response_len;
	int rc;

	do {
		rc = read_all(fd, head, sizeof(head), e);
		len = (size_t)(head[0] << 8 | head[1]);
		if (rc == 0)
			rc = read_all(fd, message, len, e);
		if (rc)
			break;
		if (len == 1) {
			rc = control(fd, c, message[0], e);
		} else {
			card_transmit(c, message, len, response, &response_len);
			rc = send_message(fd, response, response_len, e);
		}
		OPENSSL_cleanse(message, len);
	} while (rc == 0);
	card_off(c);
	return rc;
}
