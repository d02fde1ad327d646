/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_accept.h"

static const assets_coding_e order[] = {ASSETS_CODING_BR, ASSETS_CODING_ZSTD, ASSETS_CODING_GZIP};

static const char *best(const char *header, unsigned there)
{
    int weights[ASSETS_CODINGS + 1];

    assets_accept_read(weights, header);
    return assets_accept_name(assets_accept_best(weights, order, 3, there));
}

static void the_heaviest_of_those_that_are_there_is_chosen(void **state)
{
    static const struct {
        const char *header;
        const char *expected; /* with all three there */
    } cases[] = {
        {NULL, "identity"},
        {"", "identity"},
        {"gzip", "gzip"},
        {"gzip, br", "br"},
        {"gzip;q=1.0, br;q=0.5", "gzip"},
        {"gzip;q=0", "identity"},
        {"br;q=0, gzip;q=0.001", "gzip"},
        {"br ; Q=0.9 , zstd; q=0.95", "zstd"},
        {"X-GZIP", "gzip"},
        {"*", "br"},
        {"*;q=0", "identity"},
        {"*, br;q=0", "zstd"},
        {"identity", "identity"},
        {"identity;q=0.5, gzip;q=0.4", "identity"},
        {"identity;q=0, gzip;q=0.001", "gzip"},
        {"identity;q=0.5, gzip;q=0.5", "gzip"},
        {"gzip;q=1.1, br;q=x, zstd;q=", "identity"},
        {"gzip;level=9", "identity"},
        {"gzip;q=0.0001", "identity"},
        {" ,, gzip ,", "gzip"},
        {"deflate, unknown", "identity"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(best(cases[i].header, 7), cases[i].expected);
    assert_string_equal(best("br, gzip", 1u << ASSETS_CODING_GZIP), "gzip");
    assert_string_equal(best("br, gzip", 0), "identity");
    assert_string_equal(assets_accept_suffix(ASSETS_CODING_ZSTD), ".zst");
}

int main(void)
{
    const struct CMUnitTest tests[] = {POOL_TEST(the_heaviest_of_those_that_are_there_is_chosen)};

    return RUN_TESTS(tests);
}
