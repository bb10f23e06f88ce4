/* SPDX-License-Identifier: MIT */
/* What the writers of seeds share. */
#ifndef TESTS_FUZZ_SEEDS_H
#define TESTS_FUZZ_SEEDS_H

#include "fuzz.h"

/* Puts one seed into the corpus of @fuzzer. */
void seed(const char *fuzzer, const void *data, size_t len);

/* An input in the making. */
struct output {
	uint8_t data[16384];
	size_t len;
};

void put(struct output *o, const void *data, size_t len);
void put_u8(struct output *o, unsigned int v);
void put_u16(struct output *o, unsigned int v);
void put_u32(struct output *o, uint32_t v);
/* As input_piece() takes it, which is what a TPM2B is too. */
void put_piece(struct output *o, const void *data, size_t len);
void put_zeros(struct output *o, size_t len);
/* Hexadecimal; returns the number of bytes. */
size_t put_hex(struct output *o, const char *hex);

/* seeds_tpm.c, seeds_wire.c, seeds_files.c, seeds_apdu.c */
void seeds_tpm(void);
void seeds_attest(void);
void seeds_wire(void);
void seeds_files(void);
void seeds_apdu(void);

#endif
