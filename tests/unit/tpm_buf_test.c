// SPDX-License-Identifier: GPL-2.0-only
/* The writer and the reader, with memory that ends at a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tpm/buf.h"

/* @size bytes, right behind which nothing may be touched. */
static u8 *guarded(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	u8 *at = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at + page, page, PROT_NONE), 0);
	return at + page - size;
}

static void unguard(u8 *at, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	assert_int_equal(munmap(at + size - page, 2 * page), 0);
}

/* Everything a writer can write. */
static void write_all(struct t2_writer *w)
{
	size_t outer = t2_open_u32(w), inner;

	t2_put_u8(w, 0x01);
	t2_put_u16(w, 0x0203);
	t2_put_u32(w, 0x04050607);
	t2_put_u64(w, 0x08090a0b0c0d0e0f);
	inner = t2_open_u16(w);
	t2_put_bytes(w, "abc", 3);
	t2_close_u16(w, inner);
	t2_put_2b(w, "de", 2);
	t2_close_u32(w, outer);
}

static const u8 all[] = {
	0,  0,	0,  24, 1,  2, 3, 4,   5,   6,	 7, 8, 9,   10,
	11, 12, 13, 14, 15, 0, 3, 'a', 'b', 'c', 0, 2, 'd', 'e',
};

static void writes_big_endian(void **state)
{
	u8 *at = guarded(sizeof(all));
	struct t2_writer w;

	(void)state;
	t2_writer_init(&w, at, sizeof(all));
	write_all(&w);
	assert_false(w.bad);
	assert_int_equal(w.len, sizeof(all));
	assert_memory_equal(at, all, sizeof(all));
	t2_put_bytes(&w, NULL, 0); /* nothing fits where nothing is left */
	assert_false(w.bad);
	t2_put_u8(&w, 1);
	assert_true(w.bad);
	unguard(at, sizeof(all));
}

static void write_error_sticks_at_every_size(void **state)
{
	size_t size;

	(void)state;
	for (size = 1; size < sizeof(all); size++) {
		u8 *at = guarded(size);
		struct t2_writer w;

		t2_writer_init(&w, at, size);
		write_all(&w);
		assert_true(w.bad);
		at[size - 1] = 0xee;
		w.len = size - 1;
		t2_put_u8(&w, 1); /* there is room, but it was bad once */
		assert_int_equal(w.len, size - 1);
		assert_int_equal(at[size - 1], 0xee);
		unguard(at, size);
	}
}

static void write_of_too_much_is_an_error(void **state)
{
	static u8 big[0x20000], data[0x10000];
	struct t2_writer w;
	size_t at;

	(void)state;
	t2_writer_init(&w, big, sizeof(big));
	t2_put_2b(&w, data, 0xffff);
	assert_false(w.bad);
	t2_writer_init(&w, big, sizeof(big));
	t2_put_2b(&w, data, 0x10000);
	assert_true(w.bad);
	assert_int_equal(w.len, 0);
	t2_writer_init(&w, big, sizeof(big));
	at = t2_open_u16(&w);
	t2_put_bytes(&w, data, 0x10000);
	t2_close_u16(&w, at);
	assert_true(w.bad);
	t2_writer_init(&w, big, sizeof(big));
	t2_put_bytes(&w, data, SIZE_MAX);
	assert_true(w.bad);
	t2_writer_init(&w, big, sizeof(big));
	t2_close_u32(&w, 0); /* was never opened */
	assert_true(w.bad);
}

/* Reads what write_all() wrote. */
static void read_all(struct t2_reader *r)
{
	u8 out[4];
	size_t len;

	t2_get_u32(r);
	t2_get_u8(r);
	t2_get_u16(r);
	t2_get_u32(r);
	t2_get_u64(r);
	t2_get_2b(r, &len);
	t2_copy_2b(r, out, sizeof(out));
}

static void reads_what_was_written(void **state)
{
	struct t2_reader r;
	const u8 *at;
	size_t len;
	u8 out[2];

	(void)state;
	t2_reader_init(&r, all, sizeof(all));
	assert_int_equal(t2_get_u32(&r), 24);
	assert_int_equal(t2_left(&r), 24);
	assert_int_equal(t2_get_u8(&r), 0x01);
	assert_int_equal(t2_get_u16(&r), 0x0203);
	assert_int_equal(t2_get_u32(&r), 0x04050607);
	assert_true(t2_get_u64(&r) == 0x08090a0b0c0d0e0f);
	at = t2_get_2b(&r, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(at, "abc", 3);
	assert_int_equal(t2_copy_2b(&r, out, sizeof(out)), 2);
	assert_memory_equal(out, "de", 2);
	assert_false(r.bad);
	assert_int_equal(t2_left(&r), 0);
	assert_int_equal(t2_get_u8(&r), 0);
	assert_true(r.bad);
}

static void read_error_sticks_at_every_size(void **state)
{
	size_t size;

	(void)state;
	for (size = 0; size < sizeof(all); size++) {
		u8 *at = guarded(size);
		struct t2_reader r;

		memcpy(at, all, size);
		t2_reader_init(&r, at, size);
		read_all(&r);
		assert_true(r.bad);
		assert_int_equal(t2_left(&r), 0);
		assert_int_equal(t2_get_u32(&r), 0);
		assert_null(t2_get_bytes(&r, 0));
		unguard(at, size);
	}
}

static void copy_of_more_than_fits_is_an_error(void **state)
{
	const u8 data[] = { 0, 3, 'a', 'b', 'c' };
	u8 out[3] = "xyz";
	struct t2_reader r;
	size_t len = 9;

	(void)state;
	t2_reader_init(&r, data, sizeof(data));
	assert_int_equal(t2_copy_2b(&r, out, 2), 0);
	assert_true(r.bad);
	assert_memory_equal(out, "xyz", 3);
	t2_reader_init(&r, data, 4);
	assert_null(t2_get_2b(&r, &len));
	assert_int_equal(len, 0);
	t2_reader_init(&r, data, sizeof(data));
	assert_null(t2_get_bytes(&r, SIZE_MAX));
	assert_true(r.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_big_endian),
		cmocka_unit_test(write_error_sticks_at_every_size),
		cmocka_unit_test(write_of_too_much_is_an_error),
		cmocka_unit_test(reads_what_was_written),
		cmocka_unit_test(read_error_sticks_at_every_size),
		cmocka_unit_test(copy_of_more_than_fits_is_an_error),
	};

	return cmocka_run_group_tests_name("tpm buf", tests, NULL, NULL);
}
