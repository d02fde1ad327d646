/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <pthread.h>
#include <string.h>

#include <apr_strings.h>

#include "health_passive.h"
#include "health_passive_report.h"
#include "status_tree.h"

#define CAPACITY 64

static health_passive_table_t *make_table(apr_pool_t *pool, apr_uint32_t capacity)
{
    return health_passive_format(apr_pcalloc(pool, health_passive_size(capacity)), capacity);
}

static health_key_t key_of(const char *balancer, const char *member)
{
    health_key_t key;

    assert_true(health_key_set(&key, "host:80", balancer, member));
    return key;
}

static void test_claim_finds_the_same(void **state)
{
    apr_pool_t *pool;
    health_passive_table_t *table;
    health_key_t a = key_of("balancer://a", "http://a"), b = key_of("balancer://a", "");
    health_passive_t *first;

    (void)state;
    apr_pool_create(&pool, NULL);
    table = make_table(pool, CAPACITY);
    first = health_passive_claim(table, &a);
    assert_non_null(first);
    assert_ptr_equal(health_passive_claim(table, &a), first);
    assert_ptr_not_equal(health_passive_claim(table, &b), first);
    assert_string_equal(first->key.member, "http://a");
    apr_pool_destroy(pool);
}

static void test_full_table(void **state)
{
    apr_pool_t *pool;
    health_passive_table_t *table;
    char member[32];
    health_key_t key;

    (void)state;
    apr_pool_create(&pool, NULL);
    table = make_table(pool, 4);
    for (int i = 0; i < 4; i++) {
        apr_snprintf(member, sizeof(member), "http://%d", i);
        key = key_of("balancer://a", member);
        assert_non_null(health_passive_claim(table, &key));
    }
    assert_non_null(health_passive_claim(table, &key));
    key = key_of("balancer://a", "http://more");
    assert_null(health_passive_claim(table, &key));
    apr_pool_destroy(pool);
}

static void *claim_all(void *data)
{
    health_passive_table_t *table = data;
    char member[32];

    for (int i = 0; i < 40; i++) {
        health_key_t key;

        apr_snprintf(member, sizeof(member), "http://%d", i);
        key = key_of("balancer://a", member);
        health_passive_attempt(health_passive_claim(table, &key), HEALTH_ATTEMPT_PASSED);
    }
    return NULL;
}

static void test_threads_claim_no_key_twice(void **state)
{
    apr_pool_t *pool;
    health_passive_table_t *table;
    pthread_t threads[4];
    health_key_t key = key_of("balancer://a", "http://7");

    (void)state;
    apr_pool_create(&pool, NULL);
    table = make_table(pool, CAPACITY);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, claim_all, table), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(
        tier_counter_get(&health_passive_claim(table, &key)->attempts[HEALTH_ATTEMPT_PASSED]), 4);
    apr_pool_destroy(pool);
}

static void test_larger_table_takes_over(void **state)
{
    apr_pool_t *pool;
    health_passive_table_t *small, *large;
    health_key_t key = key_of("balancer://a", "http://a");
    health_passive_t *entry;

    (void)state;
    apr_pool_create(&pool, NULL);
    small = make_table(pool, 4);
    large = make_table(pool, 8);
    entry = health_passive_claim(small, &key);
    health_passive_attempt(entry, HEALTH_ATTEMPT_TIMEOUT);
    health_passive_count(entry, HEALTH_COUNT_RETRIES);
    entry->told = 5;
    entry->hedges.saved = 6;
    for (int i = 0; i < 200; i++)
        health_latency_add(&entry->latency, apr_time_from_msec(3), apr_time_from_sec(1));
    health_passive_adopt(large, small);
    entry = health_passive_claim(large, &key);
    assert_int_equal(tier_counter_get(&entry->attempts[HEALTH_ATTEMPT_TIMEOUT]), 1);
    assert_int_equal(tier_counter_get(&entry->counts[HEALTH_COUNT_RETRIES]), 1);
    assert_int_equal(entry->told, 5);
    assert_int_equal(entry->hedges.saved, 6);
    assert_int_equal(entry->latency.samples, 200);
    assert_true(health_latency_quantile(&entry->latency, 950) >= apr_time_from_msec(3));
    apr_pool_destroy(pool);
}

static void test_nobody_is_allowed(void **state)
{
    (void)state;
    health_passive_attempt(NULL, HEALTH_ATTEMPT_PASSED);
    health_passive_count(NULL, HEALTH_COUNT_RETRIES);
}

static void test_tells_once_an_interval(void **state)
{
    health_passive_t entry;

    (void)state;
    memset(&entry, 0, sizeof(entry));
    assert_true(health_passive_may_tell(&entry, 60, 10));
    assert_false(health_passive_may_tell(&entry, 60, 69));
    assert_true(health_passive_may_tell(&entry, 60, 70));
}

static void test_report(void **state)
{
    apr_pool_t *pool;
    health_passive_report_t report = {0};
    health_passive_table_t *table;
    health_passive_t unready;
    health_key_t balancer = key_of("balancer://a", ""), member = key_of("balancer://a", "http://a");
    const tier_status_node_t *node;

    (void)state;
    apr_pool_create(&pool, NULL);
    table = make_table(pool, 8);
    report.root = tier_status_root("health", pool);
    report.pool = pool;
    memset(&unready, 0, sizeof(unready));
    health_passive_report(&report, &unready);
    assert_null(report.root->first);
    health_passive_count(health_passive_claim(table, &balancer), HEALTH_COUNT_RESCUED);
    health_passive_report(&report, health_passive_claim(table, &balancer));
    health_passive_report(&report, health_passive_claim(table, &member));
    memset(balancer.scope, 0, sizeof(balancer.scope));
    health_passive_report(&report, health_passive_claim(table, &balancer));
    node = report.root->first->first->first;
    assert_string_equal(node->text, "balancer://a");
    assert_string_equal(node->next->text, "host:80");
    assert_string_equal(report.root->first->first->last->first->first->text, "http://a");
    assert_string_equal(report.root->first->last->first->next->text, "main server");
    apr_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_claim_finds_the_same),
                                       cmocka_unit_test(test_full_table),
                                       cmocka_unit_test(test_threads_claim_no_key_twice),
                                       cmocka_unit_test(test_larger_table_takes_over),
                                       cmocka_unit_test(test_nobody_is_allowed),
                                       cmocka_unit_test(test_tells_once_an_interval),
                                       cmocka_unit_test(test_report)};
    int result;

    apr_initialize();
    result = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return result;
}
