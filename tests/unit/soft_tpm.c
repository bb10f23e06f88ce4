// SPDX-License-Identifier: MIT
/* swtpm with a command and a control socket, as its TCTI wants it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <tss2/tss2_tctildr.h>

#include "soft_tpm.h"

void soft_tpm_init(struct soft_tpm *t, const char *dir)
{
	memset(t, 0, sizeof(*t));
	snprintf(t->dir, sizeof(t->dir), "%s", dir);
	snprintf(t->tcti, sizeof(t->tcti), "swtpm:path=%s/s", dir);
	setenv("TSS2_LOG", "all+none", 1);
}

void soft_tpm_on(struct soft_tpm *t)
{
	char state[300], server[320], ctrl[320], log[320];
	TSS2_TCTI_CONTEXT *tcti = NULL;
	int i;

	snprintf(state, sizeof(state), "dir=%s", t->dir);
	snprintf(server, sizeof(server), "type=unixio,path=%s/s", t->dir);
	snprintf(ctrl, sizeof(ctrl), "type=unixio,path=%s/s.ctrl", t->dir);
	snprintf(log, sizeof(log), "file=%s/log", t->dir);
	t->pid = fork();
	if (!t->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate",
		       state, "--server", server, "--ctrl", ctrl, "--log", log,
		       "--flags", "not-need-init,startup-clear", (char *)NULL);
		_exit(127);
	}
	/* both sockets answer when the TCTI can be made */
	for (i = 0; i < 1000; i++) {
		if (Tss2_TctiLdr_Initialize(t->tcti, &tcti) ==
		    TSS2_RC_SUCCESS) {
			Tss2_TctiLdr_Finalize(&tcti);
			return;
		}
		assert_int_equal(waitpid(t->pid, NULL, WNOHANG), 0);
		usleep(10000); /* between two looks at a foreign process */
	}
	fail_msg("swtpm does not answer");
}

void soft_tpm_off(struct soft_tpm *t)
{
	kill(t->pid, SIGTERM);
	waitpid(t->pid, NULL, 0);
}
