/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_parts.h"

#define LARGEST 1000000

static const unsigned char generation[CACHE_PARTS_GENERATION_SIZE] = {0x0f, 1, 2, 3, 0xa4};

static unsigned char *bytes(apr_pool_t *pool, apr_size_t size)
{
    unsigned char *data = apr_palloc(pool, size);

    for (apr_size_t i = 0; i < size; i++)
        data[i] = (unsigned char)(i * 31 + i / 251);
    return data;
}

static void a_manifest_is_read_as_written(void **state)
{
    static const apr_size_t sizes[] = {1001, 1999, 2000, 2001, 65999, 66000};
    unsigned char *data = bytes(*state, 66000);
    unsigned char manifest[CACHE_PARTS_LONGEST];

    for (size_t i = 0; i < COUNT(sizes); i++) {
        cache_parts_t parts;
        apr_size_t size = cache_parts_write(manifest, generation, data, sizes[i], 1000);
        apr_size_t sum = 0;

        assert_true(cache_parts_read(&parts, manifest, size, LARGEST));
        assert_int_equal(parts.size, sizes[i]);
        assert_memory_equal(parts.generation, generation, sizeof(generation));
        for (int part = 0; part < parts.count; part++) {
            apr_size_t part_size = cache_parts_size_of(parts.size, parts.part_size, part);
            assert_true(cache_parts_is_right(&parts, part, data + sum));
            data[sum + part_size - 1] ^= 1;
            assert_false(cache_parts_is_right(&parts, part, data + sum));
            data[sum + part_size - 1] ^= 1;
            sum += part_size;
        }
        assert_int_equal(sum, sizes[i]);
    }
}

static void a_changed_manifest_is_none(void **state)
{
    unsigned char manifest[CACHE_PARTS_LONGEST + 1];
    unsigned char *data = bytes(*state, 3500);
    apr_size_t size = cache_parts_write(manifest, generation, data, 3500, 1000);
    cache_parts_t parts;

    for (apr_size_t i = 0; i < size; i++) {
        assert_false(cache_parts_read(&parts, manifest, i, LARGEST));
        manifest[i] ^= 0x10;
        assert_false(cache_parts_read(&parts, manifest, size, LARGEST));
        manifest[i] ^= 0x10;
    }
    manifest[size] = 0;
    assert_false(cache_parts_read(&parts, manifest, size + 1, LARGEST));
    assert_false(cache_parts_read(&parts, manifest, size, 3499));
    assert_true(cache_parts_read(&parts, manifest, size, 3500));
}

/* Right checksums do not make wrong numbers right. */
static void numbers_that_do_not_add_up_are_refused(void **state)
{
    unsigned char manifest[8 * CACHE_PARTS_LONGEST];
    unsigned char *data = bytes(*state, 100000);
    cache_parts_t parts;
    apr_size_t size;

    size = cache_parts_write(manifest, generation, data, 1000, 1000);
    assert_false(cache_parts_read(&parts, manifest, size, LARGEST)); /* one part */
    size = cache_parts_write(manifest, generation, data, 67000, 1000);
    assert_false(cache_parts_read(&parts, manifest, size, LARGEST)); /* one too many */
}

static void keys_tell_parts_and_generations_apart(void **state)
{
    char key[CACHE_PARTS_KEY_SIZE];

    (void)state;
    cache_parts_key(key, generation, 0);
    assert_memory_equal(key, "wtp1-0f010203a40000000000000000000000-00", sizeof(key));
    cache_parts_key(key, generation, 65);
    assert_memory_equal(key, "wtp1-0f010203a40000000000000000000000-41", sizeof(key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_manifest_is_read_as_written),
        POOL_TEST(a_changed_manifest_is_none),
        POOL_TEST(numbers_that_do_not_add_up_are_refused),
        POOL_TEST(keys_tell_parts_and_generations_apart),
    };

    return RUN_TESTS(tests);
}
