// SPDX-License-Identifier: MIT
/*
 * Seals and opens messages through libsecmod, as standard input says:
 *
 *	seal KVN AAD TEXT      a message to be sealed; hexadecimal, - is empty
 *	open AAD SEALED        a message to be opened
 *	run                    all of them, in one go: "ok HEX" or an errno for each
 *	race-seal KVN T N      T threads seal N messages each: how many, and how many of
 *	                       their headers differ
 *	race-open T            T threads open what was given: by how many was each opened
 *	edges KVN              results of messages at the end of the mapped memory, and of
 *	                       an array that goes beyond it: how many it tells of
 *	use AID DGI USE IV DATA  what a key of an application makes of them
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libsecmod/libsecmod.h"
#include "pki/pki.h"

#define ROOM (SECMOD_SEAL_DATA_MAX + SECMOD_SEAL_OVERHEAD + 64)
#define LINE (2 * (ROOM + SECMOD_SEAL_AAD_MAX) + 64)
#define THREADS 8
#define MANY 2000

static struct secmod *module;
static struct secmod_message queue[SECMOD_SEAL_COUNT_MAX + 1];
static unsigned int queued, queue_kvn;

static uint8_t *bytes(const char *hex, uint32_t *len)
{
	size_t n = *hex == '-' ? 0 : strlen(hex) / 2;
	uint8_t *data = malloc(n + 1);

	if (!data || (n && pki_unhex(hex, data, n)))
		errx(2, "no hexadecimal: %.40s", hex);
	*len = (uint32_t)n;
	return data;
}

static void add(const char *aad, const char *in, uint32_t more)
{
	struct secmod_message *m = &queue[queued++];

	if (queued > SECMOD_SEAL_COUNT_MAX)
		errx(2, "too many messages");
	memset(m, 0, sizeof(*m));
	m->in = (uintptr_t)bytes(in, &m->in_len);
	m->aad = (uintptr_t)bytes(aad, &m->aad_len);
	m->out_len = m->in_len + more;
	m->out = (uintptr_t)malloc(m->out_len + 1);
}

static void forget(void)
{
	for (unsigned int i = 0; i < queued; i++) {
		free((void *)(uintptr_t)queue[i].in);
		free((void *)(uintptr_t)queue[i].aad);
		free((void *)(uintptr_t)queue[i].out);
	}
	queued = queue_kvn = 0;
}

static void run(void)
{
	static char hex[2 * ROOM + 1];
	int rc = queue_kvn ?
			 secmod_seal_many(module, queue_kvn, queue, queued) :
			 secmod_unseal_many(module, queue, queued);

	for (unsigned int i = 0; i < queued; i++) {
		const struct secmod_message *m = &queue[i];

		if (rc || m->result) {
			puts(strerrorname_np(rc ? -rc : (int)m->result));
			continue;
		}
		pki_hex((uint8_t *)(uintptr_t)m->out, m->out_len, hex);
		printf("ok %s\n", hex);
	}
	forget();
}

struct sealer {
	pthread_t id;
	unsigned int kvn, count;
	uint8_t (*headers)[SECMOD_SEAL_HEADER];
};

/* In batches of all sizes. */
static void *seal_many(void *arg)
{
	static const uint8_t text[64];
	struct sealer *s = arg;
	struct secmod_message m[37];
	uint8_t out[37][64 + SECMOD_SEAL_OVERHEAD];
	unsigned int done = 0, n, i;

	while (done < s->count) {
		n = 1 + done % 37;
		n = n < s->count - done ? n : s->count - done;
		for (i = 0; i < n; i++)
			m[i] = (struct secmod_message){
				.in = (uintptr_t)text,
				.in_len = sizeof(text),
				.out = (uintptr_t)out[i],
				.out_len = sizeof(out[i]),
			};
		if (secmod_seal_many(module, s->kvn, m, n))
			errx(1, "%s", secmod_reason(module));
		for (i = 0; i < n; i++, done++) {
			if (m[i].result)
				errx(1, "%s",
				     strerrorname_np((int)m[i].result));
			memcpy(s->headers[done], out[i], SECMOD_SEAL_HEADER);
		}
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, SECMOD_SEAL_HEADER);
}

static void seal_race(unsigned int kvn, unsigned int threads,
		      unsigned int count)
{
	static uint8_t headers[THREADS * MANY][SECMOD_SEAL_HEADER];
	struct sealer s[THREADS];
	unsigned int i, all = threads * count, distinct = 1;

	if (threads > THREADS || count > MANY)
		errx(2, "too many");
	for (i = 0; i < threads; i++) {
		s[i] = (struct sealer){ .kvn = kvn,
					.count = count,
					.headers = headers + i * count };
		if (pthread_create(&s[i].id, NULL, seal_many, &s[i]))
			errx(1, "no thread");
	}
	for (i = 0; i < threads; i++)
		pthread_join(s[i].id, NULL);
	qsort(headers, all, sizeof(headers[0]), compare);
	for (i = 1; i < all; i++)
		distinct += compare(headers[i - 1], headers[i]) != 0;
	printf("sealed %u distinct %u\n", all, distinct);
}

struct opener {
	pthread_t id;
	struct secmod_message m[SECMOD_SEAL_COUNT_MAX];
};

static void *open_all(void *arg)
{
	struct opener *o = arg;

	if (secmod_unseal_many(module, o->m, queued))
		errx(1, "%s", secmod_reason(module));
	return NULL;
}

static void open_race(unsigned int threads)
{
	static struct opener o[THREADS];
	unsigned int i, k, by, least = threads, most = 0;

	if (threads > THREADS)
		errx(2, "too many");
	for (i = 0; i < threads; i++) {
		memcpy(o[i].m, queue, sizeof(o[i].m));
		for (k = 0; k < queued; k++)
			o[i].m[k].out = (uintptr_t)malloc(queue[k].out_len + 1);
	}
	for (i = 0; i < threads; i++)
		if (pthread_create(&o[i].id, NULL, open_all, &o[i]))
			errx(1, "no thread");
	for (i = 0; i < threads; i++)
		pthread_join(o[i].id, NULL);
	for (k = 0; k < queued; k++) {
		for (by = i = 0; i < threads; i++)
			by += !o[i].m[k].result;
		least = by < least ? by : least;
		most = by > most ? by : most;
	}
	printf("opened %u by %u to %u\n", queued, least, most);
	forget();
}

#define PAGE 4096

/* One message of @len, with 5 octets of associated data. */
static void edge(unsigned int kvn, const void *in, uint32_t len,
		 const void *aad, void *out)
{
	struct secmod_message m = {
		.in = (uintptr_t)in,
		.in_len = len,
		.aad = (uintptr_t)aad,
		.aad_len = 5,
		.out = (uintptr_t)out,
		.out_len = len + SECMOD_SEAL_OVERHEAD,
	};

	if (secmod_seal_many(module, kvn, &m, 1))
		errx(1, "%s", secmod_reason(module));
	printf("%s ", m.result ? strerrorname_np((int)m.result) : "ok");
}

/* Of 72 messages the kernel reads 64 first, and cannot read those after them. */
static void broken_array(unsigned int kvn, uint8_t *end)
{
	static uint8_t out[64][SECMOD_SEAL_OVERHEAD];
	struct secmod_message *m = (struct secmod_message *)end - 64;
	unsigned int told = 0;
	int rc;

	for (unsigned int i = 0; i < 64; i++)
		m[i] = (struct secmod_message){
			.out = (uintptr_t)out[i],
			.out_len = sizeof(out[i]),
			.result = 1,
		};
	rc = secmod_seal_many(module, kvn, m, 72);
	for (unsigned int i = 0; i < 64; i++)
		told += !m[i].result && out[i][0] == 1;
	printf("%s %u\n", rc ? strerrorname_np(-rc) : "ok", told);
}

static void edges(unsigned int kvn)
{
	static const uint32_t lengths[] = { 9, 256, 257, 3000 };
	static uint8_t room[PAGE], text[PAGE];
	uint8_t *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *end = page + PAGE;

	if (page == MAP_FAILED || munmap(end, PAGE))
		err(1, "mmap");
	for (unsigned int i = 0; i < 4; i++) {
		const uint32_t n = lengths[i], whole = n + SECMOD_SEAL_OVERHEAD;

		edge(kvn, end - n, n, text, room);
		edge(kvn, end - n + 1, n, text, room);
		edge(kvn, text, n, end - 5, room);
		edge(kvn, text, n, end - 4, room);
		edge(kvn, text, n, text, end - whole);
		edge(kvn, text, n, text, end - whole + 1);
	}
	broken_array(kvn, end);
	munmap(page, PAGE);
}

static void use(const char *name, unsigned int dgi, unsigned int how,
		const char *iv, const char *data)
{
	static uint8_t out[SECMOD_USE_MAX];
	static char hex[2 * sizeof(out) + 1];
	uint32_t aid_len, iv_len, in_len;
	uint8_t *aid = bytes(name, &aid_len), *vector = bytes(iv, &iv_len);
	uint8_t *given = bytes(data, &in_len);
	struct secmod_app_key key = { aid, aid_len, (uint16_t)dgi };
	struct secmod_bytes in = { given, in_len };
	size_t len = sizeof(out);
	int rc = secmod_use_key(module, &key, how, iv_len ? vector : NULL, &in,
				out, &len);

	if (rc) {
		puts(strerrorname_np(-rc));
	} else {
		pki_hex(out, len, hex);
		printf("ok %s\n", hex);
	}
	free(aid);
	free(vector);
	free(given);
}

int main(int argc, char **argv)
{
	static char line[LINE], aad[LINE], data[LINE], more[LINE];
	unsigned int a, b, c;

	if (argc != 2)
		return 2;
	if (secmod_open(argv[1], &module))
		errx(1, "%s", secmod_reason(NULL));
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "seal %x %s %s", &a, aad, data) == 3) {
			queue_kvn = a;
			add(aad, data, SECMOD_SEAL_OVERHEAD);
		} else if (sscanf(line, "use %s %x %u %s %s", more, &a, &b, aad,
				  data) == 5) {
			use(more, a, b, aad, data);
		} else if (sscanf(line, "open %s %s", aad, data) == 2) {
			add(aad, data, 0);
		} else if (!strcmp(line, "run\n")) {
			run();
		} else if (sscanf(line, "race-seal %x %u %u", &a, &b, &c) ==
			   3) {
			seal_race(a, b, c);
		} else if (sscanf(line, "edges %x", &a) == 1) {
			edges(a);
		} else if (sscanf(line, "race-open %u", &a) == 1) {
			open_race(a);
		} else {
			errx(2, "what is %.40s", line);
		}
		fflush(stdout);
	}
	return 0;
}
