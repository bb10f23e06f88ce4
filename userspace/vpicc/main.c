// SPDX-License-Identifier: MIT
/* secmod-vpicc: PC/SC programs see the module as a card. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/process.h"
#include "libsecmod/libsecmod.h"
#include "vpicc/vpicc.h"

enum { EXIT_USAGE = 2 };

#define PORT "35963"
#define CONNECT_MS 5000
#define RETRY_US 500000

static const struct option long_options[] = {
	{ "device", required_argument, NULL, 'D' },
	{ "port", required_argument, NULL, 'p' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int usage(FILE *f)
{
	fputs("usage: secmod-vpicc [-v] [--device DEVICE] [--port PORT]\n"
	      "makes the module the card in the virtual reader of pcscd\n"
	      "(vsmartcard-vpcd) on this machine; see secmod-vpicc(8)\n",
	      f);
	return f == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

/* The reader, as a descriptor that waits. Only this machine's: nobody proves anything. */
static int reader_connect(const char *port, struct error *e)
{
	char endpoint[64];
	int fd;

	snprintf(endpoint, sizeof(endpoint), "tcp:127.0.0.1:%s", port);
	fd = endpoint_connect(endpoint, CONNECT_MS, e);
	if (fd >= 0 && fcntl(fd, F_SETFL, 0) < 0) {
		close(fd);
		return error_set(e, errno, "%s: cannot set the descriptor up",
				 endpoint);
	}
	return fd;
}

/* For ever: pcscd comes and goes. */
static void run(const char *port, struct card *c)
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
		log_info("%s is in the reader at port %s", c->device, port);
		reader_serve(fd, c, &e);
		log_info("%s", e.text);
		close(fd);
		told = 0;
	}
}

int main(int argc, char **argv)
{
	struct card c = { .device = SECMOD_DEVICE };
	const char *port = PORT;
	int verbose = 0, option;

	while ((option = getopt_long(argc, argv, "vh", long_options, NULL)) !=
	       -1) {
		switch (option) {
		case 'D':
			c.device = optarg;
			break;
		case 'p':
			port = optarg;
			break;
		case 'v':
			verbose = 1;
			break;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (optind != argc || atoi(port) < 1 || atoi(port) > 65535)
		return usage(stderr);
	log_init("secmod-vpicc", verbose);
	process_harden();
	run(port, &c);
}
