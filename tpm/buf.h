/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounded big-endian writer and reader with a sticky error.
 *
 * A write past the end or a read past the end sets @bad and does nothing else;
 * later calls do nothing. The caller marshals without an if and checks once.
 */
#ifndef SECMOD_TPM_BUF_H
#define SECMOD_TPM_BUF_H

#include "platform.h"

struct t2_writer {
	u8 *data;
	size_t size; /* bytes available in data */
	size_t len; /* bytes written */
	bool bad;
};

struct t2_reader {
	const u8 *data;
	size_t len; /* bytes available in data */
	size_t pos; /* bytes read */
	bool bad;
};

void t2_writer_init(struct t2_writer *w, u8 *data, size_t size);
void t2_put_u8(struct t2_writer *w, u8 v);
void t2_put_u16(struct t2_writer *w, u16 v);
void t2_put_u32(struct t2_writer *w, u32 v);
void t2_put_u64(struct t2_writer *w, u64 v);
void t2_put_bytes(struct t2_writer *w, const void *data, size_t len);
/* A TPM2B: u16 length, then the bytes. More than 65535 bytes is an error. */
void t2_put_2b(struct t2_writer *w, const void *data, size_t len);
/* Leaves room for a u16 (u32) length, returns where; close fills it in. */
size_t t2_open_u16(struct t2_writer *w);
void t2_close_u16(struct t2_writer *w, size_t at);
size_t t2_open_u32(struct t2_writer *w);
void t2_close_u32(struct t2_writer *w, size_t at);

void t2_reader_init(struct t2_reader *r, const u8 *data, size_t len);
u8 t2_get_u8(struct t2_reader *r);
u16 t2_get_u16(struct t2_reader *r);
u32 t2_get_u32(struct t2_reader *r);
u64 t2_get_u64(struct t2_reader *r);
/* Returns where the bytes stand in the buffer, NULL on error. */
const u8 *t2_get_bytes(struct t2_reader *r, size_t len);
/* A TPM2B: its bytes stand at the returned place, *len tells how many. */
const u8 *t2_get_2b(struct t2_reader *r, size_t *len);
/* A TPM2B copied to @out of @size bytes; larger is an error. Returns length. */
size_t t2_copy_2b(struct t2_reader *r, u8 *out, size_t size);
size_t t2_left(const struct t2_reader *r);

#endif
