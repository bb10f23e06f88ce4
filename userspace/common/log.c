// SPDX-License-Identifier: MIT
/* Messages to the person who runs a program. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

enum priority { PRIO_ERR = 3, PRIO_WARNING = 4, PRIO_INFO = 6, PRIO_DEBUG = 7 };

static const char *log_name = "secmod";
static int log_verbose;
static int log_to_journal;

/* systemd.exec(5): JOURNAL_STREAM names the device and inode of stderr */
static int stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return 0;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

void log_init(const char *progname, int verbose)
{
	log_name = progname;
	log_verbose = verbose;
	log_to_journal = stderr_is_journal();
}

/*
 * One write per line, so that lines of several processes do not mix. Texts of
 * peers reach this: control characters would forge lines or steer a terminal.
 */
static void log_line(enum priority prio, const char *fmt, va_list args)
{
	char text[1024], line[1152];
	int len;
	char *p;

	vsnprintf(text, sizeof(text), fmt, args);
	for (p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (log_to_journal)
		len = snprintf(line, sizeof(line), "<%d>%s\n", prio, text);
	else
		len = snprintf(line, sizeof(line), "%s: %s\n", log_name, text);
	if (len > 0 && write(STDERR_FILENO, line, len) < 0)
		return; /* nobody is left to be told */
}

void log_debug(const char *fmt, ...)
{
	va_list args;

	if (!log_verbose)
		return;
	va_start(args, fmt);
	log_line(PRIO_DEBUG, fmt, args);
	va_end(args);
}

void log_info(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(PRIO_INFO, fmt, args);
	va_end(args);
}

void log_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(PRIO_WARNING, fmt, args);
	va_end(args);
}

void fatal(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(PRIO_ERR, fmt, args);
	va_end(args);
	exit(1);
}
