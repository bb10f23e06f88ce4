// SPDX-License-Identifier: MIT
/* The process: opens what it needs, gives up the rest, takes requests. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/process.h"
#include "hsm1/internal.h"

#define PROCEDURES_MAX 32 /* at a time; more wait */

static sem_t room;
static struct vault vault;
static struct sandbox sandbox;

static void *procedure_thread(void *arg)
{
	struct procedure *p = arg;

	procedure_run(p);
	OPENSSL_clear_free(p, sizeof(*p));
	/* the C library would load code to end the thread from elsewhere */
	sem_post(&room);
	return NULL;
}

static int start_procedure(struct procedure *p)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int err;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attributes, procedure_thread, p);
	pthread_attr_destroy(&attributes);
	return -err;
}

static void serve(int fd)
{
	struct procedure *p;
	int fds[2];

	for (;;) {
		sem_wait(&room);
		p = OPENSSL_zalloc(sizeof(*p));
		if (!p || message_recv(fd, &p->m, sizeof(p->m), fds, 2))
			break;
		p->vault = &vault;
		p->sandbox = &sandbox;
		p->answer = fds[0];
		p->relay = fds[1];
		if (p->answer < 0 || start_procedure(p))
			break;
	}
}

/* TPM and CMACs are opened with what rights there are; then nothing is left of them. */
static int prepare(const char *dir, const char *user, struct error *e)
{
	int ret = vault_open(dir, &vault, e);

	if (ret)
		return ret;
	cmac_prepare();
	sandbox.local_sockets = !vault.tpm_is_device;
	sandbox.network_namespace = !unshare(CLONE_NEWNET);
	ret = process_drop(user, e);
	if (!ret)
		ret = vault_load(&vault, e);
	return ret ? ret : sandbox_enter(&sandbox, e);
}

void hsm1_process(int fd, const char *dir, const char *user)
{
	struct hsm1_reply hello = { .word = HSM1_DONE };

	/* its end is the end of the other process, which has work to finish */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	prctl(PR_SET_NAME, "hsm1");
	/* nothing of what the other process has open */
	if (dup3(fd, 3, 0) < 0 && fd != 3)
		_exit(1);
	close_range(4, ~0U, 0);
	process_harden();
	sem_init(&room, 0, PROCEDURES_MAX);
	hello.status = prepare(dir, user, &hello.e);
	if (!message_send(3, &hello, sizeof(hello), NULL, 0) && !hello.status)
		serve(3);
	/* procedures that go on are over as well: nobody has their answers */
	pthread_mutex_lock(&vault.lock);
	vault_close(&vault);
	_exit(0);
}
