/* SPDX-License-Identifier: MIT */
/* The load of the bench: keys of any make, and what is done with them. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/**
 * struct load - what a run is to do
 * @chain: PEM, the key's certificate first
 * @uri: the key: raw:HANDLE, engine:ID:KEY, or what OSSL_STORE_open() takes
 * @propq: property query, or NULL
 * @count: operations, 0: as many as fit
 * @seconds: in this time, when there is no count
 */
struct load {
	const char *chain;
	const char *uri;
	const char *propq;
	unsigned long count;
	double seconds;
};

/* main.c */
void die(const char *what, const char *which) __attribute__((noreturn));
double now(void);
int repeat(const struct load *l, void (*operation)(void *), void *arg);
/* @take for 0 to l->count - 1; what it takes is kept until standard input ends. */
int hold(const struct load *l, void (*take)(void *arg, unsigned long i),
	 void *arg);

/* key.c */
X509 *load_certificate(const char *path);
EVP_PKEY *load_key(const struct load *l, X509 *cert);

/* raw.c */
EVP_PKEY *raw_key(uint32_t handle, X509 *cert);

/* seal.c: ARGV is seal|open WHO SIZE BATCH [KEY ID NUMBER] */
int run_seal(const struct load *l, int argc, char **argv);

/* channel.c: ARGV is session|apdu|channels WHO LEVEL KVN KEYS, or ... WHO LEVEL DIR */
int run_session(const struct load *l, int argc, char **argv);
int run_channels(const struct load *l, int argc, char **argv);

/* tls.c: ARGV is connect|serve PORT CA, and what struct load has */
int run_connect(const struct load *l, int argc, char **argv);
int run_serve(const struct load *l, int argc, char **argv);

#endif
