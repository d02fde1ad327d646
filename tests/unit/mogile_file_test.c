/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_testing.h"

#define URL1 "http://127.0.0.1:11021/dev1/0/000/000/0000000004.fid"
#define URL3 "http://127.0.0.1:11023/dev3/0/000/000/0000000004.fid"

static mogile_answer_t answer;

static const mogile_copy_t *copy_at(const mogile_file_t *file, int i)
{
    return &APR_ARRAY_IDX(file->copies, i, mogile_copy_t);
}

static void paths_follow_the_digits_of_the_fid(void **state)
{
    assert_string_equal(mogile_file_path(1, 4, *state), "/dev1/0/000/000/0000000004.fid");
    assert_string_equal(mogile_file_path(12, 1234567890, *state),
                        "/dev12/1/234/567/1234567890.fid");
    assert_string_equal(mogile_file_path(3, 12345678901, *state),
                        "/dev3/1/234/567/12345678901.fid");
}

static void only_paths_of_devices_are_believed(void **state)
{
    static const char *const wrong[] = {
        "",
        "http://",
        "/dev1/0/000/000/0000000004.fid",
        "https://127.0.0.1:11021/dev1/0/000/000/0000000004.fid",
        "ftp://127.0.0.1/dev1/0/000/000/0000000004.fid",
        "http://u:p@127.0.0.1/dev1/0/000/000/0000000004.fid",
        "http://127.0.0.1:0/dev1/0/000/000/0000000004.fid",
        "http://127.0.0.1:65536/dev1/0/000/000/0000000004.fid",
        "http://127.0.0.1:123456/dev1/0/000/000/0000000004.fid",
        "http://127.0.0.1:/dev1/0/000/000/0000000004.fid",
        "http://[::1/dev1/0/000/000/0000000004.fid",
        "http://a b/dev1/0/000/000/0000000004.fid",
        "http://127.0.0.1/dev/0/000/000/0000000004.fid",
        "http://127.0.0.1/dev01/0/000/000/0000000004.fid",
        "http://127.0.0.1/dev1/0/000/000/0000000004.fid?x",
        "http://127.0.0.1/dev1/0/000/000/0000000004",
        "http://127.0.0.1/dev1/0/000/001/0000000004.fid",
        "http://127.0.0.1/dev1/../0/000/000/0000000004.fid",
        "http://127.0.0.1/dev1/0/000/000/4.fid",
        "http://127.0.0.1/dev1/0/000/000/0000000000.fid",
        "http://127.0.0.1/dev1",
        "http://127.0.0.1/dev1234567890/0/000/000/0000000004.fid",
    };
    mogile_copy_t copy;
    apr_int64_t fid;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(mogile_file_read_url(&copy, &fid, wrong[i], *state));
    assert_true(mogile_file_read_url(&copy, &fid, URL3, *state));
    assert_string_equal(copy.node, "127.0.0.1:11023");
    assert_int_equal(copy.devid, 3);
    assert_int_equal(fid, 4);
    assert_true(mogile_file_read_url(
        &copy, &fid, "http://[fd00::7]:7500/dev10/9/999/999/9999999999.fid", *state));
    assert_string_equal(copy.node, "[fd00::7]:7500");
    assert_int_equal(fid, 9999999999);
}

static void get_paths_gives_the_copies_in_order(void **state)
{
    mogile_file_t *file = mogile_file_make(*state);

    read_answer_to(&answer, "get_paths domain=web&noverify=1&key=f1k&callid=42\r\n", *state);
    assert_int_equal(mogile_file_of_paths(file, &answer, *state), APR_SUCCESS);
    assert_int_equal(file->fid, 4);
    assert_int_equal(file->length, -1);
    assert_int_equal(file->copies->nelts, 2);
    assert_string_equal(copy_at(file, 0)->url, URL1);
    assert_string_equal(copy_at(file, 1)->url, URL3);
}

static apr_status_t paths_of(const char *text, apr_pool_t *pool)
{
    assert_int_equal(mogile_wire_read(&answer, text, strlen(text), pool), APR_SUCCESS);
    return mogile_file_of_paths(mogile_file_make(pool), &answer, pool);
}

static void broken_answers_of_get_paths_are_refused(void **state)
{
    assert_int_equal(paths_of("OK paths=0", *state), APR_SUCCESS);
    assert_int_equal(paths_of("OK paths=1&path1=" URL1, *state), APR_SUCCESS);
    assert_int_equal(paths_of("ERR unknown_key x", *state), APR_EGENERAL);
    assert_int_equal(paths_of("OK ", *state), APR_EGENERAL);
    assert_int_equal(paths_of("OK paths=2&path1=" URL1, *state), APR_EGENERAL);
    assert_int_equal(paths_of("OK paths=65", *state), APR_EGENERAL);
    assert_int_equal(paths_of("OK paths=x&path1=" URL1, *state), APR_EGENERAL);
    assert_int_equal(paths_of("OK paths=1&path1=http://127.0.0.1/etc/passwd", *state),
                     APR_EGENERAL);
    /* Two fids cannot be one body. */
    assert_int_equal(paths_of("OK paths=2&path1=" URL1
                              "&path2=http://127.0.0.1:1/dev3/0/000/000/0000000005.fid",
                              *state),
                     APR_EGENERAL);
}

static void file_info_gives_length_and_checksum(void **state)
{
    mogile_file_t *file = mogile_file_make(*state);

    assert_int_equal(mogile_file_add(file, URL1, *state), APR_SUCCESS);
    read_answer_to(&answer, "file_info domain=web&key=f1k\r\n", *state);
    assert_int_equal(mogile_file_of_info(file, &answer, *state), APR_SUCCESS);
    assert_int_equal(file->length, 1024);
    assert_string_equal(file->md5, "e99c1d7d37b1470a24b395e411f3b18b");
    file->fid = 5; /* overwritten in between */
    file->length = -1;
    file->md5 = NULL;
    assert_int_equal(mogile_file_of_info(file, &answer, *state), APR_SUCCESS);
    assert_int_equal(file->length, -1);
    assert_null(file->md5);
    read_answer_to(&answer, "file_info domain=web&key=zz\r\n", *state);
    assert_int_equal(mogile_file_of_info(file, &answer, *state), APR_EGENERAL);
}

static void create_open_gives_the_destinations(void **state)
{
    mogile_file_t *file = mogile_file_make(*state);

    read_answer_to(
        &answer, "create_open domain=web&class=photo&key=t1&multi_dest=1&size=5&fid=0\r\n", *state);
    assert_int_equal(mogile_file_of_open(file, &answer, *state), APR_SUCCESS);
    assert_int_equal(file->fid, 15);
    assert_int_equal(file->copies->nelts, 3);
    assert_int_equal(copy_at(file, 2)->devid, 3);
    assert_string_equal(copy_at(file, 2)->node, "127.0.0.1:11023");
}

static void broken_answers_of_create_open_are_refused(void **state)
{
    static const char *const wrong[] = {
        "ERR no_devices x",
        "OK fid=4&dev_count=0",
        "OK fid=4&dev_count=1&path_1=" URL1,
        "OK fid=4&dev_count=1&path_1=" URL1 "&devid_1=2",
        "OK fid=5&dev_count=1&path_1=" URL1 "&devid_1=1",
        "OK dev_count=1&path_1=" URL1 "&devid_1=1",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_int_equal(mogile_wire_read(&answer, wrong[i], strlen(wrong[i]), *state),
                         APR_SUCCESS);
        assert_int_equal(mogile_file_of_open(mogile_file_make(*state), &answer, *state),
                         APR_EGENERAL);
    }
}

static mogile_file_t *a_file(apr_pool_t *pool)
{
    mogile_file_t *file = mogile_file_make(pool);

    mogile_file_add(file, URL1, pool);
    mogile_file_add(file, URL3, pool);
    file->length = 1024;
    file->md5 = "e99c1d7d37b1470a24b395e411f3b18b";
    return file;
}

static void a_record_is_read_as_it_was_written(void **state)
{
    apr_size_t size;
    char *text = mogile_file_write(a_file(*state), "web", "a b&c", &size, *state);
    mogile_file_t *file;

    assert_int_equal(mogile_file_read(&file, text, size, "web", "a b&c", *state), APR_SUCCESS);
    assert_int_equal(file->fid, 4);
    assert_int_equal(file->length, 1024);
    assert_string_equal(file->md5, "e99c1d7d37b1470a24b395e411f3b18b");
    assert_int_equal(file->copies->nelts, 2);
    assert_string_equal(copy_at(file, 1)->url, URL3);
    text = mogile_file_write(NULL, "web", "none", &size, *state);
    assert_int_equal(mogile_file_read(&file, text, size, "web", "none", *state), APR_SUCCESS);
    assert_null(file);
}

static void a_record_of_another_key_is_none(void **state)
{
    apr_size_t size;
    char *text = mogile_file_write(a_file(*state), "web", "key", &size, *state);
    mogile_file_t *file;

    assert_int_equal(mogile_file_read(&file, text, size, "web", "KEY", *state), APR_EGENERAL);
    assert_int_equal(mogile_file_read(&file, text, size, "web", "ke", *state), APR_EGENERAL);
    assert_int_equal(mogile_file_read(&file, text, size, "web", "key ", *state), APR_EGENERAL);
    assert_int_equal(mogile_file_read(&file, text, size, "other", "key", *state), APR_EGENERAL);
    for (apr_size_t cut = 0; cut < size - strlen(URL3); cut++) {
        if (mogile_file_read(&file, text, cut, "web", "key", *state) == APR_SUCCESS)
            assert_true(!file || file->copies->nelts < 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(paths_follow_the_digits_of_the_fid),
        test_with_pool(only_paths_of_devices_are_believed),
        test_with_pool(get_paths_gives_the_copies_in_order),
        test_with_pool(broken_answers_of_get_paths_are_refused),
        test_with_pool(file_info_gives_length_and_checksum),
        test_with_pool(create_open_gives_the_destinations),
        test_with_pool(broken_answers_of_create_open_are_refused),
        test_with_pool(a_record_is_read_as_it_was_written),
        test_with_pool(a_record_of_another_key_is_none),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
