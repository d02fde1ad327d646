/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "segment.h"

#define NAME "tier-test"

static tier_segment_t obtain(apr_uint32_t layout, apr_size_t size, apr_pool_t *pool)
{
    tier_segment_t segment;

    memset(&segment, 0xff, sizeof(segment));
    assert_int_equal(tier_segment_obtain(&segment, NAME, layout, size, pool), APR_SUCCESS);
    return segment;
}

static int is_mapped(const void *address)
{
    unsigned char resident;
    apr_uintptr_t page = (apr_uintptr_t)address & ~((apr_uintptr_t)sysconf(_SC_PAGESIZE) - 1);

    return mincore((void *)page, 1, &resident) == 0;
}

static void a_fresh_segment_is_zeroed_and_aligned(void **state)
{
    tier_segment_t segment = obtain(1, 10000, *state);
    const char *bytes = segment.base;
    apr_size_t i;

    assert_int_equal(segment.fresh, 1);
    assert_int_equal(segment.size, 10000);
    assert_null(segment.old_base);
    assert_int_equal(segment.old_size, 0);
    assert_int_equal((apr_uintptr_t)segment.base % 64, 0);
    for (i = 0; i < segment.size; i++) {
        assert_int_equal(bytes[i], 0);
    }
    memset(segment.base, 1, segment.size);
}

static void the_next_generation_finds_it(void **state)
{
    tier_segment_t first = obtain(1, 1000, *state);
    tier_segment_t second;

    strcpy(first.base, "state");
    second = obtain(1, 500, *state);
    assert_int_equal(second.fresh, 0);
    assert_ptr_equal(second.base, first.base);
    assert_int_equal(second.size, 1000);
    assert_null(second.old_base);
    assert_string_equal(second.base, "state");
}

/* The name is a string of the DSO, which is not there any more after a graceful restart. */
static void the_name_may_vanish(void **state)
{
    char name[] = NAME;
    tier_segment_t first, second;

    assert_int_equal(tier_segment_obtain(&first, name, 1, 100, *state), APR_SUCCESS);
    memset(name, 'x', sizeof(name) - 1);
    second = obtain(1, 100, *state);
    assert_int_equal(second.fresh, 0);
    assert_ptr_equal(second.base, first.base);
}

static void a_bigger_one_hands_the_old_one_over(void **state)
{
    tier_segment_t first = obtain(1, 100, *state);
    tier_segment_t second;

    strcpy(first.base, "state");
    second = obtain(1, 5000, *state);
    assert_int_equal(second.fresh, 1);
    assert_int_equal(second.size, 5000);
    assert_ptr_equal(second.old_base, first.base);
    assert_int_equal(second.old_size, 100);
    assert_string_equal(second.old_base, "state");
    assert_int_equal(*(char *)second.base, 0);

    tier_segment_done(&second, NAME, *state);
    assert_null(second.old_base);
    assert_int_equal(second.old_size, 0);
    assert_false(is_mapped(first.base));
    assert_true(is_mapped(second.base));
    tier_segment_done(&second, NAME, *state);
    assert_ptr_equal(obtain(1, 5000, *state).base, second.base);
}

static void another_layout_is_never_handed_out(void **state)
{
    tier_segment_t first = obtain(1, 1000, *state);
    tier_segment_t second = obtain(2, 100, *state);

    assert_int_equal(second.fresh, 1);
    assert_ptr_not_equal(second.base, first.base);
    assert_null(second.old_base);
    tier_segment_done(&second, NAME, *state);
    assert_false(is_mapped(first.base));
}

static void done_catches_up_with_what_was_left(void **state)
{
    tier_segment_t first = obtain(1, 100, *state);
    tier_segment_t second = obtain(1, 10000, *state);
    tier_segment_t third = obtain(1, 100000, *state);

    assert_ptr_equal(third.old_base, second.base);
    tier_segment_done(&third, NAME, *state);
    assert_false(is_mapped(first.base));
    assert_false(is_mapped(second.base));
    assert_true(is_mapped(third.base));
}

static void done_without_a_segment_does_nothing(void **state)
{
    tier_segment_t none = {0};

    tier_segment_done(&none, "tier-unknown", *state);
    assert_null(none.base);
}

static void names_do_not_mix(void **state)
{
    tier_segment_t one = obtain(1, 100, *state);
    tier_segment_t other;

    assert_int_equal(tier_segment_obtain(&other, "tier-other", 1, 100, *state), APR_SUCCESS);
    assert_int_equal(other.fresh, 1);
    assert_ptr_not_equal(one.base, other.base);
}

static void children_share_it(void **state)
{
    tier_segment_t segment = obtain(1, 100, *state);
    int status;
    pid_t child = fork();

    if (child == 0) {
        strcpy(segment.base, "written by a child");
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_string_equal(segment.base, "written by a child");
}

static void it_may_be_a_file(void **state)
{
    tier_segment_t plain = obtain(1, 100, *state);
    tier_segment_t first, again, bigger;
    char text[6] = {0};

    assert_int_equal(plain.file, -1);
    assert_int_equal(tier_segment_obtain_file(&first, "tier-file", 1, 5000, *state), APR_SUCCESS);
    assert_int_equal(first.fresh, 1);
    strcpy(first.base, "state");
    assert_int_equal(pread(first.file, text, sizeof(text), 0), sizeof(text));
    assert_string_equal(text, "state");
    assert_int_equal(tier_segment_obtain_file(&again, "tier-file", 1, 5000, *state), APR_SUCCESS);
    assert_int_equal(again.fresh, 0);
    assert_ptr_equal(again.base, first.base);
    assert_int_equal(again.file, first.file);
    assert_int_equal(tier_segment_obtain_file(&bigger, "tier-file", 1, 9000, *state), APR_SUCCESS);
    assert_ptr_equal(bigger.old_base, first.base);
    tier_segment_done(&bigger, "tier-file", *state);
    assert_false(is_mapped(first.base));
    assert_int_equal(fcntl(first.file, F_GETFD), -1);
    assert_true(is_mapped(bigger.base));
}

static void it_is_no_file_where_that_cannot_be(void **state)
{
    struct rlimit limit, low;
    tier_segment_t segment;

    getrlimit(RLIMIT_FSIZE, &limit);
    low = limit;
    low.rlim_cur = 1000;
    setrlimit(RLIMIT_FSIZE, &low);
    assert_int_equal(tier_segment_obtain_file(&segment, "tier-file", 1, 5000, *state), APR_SUCCESS);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(segment.file, -1);
    memset(segment.base, 1, segment.size);
}

static void an_impossible_size_is_an_error(void **state)
{
    tier_segment_t segment;

    assert_int_equal(tier_segment_obtain(&segment, NAME, 1, APR_SIZE_MAX, *state), APR_ENOMEM);
    assert_int_not_equal(tier_segment_obtain(&segment, NAME, 1, APR_SIZE_MAX / 4, *state),
                         APR_SUCCESS);
    assert_int_equal(obtain(1, 100, *state).fresh, 1);
}

static void the_pool_unmaps_it(void **state)
{
    apr_pool_t *process_pool;
    tier_segment_t segment;

    apr_pool_create(&process_pool, *state);
    segment = obtain(1, 100, process_pool);
    assert_true(is_mapped(segment.base));
    apr_pool_destroy(process_pool);
    assert_false(is_mapped(segment.base));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_fresh_segment_is_zeroed_and_aligned),
        test_with_pool(the_next_generation_finds_it),
        test_with_pool(the_name_may_vanish),
        test_with_pool(a_bigger_one_hands_the_old_one_over),
        test_with_pool(another_layout_is_never_handed_out),
        test_with_pool(done_catches_up_with_what_was_left),
        test_with_pool(done_without_a_segment_does_nothing),
        test_with_pool(names_do_not_mix),
        test_with_pool(children_share_it),
        test_with_pool(it_may_be_a_file),
        test_with_pool(it_is_no_file_where_that_cannot_be),
        test_with_pool(an_impossible_size_is_an_error),
        test_with_pool(the_pool_unmaps_it),
    };
    return cmocka_run_group_tests_name("common_segment", tests, start_apr, stop_apr);
}
