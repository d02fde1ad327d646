/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <apr_strings.h>

#include "hash.h"
#include "health_state.h"

#define ROOM 64

static health_table_t *make_table(apr_pool_t *pool)
{
    return health_table_format(apr_pcalloc(pool, health_table_size(ROOM)), ROOM);
}

static health_entry_t *add_entry(health_table_t *table, const char *scope, const char *name)
{
    health_key_t key;

    assert_true(health_key_set(&key, scope, "balancer://app", name));
    return health_table_claim(table, &key, 1000);
}

static void fail_probes(health_entry_t *entry, int count)
{
    health_member_t member = entry->record.member;
    const health_outcome_t bad = {.when = 2000, .result = "refused: a % and\na line\x7f"};
    health_state_e from;

    for (int i = 0; i < count; i++)
        health_member_judge(&member, 1, 1, &bad, &from);
    health_entry_set_member(entry, &member);
}

typedef struct taken_t {
    int count;
    health_record_t records[ROOM];
} taken_t;

static void take(void *visitor, const health_record_t *record)
{
    taken_t *taken = visitor;

    taken->records[taken->count++] = *record;
}

static void test_all_of_it_comes_back(void **state)
{
    health_table_t *table = make_table(*state);
    taken_t *taken = apr_pcalloc(*state, sizeof(*taken));
    health_entry_t *first = add_entry(table, "", "http://127.0.0.1:8001");
    health_entry_t *second = add_entry(table, "www.example.com:80", "unix:/a b|http://x");
    health_member_t member;
    const char *text;
    apr_size_t size;

    fail_probes(first, 1);
    member = second->record.member;
    for (int i = 0; i < 20; i++)
        health_member_set_mode(&member, i % 3, 3000 + i, "");
    health_member_eject(&member, 123456, 4000, "too many failures");
    member.eject_count = 4;
    health_entry_set_member(second, &member);
    text = health_state_encode(table, &size, *state);
    assert_null(health_state_decode(text, size, take, taken, *state));
    assert_int_equal(taken->count, 2);
    assert_memory_equal(&taken->records[0].key, &first->record.key, sizeof(health_key_t));
    assert_int_equal(taken->records[0].member.state, HEALTH_DOWN);
    assert_int_equal(taken->records[0].member.since, 2000);
    assert_string_equal(health_member_history(&taken->records[0].member, 0)->reason,
                        "refused: a % and\na line\x7f");
    assert_memory_equal(&taken->records[1].key, &second->record.key, sizeof(health_key_t));
    assert_int_equal(taken->records[1].member.mode, member.mode);
    assert_int_equal(taken->records[1].member.ejected_until, 123456);
    assert_int_equal(taken->records[1].member.eject_count, 4);
    assert_memory_equal(taken->records[1].member.history, member.history, sizeof(member.history));
}

static void test_every_damage_is_seen(void **state)
{
    health_table_t *table = make_table(*state);
    taken_t *taken = apr_pcalloc(*state, sizeof(*taken));
    const char *whole;
    apr_size_t size;
    char *text;

    fail_probes(add_entry(table, "", "http://127.0.0.1:8001"), 1);
    whole = health_state_encode(table, &size, *state);
    text = apr_pmemdup(*state, whole, size + 1);
    for (apr_size_t i = 0; i < size; i++) {
        assert_non_null(health_state_decode(text, i, take, taken, *state));
        text[i] ^= 1;
        assert_non_null(health_state_decode(text, size, take, taken, *state));
        text[i] ^= 1;
    }
    assert_int_equal(taken->count, 0);
    assert_null(health_state_decode(text, size, take, taken, *state));
}

/* Decodes lines below a head that is right; returns what is wrong with them, or NULL. */
static const char *decode_lines(const char *lines, taken_t *taken, apr_pool_t *pool)
{
    apr_size_t size;
    const char *empty = health_state_encode(make_table(pool), &size, pool);
    const char *text =
        apr_psprintf(pool, "%.*s%016" APR_UINT64_T_HEX_FMT "\n%s", (int)(size - 17), empty,
                     tier_hash_bytes(TIER_HASH_START, lines, strlen(lines)), lines);

    return health_state_decode(text, strlen(text), take, taken, pool);
}

#define MEMBER "m %00 balancer://app http://a 1 0 1000 0 0 1 \n"
#define CHANGE "h 1000 0 1 why \n"

/* Lines that no version of this text has, although the checksum is right: none of it is taken. */
static void test_lines_that_are_wrong(void **state)
{
    static const char *const lines[] = {
        "x\n",
        MEMBER,
        CHANGE MEMBER,
        MEMBER CHANGE CHANGE,
        MEMBER "h 1000 0 1 \n",
        MEMBER "h 1000 0 9 why \n",
        MEMBER "h 1000 9 1 why \n",
        MEMBER "h then 0 1 why \n",
        MEMBER "h 1000 0 1 %0x \n",
        MEMBER "h 1000 0 1 why and more \n",
        "m %00 balancer://app http://a 1 0 1000 0 0 \n",
        "m %00 balancer://app http://a 1 0 1000 0 0 0 0 \n",
        "m %00 balancer://app http://a 1 0 1000 0 0 0\n",
        "m %00 balancer://app http://a 3 0 1000 0 0 0 \n",
        "m %00 balancer://app http://a 1 3 1000 0 0 0 \n",
        "m %00 balancer://app http://a 1 0 -1 0 0 0 \n",
        "m %00 balancer://app http://a 1 0 1x 0 0 0 \n",
        "m %00 balancer://app http://a 1 0 1000 0 0 0x \n",
        "m %00 %00 http://a 1 0 1000 0 0 0 \n",
        "m %00 balancer://app %00 1 0 1000 0 0 0 \n",
        "m %0 balancer://app http://a 1 0 1000 0 0 0 \n",
        "m %00 balancer://%ff http://a 1 0 1000 0 0 0 \n",
    };
    taken_t *taken = apr_pcalloc(*state, sizeof(*taken));

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_string_equal(decode_lines(lines[i], taken, *state), "a line of it is wrong");
    assert_string_equal(decode_lines("no end", taken, *state), "it is no text");
    assert_int_equal(taken->count, 0);
    assert_null(decode_lines(MEMBER CHANGE, taken, *state));
    assert_int_equal(taken->count, 1);
}

/* A key that is longer than any of ours is not cut to another one. */
static void test_names_that_are_too_long(void **state)
{
    taken_t *taken = apr_pcalloc(*state, sizeof(*taken));
    char name[600];

    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_non_null(decode_lines(
        apr_psprintf(*state, "m %%00 balancer://app %s 1 0 1000 0 0 0 \n", name), taken, *state));
    assert_int_equal(taken->count, 0);
}

static void test_an_empty_table(void **state)
{
    taken_t *taken = apr_pcalloc(*state, sizeof(*taken));
    apr_size_t size;
    const char *text = health_state_encode(make_table(*state), &size, *state);

    assert_null(health_state_decode(text, size, take, taken, *state));
    assert_int_equal(taken->count, 0);
}

static void test_version_follows_changes(void **state)
{
    health_table_t *table = make_table(*state);
    apr_uint64_t empty = health_state_version(table), one;
    health_entry_t *entry = add_entry(table, "", "http://127.0.0.1:8001");

    one = health_state_version(table);
    assert_true(one != empty);
    fail_probes(entry, 1);
    assert_true(health_state_version(table) != one);
    one = health_state_version(table);
    fail_probes(entry, 1); /* no change of the state */
    assert_true(health_state_version(table) == one);
    health_table_release(table, entry);
    assert_true(health_state_version(table) == empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(test_all_of_it_comes_back), test_with_pool(test_every_damage_is_seen),
        test_with_pool(test_lines_that_are_wrong), test_with_pool(test_names_that_are_too_long),
        test_with_pool(test_an_empty_table),       test_with_pool(test_version_follows_changes)};

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
