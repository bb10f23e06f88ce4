// SPDX-License-Identifier: MIT
/* load: sign, shake hands, seal messages, or hold files open, and say how long it took. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "load.h"

static const char usage[] =
	"usage: load [-p PROPQ] [-n COUNT | -t SECONDS] COMMAND\n"
	"  sign CHAIN KEY               ECDSA signatures of a digest\n"
	"  connect PORT CA CHAIN KEY    TLS 1.3 handshakes with client certificate\n"
	"  serve PORT CA CHAIN KEY      the other end of them\n"
	"  seal|open WHO SIZE BATCH [KEY ID NUMBER]\n"
	"                               AES-256-GCM by secmod, afalg or softhsm; KEY is that\n"
	"                               of KVN 40, NUMBER the next sequence number to open\n"
	"  hold FILE                    open FILE -n times, until standard input ends\n";

void die(const char *what, const char *which)
{
	fprintf(stderr, "load: %s: %s\n", what, which ? which : "");
	ERR_print_errors_fp(stderr);
	exit(1);
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The first operation sets things up and is not counted, unless it is the only one. */
int repeat(const struct load *l, void (*operation)(void *), void *arg)
{
	unsigned long done = 0;
	double start, end;

	if (l->count != 1)
		operation(arg);
	start = end = now();
	while (l->count ? done < l->count : end - start < l->seconds) {
		operation(arg);
		done++;
		end = now();
	}
	printf("{\"done\": %lu, \"seconds\": %.6f}\n", done, end - start);
	return 0;
}

struct signing {
	EVP_PKEY_CTX *ctx;
	unsigned char digest[32];
	unsigned char sig[256];
	size_t len;
};

static void sign_once(void *arg)
{
	struct signing *s = arg;

	s->digest[0]++;
	s->len = sizeof(s->sig);
	if (EVP_PKEY_sign(s->ctx, s->sig, &s->len, s->digest,
			  sizeof(s->digest)) != 1)
		die("cannot sign", NULL);
}

/* A rate of wrong signatures would be worth nothing. */
static void verify_last(const struct signing *s, X509 *cert)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(cert), NULL);

	if (EVP_PKEY_verify_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
	    EVP_PKEY_verify(ctx, s->sig, s->len, s->digest,
			    sizeof(s->digest)) != 1)
		die("the signature is wrong", NULL);
	EVP_PKEY_CTX_free(ctx);
}

static int run_sign(const struct load *l)
{
	struct signing s = { .digest = "a digest" };
	X509 *cert = load_certificate(l->chain);
	EVP_PKEY *key = load_key(l, cert);

	s.ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, l->propq);
	if (!s.ctx || EVP_PKEY_sign_init(s.ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(s.ctx, EVP_sha256()) != 1)
		die("the key does not sign", l->uri);
	repeat(l, sign_once, &s);
	verify_last(&s, cert);
	EVP_PKEY_CTX_free(s.ctx);
	EVP_PKEY_free(key);
	X509_free(cert);
	return 0;
}

static int run_hold(const struct load *l, const char *path)
{
	struct rlimit limit = { l->count + 64, l->count + 64 };
	char byte;

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("cannot raise the limit of open files", path);
	for (unsigned long i = 0; i < l->count; i++)
		if (open(path, O_RDWR | O_CLOEXEC) < 0)
			die("cannot open", path);
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

static int run(struct load *l, int argc, char *argv[])
{
	const char *command = argc ? argv[0] : "";

	if (argc >= 3) {
		l->chain = argv[argc - 2];
		l->uri = argv[argc - 1];
	}
	if ((argc == 4 || argc == 7) &&
	    (!strcmp(command, "seal") || !strcmp(command, "open")))
		return run_seal(l, argc, argv);
	if (argc == 2 && !strcmp(command, "hold"))
		return run_hold(l, argv[1]);
	if (argc == 3 && !strcmp(command, "sign"))
		return run_sign(l);
	if (argc == 5 && !strcmp(command, "connect"))
		return run_connect(l, argv[1], argv[2]);
	if (argc == 5 && !strcmp(command, "serve"))
		return run_serve(l, argv[1], argv[2]);
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char *argv[])
{
	struct load l = { .seconds = 1 };
	int option;

	while ((option = getopt(argc, argv, "p:n:t:")) != -1) {
		if (option == 'p')
			l.propq = optarg;
		else if (option == 'n')
			l.count = strtoul(optarg, NULL, 10);
		else if (option == 't')
			l.seconds = strtod(optarg, NULL);
		else
			return run(&l, 0, NULL);
	}
	return run(&l, argc - optind, argv + optind);
}
