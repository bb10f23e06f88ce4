// SPDX-License-Identifier: MIT
/*
 * manufacturer/register.c over common/journal.c: the register as a crash, an editor or
 * somebody else left it.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/journal.h"
#include "common/log.h"
#include "fuzz.h"
#include "manufacturer/manufacturer.h"

static char directory[] = "/tmp/register-XXXXXX";
static char path[sizeof(directory) + 16];

static void clean_up(void)
{
	unlink(path);
	rmdir(directory);
}

static void prepare(void)
{
	if (*path)
		return;
	CHECK(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/issued.log", directory);
	CHECK(!symlink(input_file("", 0), path));
	CHECK(!atexit(clean_up));
}

/* One for each bad line is right, and in the way here. */
void log_warn(const char *fmt, ...)
{
	CHECK(fmt);
}

struct lines {
	size_t count, bytes;
};

static int count_line(void *arg, const char *line)
{
	struct lines *l = arg;

	CHECK(!strchr(line, '\n'));
	l->count++;
	l->bytes += strlen(line);
	return 0;
}

static int count_event(void *arg, json_t *event)
{
	CHECK(event);
	++*(int *)arg;
	return 0;
}

static void check_journal(const uint8_t *data, size_t size)
{
	struct lines l = { 0, 0 };
	size_t newlines = 0, i;
	struct error e;

	for (i = 0; i < size; i++)
		newlines += data[i] == '\n';
	if (size && data[size - 1] != '\n')
		newlines++;
	CHECK(!journal_each(path, count_line, &l, &e));
	CHECK(l.count == newlines && l.bytes <= size);
}

static void check_register(int instances)
{
	struct entry entry = { .serial = "SN-1",
			       .uid = "00112233445566778899aabbccddeeff",
			       .ek = "ek-1" };
	struct error e = { "" };
	int events = 0, ret;

	CHECK(!register_each(directory, count_event, &events, &e));
	ret = register_check(directory, &entry, instances, &e);
	CHECK(!ret || ret == -EEXIST);
	CHECK(!ret == !e.text[0]);
	CHECK(events || instances < 1 || !ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	prepare();
	input_file(data + 1, size - 1);
	check_journal(data + 1, size - 1);
	check_register(1 + data[0] % INSTANCES_MAX);
	return 0;
}
