// SPDX-License-Identifier: MIT
/* load: signatures, handshakes, messages, secure channels, open files: how long they take. */
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
	"  session|apdu WHO LEVEL KVN KEYS\n"
	"  session|apdu WHO LEVEL DIR   SCP03, or SCP11a with central.key in DIR, by a device,\n"
	"                               \"software\" or \"agreement\"; GET DATA in it (level 0:\n"
	"                               in none)\n"
	"  channels DEVICE LEVEL KVN KEYS\n"
	"                               the same -n times, until standard input ends\n"
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

static int run_sign(const struct load *l, int argc, char **argv)
{
	struct signing s = { .digest = "a digest" };
	X509 *cert = load_certificate(l->chain);
	EVP_PKEY *key = load_key(l, cert);

	(void)argc, (void)argv;
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

int hold(const struct load *l, void (*take)(void *arg, unsigned long i),
	 void *arg)
{
	struct rlimit limit = { l->count + 64, l->count + 64 };
	char byte;

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("cannot raise the limit of open files", NULL);
	for (unsigned long i = 0; i < l->count; i++)
		take(arg, i);
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

static void open_file(void *arg, unsigned long i)
{
	(void)i;
	if (open(arg, O_RDWR | O_CLOEXEC) < 0)
		die("cannot open", arg);
}

static int run_hold(const struct load *l, int argc, char **argv)
{
	(void)argc;
	return hold(l, open_file, argv[1]);
}

/* Words of a command, with its name */
static const struct command {
	const char *name;
	int least, most;
	int (*run)(const struct load *l, int argc, char **argv);
} commands[] = {
	{ "sign", 3, 3, run_sign },    { "connect", 5, 5, run_connect },
	{ "serve", 5, 5, run_serve },  { "seal", 4, 7, run_seal },
	{ "open", 4, 7, run_seal },    { "session", 4, 5, run_session },
	{ "apdu", 4, 5, run_session }, { "channels", 5, 5, run_channels },
	{ "hold", 2, 2, run_hold },
};

static int run(struct load *l, int argc, char *argv[])
{
	const size_t count = sizeof(commands) / sizeof(commands[0]);

	if (argc >= 3) {
		l->chain = argv[argc - 2];
		l->uri = argv[argc - 1];
	}
	for (const struct command *c = commands; c < commands + count; c++)
		if (argc >= c->least && argc <= c->most &&
		    !strcmp(argv[0], c->name))
			return c->run(l, argc, argv);
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
