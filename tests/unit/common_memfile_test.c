/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <apr_portable.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "memfile.h"

#define PAGE ((apr_size_t)sysconf(_SC_PAGESIZE))

static tier_memfile_t make(apr_size_t size, apr_pool_t *pool)
{
    tier_memfile_t memfile;

    assert_int_equal(tier_memfile_make(&memfile, size, pool), APR_SUCCESS);
    return memfile;
}

static int descriptor_of(const tier_memfile_t *memfile)
{
    int descriptor;

    apr_os_file_get(&descriptor, memfile->file);
    return descriptor;
}

static int is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) >= 0;
}

static void the_file_is_the_memory(void **state)
{
    tier_memfile_t memfile = make(3 * PAGE, *state);
    char *memory = memfile.map->mm;
    char read[5] = {0};

    for (apr_size_t i = 0; i < 3 * PAGE; i++)
        assert_int_equal(memory[i], 0);
    strcpy(memory + PAGE, "text");
    assert_int_equal(pread(descriptor_of(&memfile), read, 5, (off_t)PAGE), 5);
    assert_string_equal(read, "text");
    assert_true(fcntl(descriptor_of(&memfile), F_GETFD) & FD_CLOEXEC);
}

static void children_share_it(void **state)
{
    tier_memfile_t memfile = make(PAGE, *state);
    int status;
    pid_t child = fork();

    if (child == 0) {
        strcpy(memfile.map->mm, "written by a child");
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_string_equal(memfile.map->mm, "written by a child");
}

/* What the kernel was told to send stays what it was; a pipe stands for a socket. */
static void what_is_discarded_is_sent_as_it_was(void **state)
{
    tier_memfile_t memfile = make(3 * PAGE, *state);
    char *memory = memfile.map->mm;
    char *sent = apr_palloc(*state, PAGE);
    off_t from = (off_t)PAGE;
    int ends[2];

    memset(memory, 'o', 3 * PAGE);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(splice(descriptor_of(&memfile), &from, ends[1], NULL, PAGE, 0), PAGE);
    assert_int_equal(tier_memfile_discard(descriptor_of(&memfile), (apr_off_t)PAGE, PAGE),
                     APR_SUCCESS);
    assert_int_equal(memory[PAGE - 1], 'o');
    assert_int_equal(memory[PAGE], 0);
    assert_int_equal(memory[2 * PAGE - 1], 0);
    assert_int_equal(memory[2 * PAGE], 'o');
    memset(memory, 'n', 3 * PAGE);
    assert_int_equal(read(ends[0], sent, PAGE), PAGE);
    for (apr_size_t i = 0; i < PAGE; i++)
        assert_int_equal(sent[i], 'o');
    close(ends[0]);
    close(ends[1]);
}

static void what_cannot_be_discarded_is_told(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_not_equal(tier_memfile_discard(ends[0], 0, PAGE), APR_SUCCESS);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(tier_memfile_discard(ends[0], 0, PAGE), EBADF);
}

static void each_who_opens_it_has_a_position(void **state)
{
    tier_memfile_t memfile = make(PAGE, *state);
    apr_file_t *one, *other;
    apr_pool_t *pool;
    apr_size_t size = 3;
    char text[4] = {0};
    int descriptor;

    strcpy(memfile.map->mm, "abcdef");
    apr_pool_create(&pool, *state);
    assert_int_equal(tier_memfile_open(&one, descriptor_of(&memfile), pool), APR_SUCCESS);
    assert_int_equal(tier_memfile_open(&other, descriptor_of(&memfile), pool), APR_SUCCESS);
    assert_true(apr_file_flags_get(one) & APR_FOPEN_SENDFILE_ENABLED);
    apr_file_read(one, text, &size);
    assert_string_equal(text, "abc");
    apr_file_read(other, text, &size);
    assert_string_equal(text, "abc");
    apr_os_file_get(&descriptor, one);
    apr_pool_destroy(pool);
    assert_false(is_open(descriptor));
    assert_int_not_equal(tier_memfile_open(&one, descriptor, *state), APR_SUCCESS);
}

static void destroy_ends_it(void **state)
{
    tier_memfile_t memfile = make(PAGE, *state);
    int descriptor = descriptor_of(&memfile);
    unsigned char resident;
    void *memory = memfile.map->mm;

    tier_memfile_destroy(&memfile);
    assert_false(is_open(descriptor));
    assert_int_not_equal(mincore(memory, PAGE, &resident), 0);
}

static void a_limit_of_file_sizes_is_respected(void **state)
{
    struct rlimit limit, low;
    tier_memfile_t memfile;

    getrlimit(RLIMIT_FSIZE, &limit);
    low = limit;
    low.rlim_cur = 10 * PAGE;
    setrlimit(RLIMIT_FSIZE, &low);
    assert_int_equal(tier_memfile_make(&memfile, 11 * PAGE, *state), APR_ENOTIMPL);
    assert_int_equal(tier_memfile_make(&memfile, 10 * PAGE, *state), APR_SUCCESS);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_not_equal(tier_memfile_make(&memfile, APR_SIZE_MAX / 4, *state), APR_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(the_file_is_the_memory),
        test_with_pool(children_share_it),
        test_with_pool(what_is_discarded_is_sent_as_it_was),
        test_with_pool(what_cannot_be_discarded_is_told),
        test_with_pool(each_who_opens_it_has_a_position),
        test_with_pool(destroy_ends_it),
        test_with_pool(a_limit_of_file_sizes_is_respected),
    };
    return cmocka_run_group_tests_name("common_memfile", tests, start_apr, stop_apr);
}
