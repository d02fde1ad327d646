/* SPDX-License-Identifier: Apache-2.0 */
/* No input makes the scanners take more than a fixed number of steps for each byte. Steps are
 * counted, not timed: the compiler has each basic block of the scanners call a function. */
#include "cache_testing.h"

#include "assets_page.h"
#include "assets_rewriting.h"

#define SMALL ((size_t)12 * 1024) /* four times that is less than scanners hold of one token, */
#define LARGE ((size_t)60 * 1024) /* and this is about that, so that four times it is more */

static size_t steps;

/* Called by what gcc and clang make of -fsanitize-coverage=trace-pc. */
void __sanitizer_cov_trace_pc(void);
void *assets_steps_memchr(const void *data, int byte, size_t size);
void *assets_steps_memcpy(void *to, const void *from, size_t size);

void __sanitizer_cov_trace_pc(void)
{
    steps++;
}

/* An eighth of a step a byte, as they go by words; what is not looked at is not counted. */
void *assets_steps_memchr(const void *data, int byte, size_t size)
{
    const char *found = memchr(data, byte, size);

    steps += (found ? (size_t)(found - (const char *)data) : size) / 8;
    return (void *)(apr_uintptr_t)found;
}

void *assets_steps_memcpy(void *to, const void *from, size_t size)
{
    steps += size / 8;
    return memcpy(to, from, size);
}

/* Each is repeated until there is enough of it, behind what it begins with. */
static const struct {
    const char *begin, *unit;
} inputs[] = {
    {"", "<"},
    {"", "<!"},
    {"", "<!-"},
    {"", "<!--"},
    {"<!--", "-"},
    {"<!--", "--!"},
    {"", "<a "},
    {"<a ", "a"},
    {"<a ", "a "},
    {"<a ", "href "},
    {"<a ", "href=/a/ "},
    {"<a ", "/"},
    {"<a ", "="},
    {"<a x=\"", "a"},
    {"<a x=\"", "'"},
    {"<a href='", "&amp;"},
    {"<a href='/a/", "../"},
    {"<a href='/a/", "a/"},
    {"<a href='", "/a/&#x2f;"},
    {"<img srcset='", ","},
    {"<img srcset='", "/a/1 1x,"},
    {"<img srcset='", "/a/("},
    {"", "<a href=/a/>"},
    {"", "<a href=/a/x><a href=/b/c>"},
    {"", "<base href=/a/>"},
    {"<script>", "</script"},
    {"<script>", "<!--<script>"},
    {"<script>", "</"},
    {"<style>", "</styl"},
    {"<style>", "url(/a/)"},
    {"<svg><style>", "url(/a/)"},
    {"<svg><style>", "<!---->"},
    {"<svg><style>", "<![CDATA[/a/]]>"},
    {"<svg><style>", "url(&quot;"},
    {"<svg><style>", "</styl"},
    {"<svg><style>", "url(/a/)</style><style>"},
    {"<p style='", "url(&quot;"},
    {"<p style='", "url(/a/);"},
    {"<textarea>", "</textare"},
    {"<svg>", "<![CDATA["},
    {"<meta http-equiv=refresh content='", "0;url="},
    {"", "url("},
    {"", "url(/a/x)"},
    {"", "url(\"/a/x"},
    {"", "@import "},
    {"", "@import '/a/x';"},
    {"", "image-set("},
    {"", "/*"},
    {"", "*/"},
    {"", "\\"},
    {"", "\\2f "},
    {"'", "\\\n"},
    {"", "'"},
    {"", "{}"},
    {"", "((("},
    {"", "<?"},
    {"", "]]>"},
};

static char *make_input(size_t number, size_t size)
{
    const char *begin = inputs[number].begin, *unit = inputs[number].unit;
    size_t begins = strlen(begin), length = strlen(unit);
    char *data = malloc(size);

    for (size_t i = 0; i < size; i++)
        data[i] = i < begins ? begin[i] : unit[(i - begins) % length];
    return data;
}

/* With so many rules; those beyond the first are of no page. */
static size_t steps_with(int rules, rewrite_e kind, size_t number, size_t size, size_t chunk)
{
    char *data = make_input(number, size);
    rewriting_t rewritten;
    apr_pool_t *pool;
    assets_map_t *map;

    apr_pool_create(&pool, NULL);
    map = assets_map_create(pool);
    assets_map_add(map, "/a/", "/b/");
    for (int i = 1; i < rules; i++)
        assets_map_add(map, apr_psprintf(pool, "/a%d/", i), "/c/");
    {
        assets_page_t page = {map, assets_url_base("www.example.com", "/", pool), pool};
        assets_judge_t judge = {assets_page_judge, &page};

        steps = 0;
        rewritten = rewrite(kind, &judge, data, size, chunk, pool);
    }
    free(rewritten.out);
    free(data);
    apr_pool_destroy(pool);
    return steps;
}

static size_t steps_of(rewrite_e kind, size_t number, size_t size, size_t chunk)
{
    return steps_with(1, kind, number, size, chunk);
}

/* Four times the bytes: some five times the steps at most, by far less than sixteen. */
static void check(size_t size, size_t chunk)
{
    for (size_t i = 0; i < COUNT(inputs); i++) {
        for (int kind = REWRITE_HTML; kind <= REWRITE_CSS; kind++) {
            size_t few = steps_of((rewrite_e)kind, i, size, chunk);
            size_t many = steps_of((rewrite_e)kind, i, 4 * size, chunk);

            assert_true(few > 0);
            if (many > 5 * few + size)
                fail_msg("\"%s\", again and again \"%s\", kind %d, chunks of %zu: %zu steps for "
                         "%zu bytes, %zu for %zu",
                         inputs[i].begin, inputs[i].unit, kind, chunk, few, size, many, 4 * size);
        }
    }
}

static void in_one_piece(void **state)
{
    (void)state;
    check(SMALL, 4 * SMALL);
    check(LARGE, 4 * LARGE);
}

static void in_the_smallest_pieces(void **state)
{
    (void)state;
    check(SMALL, 1);
}

static void in_pieces_as_they_are_read(void **state)
{
    (void)state;
    check(LARGE, 8192);
}

static void with_many_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(inputs); i++) {
        size_t one = steps_with(1, REWRITE_HTML, i, SMALL, 4096);
        size_t many = steps_with(1000, REWRITE_HTML, i, SMALL, 4096);

        if (many > one + one / 4)
            fail_msg("again and again \"%s\": %zu steps with one rule, %zu with a thousand",
                     inputs[i].unit, one, many);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(in_one_piece),
        POOL_TEST(in_the_smallest_pieces),
        POOL_TEST(in_pieces_as_they_are_read),
        POOL_TEST(with_many_rules),
    };

    return RUN_TESTS(tests);
}
