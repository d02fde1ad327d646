/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <sys/stat.h>

#include "health_state.h"
#include "health_state_file.h"

#define SECOND apr_time_from_sec(1)
#define NOW    (1000 * SECOND)

/* A folder that is gone after the test, a table with a member, and the one who writes it there. */
typedef struct fixture_t {
    char folder[32];
    health_table_t *table;
    kept_log_t log;
    health_keeper_t keeper;
    apr_pool_t *pool;
} fixture_t;

static int open_folder(void **state)
{
    fixture_t *f = calloc(1, sizeof(*f));
    apr_pool_t *pool;

    *state = f;
    strcpy(f->folder, "/tmp/webtier-state-XXXXXX");
    if (!mkdtemp(f->folder) || apr_pool_create(&f->pool, NULL) != APR_SUCCESS)
        return -1;
    apr_pool_create(&pool, f->pool);
    f->table = health_table_format(apr_pcalloc(f->pool, health_table_size(1100)), 1100);
    f->keeper.path = apr_pstrcat(f->pool, f->folder, "/state", NULL);
    f->keeper.table = f->table;
    f->keeper.log = keep_log(&f->log);
    f->keeper.pool = pool;
    return 0;
}

/* Removes what is in the folder; returns how much it was. */
static int empty_folder(const fixture_t *f)
{
    apr_finfo_t info;
    apr_dir_t *folder;
    int count = 0;

    assert_int_equal(apr_dir_open(&folder, f->folder, f->pool), APR_SUCCESS);
    while (apr_dir_read(&info, APR_FINFO_NAME, folder) == APR_SUCCESS) {
        if (info.name[0] == '.')
            continue;
        remove(apr_pstrcat(f->pool, f->folder, "/", info.name, NULL));
        count++;
    }
    apr_dir_close(folder);
    return count;
}

static int drop_folder(void **state)
{
    fixture_t *f = *state;

    empty_folder(f);
    rmdir(f->folder);
    apr_pool_destroy(f->pool);
    free(f);
    return 0;
}

#define test_in_folder(function) cmocka_unit_test_setup_teardown(function, open_folder, drop_folder)

static void add_members(fixture_t *f, int from, int to)
{
    for (int i = from; i < to; i++) {
        health_key_t key;

        health_key_set(&key, "", "balancer://app", apr_psprintf(f->pool, "http://m%d", i));
        assert_non_null(health_table_claim(f->table, &key, 1000));
    }
}

static void write_file(const fixture_t *f, const char *text)
{
    FILE *file = fopen(f->keeper.path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void count_member(void *visitor, const health_record_t *record)
{
    assert_string_equal(record->key.balancer, "balancer://app");
    ++*(int *)visitor;
}

/* Returns how many members the file has, as the next start sees it. */
static int load(fixture_t *f)
{
    int count = 0;

    health_state_file_load(f->keeper.path, count_member, &count, &f->log.log, f->pool);
    return count;
}

static void assert_ignored(fixture_t *f, const char *why)
{
    assert_int_equal(load(f), 0);
    assert_int_equal(count_lines(&f->log, "WT1070"), 1);
    assert_non_null(strstr(f->log.lines[0].text, why));
    assert_non_null(strstr(f->log.lines[0].text, f->keeper.path));
}

static void first_start_has_no_file(void **state)
{
    fixture_t *f = *state;

    assert_int_equal(load(f), 0);
    assert_int_equal(f->log.count, 0);
}

/* A folder can be opened, but is none of ours; so the test is right for root too. */
static void file_that_cannot_be_read(void **state)
{
    fixture_t *f = *state;

    f->keeper.path = f->folder;
    assert_ignored(f, "it cannot be read");
    assert_int_equal(f->log.lines[0].status, APR_EINVAL);
}

static void file_below_a_file(void **state)
{
    fixture_t *f = *state;

    write_file(f, "");
    f->keeper.path = apr_pstrcat(f->pool, f->keeper.path, "/state", NULL);
    assert_ignored(f, "it cannot be read");
    assert_true(APR_STATUS_IS_ENOTDIR(f->log.lines[0].status));
}

static void damaged_file(void **state)
{
    fixture_t *f = *state;
    apr_size_t size;
    char *text;

    add_members(f, 0, 3);
    text = apr_pstrdup(f->pool, health_state_encode(f->table, &size, f->pool));
    text[size - 20] ^= 1;
    write_file(f, text);
    assert_ignored(f, "its checksum is wrong");
    assert_int_equal(f->log.lines[0].status, APR_SUCCESS);
}

static void file_of_somebody_else(void **state)
{
    fixture_t *f = *state;

    write_file(f, "");
    assert_ignored(f, "it is none of this version");
}

static void file_that_is_too_large(void **state)
{
    fixture_t *f = *state;

    write_file(f, "");
    assert_int_equal(truncate(f->keeper.path, HEALTH_STATE_MAX + 1), 0);
    assert_ignored(f, "it cannot be read");
}

static void what_is_written_is_loaded(void **state)
{
    fixture_t *f = *state;
    struct stat info;

    add_members(f, 0, 3);
    health_keeper_tick(&f->keeper, NOW);
    assert_int_equal(load(f), 3);
    assert_int_equal(f->log.count, 0);
    assert_int_equal(stat(f->keeper.path, &info), 0);
    assert_int_equal(info.st_mode & (S_IWGRP | S_IRWXO), 0); /* names of machines inside */
    assert_int_equal(empty_folder(f), 1);                    /* nothing else is left behind */
}

static void nothing_is_written_without_a_path(void **state)
{
    fixture_t *f = *state;

    add_members(f, 0, 1);
    f->keeper.path = NULL;
    health_keeper_tick(&f->keeper, 0);
    assert_int_equal(empty_folder(f), 0);
}

/* Whoever has the old file open goes on reading the old one. */
static void reader_has_the_old_or_the_new(void **state)
{
    fixture_t *f = *state;
    struct stat old, now;
    FILE *reader;

    add_members(f, 0, 1);
    health_keeper_tick(&f->keeper, NOW);
    reader = fopen(f->keeper.path, "r");
    assert_non_null(reader);
    assert_int_equal(fstat(fileno(reader), &old), 0);
    add_members(f, 1, 9);
    health_keeper_tick(&f->keeper, NOW + SECOND);
    assert_int_equal(fstat(fileno(reader), &now), 0);
    assert_int_equal(now.st_size, old.st_size);
    fclose(reader);
    assert_int_equal(load(f), 9);
}

static void once_a_second_and_at_the_end(void **state)
{
    fixture_t *f = *state;

    add_members(f, 0, 1);
    health_keeper_tick(&f->keeper, NOW);
    add_members(f, 1, 2);
    health_keeper_tick(&f->keeper, NOW + SECOND - 1);
    assert_int_equal(load(f), 1);
    health_keeper_tick(&f->keeper, NOW + SECOND);
    assert_int_equal(load(f), 2);
    add_members(f, 2, 3);
    health_keeper_tick(&f->keeper, 0);
    assert_int_equal(load(f), 3);
}

static void less_often_with_many_members(void **state)
{
    fixture_t *f = *state;

    add_members(f, 0, 1000);
    health_keeper_tick(&f->keeper, NOW);
    add_members(f, 1000, 1001);
    health_keeper_tick(&f->keeper, NOW + 3 * SECOND - 1);
    assert_int_equal(load(f), 1000);
    health_keeper_tick(&f->keeper, NOW + 3 * SECOND);
    assert_int_equal(load(f), 1001);
}

static void only_when_something_has_changed(void **state)
{
    fixture_t *f = *state;

    add_members(f, 0, 1);
    health_keeper_tick(&f->keeper, NOW);
    assert_int_equal(empty_folder(f), 1);
    health_keeper_tick(&f->keeper, NOW + SECOND);
    health_keeper_tick(&f->keeper, 0);
    assert_int_equal(empty_folder(f), 0);
}

/* Told once, tried again each second, and told when it works again. */
static void folder_that_is_not_there(void **state)
{
    fixture_t *f = *state;
    const char *folder = apr_pstrcat(f->pool, f->folder, "/later", NULL);

    add_members(f, 0, 2);
    f->keeper.path = apr_pstrcat(f->pool, folder, "/state", NULL);
    health_keeper_tick(&f->keeper, NOW);
    health_keeper_tick(&f->keeper, NOW + SECOND);
    assert_int_equal(count_lines(&f->log, "WT1071"), 1);
    assert_int_equal(f->log.count, 1);
    assert_int_equal(mkdir(folder, 0700), 0);
    health_keeper_tick(&f->keeper, NOW + 2 * SECOND);
    assert_int_equal(count_lines(&f->log, "WT1072"), 1);
    assert_int_equal(load(f), 2);
    assert_int_equal(remove(f->keeper.path), 0);
    assert_int_equal(f->log.count, 2);
}

static void what_cannot_be_put_in_its_place_is_not_left_behind(void **state)
{
    fixture_t *f = *state;

    add_members(f, 0, 1);
    assert_int_equal(mkdir(f->keeper.path, 0700), 0);
    health_keeper_tick(&f->keeper, NOW);
    assert_int_equal(count_lines(&f->log, "WT1071"), 1);
    assert_int_equal(empty_folder(f), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_folder(first_start_has_no_file),
        test_in_folder(file_that_cannot_be_read),
        test_in_folder(file_below_a_file),
        test_in_folder(damaged_file),
        test_in_folder(file_of_somebody_else),
        test_in_folder(file_that_is_too_large),
        test_in_folder(what_is_written_is_loaded),
        test_in_folder(nothing_is_written_without_a_path),
        test_in_folder(reader_has_the_old_or_the_new),
        test_in_folder(once_a_second_and_at_the_end),
        test_in_folder(less_often_with_many_members),
        test_in_folder(only_when_something_has_changed),
        test_in_folder(folder_that_is_not_there),
        test_in_folder(what_cannot_be_put_in_its_place_is_not_left_behind),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
