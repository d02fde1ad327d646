/* SPDX-License-Identifier: Apache-2.0 */
/* Small files in memory. Files are left alone for half a second first, as younger ones are not
 * kept. */
#include "cache_testing.h"

#include "assets_hot.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FILES 40
#define LARGE FILES /* the number of one that is too large for little memory */

static char folder[] = "/tmp/webtier-hot-XXXXXX";

static const char *at(apr_pool_t *pool, int number)
{
    return apr_psprintf(pool, "%s/%d", folder, number);
}

static void put(apr_pool_t *pool, int number, const char *content)
{
    const char *beside = apr_psprintf(pool, "%s/new", folder);
    FILE *file = fopen(beside, "w");

    fputs(content, file);
    fclose(file);
    rename(beside, at(pool, number));
}

static int make_files(void **state)
{
    if (make_pool(state) || !mkdtemp(folder))
        return 1;
    for (int i = 0; i < FILES; i++)
        put(*state, i, apr_psprintf(*state, "content %d", i));
    put(*state, LARGE, "");
    if (truncate(at(*state, LARGE), ASSETS_HOT_SMALL + 1) != 0)
        return 1;
    apr_sleep(apr_time_from_msec(550));
    return drop_pool(state);
}

static int drop_files(void **state)
{
    make_pool(state);
    return system(apr_pstrcat(*state, "rm -rf ", folder, NULL)) || drop_pool(state);
}

static assets_hot_t *hot_of(apr_pool_t *pool, apr_size_t most)
{
    assets_hot_t *hot;

    assert_int_equal(assets_hot_create(&hot, most, pool), APR_SUCCESS);
    return hot;
}

static void open_and_put(assets_hot_t *hot, int number, apr_pool_t *pool)
{
    assets_file_t file;

    assert_int_equal(assets_file_open(&file, at(pool, number), 0, pool), APR_SUCCESS);
    assets_hot_put(hot, &file, at(pool, number), NOW);
    apr_file_close(file.file);
}

/* Returns what is known: the content, "" for no file, NULL for nothing. */
static const char *known(assets_hot_t *hot, int number, apr_time_t now, apr_pool_t *pool)
{
    assets_file_t file;
    int is_there;

    if (!assets_hot_get(hot, &file, &is_there, at(pool, number), now, pool))
        return NULL;
    assert_true(!is_there || !file.file);
    return is_there ? apr_pstrmemdup(pool, file.data, (apr_size_t)file.info.size) : "";
}

static void a_file_is_found_in_memory_until_it_changes(void **state)
{
    assets_hot_t *hot = hot_of(*state, 1000000);
    const char *first;

    assert_null(known(hot, 0, NOW, *state));
    open_and_put(hot, 0, *state);
    first = known(hot, 0, NOW, *state);
    assert_string_equal(first, "content 0");
    put(*state, 0, "changed");
    assert_string_equal(known(hot, 0, NOW + ASSETS_HOT_LOOK - 1, *state), "content 0");
    assert_null(known(hot, 0, NOW + ASSETS_HOT_LOOK, *state));
    assert_int_equal(assets_hot_bytes(hot), 0);
    open_and_put(hot, 0, *state); /* too young to be told from a later change */
    assert_null(known(hot, 0, NOW, *state));
    /* what is kept beside it counts as well */
    open_and_put(hot, 1, *state);
    setxattr(at(*state, 1), "user.any", "x", 1, 0);
    assert_null(known(hot, 1, NOW + ASSETS_HOT_LOOK, *state));
    /* gone, and there again */
    open_and_put(hot, 2, *state);
    unlink(at(*state, 2));
    assert_null(known(hot, 2, NOW + ASSETS_HOT_LOOK, *state));
    assets_hot_put(hot, NULL, at(*state, 2), NOW);
    assert_string_equal(known(hot, 2, NOW + ASSETS_HOT_LOOK, *state), "");
    put(*state, 2, "back");
    assert_null(known(hot, 2, NOW + 2 * ASSETS_HOT_LOOK, *state));
}

static void what_was_not_used_makes_room(void **state)
{
    assets_hot_t *hot = hot_of(*state, 100000); /* eleven, at 8.7 KiB each */
    int kept = 0, lost = 0;

    open_and_put(hot, 3, *state);
    for (int i = 4; i < 3 * FILES; i++) {
        if (i % FILES < 4)
            continue;
        open_and_put(hot, i % FILES, *state);
        assert_true(assets_hot_bytes(hot) <= 100000);
        /* In use all the time; another one may have the same place, as the folder's name is chance.
         */
        if (!known(hot, 3, NOW, *state)) {
            open_and_put(hot, 3, *state);
            lost++;
        }
        assert_string_equal(known(hot, 3, NOW, *state), "content 3");
    }
    assert_true(lost <= 3); /* three rounds */
    for (int i = 3; i < FILES; i++)
        kept += known(hot, i, NOW, *state) != NULL;
    assert_true(kept >= 8 && kept <= 11);
}

static void more_memory_keeps_larger_files(void **state)
{
    assets_hot_t *hot = hot_of(*state, 1000000), *roomy = hot_of(*state, 3 * 64 * 65536);
    assets_file_t file;
    int is_there;

    open_and_put(hot, LARGE, *state);
    open_and_put(roomy, LARGE, *state);
    assert_true(assets_hot_get(hot, &file, &is_there, at(*state, LARGE), NOW, *state));
    assert_null(file.data);
    assert_true(assets_hot_get(roomy, &file, &is_there, at(*state, LARGE), NOW, *state));
    assert_non_null(file.data);
    assert_true(assets_hot_bytes(roomy) > ASSETS_HOT_SMALL);
}

/* Opened when they are wanted, unless they have been replaced. */
static void large_files_are_known_only(void **state)
{
    assets_hot_t *hot = hot_of(*state, 1000000);
    const char *path = at(*state, LARGE);
    assets_file_t file;
    int is_there = 0;

    assert_int_equal(assets_file_open(&file, path, 0, *state), APR_SUCCESS);
    file.has_record = 1; /* as if it had been fetched */
    assets_hot_put(hot, &file, path, NOW);
    assert_int_equal(assets_hot_bytes(hot), 0);
    file.has_record = 0;
    assets_hot_put(hot, &file, path, NOW);
    assert_true(assets_hot_get(hot, &file, &is_there, path, NOW, *state));
    assert_true(is_there && !file.data && !file.file);
    assert_int_equal(file.info.size, ASSETS_HOT_SMALL + 1);
    assert_true(assets_file_is_at(&file, path, *state));
    assert_int_equal(assets_file_reopen(&file, path, 0, *state), APR_SUCCESS);
    assert_non_null(file.file);

    put(*state, LARGE, "another");
    assert_true(assets_hot_get(hot, &file, &is_there, path, NOW, *state));
    assert_false(assets_file_is_at(&file, path, *state));
    assert_int_equal(assets_file_reopen(&file, path, 0, *state), APR_EMISMATCH);
    assert_null(file.file);
    unlink(path);
    assert_false(assets_file_is_at(&file, path, *state));
    assert_true(APR_STATUS_IS_ENOENT(assets_file_reopen(&file, path, 0, *state)));
    assert_false(assets_hot_get(hot, &file, &is_there, path, NOW + 2 * ASSETS_HOT_LOOK, *state));
}

static void *use(void *data)
{
    assets_hot_t *hot = data;

    for (int i = 0; i < 3000; i++) {
        apr_pool_t *pool;
        const char *content;
        int number = 5 + i % (FILES - 5);

        apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
        content = known(hot, number, NOW + i * 1000, pool);
        if (!content)
            open_and_put(hot, number, pool);
        else if (strcmp(content, apr_psprintf(pool, "content %d", number)) != 0)
            abort();
        apr_pool_destroy(pool);
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    assets_hot_t *hot = hot_of(*state, 100000);
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, hot), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(assets_hot_bytes(hot) <= 100000);
}

static const assets_ready_t *told(assets_hot_t *hot, int number, apr_time_t now, apr_pool_t *pool)
{
    assets_file_t file;
    int is_there;

    return assets_hot_get(hot, &file, &is_there, at(pool, number), now, pool) ? file.ready : NULL;
}

/* By the first who says it, and of that very content. */
static void what_was_made_of_a_file_is_kept_with_it(void **state)
{
    assets_hot_t *hot = hot_of(*state, 1000000);
    char type[] = "text/css", etag[] = "\"1\"";
    const assets_ready_t first = {hot, type, etag, "now"}, second = {hot, NULL, "\"2\"", "then"};
    const assets_ready_t *ready;
    assets_file_t file, other;
    int is_there;

    assets_hot_tell(hot, &file, at(*state, 3), &first); /* nothing is known of it */
    open_and_put(hot, 3, *state);
    open_and_put(hot, 4, *state);
    assert_null(told(hot, 3, NOW, *state));
    assert_true(assets_hot_get(hot, &file, &is_there, at(*state, 3), NOW, *state));
    assert_true(assets_hot_get(hot, &other, &is_there, at(*state, 4), NOW, *state));
    assets_hot_tell(hot, &other, at(*state, 3), &first); /* of another file */
    assert_null(told(hot, 3, NOW, *state));
    assets_hot_tell(hot, &file, at(*state, 3), &first);
    assets_hot_tell(hot, &file, at(*state, 3), &second);
    type[0] = etag[1] = '-';
    ready = told(hot, 3, NOW, *state);
    assert_ptr_equal(ready->config, hot);
    assert_string_equal(ready->type, "text/css");
    assert_string_equal(ready->etag, "\"1\"");
    assert_string_equal(ready->modified, "now");
    assets_hot_tell(hot, &other, at(*state, 4), &second);
    assert_null(told(hot, 4, NOW, *state)->type);
    setxattr(at(*state, 3), "user.any", "y", 1, 0);
    assert_null(told(hot, 3, NOW + ASSETS_HOT_LOOK, *state));
    open_and_put(hot, 3, *state);
    assert_null(told(hot, 3, NOW + ASSETS_HOT_LOOK, *state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_file_is_found_in_memory_until_it_changes),
        POOL_TEST(what_was_not_used_makes_room),
        POOL_TEST(more_memory_keeps_larger_files),
        POOL_TEST(large_files_are_known_only),
        POOL_TEST(threads_share_it),
        POOL_TEST(what_was_made_of_a_file_is_kept_with_it), /* changes one of them */
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, make_files, drop_files);
}
