/* SPDX-License-Identifier: MIT */
/*
 * PID 1 of the guest: init.c makes the machine usable, agent.c then serves the
 * harness on a virtio-serial port.
 *
 * Both ways the port carries frames: a header of three little-endian words,
 * then len bytes. id names a command of the host's choosing; 0 is the machine.
 */
#ifndef TESTS_VM_AGENT_H
#define TESTS_VM_AGENT_H

#include <stdint.h>

enum frame_type {
	/* host to guest */
	FRAME_RUN = 1, /* word: enum run_flags; then directory \0 command \0 */
	FRAME_INPUT = 2, /* bytes for the command's input; none: end of input */
	FRAME_SIGNAL = 3, /* word: signal for the command's process group */
	FRAME_WINDOW =
		4, /* two words: rows, columns of the command's terminal */
	FRAME_HALT = 5, /* end everything, unmount, power off */
	/* guest to host */
	FRAME_HELLO = 16, /* word: kernel taint; the agent is ready */
	FRAME_OUT = 17,
	FRAME_ERR = 18,
	FRAME_EXIT = 19, /* word: status as wait(2) gives it */
	FRAME_KLOG = 20, /* one record of /dev/kmsg */
	FRAME_BYE = 21, /* word: kernel taint; power goes off next */
};

enum run_flags {
	RUN_TERMINAL = 1, /* on a pseudo terminal; output comes as FRAME_OUT */
};

struct frame {
	uint32_t id;
	uint32_t type;
	uint32_t len;
};

/* Says why on the console and powers off. */
void die(const char *what) __attribute__((noreturn));

/* init.c: from the initramfs to the host's root, then lets go of the port. */
int machine_init(void);
void machine_halt(void) __attribute__((noreturn));

#endif
