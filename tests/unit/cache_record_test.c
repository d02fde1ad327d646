/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_checksum.h"
#include "cache_record.h"

static unsigned char *build(apr_pool_t *pool, const char *body, apr_size_t *size)
{
    cache_record_t record = {CACHE_RECORD_RESPONSE, 499};
    apr_table_t *headers = fields(pool, "X-A: 1\nX-B: \nX-A: 2");
    unsigned char *data;
    apr_size_t head;

    record.life.flags = CACHE_LIFE_VALIDATOR;
    record.life.received = NOW;
    record.life.initial_age = 5;
    record.life.lifetime = 60;
    record.life.stale_while_revalidate = 7;
    record.life.stale_if_error = CACHE_DELTA_NONE;
    record.generation = APR_UINT64_MAX - 1;
    record.key = "site http://a/";
    record.status_line = "499 Odd";
    record.tags = "0123";
    head = cache_record_head_size(&record, headers);
    *size = head + strlen(body);
    data = apr_palloc(pool, *size);
    cache_record_write_head(data, &record, headers);
    memcpy(data + head, body, strlen(body));
    cache_record_seal(data, *size, CACHE_RECORD_UNTRUSTED);
    return data;
}

static void what_is_written_is_read(void **state)
{
    apr_size_t size;
    unsigned char *data = build(*state, "the body", &size);
    apr_table_t *headers = apr_table_make(*state, 4);
    cache_record_t record;

    assert_true(cache_record_parse(&record, data, size, CACHE_RECORD_UNTRUSTED));
    assert_int_equal(record.kind, CACHE_RECORD_RESPONSE);
    assert_int_equal(record.status, 499);
    assert_string_equal(record.key, "site http://a/");
    assert_string_equal(record.status_line, "499 Odd");
    assert_string_equal(record.tags, "0123");
    assert_int_equal(record.life.flags, CACHE_LIFE_VALIDATOR);
    assert_int_equal(record.life.received, NOW);
    assert_int_equal(record.life.initial_age, 5);
    assert_int_equal(record.life.lifetime, 60);
    assert_int_equal(record.life.stale_while_revalidate, 7);
    assert_int_equal(record.life.stale_if_error, CACHE_DELTA_NONE);
    assert_true(record.generation == APR_UINT64_MAX - 1);
    assert_int_equal(record.body_size, 8);
    assert_memory_equal(record.body, "the body", 8);
    cache_record_add_fields(&record, headers);
    assert_int_equal(apr_table_elts(headers)->nelts, 3);
    assert_string_equal(apr_table_getm(*state, headers, "x-a"), "1,2");
    assert_string_equal(apr_table_get(headers, "X-B"), "");
    assert_true(cache_record_parse(&record, data, size, CACHE_RECORD_TRUSTED));
    assert_int_equal(record.body_size, 8);
}

static void the_lifetime_of_a_record_can_be_changed(void **state)
{
    apr_size_t size;
    unsigned char *data = build(*state, "the body", &size);
    cache_record_t record;

    cache_record_set_lifetime(data, 7);
    assert_true(cache_record_parse(&record, data, size, CACHE_RECORD_UNTRUSTED));
    assert_int_equal(record.life.lifetime, 7);
    assert_int_equal(record.life.stale_while_revalidate, 7);
    assert_memory_equal(record.body, "the body", 8);
}

static void an_empty_body_and_no_fields(void **state)
{
    cache_record_t record = {CACHE_RECORD_VARIANTS};
    cache_record_t read;
    unsigned char *data;
    apr_size_t size;

    record.key = "k";
    record.status_line = "";
    size = cache_record_head_size(&record, NULL);
    data = apr_palloc(*state, size);
    cache_record_write_head(data, &record, NULL);
    cache_record_seal(data, size, CACHE_RECORD_UNTRUSTED);
    assert_true(cache_record_parse(&read, data, size, CACHE_RECORD_UNTRUSTED));
    assert_int_equal(read.body_size, 0);
    assert_string_equal(read.tags, "");
}

/* Every bit of a record counts. */
static void any_flipped_bit_is_found(void **state)
{
    apr_size_t size;
    unsigned char *data = build(*state, "body", &size);
    cache_record_t record;

    for (apr_size_t at = 0; at < size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            data[at] ^= (unsigned char)(1 << bit);
            if (cache_record_parse(&record, data, size, CACHE_RECORD_UNTRUSTED))
                fail_msg("bit %d of byte %d", bit, (int)at);
            data[at] ^= (unsigned char)(1 << bit);
        }
    }
    assert_true(cache_record_parse(&record, data, size, CACHE_RECORD_UNTRUSTED));
}

static void any_other_length_is_found(void **state)
{
    apr_size_t size;
    unsigned char *data = build(*state, "body", &size);
    unsigned char *longer = apr_pcalloc(*state, size + 8);
    cache_record_t record;

    for (apr_size_t less = 0; less < size; less++) {
        /* A copy of the exact length, so that a sanitizer sees the first byte read past it. */
        unsigned char *cut = malloc(less ? less : 1);
        memcpy(cut, data, less);
        assert_false(cache_record_parse(&record, cut, less, CACHE_RECORD_UNTRUSTED));
        free(cut);
    }
    memcpy(longer, data, size);
    assert_false(cache_record_parse(&record, longer, size + 1, CACHE_RECORD_UNTRUSTED));
    assert_false(cache_record_parse(&record, longer, size + 8, CACHE_RECORD_UNTRUSTED));
}

static void reseal(unsigned char *data, apr_size_t size)
{
    cache_record_seal(data, size, CACHE_RECORD_UNTRUSTED);
}

static int parse_changed(apr_pool_t *pool, apr_size_t at, unsigned char value)
{
    apr_size_t size;
    unsigned char *data = build(pool, "body", &size);
    cache_record_t record;

    data[at] = value;
    reseal(data, size);
    return cache_record_parse(&record, data, size, CACHE_RECORD_UNTRUSTED);
}

/* A writer of bad faith can make checksums too: what they protect is checked all the same. */
static void bad_contents_with_right_checksums_are_found(void **state)
{
    const apr_size_t key_at = CACHE_RECORD_FIXED_SIZE;
    const apr_size_t first_field = key_at + 4 + strlen("site http://a/") + 1 + 4 +
                                   strlen("499 Odd") + 1 + 4 + strlen("0123") + 1;

    assert_true(parse_changed(*state, key_at + 4, 's'));
    assert_false(parse_changed(*state, 3, CACHE_RECORD_VERSION + 1));
    assert_false(parse_changed(*state, 24, 3));       /* kind */
    assert_false(parse_changed(*state, 27, 0x7f));    /* status: over 999 */
    assert_false(parse_changed(*state, 39, 0x7f));    /* received: far away */
    assert_false(parse_changed(*state, 47, 0xff));    /* initial age: negative */
    assert_false(parse_changed(*state, 55, 0xff));    /* lifetime: negative */
    assert_false(parse_changed(*state, 60, 0xff));    /* stale-while-revalidate: enormous */
    assert_false(parse_changed(*state, 71, 0x7f));    /* stale-if-error */
    assert_false(parse_changed(*state, 80, 2));       /* fewer fields than there are bytes for */
    assert_false(parse_changed(*state, 80, 4));       /* more */
    assert_false(parse_changed(*state, key_at, 200)); /* a key beyond the head */
    assert_false(parse_changed(*state, key_at + 5, '\0'));          /* a zero in the key */
    assert_false(parse_changed(*state, first_field + 4, ' '));      /* no name of a field */
    assert_false(parse_changed(*state, first_field + 8 + 5, '\n')); /* a line break in a value */
}

static void the_checksum_is_the_same_with_and_without_the_instruction(void **state)
{
    unsigned char data[300];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 7 + 1);
    for (size_t size = 0; size < sizeof(data); size++)
        assert_int_equal(cache_checksum(data, size), cache_checksum_portable(data, size));
    assert_int_not_equal(cache_checksum(data, 299), cache_checksum(data + 1, 299));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(what_is_written_is_read),
        POOL_TEST(an_empty_body_and_no_fields),
        POOL_TEST(the_lifetime_of_a_record_can_be_changed),
        POOL_TEST(any_flipped_bit_is_found),
        POOL_TEST(any_other_length_is_found),
        POOL_TEST(bad_contents_with_right_checksums_are_found),
        POOL_TEST(the_checksum_is_the_same_with_and_without_the_instruction),
    };

    return RUN_TESTS(tests);
}
