/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_status_field.h"

static void assert_text(apr_pool_t *pool, cache_status_field_t field, const char *expected)
{
    assert_string_equal(cache_status_field_text(&field, "tier", pool), expected);
}

static void what_the_field_says(void **state)
{
    assert_text(*state, (cache_status_field_t){.hit = 1, .has_ttl = 1, .ttl = 30},
                "tier; hit; ttl=30");
    assert_text(*state, (cache_status_field_t){.hit = 1, .has_ttl = 1, .ttl = -5},
                "tier; hit; ttl=-5");
    assert_text(*state, (cache_status_field_t){.fwd = CACHE_FWD_URI_MISS, .stored = 1},
                "tier; fwd=uri-miss; stored");
    assert_text(*state, (cache_status_field_t){.fwd = CACHE_FWD_STALE, .fwd_status = 304},
                "tier; fwd=stale; fwd-status=304");
    assert_text(*state, (cache_status_field_t){.fwd = CACHE_FWD_BYPASS, .detail = "private"},
                "tier; fwd=bypass; detail=private");
    assert_text(*state, (cache_status_field_t){.detail = "only-if-cached"},
                "tier; detail=only-if-cached");
    assert_text(*state, (cache_status_field_t){.hit = 1, .has_ttl = 1}, "tier; hit; ttl=0");
    assert_text(*state,
                (cache_status_field_t){.hit = 1,
                                       .fwd = CACHE_FWD_VARY_MISS,
                                       .collapsed = 1,
                                       .fwd_status = 999,
                                       .has_ttl = 1,
                                       .ttl = APR_INT64_MIN,
                                       .stored = 1,
                                       .detail = "authorization"},
                "tier; hit; fwd=vary-miss; collapsed; fwd-status=999; ttl=-9223372036854775808; "
                "stored; detail=authorization");
}

static void the_tokens_of_fwd(void **state)
{
    (void)state;
    assert_string_equal(cache_status_field_fwd(CACHE_FWD_METHOD), "method");
    assert_string_equal(cache_status_field_fwd(CACHE_FWD_VARY_MISS), "vary-miss");
    assert_string_equal(cache_status_field_fwd(CACHE_FWD_REQUEST), "request");
    assert_string_equal(cache_status_field_fwd(CACHE_FWDS), "miss");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(what_the_field_says),
        POOL_TEST(the_tokens_of_fwd),
    };

    return RUN_TESTS(tests);
}
