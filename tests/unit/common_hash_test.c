/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "hash.h"

/* Values of the authors' own list of test vectors. */
static void test_it_is_fnv_1a(void **state)
{
    (void)state;
    assert_true(tier_hash_text(TIER_HASH_START, "") == APR_UINT64_C(0xcbf29ce484222325));
    assert_true(tier_hash_text(TIER_HASH_START, "a") == APR_UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(tier_hash_text(TIER_HASH_START, "foobar") == APR_UINT64_C(0x85944171f73967e8));
    assert_true(tier_hash_bytes(TIER_HASH_START, "foobar", 6) == APR_UINT64_C(0x85944171f73967e8));
}

static void test_a_string_ends_with_its_zero_byte(void **state)
{
    apr_uint64_t hash = tier_hash_string(TIER_HASH_START, "a");

    (void)state;
    assert_true(hash == tier_hash_bytes(TIER_HASH_START, "a", 2));
    assert_true(tier_hash_string(hash, "bc") !=
                tier_hash_string(tier_hash_string(TIER_HASH_START, "ab"), "c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_fnv_1a),
        cmocka_unit_test(test_a_string_ends_with_its_zero_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
