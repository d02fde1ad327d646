/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_testing.h"

#include "mogile_devices.h"

#define NOW apr_time_from_sec(1000)

static mogile_devices_t *make_devices(apr_pool_t *pool)
{
    return apr_pcalloc(pool, sizeof(mogile_devices_t));
}

static mogile_file_t *file_on(const char *nodes, apr_pool_t *pool)
{
    mogile_file_t *file = mogile_file_make(pool);

    for (const char *node = nodes; *node; node++)
        assert_int_equal(
            mogile_file_add(
                file,
                apr_psprintf(pool, "http://10.0.0.%c/dev%c/0/000/000/0000000004.fid", *node, *node),
                pool),
            APR_SUCCESS);
    return file;
}

static const mogile_copy_t *copy_at(const mogile_file_t *file, int i)
{
    return &APR_ARRAY_IDX(file->copies, i, mogile_copy_t);
}

/* The devices of the copies in their order, as one word. */
static const char *order_at(mogile_devices_t *devices, const char *nodes, apr_time_t now,
                            apr_pool_t *pool)
{
    mogile_file_t *file = file_on(nodes, pool);
    char *word = apr_pstrdup(pool, nodes);

    mogile_devices_sort(devices, file, now);
    for (int i = 0; i < file->copies->nelts; i++)
        word[i] = (char)('0' + copy_at(file, i)->devid);
    return word;
}

static void those_that_failed_come_last(void **state)
{
    mogile_devices_t *devices = make_devices(*state);
    mogile_file_t *file = file_on("123", *state);

    assert_string_equal(order_at(devices, "312", NOW, *state), "312");
    mogile_devices_failed(devices, copy_at(file, 0), REPROXY_FAILURE_CONNECT, NOW);
    mogile_devices_failed(devices, copy_at(file, 2), REPROXY_FAILURE_STATUS, NOW);
    assert_string_equal(order_at(devices, "312", NOW + 1, *state), "231");
    assert_string_equal(order_at(devices, "312", NOW + MOGILE_DEVICES_FIRST + 1, *state), "312");
}

static void a_copy_that_was_wrong_comes_last(void **state)
{
    static const reproxy_failure_e failures[] = {REPROXY_FAILURE_CHECKSUM, REPROXY_FAILURE_SIZE,
                                                 REPROXY_FAILURE_ABSENT};
    mogile_file_t *file = file_on("123", *state);

    for (int i = 0; i < 3; i++) {
        mogile_devices_t *devices = make_devices(*state);

        mogile_devices_failed(devices, copy_at(file, 0), failures[i], NOW);
        assert_string_equal(order_at(devices, "123", NOW + 1, *state), "231");
        assert_false(mogile_devices_is_ill(devices, copy_at(file, 0), NOW + 1));
        /* After those on devices that are ill: it is known not to be the file. */
        mogile_devices_failed(devices, copy_at(file, 1), REPROXY_FAILURE_CONNECT, NOW);
        assert_string_equal(order_at(devices, "123", NOW + 1, *state), "321");
        assert_string_equal(order_at(devices, "123", NOW + MOGILE_DEVICES_WRONG_TIME, *state),
                            "123");
    }
}

static void a_success_makes_well(void **state)
{
    mogile_devices_t *devices = make_devices(*state);
    mogile_file_t *file = file_on("12", *state);

    mogile_devices_failed(devices, copy_at(file, 0), REPROXY_FAILURE_TIMEOUT, NOW);
    assert_true(mogile_devices_is_ill(devices, copy_at(file, 0), NOW + 1));
    mogile_devices_worked(devices, copy_at(file, 0));
    assert_false(mogile_devices_is_ill(devices, copy_at(file, 0), NOW + 1));
}

static void no_connection_is_of_the_whole_node(void **state)
{
    mogile_devices_t *devices = make_devices(*state);
    mogile_copy_t one = {.node = "10.0.0.1:7500", .devid = 1}, two = one;

    two.devid = 2;
    mogile_devices_failed(devices, &one, REPROXY_FAILURE_CUT, NOW);
    assert_true(mogile_devices_is_ill(devices, &one, NOW + 1));
    assert_false(mogile_devices_is_ill(devices, &two, NOW + 1));
    mogile_devices_failed(devices, &one, REPROXY_FAILURE_CONNECT, NOW);
    assert_true(mogile_devices_is_ill(devices, &two, NOW + 1));
}

static void a_wrong_file_is_no_fault_of_the_device(void **state)
{
    static const reproxy_failure_e failures[] = {REPROXY_FAILURE_ABSENT, REPROXY_FAILURE_SIZE,
                                                 REPROXY_FAILURE_CHECKSUM, REPROXY_FAILURE_CHANGED};
    mogile_devices_t *devices = make_devices(*state);
    mogile_file_t *file = file_on("1", *state);
    int seen = 0;

    for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++)
        mogile_devices_failed(devices, copy_at(file, 0), failures[i], NOW);
    assert_false(mogile_devices_is_ill(devices, copy_at(file, 0), NOW + 1));
    for (int i = 0; i < MOGILE_DEVICES_MOST; i++) {
        const mogile_device_t *device = mogile_devices_at(devices, i);

        if (device) {
            assert_string_equal(device->name, "10.0.0.1 dev1");
            assert_int_equal(tier_counter_get(&device->requests), 4);
            assert_int_equal(tier_counter_get(&device->failures[REPROXY_FAILURE_SIZE]), 1);
            seen++;
        }
    }
    assert_int_equal(seen, 1);
}

static void illness_lasts_longer_each_time_and_counts_once(void **state)
{
    mogile_devices_t *devices = make_devices(*state);
    mogile_file_t *file = file_on("1", *state);
    apr_time_t now = NOW;
    apr_interval_time_t lasts = MOGILE_DEVICES_FIRST;

    for (int i = 0; i < 8; i++) {
        for (int at_once = 0; at_once < 5; at_once++)
            mogile_devices_failed(devices, copy_at(file, 0), REPROXY_FAILURE_CONNECT, now);
        assert_true(mogile_devices_is_ill(devices, copy_at(file, 0), now + lasts - 1));
        assert_false(mogile_devices_is_ill(devices, copy_at(file, 0), now + lasts));
        now += lasts;
        lasts = 2 * lasts < MOGILE_DEVICES_LONGEST ? 2 * lasts : MOGILE_DEVICES_LONGEST;
    }
}

static void a_full_table_forgets_nothing_and_breaks_nothing(void **state)
{
    mogile_devices_t *devices = make_devices(*state);
    mogile_copy_t copy = {.node = "10.0.0.1:7500"};

    for (apr_uint32_t i = 0; i < MOGILE_DEVICES_MOST + 20; i++) {
        copy.devid = i;
        mogile_devices_failed(devices, &copy, REPROXY_FAILURE_STATUS, NOW);
        mogile_devices_worked(devices, &copy);
    }
    copy.devid = 5;
    mogile_devices_failed(devices, &copy, REPROXY_FAILURE_STATUS, NOW);
    assert_true(mogile_devices_is_ill(devices, &copy, NOW + 1));
    copy.devid = MOGILE_DEVICES_MOST + 10;
    mogile_devices_failed(devices, &copy, REPROXY_FAILURE_STATUS, NOW);
    assert_false(mogile_devices_is_ill(devices, &copy, NOW + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(those_that_failed_come_last),
        test_with_pool(a_copy_that_was_wrong_comes_last),
        test_with_pool(a_success_makes_well),
        test_with_pool(no_connection_is_of_the_whole_node),
        test_with_pool(a_wrong_file_is_no_fault_of_the_device),
        test_with_pool(illness_lasts_longer_each_time_and_counts_once),
        test_with_pool(a_full_table_forgets_nothing_and_breaks_nothing),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
