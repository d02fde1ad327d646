/* SPDX-License-Identifier: Apache-2.0 */
/* What a database says of a key: right, odd, and broken off. */
#include "mogile_mysqld.h"

#define DEADLINE apr_time_from_sec(20)

typedef const char *row_t[MYSQL_COLUMNS];

#define MD5_TEXT "0123456789abcdef0123456789abcdef"

static mysql_fake_t fake;
static mysql_client_t client;
static mogile_file_t *file;

static int start(void **state)
{
    int failed = make_pool(state);

    mysql_start(&fake);
    mysql_client(&client, &fake, DEADLINE, *state);
    return failed;
}

static int stop(void **state)
{
    int failed = destroy_pool(state);

    mysql_stop(&fake);
    return failed;
}

#define test_rows(function) cmocka_unit_test_setup_teardown(function, start, stop)

static apr_status_t find(int alternate, apr_pool_t *pool)
{
    return mogile_database_find(client.database, &file, "web", "k'\\ey", alternate, pool);
}

static void says(const row_t *rows, int count)
{
    mysql_with(&fake, (fake.mood = MYSQL_ROWS, fake.rows = rows, fake.count = count));
}

static const char *path(int i)
{
    assert_true(i < file->copies->nelts);
    return APR_ARRAY_IDX(file->copies, i, mogile_copy_t).url;
}

static void copies_come_in_order_and_with_what_is_known(void **state)
{
    static const row_t rows[] = {
        {"12345678901", "482113", MD5_TEXT, "1", "10.0.0.1", NULL, "7500"},
        {"12345678901", "482113", MD5_TEXT, "22", "10.0.0.2", "192.168.0.2", "80"},
        {"12345678901", "482113", MD5_TEXT, "3", "10.0.0.3", "", "7500"},
    };
    int is_quoted;

    says(rows, 3);
    assert_int_equal(find(0, *state), APR_SUCCESS);
    assert_int_equal(file->fid, 12345678901);
    assert_int_equal(file->length, 482113);
    assert_string_equal(file->md5, MD5_TEXT);
    assert_int_equal(file->copies->nelts, 3);
    assert_string_equal(path(0), "http://10.0.0.1:7500/dev1/1/234/567/12345678901.fid");
    assert_string_equal(path(1), "http://10.0.0.2:80/dev22/1/234/567/12345678901.fid");
    mysql_with(&fake, is_quoted = strstr(fake.last, "f.dkey = 'k\\'\\\\ey'") != NULL);
    assert_true(is_quoted);
    assert_int_equal(find(1, *state), APR_SUCCESS);
    assert_string_equal(path(0), "http://10.0.0.1:7500/dev1/1/234/567/12345678901.fid");
    assert_string_equal(path(1), "http://192.168.0.2:80/dev22/1/234/567/12345678901.fid");
    assert_string_equal(path(2), "http://10.0.0.3:7500/dev3/1/234/567/12345678901.fid");
    assert_int_equal(mysql_logins(&fake), 1); /* the connection was kept */
}

static void no_row_is_no_key(void **state)
{
    says(NULL, 0);
    assert_int_equal(find(0, *state), APR_SUCCESS);
    assert_null(file);
}

static void a_file_may_have_no_copy(void **state)
{
    static const row_t rows[] = {{"4", NULL, NULL, NULL, NULL, NULL, NULL},
                                 {"4", "9", "no md5", "1", NULL, NULL, "7500"},
                                 {"4", "9", NULL, "1", "10.0.0.1", NULL, NULL},
                                 {"4", "9", NULL, "x", "10.0.0.1", NULL, "7500"},
                                 {"4", "-9", NULL, "1", "10.0.0.1", NULL, "75 00"}};

    says(rows, 5);
    assert_int_equal(find(0, *state), APR_SUCCESS);
    assert_non_null(file);
    assert_int_equal(file->fid, 4);
    assert_int_equal(file->length, 9);
    assert_null(file->md5);
    assert_int_equal(file->copies->nelts, 0);
}

static void a_fid_that_is_none_is_no_answer(void **state)
{
    static const char *const fids[] = {NULL, "", "-1", "4x", "1234567890123456789"};

    for (size_t i = 0; i < sizeof(fids) / sizeof(fids[0]); i++) {
        row_t row[] = {{fids[i], "9", NULL, "1", "10.0.0.1", NULL, "7500"}};

        memset(&client.breaker, 0, sizeof(client.breaker));
        says((const row_t *)row, 1);
        assert_int_not_equal(find(0, *state), APR_SUCCESS);
        assert_null(file);
    }
}

static void a_host_that_is_no_host_is_no_answer(void **state)
{
    static const row_t rows[] = {{"4", "9", NULL, "1", "10.0.0.1/../../etc", NULL, "7500"}};

    says(rows, 1);
    if (find(0, *state) == APR_SUCCESS)
        assert_int_equal(file->copies->nelts, 0);
    else
        assert_null(file);
}

/* The key cannot be compared with the column: it is none of its values. */
static void a_key_that_cannot_be_compared_is_no_key(void **state)
{
    static const int errors[] = {1267, 1300};

    mysql_with(&fake, fake.mood = MYSQL_ERROR);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        mysql_with(&fake, fake.error = errors[i]);
        assert_int_equal(find(0, *state), APR_SUCCESS);
        assert_null(file);
    }
    assert_int_equal(count_lines(&client.log, "WT3501"), 0);
}

static void what_the_database_refuses_is_its_failure(void **state)
{
    mysql_with(&fake, fake.mood = MYSQL_ERROR);
    mysql_with(&fake, fake.error = 1142);
    assert_int_not_equal(find(0, *state), APR_SUCCESS);
    assert_int_equal(tier_counter_get(&client.counts.errors[MOGILE_ERROR_FAILURE]), 1);
    assert_int_equal(count_lines(&client.log, "WT3504"), 1);
}

/* A kept connection that has ended meanwhile says nothing of the database. */
static void a_kept_connection_that_is_gone_is_replaced(void **state)
{
    static const row_t rows[] = {{"4", "9", NULL, "1", "10.0.0.1", NULL, "7500"}};

    says(rows, 1);
    assert_int_equal(find(0, *state), APR_SUCCESS);
    mysql_with(&fake, shutdown(fake.connections[0], SHUT_RDWR));
    assert_int_equal(find(0, *state), APR_SUCCESS);
    assert_int_equal(file->fid, 4);
    assert_int_equal(mysql_logins(&fake), 2);
}

static void an_answer_that_breaks_off_is_none(void **state)
{
    static const row_t rows[] = {{"4", "9", NULL, "1", "10.0.0.1", NULL, "7500"},
                                 {"4", "9", NULL, "2", "10.0.0.2", NULL, "7500"}};
    static const mysql_mood_e moods[] = {MYSQL_CLOSE, MYSQL_HALF};

    for (size_t i = 0; i < sizeof(moods) / sizeof(moods[0]); i++) {
        memset(&client.breaker, 0, sizeof(client.breaker));
        says(rows, 2);
        mysql_with(&fake, fake.mood = moods[i]);
        assert_int_not_equal(find(0, *state), APR_SUCCESS);
        assert_null(file);
        assert_int_equal(count_lines(&client.log, "WT3501"), i + 1);
    }
}

static void one_that_hangs_in_its_answer_costs_its_deadline(void **state)
{
    static const row_t rows[] = {{"4", "9", NULL, "1", "10.0.0.1", NULL, "7500"}};
    static const mysql_mood_e moods[] = {MYSQL_HANG, MYSQL_STOP};

    for (size_t i = 0; i < sizeof(moods) / sizeof(moods[0]); i++) {
        apr_time_t began;

        mysql_client(&client, &fake, apr_time_from_msec(100), *state);
        says(rows, 1);
        mysql_with(&fake, fake.mood = moods[i]);
        began = tier_clock_now();
        assert_int_not_equal(find(0, *state), APR_SUCCESS);
        assert_true(tier_clock_now() - began < DEADLINE);
        assert_null(file);
        assert_int_equal(tier_counter_get(&client.counts.errors[MOGILE_ERROR_TIMEOUT]), 1);
        assert_int_equal(find(0, *state), APR_EAGAIN); /* nobody waits for it again */
    }
}

static void an_answer_in_pieces_is_one(void **state)
{
    static const row_t rows[] = {{"4", "9", NULL, "1", "10.0.0.1", NULL, "7500"},
                                 {"4", "9", NULL, "2", "10.0.0.2", NULL, "7500"}};

    says(rows, 2);
    mysql_with(&fake, fake.mood = MYSQL_SLOW);
    assert_int_equal(find(0, *state), APR_SUCCESS);
    assert_int_equal(file->copies->nelts, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_rows(copies_come_in_order_and_with_what_is_known),
        test_rows(no_row_is_no_key),
        test_rows(a_file_may_have_no_copy),
        test_rows(a_fid_that_is_none_is_no_answer),
        test_rows(a_host_that_is_no_host_is_no_answer),
        test_rows(a_key_that_cannot_be_compared_is_no_key),
        test_rows(what_the_database_refuses_is_its_failure),
        test_rows(a_kept_connection_that_is_gone_is_replaced),
        test_rows(an_answer_that_breaks_off_is_none),
        test_rows(an_answer_in_pieces_is_one),
        test_rows(one_that_hangs_in_its_answer_costs_its_deadline),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
