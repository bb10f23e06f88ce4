// SPDX-License-Identifier: MIT
/*
 * A file system of root's own that consists of one file: the vault.
 *
 * usage: fuse_vault MOUNTPOINT CONTENT WAY
 *
 * MOUNTPOINT is a file, CONTENT what it holds at first. WAY is "honest"; or "forgetful":
 * says that it has written, and has not; or "stalling": does not answer a write. Prints
 * "ready", and a line for each access to the content. Lives until it is killed.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/fuse.h>

#define CONTENT_MAX (256 * 1024)
#define REQUEST_MAX (1024 * 1024)
#define WRITE_MAX (64 * 1024)

static uint8_t content[CONTENT_MAX], request[REQUEST_MAX];
static size_t size;
static bool forgetful, stalling;
static int fuse;

static void answer(const struct fuse_in_header *in, int error, const void *data,
		   size_t len)
{
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof(out) + len),
		.error = -error,
		.unique = in->unique,
	};
	struct iovec parts[] = { { &out, sizeof(out) }, { (void *)data, len } };

	/* ENOENT: whoever asked was interrupted */
	if (writev(fuse, parts, len ? 2 : 1) < 0 && errno != ENOENT)
		err(1, "answer");
}

static void init(const struct fuse_in_header *in, const void *arg)
{
	const struct fuse_init_in *asked = arg;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_write = WRITE_MAX,
	};

	if (asked->minor < out.minor)
		out.minor = asked->minor;
	answer(in, 0, &out, sizeof(out));
}

static void attributes(const struct fuse_in_header *in, const void *arg)
{
	struct fuse_attr_out out = {
		.attr = { .ino = 1,
			  .size = size,
			  .mode = S_IFREG | 0600,
			  .nlink = 1,
			  .blksize = 4096 },
	};

	(void)arg;
	answer(in, 0, &out, sizeof(out));
}

static void opened(const struct fuse_in_header *in, const void *arg)
{
	struct fuse_open_out out = { .open_flags = FOPEN_DIRECT_IO };

	(void)arg;
	answer(in, 0, &out, sizeof(out));
}

static void reads(const struct fuse_in_header *in, const void *arg)
{
	const struct fuse_read_in *r = arg;
	size_t len = r->offset < size ? size - r->offset : 0;

	printf("read %llu\n", (unsigned long long)r->offset);
	answer(in, 0, content + r->offset, len < r->size ? len : r->size);
}

static void writes(const struct fuse_in_header *in, const void *arg)
{
	const struct fuse_write_in *w = arg;
	struct fuse_write_out out = { .size = w->size };

	printf("write %llu\n", (unsigned long long)w->offset);
	if (stalling)
		return;
	if (w->offset > CONTENT_MAX || w->size > CONTENT_MAX - w->offset) {
		answer(in, EFBIG, NULL, 0);
		return;
	}
	if (!forgetful) {
		memcpy(content + w->offset, w + 1, w->size);
		if (w->offset + w->size > size)
			size = w->offset + w->size;
	}
	answer(in, 0, &out, sizeof(out));
}

static void done(const struct fuse_in_header *in, const void *arg)
{
	(void)arg;
	answer(in, 0, NULL, 0);
}

static void nothing(const struct fuse_in_header *in, const void *arg)
{
	(void)in;
	(void)arg;
}

static void (*const operations[])(const struct fuse_in_header *in,
				  const void *arg) = {
	[FUSE_INIT] = init,	     [FUSE_GETATTR] = attributes,
	[FUSE_SETATTR] = attributes, [FUSE_OPEN] = opened,
	[FUSE_READ] = reads,	     [FUSE_WRITE] = writes,
	[FUSE_FSYNC] = done,	     [FUSE_FLUSH] = done,
	[FUSE_RELEASE] = done,	     [FUSE_ACCESS] = done,
	[FUSE_FORGET] = nothing,     [FUSE_INTERRUPT] = nothing,
};

static void serve(void)
{
	const struct fuse_in_header *in = (const void *)request;

	while (read(fuse, request, sizeof(request)) > 0) {
		if (in->opcode < sizeof(operations) / sizeof(operations[0]) &&
		    operations[in->opcode])
			operations[in->opcode](in, in + 1);
		else
			answer(in, ENOSYS, NULL, 0);
	}
}

static void load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, content, sizeof(content));

	if (n < 0)
		err(1, "%s", path);
	size = (size_t)n;
	close(fd);
}

int main(int argc, char **argv)
{
	char options[64];

	if (argc != 4)
		errx(2, "usage: fuse_vault MOUNTPOINT CONTENT WAY");
	forgetful = !strcmp(argv[3], "forgetful");
	stalling = !strcmp(argv[3], "stalling");
	setvbuf(stdout, NULL, _IOLBF, 0);
	load(argv[2]);
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0)
		err(1, "/dev/fuse");
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=100600,user_id=0,group_id=0", fuse);
	if (mount("vault", argv[1], "fuse", MS_NOSUID | MS_NODEV, options))
		err(1, "%s", argv[1]);
	puts("ready");
	serve();
	return 0;
}
