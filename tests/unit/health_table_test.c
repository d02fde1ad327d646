/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include <pthread.h>

#include "health_table.h"

static health_table_t *make_table(apr_uint32_t capacity, apr_pool_t *pool)
{
    return health_table_format(apr_pcalloc(pool, health_table_size(capacity)), capacity);
}

static health_key_t key_of(const char *scope, const char *balancer, const char *member)
{
    health_key_t key;

    assert_true(health_key_set(&key, scope, balancer, member));
    return key;
}

static void whole_key_counts(void **state)
{
    health_table_t *table = make_table(8, *state);
    health_key_t a = key_of("", "balancer://a", "http://x");
    health_key_t b = key_of("s", "balancer://a", "http://x");
    health_key_t c = key_of("", "balancer://b", "http://x");
    health_key_t d = key_of("", "balancer://a", "http://y");
    health_entry_t *first = health_table_claim(table, &a, 7);

    assert_non_null(first);
    assert_int_equal(first->record.member.since, 7);
    assert_ptr_equal(health_table_claim(table, &a, 8), first);
    assert_int_equal(first->record.member.since, 7);
    assert_null(health_table_find(table, &b));
    assert_null(health_table_find(table, &c));
    assert_null(health_table_find(table, &d));
    assert_ptr_not_equal(health_table_claim(table, &b, 8), first);
    assert_ptr_equal(health_table_find(table, &a), first);
}

static void full_table(void **state)
{
    health_table_t *table = make_table(2, *state);
    health_key_t a = key_of("", "b", "1"), b = key_of("", "b", "2"), c = key_of("", "b", "3");
    health_entry_t *first = health_table_claim(table, &a, 0);

    assert_non_null(health_table_claim(table, &b, 0));
    assert_null(health_table_claim(table, &c, 0));
    first->due = 99;
    health_member_init(&first->record.member, 4);
    first->record.member.probes = 55;
    health_table_release(table, first);
    assert_null(health_table_find(table, &a));
    /* Nothing of the member before is left. */
    assert_ptr_equal(health_table_claim(table, &c, 3), first);
    assert_int_equal(first->due, 0);
    assert_int_equal(first->record.member.probes, 0);
    health_table_clear(table);
    assert_null(health_table_find(table, &b));
    assert_null(health_table_find(table, &c));
}

static void keys_are_kept_whole_or_not_at_all(void **state)
{
    char text[600];
    health_key_t key;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[128] = '\0';
    assert_false(health_key_set(&key, text, "b", "m"));
    text[127] = '\0';
    assert_true(health_key_set(&key, text, "b", "m"));
    text[127] = text[128] = 'x';
    text[96] = '\0';
    assert_false(health_key_set(&key, "s", text, "m"));
    text[96] = 'x';
    text[488] = '\0';
    assert_false(health_key_set(&key, "s", "b", text));
    text[487] = '\0';
    assert_true(health_key_set(&key, "s", "b", text));
}

static void copies_are_read(void **state)
{
    health_table_t *table = make_table(3, *state);
    health_key_t key = key_of("", "b", "m");
    health_entry_t *entry;
    health_record_t copy;

    assert_false(health_table_read(table, 0, &copy));
    entry = health_table_claim(table, &key, 5);
    assert_true(health_table_read(table, 0, &copy));
    assert_string_equal(copy.key.member, "m");
    assert_int_equal(copy.member.since, 5);
    /* A writer that died over it: not readable until the next one has written. */
    entry->version |= 1;
    assert_false(health_table_read(table, 0, &copy));
    health_entry_set_check(entry, "tcp");
    assert_true(health_table_read(table, 0, &copy));
    assert_string_equal(copy.check, "tcp");
    copy.member.probes = 3;
    health_entry_set_member(entry, &copy.member);
    assert_true(health_table_read(table, 0, &copy));
    assert_int_equal(copy.member.probes, 3);
    assert_string_equal(copy.check, "tcp");
    assert_ptr_equal(health_table_at(table, 0), entry);
    assert_null(health_table_at(table, 1));
}

static void long_checks_are_cut(void **state)
{
    health_table_t *table = make_table(1, *state);
    health_key_t key = key_of("", "b", "m");
    health_entry_t *entry = health_table_claim(table, &key, 5);
    char text[200];

    memset(text, 'x', sizeof(text));
    text[199] = '\0';
    health_entry_set_check(entry, text);
    assert_int_equal(strlen(entry->record.check), sizeof(entry->record.check) - 1);
    assert_int_equal(entry->record.member.since, 5);
}

/* All that was said before stays, but for the oldest of the last probes. */
static void probe_that_changes_no_state(void **state)
{
    const health_outcome_t passed = {1, MS(3), 99, "status 200 OK", NULL};
    health_table_t *table = make_table(1, *state);
    health_key_t key = key_of("", "b", "m");
    health_entry_t *entry = health_table_claim(table, &key, 5);
    health_member_t member = entry->record.member;
    health_record_t copy;
    health_state_e from;

    member.state = HEALTH_UP;
    member.probes = HEALTH_PROBES + 2;
    for (int i = 0; i < HEALTH_PROBES; i++)
        member.past[i].when = i + 1;
    member.history[0].when = 77;
    health_entry_set_member(entry, &member);
    memset(member.past, 0xff, sizeof(member.past));
    memset(member.history, 0xff, sizeof(member.history));
    assert_false(health_member_judge(&member, 2, 3, &passed, &from));
    health_entry_set_probed(entry, &member);
    assert_true(health_table_read(table, 0, &copy));
    assert_int_equal(copy.member.probes, HEALTH_PROBES + 3);
    assert_int_equal(copy.member.history[0].when, 77);
    for (int i = 0; i < HEALTH_PROBES; i++)
        assert_int_equal(copy.member.past[i].when, i == 2 ? 99 : i + 1);
    assert_string_equal(health_member_past(&copy.member, 0)->result, "status 200 OK");
    assert_int_equal(health_member_past(&copy.member, 0)->latency, MS(3));
}

static void larger_table_adopts_the_smaller(void **state)
{
    health_table_t *old = make_table(2, *state), *larger = make_table(5, *state);
    health_key_t a = key_of("", "b", "1"), b = key_of("", "b", "2");
    health_entry_t *entry = health_table_claim(old, &a, 1);

    entry->record.member.probes = 12;
    entry->due = 34;
    health_table_claim(old, &b, 2)->version |= 1; /* its writer died */
    health_table_adopt(larger, old);
    assert_int_equal(health_table_capacity(larger), 5);
    entry = health_table_find(larger, &a);
    assert_non_null(entry);
    assert_int_equal(entry->record.member.probes, 12);
    assert_int_equal(entry->due, 34);
    assert_null(health_table_find(larger, &b));
    assert_non_null(health_table_claim(larger, &b, 2));
}

typedef struct race_t {
    health_table_t *table;
    health_entry_t *entry;
    int stop;
} race_t;

/* Writes the same number everywhere, again and again. */
static void *write_numbers(void *data)
{
    health_member_t member = {0};
    race_t *race = data;

    while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
        member.probes++;
        member.bitmap = member.probes;
        member.history[HEALTH_HISTORY - 1].when = (apr_time_t)member.probes;
        health_entry_set_member(race->entry, &member);
        usleep(10);
    }
    return NULL;
}

static void readers_never_see_half_a_change(void **state)
{
    health_key_t key = key_of("", "b", "m");
    race_t race = {.table = make_table(1, *state)};
    pthread_t writer;
    int seen = 0;

    race.entry = health_table_claim(race.table, &key, 0);
    assert_int_equal(pthread_create(&writer, NULL, write_numbers, &race), 0);
    for (int i = 0; i < 2000; i++) {
        health_record_t copy;

        if (!health_table_read(race.table, 0, &copy))
            continue;
        seen++;
        assert_int_equal(copy.member.probes, copy.member.bitmap);
        assert_int_equal(copy.member.probes, copy.member.history[HEALTH_HISTORY - 1].when);
    }
    __atomic_store_n(&race.stop, 1, __ATOMIC_RELEASE);
    pthread_join(writer, NULL);
    assert_true(seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(whole_key_counts),
        test_with_pool(full_table),
        cmocka_unit_test(keys_are_kept_whole_or_not_at_all),
        test_with_pool(copies_are_read),
        test_with_pool(long_checks_are_cut),
        test_with_pool(probe_that_changes_no_state),
        test_with_pool(larger_table_adopts_the_smaller),
        test_with_pool(readers_never_see_half_a_change),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
