// SPDX-License-Identifier: MIT
/*
 * Random ioctls that are mostly right: each field of each struct gets what is valid,
 * and now and then what is not; in several threads, on files they share.
 *
 * usage: ioctl_fuzz DEVICE VAULT SEED THREADS CALLS [DER...]
 *
 * DER: certificates and such, to be pointed to. Prints for each ioctl how many calls
 * there were and with which errno they ended. Fails when one ended with an errno that
 * linux/secmod.h does not give it, or wrote outside of its struct. With one thread, a
 * seed does the same again.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioctl_fuzz/table.h"

#define FILES 4
#define THREADS_MAX 8
#define ERRNOS 133 /* EHWPOISON is the last one */
#define AREA 65536
#define CALL_MAX 4096 /* more than the longest struct, by 64 */
#define CANARY 0xc5

/* An area that ends where no memory is: what is @at its end cannot be overrun. */
struct area {
	unsigned char *data;
};

struct thread {
	unsigned short seed[3];
	struct area arg, pointed[2], messages;
	unsigned long calls;
	int own; /* a file that no other thread closes */
	pthread_t id;
};

static const char *device, *vault;
static volatile int files[FILES];
static struct sample samples[16];
static size_t sample_count;
static unsigned long ends[IOCTLS][ERRNOS];
static volatile bool bad;

static unsigned int chance(struct thread *t, unsigned int n)
{
	return (unsigned long)nrand48(t->seed) % n;
}

static void area_new(struct area *a)
{
	long page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, AREA + (size_t)page, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p, AREA, PROT_READ | PROT_WRITE))
		err(1, "memory");
	a->data = (unsigned char *)p;
	memset(p, CANARY, AREA);
}

/* Nothing has been written around the @len bytes at @at. */
static bool area_untouched(const struct area *a, const unsigned char *at,
			   size_t len)
{
	const unsigned char *p, *end = a->data + AREA;
	const unsigned char *from = at - a->data > 512 ? at - 512 : a->data;

	for (p = from; p < end; p++)
		if (*p != CANARY && (p < at || p >= at + len))
			return false;
	return true;
}

/* A file to be given as vault; -1 when it is none. Not the module's own if @other. */
static int some_file(struct thread *t)
{
	static const char *const others[] = { "/dev/null", "/dev/zero",
					      "/proc/self/mem", "/tmp" };

	if (chance(t, 8))
		return open(vault, O_RDWR | O_CLOEXEC);
	if (!chance(t, 3))
		return dup(files[chance(t, FILES)]);
	return open(others[chance(t, 4)], chance(t, 2) ? O_RDWR : O_RDONLY);
}

static uint64_t wrong_number(struct thread *t)
{
	static const uint64_t numbers[] = {
		0,	    1,		2,	    3,	  31,	 32,
		33,	    255,	2048,	    2049, 16384, 16385,
		0x7fffffff, 0x80000000, 0xffffffff, ~0ull
	};

	if (chance(t, 2))
		return numbers[chance(t, 16)];
	return (uint64_t)nrand48(t->seed) << chance(t, 33);
}

static uint64_t wrong_pointer(struct thread *t)
{
	static const uint64_t pointers[] = { 0,
					     1,
					     0xffffffff81000000,
					     0xffff888000000000,
					     0x00007fffffffeff0,
					     ~0ull };

	return pointers[chance(t, 6)];
}

/* Sets what @f points to, and the length beside it. */
static void set_pointer(struct thread *t, unsigned char *arg,
			const struct field *f, struct area *a)
{
	/* as often as not a digest's */
	size_t len = chance(t, 2) ? 32 : chance(t, f->max + 1);
	const struct sample *s = NULL;
	uint64_t where;
	uint32_t said;

	if (sample_count && chance(t, 4))
		s = &samples[chance(t, (unsigned int)sample_count)];
	if (s)
		len = s->len;
	memset(a->data, CANARY, AREA);
	if (s)
		memcpy(a->data + AREA - len, s->data, len);
	if (len && !chance(t, 3))
		a->data[AREA - 1 - chance(t, (unsigned int)len)] ^=
			(unsigned char)(1u << chance(t, 8));
	where = (uint64_t)(uintptr_t)(a->data + AREA - len);
	if (!chance(t, 24))
		where = wrong_pointer(t);
	said = chance(t, 24) ? (uint32_t)len : (uint32_t)wrong_number(t);
	memcpy(arg + f->at, &where, sizeof(where));
	memcpy(arg + f->len_at, &said, sizeof(said));
}

/* One in @in, of a random length and with a header that is nearly right. */
static struct secmod_message
some_message(struct thread *t, const struct area *in, const struct area *out)
{
	static const unsigned char head[] = { 1, 0x40, 0, 0, 0, 1 };
	unsigned int len = chance(t, chance(t, 4) ? 300 : AREA);
	struct secmod_message m = {
		.in = (uintptr_t)in->data + AREA - len,
		.out = (uintptr_t)out->data,
		.in_len = len,
		.out_len = AREA,
	};

	if (len >= sizeof(head))
		memcpy(in->data + AREA - len, head, sizeof(head));
	if (!chance(t, 3)) {
		m.aad_len = chance(t, SECMOD_SEAL_AAD_MAX + 2);
		m.aad = (uintptr_t)in->data;
	}
	switch (chance(t, 24)) {
	case 0:
		m.in = wrong_pointer(t);
		break;
	case 1:
		m.out = wrong_pointer(t);
		break;
	case 2:
		m.in_len = (uint32_t)wrong_number(t);
		break;
	case 3:
		m.out_len = (uint32_t)wrong_number(t);
		break;
	}
	return m;
}

/* The array ends where memory does; what its messages point to is elsewhere. */
static void set_messages(struct thread *t, unsigned char *arg,
			 const struct field *f)
{
	uint32_t count =
		1 + chance(t, chance(t, 8) ? 8 : SECMOD_SEAL_COUNT_MAX);
	size_t size = count * sizeof(struct secmod_message);
	unsigned char *at = t->messages.data + AREA - size;
	uint64_t where = (uintptr_t)at;
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct secmod_message m =
			some_message(t, &t->pointed[0], &t->pointed[1]);

		memcpy(at + i * sizeof(m), &m, sizeof(m));
	}
	if (!chance(t, 24))
		where = wrong_pointer(t);
	if (!chance(t, 24))
		count = (uint32_t)wrong_number(t);
	memcpy(arg + f->at, &where, sizeof(where));
	memcpy(arg + f->len_at, &count, sizeof(count));
}

static void set_number(unsigned char *arg, const struct field *f, uint64_t v)
{
	memcpy(arg + f->at, &v, f->len);
}

/* Returns a file to be closed, or -1. */
static int set_field(struct thread *t, unsigned char *arg,
		     const struct field *f, struct area *pointed)
{
	bool wrong = !chance(t, 40);
	int fd = -1;
	size_t i;

	switch (f->kind) {
	case FIELD_POINTER:
		set_pointer(t, arg, f, pointed);
		break;
	case FIELD_MESSAGES:
		set_messages(t, arg, f);
		break;
	case FIELD_FILE:
		fd = some_file(t);
		set_number(arg, f, (uint32_t)(wrong ? (int)chance(t, 64) : fd));
		break;
	case FIELD_BYTES:
		for (i = 0; i < f->len; i++)
			arg[f->at + i] = (unsigned char)chance(t, 256);
		break;
	case FIELD_NUMBER:
		set_number(arg, f,
			   wrong ? wrong_number(t) : chance(t, f->max + 1));
		break;
	case FIELD_FLAGS:
		set_number(arg, f,
			   wrong ? wrong_number(t) & ~(uint64_t)f->never :
			   chance(t, 3) ? 0 :
					  chance(t, 4) & f->max);
		break;
	}
	return fd;
}

static void complain(const char *name, const char *what)
{
	printf("bad: %s %s\n", name, what);
	bad = true;
}

/* Returns a file to be closed, or -1. */
static int fill(struct thread *t, const struct call *c, unsigned char *arg)
{
	int fd = -1, used;
	size_t i, pointers = 0;

	memset(arg, 0, c->size);
	for (i = 0; c->fields[i].len; i++) {
		used = set_field(t, arg, &c->fields[i], &t->pointed[pointers]);
		pointers += c->fields[i].kind == FIELD_POINTER;
		if (used >= 0)
			fd = used;
	}
	return fd;
}

/* Nothing behind the size that the struct gave may change. */
static void judge(struct thread *t, const struct call *c, size_t size,
		  const unsigned char *before, const unsigned char *arg,
		  int error)
{
	uint32_t said;

	memcpy(&said, before, sizeof(said));
	__atomic_add_fetch(&ends[c - ioctls][error], 1, __ATOMIC_RELAXED);
	if (error && error != EBADF && !call_may_end(c, error))
		complain(c->name, strerrorname_np(error));
	if (!area_untouched(&t->arg, arg, size))
		complain(c->name, "wrote outside of its struct");
	if (said < size && memcmp(arg + said, before + said, size - said) != 0)
		complain(c->name, "wrote behind the size it was told");
}

static void one_ioctl(struct thread *t)
{
	const struct call *c = &ioctls[chance(t, IOCTLS)];
	unsigned char before[CALL_MAX] = { 0 }, *arg;
	size_t size = c->size;
	uint32_t said;
	int fd, rc;

	if (c->rare && chance(t, c->rare))
		return;
	fd = fill(t, c, before);
	if (!chance(t, 30))
		size = 4 + chance(t, (unsigned int)c->size + 64);
	said = (uint32_t)size;
	if (!chance(t, 20))
		said = chance(t, 3) ? 4 * (1 + chance(t, said / 4)) :
				      (uint32_t)wrong_number(t);
	memcpy(before, &said, sizeof(said));
	memset(t->arg.data, CANARY, AREA);
	/* where memory ends, or with room behind it */
	arg = t->arg.data + AREA - size - (chance(t, 2) ? 0 : 64);
	memcpy(arg, before, size);
	rc = ioctl(files[chance(t, FILES)], c->number, arg);
	judge(t, c, size, before, arg, rc ? errno : 0);
	if (fd >= 0)
		close(fd);
}

/* What else can be done with a file: none of it may do harm. */
static void something_else(struct thread *t)
{
	volatile int *file = &files[chance(t, FILES)];
	struct pollfd p = { .fd = *file, .events = POLLIN };
	char byte = 0;

	switch (chance(t, 6)) {
	case 0:
		close(*file);
		*file = open(device, O_RDWR | O_CLOEXEC);
		break;
	case 1:
		poll(&p, 1, 0);
		break;
	case 2:
		if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, t->own, 0) !=
		    MAP_FAILED)
			complain("mmap", "was granted");
		break;
	case 3:
		if (read(t->own, &byte, 1) > 0 || write(t->own, &byte, 1) > 0)
			complain("read or write", "was granted");
		break;
	case 4:
		ioctl(*file, (unsigned long)wrong_number(t), t->arg.data);
		break;
	default:
		ioctl(*file, ioctls[chance(t, IOCTLS)].number, NULL);
	}
}

static void *run(void *arg)
{
	struct thread *t = arg;

	area_new(&t->arg);
	area_new(&t->pointed[0]);
	area_new(&t->pointed[1]);
	area_new(&t->messages);
	t->own = open(device, O_RDWR | O_CLOEXEC);
	while (t->calls--) {
		if (chance(t, 12))
			one_ioctl(t);
		else
			something_else(t);
	}
	close(t->own);
	return NULL;
}

static void read_sample(const char *path)
{
	struct sample *s = &samples[sample_count++];
	FILE *f = fopen(path, "rb");

	if (!f)
		err(1, "%s", path);
	s->len = fread(s->data, 1, sizeof(s->data), f);
	fclose(f);
}

static void report(void)
{
	size_t i, e;

	for (i = 0; i < IOCTLS; i++) {
		printf("%s", ioctls[i].name);
		for (e = 0; e < ERRNOS; e++)
			if (ends[i][e])
				printf(" %s=%lu",
				       e ? strerrorname_np((int)e) : "ok",
				       ends[i][e]);
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	static struct thread threads[THREADS_MAX];
	unsigned long seed, count, i;

	if (argc < 6 || argc > 6 + 16)
		return 2;
	device = argv[1];
	vault = argv[2];
	seed = strtoul(argv[3], NULL, 10);
	count = strtoul(argv[4], NULL, 10);
	if (count > THREADS_MAX)
		return 2;
	for (i = 6; argv[i]; i++)
		read_sample(argv[i]);
	for (i = 0; i < FILES; i++)
		files[i] = open(device, O_RDWR | O_CLOEXEC);
	for (i = 0; i < count; i++) {
		threads[i].seed[0] = (unsigned short)seed;
		threads[i].seed[1] = (unsigned short)(seed >> 16);
		threads[i].seed[2] = (unsigned short)i;
		threads[i].calls = strtoul(argv[5], NULL, 10) / count;
		if (pthread_create(&threads[i].id, NULL, run, &threads[i]))
			errx(1, "no thread");
	}
	for (i = 0; i < count; i++)
		pthread_join(threads[i].id, NULL);
	report();
	return bad;
}
