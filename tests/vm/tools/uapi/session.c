// SPDX-License-Identifier: MIT
/* An initialization, with everything wrong that comes after its begin; taken back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pki/tpm.h"
#include "uapi.h"

#define SECRET_SIZE 32

static const uint8_t secret[SECRET_SIZE] = "what the manufacturer has hidden";
static struct secmod_init_begin begun;
static struct secmod_init_activate credential;
static const struct command *const begin = &commands[3],
				   *const activate = &commands[4],
				   *const complete = &commands[5];

/* A challenge for this TPM and an identity key; @wrong: for another one. */
static struct secmod_init_activate challenge(int wrong)
{
	struct secmod_init_activate arg = { .size = sizeof(arg) };
	size_t blob_len, secret_len;
	uint8_t identity[SECMOD_PUBLIC_MAX];
	struct error err;

	memcpy(identity, begun.identity_public, sizeof(identity));
	if (wrong)
		identity[begun.identity_public_len - 1] ^= 1;
	if (tpm_make_credential(begun.ek_public, begun.ek_public_len, identity,
				begun.identity_public_len, secret, SECRET_SIZE,
				arg.blob, &blob_len, arg.secret, &secret_len,
				&err)) {
		fprintf(stderr, "%s\n", err.text);
		exit(2);
	}
	arg.blob_len = (uint16_t)blob_len;
	arg.secret_len = (uint16_t)secret_len;
	return arg;
}

static void wrong_activate(int error, const char *reason, const char *what)
{
	expect(call(activate, &credential), error, reason, "INIT_ACTIVATE",
	       what);
	credential = challenge(0);
}

static void activations(void)
{
	credential = challenge(0);
	credential.blob_len = sizeof(credential.blob) + 1;
	wrong_activate(EINVAL, "a length is too large", "blob_len 257");
	credential.blob_len = 0xffff;
	wrong_activate(EINVAL, "a length is too large", "blob_len 65535");
	credential.secret_len = sizeof(credential.secret) + 1;
	wrong_activate(EINVAL, "a length is too large", "secret_len 513");
	credential.blob_len = 0;
	wrong_activate(EBADMSG, "a length field is wrong", "no blob");
	credential.secret_len = 1;
	wrong_activate(EBADMSG, "a length field is wrong", "half a length");
	credential.blob[1]++;
	wrong_activate(EBADMSG, "a length field is wrong", "a longer blob");
	credential.secret[1]--;
	wrong_activate(EBADMSG, "a length field is wrong", "a shorter secret");
	credential.reserved = 1;
	wrong_activate(EOPNOTSUPP, "reserved", "a reserved field in use");
	credential.blob[credential.blob_len - 1] ^= 1;
	wrong_activate(EBADMSG, "activating the credential",
		       "a credential that was changed");
	credential = challenge(1);
	wrong_activate(EBADMSG, "activating the credential",
		       "a credential for another key");
	expect(call(activate, &credential), 0, NULL, "INIT_ACTIVATE",
	       "the right credential");
	result(credential.info_len == SECRET_SIZE &&
		       !memcmp(credential.info, secret, SECRET_SIZE),
	       "INIT_ACTIVATE: tells what was hidden");
}

static unsigned char certs[2][SECMOD_CERT_MAX];

static unsigned int read_cert(const char *dir, const char *name, void *der)
{
	char path[512];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.der", dir, name);
	f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(2);
	}
	len = fread(der, 1, SECMOD_CERT_MAX, f);
	fclose(f);
	return (unsigned int)len;
}

static struct secmod_init_complete completion(const char *dir, int file)
{
	struct secmod_init_complete arg = {
		.size = sizeof(arg),
		.checking_cert = (unsigned long)certs[0],
		.checking_cert_len = read_cert(dir, "checking", certs[0]),
		.identity_cert = (unsigned long)certs[1],
		.identity_cert_len = read_cert(dir, "good", certs[1]),
		.fd = file,
	};

	return arg;
}

static void completions(const char *dir, int file)
{
	struct secmod_init_complete arg = completion(dir, file);

	expect(call(complete, &arg), EKEYREJECTED,
	       "identity certificate: it is over another key", "INIT_COMPLETE",
	       "another module's certificate");
	arg.identity_cert_len = read_cert(dir, "other-issuer", certs[1]);
	expect(call(complete, &arg), EKEYREJECTED,
	       "identity certificate: signature is wrong", "INIT_COMPLETE",
	       "another manufacturer's certificate");
	arg.identity_cert_len = read_cert(dir, "other-role", certs[1]);
	expect(call(complete, &arg), EKEYREJECTED,
	       "identity certificate: role is", "INIT_COMPLETE",
	       "a certificate of another role");
	arg = completion(dir, file);
	arg.checking_cert_len = read_cert(dir, "good", certs[0]);
	expect(call(complete, &arg), EKEYREJECTED,
	       "checking certificate: ", "INIT_COMPLETE",
	       "an identity certificate as checking one");
	arg = completion(dir, -1);
	expect(call(complete, &arg), EBADF, "not open", "INIT_COMPLETE.fd",
	       "-1");
	arg.fd = fd;
	expect(call(complete, &arg), EINVAL, "not a regular file",
	       "INIT_COMPLETE.fd", "the module itself");
}

/* Whoever has another file of this module open. */
static void others(const char *dir, int file, int open_session)
{
	struct secmod_init_begin again = { .size = sizeof(again) };
	struct secmod_init_complete arg = completion(dir, file);

	if (open_session)
		expect(call(begin, &again), EBUSY,
		       "another process is initializing the module",
		       "INIT_BEGIN", "another file's session");
	credential = challenge(0);
	expect(call(activate, &credential), EBADFD, "no session is open",
	       "INIT_ACTIVATE", "a file without the session");
	expect(call(complete, &arg), EBADFD, "no session is open",
	       "INIT_COMPLETE", "a file without the session");
}

void init_session(const char *device, const char *certificates)
{
	struct secmod_info info = { .size = sizeof(info) };
	char path[] = "/tmp/vault-XXXXXX";
	int file = mkstemp(path), own = fd, other;

	other = open(device, O_RDWR | O_CLOEXEC);
	if (file < 0 || other < 0) {
		perror(device);
		exit(2);
	}
	begun.size = sizeof(begun);
	expect(call(begin, &begun), 0, NULL, "INIT_BEGIN", "the first of two");
	fd = other;
	others(certificates, file, 1);
	fd = own;
	activations();
	completions(certificates, file);
	fd = other;
	close(own);
	others(certificates, file, 0);
	ioctl(fd, SECMOD_IOC_INFO, &info);
	result(info.state == SECMOD_STATE_VIRGIN,
	       "closing the file takes the initialization back");
	close(file);
	unlink(path);
}
