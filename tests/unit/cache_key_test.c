/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_key.h"

static const cache_key_parts_t page = {"shop:80", "http", "Shop.test", "/a/page?x=1"};

static const char *key_of(apr_pool_t *pool, const char *host, const char *uri)
{
    cache_key_parts_t parts = page;

    parts.host = host;
    parts.uri = uri;
    return cache_key_make(&parts, pool);
}

static void keys_are_what_was_asked_for(void **state)
{
    assert_string_equal(cache_key_make(&page, *state), "shop:80 http://shop.test/a/page?x=1");
    assert_string_equal(key_of(*state, "A:8080", "/%7Ea/../b//c"),
                        "shop:80 http://a:8080/%7Ea/../b//c");
    assert_string_equal(key_of(*state, "a", "http://A/x?y"), "shop:80 http://a/x?y");
    assert_string_equal(key_of(*state, "a", "http://a?y"), "shop:80 http://a/?y");
    assert_string_equal(key_of(*state, "a", "http://a"), "shop:80 http://a/");
    assert_string_equal(key_of(*state, "[::1]:80", "/"), "shop:80 http://[::1]:80/");
}

static void what_has_no_key(void **state)
{
    assert_null(key_of(*state, "a", "*"));
    assert_null(key_of(*state, "a", ""));
    assert_null(key_of(*state, "a", "x"));
    assert_null(key_of(*state, "a", "://x"));
    assert_null(key_of(*state, "a", "/x#fragment"));
    assert_null(key_of(*state, "a", "http://a#fragment"));
    assert_null(key_of(*state, "a", "http://other/x?y"));
    assert_null(key_of(*state, "a", "http://a:8080/"));
    assert_null(key_of(*state, "a", "http://user@a/"));
    assert_null(key_of(*state, "a", "http://a.other/"));
    assert_null(key_of(*state, "a", "/x y"));
    assert_null(key_of(*state, "a", "/x\ny"));
    assert_null(key_of(*state, "a", "/x\x7f"));
    assert_null(key_of(*state, "", "/"));
    assert_null(key_of(*state, "a b", "/"));
    assert_null(key_of(*state, "a/b", "/"));
    assert_null(key_of(*state, "user@a", "/"));
}

static void no_two_pairs_of_host_and_path_share_a_key(void **state)
{
    assert_string_not_equal(key_of(*state, "a", "/b/c"), key_of(*state, "a:1", "/b/c"));
    assert_string_not_equal(key_of(*state, "a", "/b?c"), key_of(*state, "a", "/b%3Fc"));
}

static void related_uris(void **state)
{
    static const char *const cases[][2] = {
        {"/other", "/other"},
        {"other", "/a/other"},
        {"../other", "/other"},
        {"../../../other", "/other"},
        {"./x/./y/..", "/a/x/"},
        {"./", "/a/"},
        {"..", "/"},
        {"?y=2", "/a/page?y=2"},
        {"http://shop.test/x", "/x"},
        {"HTTP://SHOP.TEST:80/x?y", "/x?y"},
        {"//shop.test/x", "/x"},
        {"http://shop.test", "/"},
        {"/other#part", "/other"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *key = cache_key_related(&page, cases[i][0], *state);
        assert_non_null(key);
        assert_string_equal(key,
                            apr_pstrcat(*state, "shop:80 http://shop.test", cases[i][1], NULL));
    }
}

static void other_origins_are_not_related(void **state)
{
    static const char *const others[] = {"https://shop.test/x",
                                         "http://other.test/x",
                                         "http://shop.test:8080/x",
                                         "ftp://shop.test/x",
                                         "//other.test/x",
                                         "http://shop.test:x/",
                                         "mailto:a@b",
                                         "http://shop.test.other.test/"};
    cache_key_parts_t secure = {"shop:443", "https", "shop.test:443", "/"};
    cache_key_parts_t strange = {"shop:80", "http", "shop.test", "*"};

    for (size_t i = 0; i < COUNT(others); i++) {
        if (cache_key_related(&page, others[i], *state))
            fail_msg("%s", others[i]);
    }
    assert_non_null(cache_key_related(&secure, "https://shop.test/x", *state));
    assert_null(cache_key_related(&secure, "https://shop.test:80/x", *state));
    assert_null(cache_key_related(&strange, "/x", *state));
}

static void ids_and_variants_differ(void **state)
{
    cache_id_t one, other;
    const char *variant = cache_key_variant("key", 1, "sel", *state);

    cache_key_id(&one, "key");
    cache_key_id(&other, "kez");
    assert_memory_not_equal(&one, &other, sizeof(one));
    cache_key_id(&other, "key");
    assert_memory_equal(&one, &other, sizeof(one));
    assert_int_equal(strlen(variant),
                     strlen(cache_key_variant("key", APR_UINT64_MAX, "sel", *state)));
    assert_string_not_equal(variant, cache_key_variant("key", 2, "sel", *state));
}

/* What a box stores in memcached is found by all others: worked out by another program. */
static void ids_are_the_same_on_all_boxes(void **state)
{
    static const unsigned char expected[CACHE_ID_SIZE] = {0x76, 0x3e, 0x27, 0xa7, 0xd1, 0xf4,
                                                          0xe7, 0x5d, 0x33, 0x12, 0x0a, 0xf3,
                                                          0x99, 0xeb, 0xfd, 0xa1};
    cache_id_t id;

    (void)state;
    cache_key_id(&id, "shop.test:80 http shop.test /shoes");
    assert_memory_equal(id.bytes, expected, CACHE_ID_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(keys_are_what_was_asked_for),
        POOL_TEST(what_has_no_key),
        POOL_TEST(no_two_pairs_of_host_and_path_share_a_key),
        POOL_TEST(related_uris),
        POOL_TEST(other_origins_are_not_related),
        POOL_TEST(ids_and_variants_differ),
        POOL_TEST(ids_are_the_same_on_all_boxes),
    };

    return RUN_TESTS(tests);
}
