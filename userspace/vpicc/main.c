// SPDX-License-Identifier: MIT
/* secmod-vpicc: PC/SC programs see the module as a card. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/options.h"
#include "common/process.h"
#include "libsecmod/libsecmod.h"
#include "vpicc/vpicc.h"

#define PORT 35963
#define CONNECT_MS 5000
#define RETRY_US 500000

struct options {
	const char *device;
	int port, verbose;
};

/* The reader, as a descriptor that waits. Only this machine's: nobody proves anything. */
static int reader_connect(int port, struct error *e)
{
	char endpoint[64];
	int fd;

	snprintf(endpoint, sizeof(endpoint), "tcp:127.0.0.1:%d", port);
	fd = endpoint_connect(endpoint, CONNECT_MS, e);
	if (fd >= 0 && fcntl(fd, F_SETFL, 0) < 0) {
		close(fd);
		return error_set(e, errno, "%s: cannot set the descriptor up",
				 endpoint);
	}
	return fd;
}

/* For ever: pcscd comes and goes. */
static void run(int port, struct card *c)
{
	struct error e;
	int fd, told = 0;

	notify_manager("READY=1");
	for (;;) {
		fd = reader_connect(port, &e);
		if (fd < 0) {
			if (!told++)
				log_info(
					"no reader yet (%s): waiting for pcscd with vsmartcard-vpcd",
					e.text);
			usleep(RETRY_US);
			continue;
		}
		log_info("%s is in the reader at port %d", c->device, port);
		reader_serve(fd, c, &e);
		log_info("%s", e.text);
		close(fd);
		told = 0;
	}
}

static const struct command command = {
	.options = "device port",
	.usage = "[-v] [--device DEVICE] [--port PORT]",
};

static const struct option_spec specs[] = {
	OPTION(TEXT, "device", device),
	OPTION(NUMBER, "port", port, .min = 1, .max = 65535),
	OPTION(FLAG, "verbose", verbose, .letter = 'v', .common = 1),
};

static const struct program program = {
	.name = "secmod-vpicc",
	.options = specs,
	.n_options = sizeof(specs) / sizeof(specs[0]),
	.commands = &command,
	.n_commands = 1,
};

int main(int argc, char **argv)
{
	struct options o = { .device = SECMOD_DEVICE, .port = PORT };
	struct card c = { 0 };

	if (!options_parse(&program, &o, &argc, &argv))
		return EXIT_USAGE;
	log_init(program.name, o.verbose);
	process_harden();
	c.device = o.device;
	run(o.port, &c);
}
