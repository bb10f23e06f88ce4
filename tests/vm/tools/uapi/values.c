// SPDX-License-Identifier: MIT
/* Pointers, lengths and numbers of each argument: one wrong, everything else right. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "uapi.h"

/* A pointer in an argument, the length beside it, and a flag it wants. */
static const struct input {
	int nr;
	size_t pointer, len;
	unsigned int max, flag;
	int states;
	const char *what;
} inputs[] = {
#define INPUT(nr, type, pointer, max, flag, states)                      \
	{                                                                \
		nr, offsetof(struct type, pointer),                      \
			offsetof(struct type, pointer##_len), max, flag, \
			states, #pointer                                 \
	}
	INPUT(5, secmod_init_complete, checking_cert, SECMOD_CERT_MAX, 0, V),
	INPUT(5, secmod_init_complete, identity_cert, SECMOD_CERT_MAX, 0, V),
	INPUT(6, secmod_perso_begin, signer_cert, SECMOD_CERT_MAX, 0, P),
	INPUT(7, secmod_perso_complete, bundle, SECMOD_BUNDLE_MAX, 0, P),
	INPUT(9, secmod_reset, checking_cert, SECMOD_CERT_MAX,
	      SECMOD_RESET_FRESH_VAULT, D | P | O | F),
	INPUT(9, secmod_reset, identity_cert, SECMOD_CERT_MAX,
	      SECMOD_RESET_FRESH_VAULT, D | P | O | F),
	{ 11, offsetof(struct secmod_sign, data),
	  offsetof(struct secmod_sign, len), 1024, 0, P | O, "data" },
	INPUT(13, secmod_apdu, command, SECMOD_APDU_MAX, 0, P | O),
	INPUT(17, secmod_use_key, in, SECMOD_USE_MAX, 0, O),
#undef INPUT
};

static unsigned char *half_mapped; /* 16 bytes, then nothing */

static int call_pointing(const struct input *in, unsigned long to,
			 unsigned int len)
{
	static unsigned char arg[ARGUMENT_MAX], room[SECMOD_BUNDLE_MAX + 1];
	const struct command *c = &commands[in->nr];
	unsigned long long address = to ? to : (unsigned long)room;
	unsigned int head[2] = { c->size, in->flag };

	memset(arg, 0, sizeof(arg));
	memcpy(arg, head, in->flag ? 8 : 4);
	memcpy(arg + in->pointer, &address, sizeof(address));
	memcpy(arg + in->len, &len, sizeof(len));
	return call(c, arg);
}

static void pointers(const struct input *in)
{
	const struct {
		unsigned long to; /* 0: good memory */
		unsigned int len;
		int error;
		const char *reason, *what;
	} wrong[] = {
		{ 8, 16, EFAULT, "cannot be read", "almost null" },
		{ KERNEL_ADDRESS, 16, EFAULT, "cannot be read",
		  "in the kernel" },
		{ -8ul, 16, EFAULT, "cannot be read", "wrapping around" },
		{ 1ul << 62, 16, EFAULT, "cannot be read", "not canonical" },
		{ (unsigned long)half_mapped, 17, EFAULT, "cannot be read",
		  "at a hole" },
		{ 0, in->max + 1, E2BIG, "at most", "one too long" },
		{ 0, 0x80000000, E2BIG, "at most", "of 2^31 bytes" },
		{ 0, 0xffffffff, E2BIG, "at most", "of 2^32 - 1 bytes" },
		{ 0, 0, EINVAL, "missing", "of no bytes" },
	};
	char name[64];
	size_t i;

	snprintf(name, sizeof(name), "%s.%s", commands[in->nr].name, in->what);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		/* the other of two certificates, or the key, is missing before this one */
		if (!wrong[i].len &&
		    (in->nr == 17 || !strcmp(in->what, "identity_cert")))
			continue;
		expect(call_pointing(in, wrong[i].to, wrong[i].len),
		       wrong[i].error, wrong[i].reason, name, wrong[i].what);
	}
}

/* What is written back goes nowhere it must not. */
static void read_only(const struct command *c)
{
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int size = c->size;

	memcpy(page, &size, sizeof(size));
	mprotect(page, 4096, PROT_READ);
	expect(bare(c->request, page), EFAULT, NULL, c->name,
	       "an argument that cannot be written");
	munmap(page, 4096);
}

/* A command that is answered; where to, is wrong. */
static void response(void)
{
	static const unsigned char select[] = { 0, 0xa4, 4, 0, 0 };
	struct secmod_apdu arg = {
		.size = sizeof(arg),
		.command = (unsigned long)select,
		.command_len = sizeof(select),
		.response = KERNEL_ADDRESS,
		.response_len = SECMOD_RESPONSE_MAX,
	};
	static unsigned char room[SECMOD_RESPONSE_MAX];

	expect(call(&commands[13], &arg), EFAULT, NULL, "APDU.response",
	       "in the kernel");
	arg.response_len = SECMOD_RESPONSE_MAX;
	arg.response = 8;
	expect(call(&commands[13], &arg), EFAULT, NULL, "APDU.response",
	       "almost null");
	arg.response = (unsigned long)room;
	arg.response_len = SECMOD_RESPONSE_MAX - 1;
	expect(call(&commands[13], &arg), ENOSPC, "bytes of room",
	       "APDU.response_len", "too small");
	result(arg.response_len == SECMOD_RESPONSE_MAX && !room[0],
	       "APDU.response_len: tells what it takes, nothing is written");
	expect(call(&commands[13], &arg), 0, NULL, "APDU", "all of it right");
	result(arg.response_len >= 2, "APDU.response_len: tells what came");
}

/* Where the transaction keys are listed, if there are any. */
static void keys(void)
{
	static struct secmod_txn_key room[SECMOD_TXN_KEYS_MAX];
	struct secmod_keys arg = { .size = sizeof(arg) };

	if (!call(&commands[16], &arg)) {
		read_only(&commands[16]);
		return;
	}
	result(arg.count > 0, "KEYS.count: tells how many keys there are");
	arg.count--;
	arg.keys = (unsigned long)room;
	expect(call(&commands[16], &arg), ENOSPC, "transaction keys",
	       "KEYS.count", "too small");
	result(!room[0].kvn, "KEYS.count: nothing is written then");
	arg.keys = KERNEL_ADDRESS;
	expect(call(&commands[16], &arg), EFAULT, NULL, "KEYS.keys",
	       "in the kernel");
	arg.keys = (unsigned long)half_mapped;
	expect(call(&commands[16], &arg), EFAULT, NULL, "KEYS.keys",
	       "at a hole");
	arg.keys = (unsigned long)room;
	expect(call(&commands[16], &arg), 0, NULL, "KEYS", "all of it right");
	result(room[0].kvn != 0, "KEYS.keys: is written");
}

static void outputs(int now)
{
	struct secmod_get_cert arg = { .size = sizeof(arg) };

	read_only(&commands[0]);
	read_only(&commands[1]);
	if (!(now & (P | O)))
		return;
	read_only(&commands[8]);
	arg.len = SECMOD_CERT_MAX;
	arg.data = KERNEL_ADDRESS;
	expect(call(&commands[10], &arg), EFAULT, NULL, "GET_CERT.data",
	       "in the kernel");
	arg.len = SECMOD_CERT_MAX;
	arg.data = (unsigned long)half_mapped;
	expect(call(&commands[10], &arg), EFAULT, NULL, "GET_CERT.data",
	       "at a hole");
	arg.len = 1;
	expect(call(&commands[10], &arg), ENOSPC, "needs", "GET_CERT.len",
	       "too small");
	result(arg.len > 1, "GET_CERT.len: tells what it takes");
	response();
	if (now & O)
		keys();
}

/* Numbers that are never right. */
static const struct {
	int nr;
	size_t at;
	unsigned int value;
	int error, states;
	const char *reason, *what;
} numbers[] = {
	{ 2, offsetof(struct secmod_attach, fd), -1u, EBADF, D, "not open",
	  "ATTACH.fd -1" },
	{ 2, offsetof(struct secmod_attach, fd), -100u, EBADF, D, "not open",
	  "ATTACH.fd AT_FDCWD" },
	{ 2, offsetof(struct secmod_attach, fd), 0x7fffffff, EBADF, D,
	  "not open", "ATTACH.fd INT_MAX" },
	{ 10, offsetof(struct secmod_get_cert, kind), 5, ENOENT, P | O,
	  "there is none", "GET_CERT.kind 5" },
	{ 10, offsetof(struct secmod_get_cert, kind), -1u, ENOENT, P | O,
	  "there is none", "GET_CERT.kind UINT_MAX" },
	{ 10, offsetof(struct secmod_get_cert, index), -1u, ENOENT, P | O,
	  "there is none", "GET_CERT.index UINT_MAX" },
	{ 6, offsetof(struct secmod_perso_begin, reserved2), 1, EOPNOTSUPP, P,
	  "reserved", "PERSO_BEGIN.reserved2 1" },
	{ 9, offsetof(struct secmod_reset, reserved), 1, EOPNOTSUPP, P | O,
	  "reserved", "RESET.reserved 1" },
	{ 11, offsetof(struct secmod_sign, hash), 0x1000b, EOPNOTSUPP, P | O,
	  "is unknown", "SIGN.hash 0x1000b" },
	{ 14, offsetof(struct secmod_messages, count), 0, EINVAL, O, "missing",
	  "SEAL.count 0" },
	{ 14, offsetof(struct secmod_messages, count), 257, E2BIG, O,
	  "at most 256", "SEAL.count 257" },
	{ 15, offsetof(struct secmod_messages, count), 1, EFAULT, O,
	  "cannot be read", "OPEN.messages 0" },
	{ 17, offsetof(struct secmod_use_key, aid_len), 17, EINVAL, O,
	  "name of 17 bytes", "USE_KEY.aid_len 17" },
	{ 17, offsetof(struct secmod_use_key, dgi), 0x7fff, ENOENT, O,
	  "there is no application", "USE_KEY.dgi 0x7fff" },
	{ 17, offsetof(struct secmod_use_key, dgi), 0x8000, ENOENT, O,
	  "there is no application", "USE_KEY.dgi of no application" },
};

static void never_right(int now)
{
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct command *c = &commands[numbers[i].nr];

		if (numbers[i].states & now)
			expect(call_with(c, c->size, numbers[i].at,
					 numbers[i].value),
			       numbers[i].error, numbers[i].reason,
			       numbers[i].what, "the value");
	}
}

/* A file where a vault is wanted; all else is right, so far. */
static void files(int now)
{
	static unsigned char cert[16];
	struct secmod_reset reset = {
		.size = sizeof(reset),
		.flags = SECMOD_RESET_FRESH_VAULT,
		.checking_cert = (unsigned long)cert,
		.checking_cert_len = sizeof(cert),
		.identity_cert = (unsigned long)cert,
		.identity_cert_len = sizeof(cert),
		.fd = -1,
	};

	if (now & V)
		return;
	expect(call(&commands[9], &reset), EBADF, "not open", "RESET.fd", "-1");
	reset.fd = fd;
	expect(call(&commands[9], &reset), EINVAL, "not a regular file",
	       "RESET.fd", "the module itself");
	reset.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	expect(call(&commands[9], &reset), EINVAL, "for reading and writing",
	       "RESET.fd", "for reading only");
	close(reset.fd);
}

#define SHA256 SECMOD_HASH_SHA256
#define IDENTITY SECMOD_KEY_IDENTITY
#define MODULE SECMOD_KEY_MODULE

/* A restricted key must not sign what the TPM would, were it asked to make a statement. */
static const struct {
	unsigned int key, hash, len;
	const char *data; /* and zeros behind it */
	int error, states;
	const char *reason, *what;
} signatures[] = {
	{ MODULE, SHA256, 32, "", EBADFD, P, "its key signs when operating",
	  "the module key, before it is the module's," },
	{ MODULE, SHA256, 32, "", 0, O, NULL, "a digest" },
	{ MODULE, SHA256, 32, "\xffTCG", 0, O, NULL, "any digest" },
	{ MODULE, SHA256, 31, "", EINVAL, O, "31 bytes, not 32",
	  "a digest of 31 bytes" },
	{ MODULE, SECMOD_HASH_SHA384, 32, "", EINVAL, O, "32 bytes, not 48",
	  "a digest of another hash" },
	{ MODULE, 4, 20, "", EOPNOTSUPP, O, "is unknown", "SHA-1" },
	{ IDENTITY, SHA256, 100, "\xffTCG", EACCES, P | O,
	  "looks like a structure", "what begins as an attestation" },
	{ IDENTITY, SHA256, 4, "\xffTCG", EACCES, P | O,
	  "looks like a structure", "the beginning of an attestation" },
	{ IDENTITY, SHA256, 100, "\xffTCH", 0, P | O, NULL,
	  "what nearly begins so" },
	{ IDENTITY, SHA256, 3, "abc", EINVAL, P | O, "3 bytes, not 4 to",
	  "a message of 3 bytes" },
	{ IDENTITY, SHA256, 4, "abcd", 0, P | O, NULL, "one of 4 bytes" },
	{ IDENTITY, SHA256, 1024, "abcd", 0, P | O, NULL, "one of 1024 bytes" },
	{ IDENTITY, SECMOD_HASH_SHA384, 100, "", EOPNOTSUPP, P | O,
	  "signs SHA-256", "another hash" },
	{ 2, SHA256, 32, "", EINVAL, P | O, "there is no key 2", "key 2" },
	{ -1u, SHA256, 32, "", EINVAL, P | O, "there is no key",
	  "key UINT_MAX" },
};

static void sign(int now)
{
	static const char *const keys[] = { "SIGN by the identity key",
					    "SIGN by the module key" };
	unsigned char data[1024];
	struct secmod_sign arg;
	size_t i;

	for (i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		if (!(signatures[i].states & now))
			continue;
		memset(data, 0, sizeof(data));
		memcpy(data, signatures[i].data, strlen(signatures[i].data));
		arg = (struct secmod_sign){
			.size = sizeof(arg),
			.key = signatures[i].key,
			.hash = signatures[i].hash,
			.len = signatures[i].len,
			.data = (unsigned long)data,
		};
		expect(call(&commands[11], &arg), signatures[i].error,
		       signatures[i].reason,
		       arg.key < 2 ? keys[arg.key] : "SIGN",
		       signatures[i].what);
	}
}

void values(int now)
{
	size_t i;

	half_mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(half_mapped + 4096, 4096);
	half_mapped += 4096 - 16;
	outputs(now);
	never_right(now);
	files(now);
	sign(now);
	for (i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		if (inputs[i].states & now)
			pointers(&inputs[i]);
}
