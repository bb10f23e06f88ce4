/* SPDX-License-Identifier: MIT */
/*
 * A stream: the messages of docs/protocol/secmod.asn1 on a descriptor, inside TLS
 * or plain, driven by libevent. What channel.h is to a program with one peer, this
 * is to one with many. Memory and time of each stream are bounded.
 */
#ifndef SECMOD_COMMON_STREAM_H
#define SECMOD_COMMON_STREAM_H

#include <event2/event.h>
#include <openssl/ssl.h>

#include "common/error.h"
#include "common/wire.h"

struct stream_limits {
	int handshake_ms; /* TLS must be up */
	int message_ms; /* from a message's first byte to its last; progress of writing */
	int idle_ms; /* between messages; 0: no limit */
	size_t output_max; /* unsent bytes, above which nothing more is read */
};

struct stream_ops {
	/* TLS is up; not called for a plain stream. Who is the peer: the callee checks. */
	void (*open)(void *arg);
	/* Takes over @m. */
	void (*message)(void *arg, struct message *m);
	/* The end, once; only stream_free() may follow. -ECONNRESET: the peer closed. */
	void (*closed)(void *arg, int reason, const struct error *why);
};

struct stream;

/*
 * Takes over @fd and @ssl (NULL: plain), also on an error. @server: 1 accepts,
 * 0 connects. Nothing is called back before the event loop runs again.
 */
int stream_new(struct event_base *base, int fd, SSL *ssl, int server,
	       const struct stream_limits *limits, const struct stream_ops *ops,
	       void *arg, struct stream **out, struct error *e);
SSL *stream_ssl(struct stream *s);
/* Appends to the output. -EPIPE when the stream is ending. */
int stream_send(struct stream *s, const struct message *m);
/* Bytes that wait to be written. */
size_t stream_unsent(const struct stream *s);
/* @on: stop reading, the peer waits; 0: go on. */
void stream_hold(struct stream *s, int on);
/*
 * Ends the stream in order: sends Error (@errnum as its code; nothing when @text is NULL), close_notify, waits a
 * moment for the peer so that it can read them, then calls closed().
 */
void stream_end(struct stream *s, int errnum, const char *text);
/* Ends at once, without closed(). Allowed in every callback. NULL is fine. */
void stream_free(struct stream *s);

/* Makes an Error; NULL when out of memory. */
struct message *stream_error_message(int errnum, const char *text);

#endif
