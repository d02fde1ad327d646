/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around the scanners: types, bucket splitting, tags, links. */
#include "cache_testing.h"

#include "assets_etag.h"
#include "assets_link.h"
#include "assets_page.h"
#include "assets_scan.h"
#include "assets_splice.h"

static void types_that_hold_references(void **state)
{
    static const struct {
        const char *type;
        assets_scan_e kind;
        int is_unreadable;
    } cases[] = {
        {"text/html", ASSETS_SCAN_HTML, 0},
        {"Text/HTML; charset=utf-8", ASSETS_SCAN_HTML, 0},
        {"text/html;charset=\"UTF-16\"", ASSETS_SCAN_NONE, 1},
        {"text/html; x=y; charset=utf-16le", ASSETS_SCAN_NONE, 1},
        {"application/xhtml+xml", ASSETS_SCAN_XHTML, 0},
        {"text/css", ASSETS_SCAN_CSS, 0},
        {"text/css; charset=utf-16", ASSETS_SCAN_NONE, 1},
        {"text/htmlx", ASSETS_SCAN_NONE, 0},
        {"application/json; charset=utf-16", ASSETS_SCAN_NONE, 0},
        {"", ASSETS_SCAN_NONE, 0},
        {NULL, ASSETS_SCAN_NONE, 0},
    };
    int is_unreadable;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(assets_scan_kind(cases[i].type, &is_unreadable), cases[i].kind);
        assert_int_equal(is_unreadable, cases[i].is_unreadable);
    }
}

static assets_judge_t judge_of(apr_pool_t *pool)
{
    assets_map_t *map = assets_map_create(pool);
    assets_page_t *page = apr_pcalloc(pool, sizeof(*page));
    assets_judge_t judge = {assets_page_judge, page};

    assets_map_add(map, "/a/", "/new/");
    assets_map_add(map, "/gone/", "/");
    page->map = map;
    page->base = assets_url_base("www.example.com", "/", pool);
    page->pool = pool;
    return judge;
}

/* Feeds data in buckets of size bytes through a scanner and the splice. */
static const char *spliced(assets_scan_e kind, const char *data, apr_size_t size, apr_pool_t *pool)
{
    apr_bucket_alloc_t *alloc = apr_bucket_alloc_create(pool);
    assets_judge_t judge = judge_of(pool);
    assets_scan_t *scan = assets_scan_create(kind, &judge, pool);
    const apr_array_header_t *last;
    assets_splice_t splice;
    char *out;
    apr_size_t length;

    assets_splice_init(&splice, pool, alloc);
    for (const char *p = data, *end = data + strlen(data); p < end; p += size) {
        apr_size_t piece = (apr_size_t)(end - p) < size ? (apr_size_t)(end - p) : size;
        const apr_array_header_t *edits;

        APR_BRIGADE_INSERT_TAIL(splice.held, apr_bucket_immortal_create(p, piece, alloc));
        edits = assets_scan_feed(scan, p, piece);
        assert_int_equal(assets_splice_apply(&splice, edits, assets_scan_safe(scan)), APR_SUCCESS);
    }
    last = assets_scan_end(scan);
    assert_int_equal(assets_splice_apply(&splice, last, assets_scan_safe(scan)), APR_SUCCESS);
    assert_true(APR_BRIGADE_EMPTY(splice.held));
    apr_brigade_pflatten(splice.out, &out, &length, pool);
    return apr_pstrmemdup(pool, out, length);
}

static void edits_are_made_in_buckets(void **state)
{
    static const char page[] = "x<img src='/a/b'><img src=/gone/c srcset='/a/d, /a/e 2x'>y";
    static const char sheet[] = "@import '/a/b'; c{d:url(/gone/e)}";

    for (apr_size_t size = 1; size <= sizeof(page); size++) {
        assert_string_equal(spliced(ASSETS_SCAN_HTML, page, size, *state),
                            "x<img src='/new/b'><img src=/c srcset='/new/d, /new/e 2x'>y");
        assert_string_equal(spliced(ASSETS_SCAN_CSS, sheet, size, *state),
                            "@import '/new/b'; c{d:url(/e)}");
    }
}

static const char *with_stretches(const char *prefix, const char *text, apr_pool_t *pool)
{
    return apr_pstrcat(pool, text, "<img src='", prefix, "b'>", text, "<img src='", prefix,
                       "c'><img src='", prefix, "d'>", text, NULL);
}

/* Short stretches between edits are copied, long ones stay buckets: both around the limit. */
static void long_stretches_between_edits_stay(void **state)
{
    char *text = apr_palloc(*state, ASSETS_SPLICE_SHORT + 3);

    memset(text, 'x', ASSETS_SPLICE_SHORT + 2);
    for (int longer = -40; longer < 3; longer++) {
        apr_size_t size = (apr_size_t)(ASSETS_SPLICE_SHORT + longer);
        const char *page = with_stretches("/a/", apr_pstrmemdup(*state, text, size), *state);
        const char *expected = with_stretches("/new/", apr_pstrmemdup(*state, text, size), *state);

        for (apr_size_t bucket = 1000; bucket < 17000; bucket += 3000)
            assert_string_equal(spliced(ASSETS_SCAN_HTML, page, bucket, *state), expected);
    }
}

/* Returns how many bytes of out do not lie in the page itself: those that were written. */
static apr_size_t written_to(apr_bucket_brigade *out, const char *page, apr_size_t size)
{
    apr_size_t written = 0;

    for (apr_bucket *bucket = APR_BRIGADE_FIRST(out); bucket != APR_BRIGADE_SENTINEL(out);
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *data;
        apr_size_t length;

        assert_int_equal(apr_bucket_read(bucket, &data, &length, APR_BLOCK_READ), APR_SUCCESS);
        if (data < page || data >= page + size)
            written += length;
    }
    return written;
}

static void bytes_that_are_not_changed_are_not_copied(void **state)
{
    apr_bucket_alloc_t *alloc = apr_bucket_alloc_create(*state);
    assets_judge_t judge = judge_of(*state);
    assets_scan_t *scan = assets_scan_create(ASSETS_SCAN_HTML, &judge, *state);
    char *text = apr_palloc(*state, 20000);
    const apr_array_header_t *edits;
    assets_splice_t splice;
    const char *page;

    memset(text, 'x', 19999);
    text[19999] = '\0';
    page = with_stretches("/a/", text, *state);
    assets_splice_init(&splice, *state, alloc);
    APR_BRIGADE_INSERT_TAIL(splice.held, apr_bucket_immortal_create(page, strlen(page), alloc));
    edits = assets_scan_feed(scan, page, strlen(page));
    assert_int_equal(assets_splice_apply(&splice, edits, assets_scan_safe(scan)), APR_SUCCESS);
    /* Two names alone, and two with the tag between them. */
    assert_in_range(written_to(splice.out, page, strlen(page)), 3 * strlen("/new/"), 60);
}

/* A judge that needs memory for every reference, and counts what was not given back yet. */
typedef struct greedy_t {
    int asked, live, most;
} greedy_t;

static apr_status_t give_back(void *data)
{
    ((greedy_t *)data)->live--;
    return APR_SUCCESS;
}

static int take_memory(void *baton, assets_reference_e kind, const char *text, apr_size_t size,
                       assets_change_t *change, apr_pool_t *pool)
{
    greedy_t *greedy = baton;

    (void)kind;
    (void)text;
    (void)size;
    (void)change;
    apr_pool_cleanup_register(pool, greedy, give_back, apr_pool_cleanup_null);
    greedy->asked++;
    greedy->live++;
    if (greedy->live > greedy->most)
        greedy->most = greedy->live;
    return 0;
}

/* Also where no reference is changed, so that there is no edit to be done with. */
static void pages_of_any_size_take_the_same_memory(void **state)
{
    static const char *const units[] = {"<a href=x>",       "<p style='a:url(x)'>",
                                        "<a href='&amp;'>", "<style>url(x)url(y)</style>",
                                        "url(x)",           "@import 'x';"};

    for (size_t i = 0; i < COUNT(units); i++) {
        greedy_t greedy = {0, 0, 0};
        assets_judge_t judge = {take_memory, &greedy};
        assets_scan_t *scan =
            assets_scan_create(i < 4 ? ASSETS_SCAN_HTML : ASSETS_SCAN_CSS, &judge, *state);

        for (int fed = 0; fed < 100000; fed += 100) {
            for (int unit = 0; unit < 100; unit++)
                assets_scan_feed(scan, units[i], strlen(units[i]));
        }
        assets_scan_end(scan);
        assert_in_range(greedy.asked, 100000, 200000);
        assert_in_range(greedy.most, 1, 1000);
    }
}

static void more_than_there_is_cannot_be_edited(void **state)
{
    apr_bucket_alloc_t *alloc = apr_bucket_alloc_create(*state);
    apr_array_header_t *edits = apr_array_make(*state, 1, sizeof(assets_edit_t));
    assets_splice_t splice;

    assets_splice_init(&splice, *state, alloc);
    assert_int_equal(assets_splice_apply(&splice, NULL, 1), APR_EGENERAL);
    APR_ARRAY_PUSH(edits, assets_edit_t) = (assets_edit_t){3, 0, "x", 1};
    assert_int_equal(assets_splice_apply(&splice, edits, 4), APR_EGENERAL);
    assert_true(APR_BRIGADE_EMPTY(splice.out));
}

static const char *restored(const char *list, apr_pool_t *pool)
{
    int is_ours, is_other;
    const char *out = assets_etag_restore(list, 0x1f, &is_ours, &is_other, pool);

    return apr_psprintf(pool, "%s%s%s", is_ours ? "ours " : "", is_other ? "other " : "",
                        out ? out : "none");
}

static void tags_are_translated(void **state)
{
    static const char *const cases[][2] = {
        {"\"a-t000000000000001f\"", "ours \"a\""},
        {"W/\"a-t000000000000001F\"", "ours W/\"a\""},
        {"\"a-t000000000000001f-gzip\"", "ours \"a\""},
        {"\"a-t000000000000001f-br\" , \"b\"", "ours \"a\", \"b\""},
        {"\"a-t0000000000000020\"", "other none"},
        {"\"a-t0000000000000020\",\"b,c\"", "other \"b,c\""},
        {"\"-t000000000000001f\"", "ours \"\""},
        {"*", "*"},
        {"\"a\"", "\"a\""},
        {"\"a-t00000000000001f\"", "\"a-t00000000000001f\""},
        {"\"a-tx00000000000001f\"", "\"a-tx00000000000001f\""},
        {"\"a-t000000000000001f-x\"", "\"a-t000000000000001f-x\""},
        {"a-t000000000000001f", "a-t000000000000001f"},
        {"\"open", "\"open"},
        {"", "none"},
        {" , ", "none"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(restored(cases[i][0], *state), cases[i][1]);
    assert_string_equal(assets_etag_make("W/\"a\"", 0x1f, *state), "W/\"a-t000000000000001f\"");
    assert_string_equal(assets_etag_make("\"a\"", 0x1f, *state), "\"a-t000000000000001f\"");
    assert_string_equal(assets_etag_make("a", 0x1f, *state), "a");
    assert_string_equal(assets_etag_make("", 0x1f, *state), "");
}

static void links_are_rewritten(void **state)
{
    static const char *const cases[][2] = {
        {"</a/b>; rel=preload", "</new/b>; rel=preload"},
        {"</x>, </a/b>;t=\"\\\"</a/no>\", <http://www.example.com/a/c?d>",
         "</x>, </new/b>;t=\"\\\"</a/no>\", <http://www.example.com/new/c?d>"},
        {"</x>", NULL},
        {"</a/b", NULL},
        {"t=\"</a/b>", NULL},
        {"", NULL},
    };
    assets_judge_t judge = judge_of(*state);

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = assets_link_rewrite(cases[i][0], &judge, *state);

        if (cases[i][1]) {
            assert_string_equal(got, cases[i][1]);
        } else {
            assert_null(got);
        }
    }
}

static void links_of_a_head_are_rewritten(void **state)
{
    static const char *const cases[][2] = {
        {"HTTP/1.1 103 Early Hints\r\nLink: </a/1>\r\nX: </a/no>\r\nlink:<b>, </a/2>\r\n\r\n",
         "HTTP/1.1 103 Early Hints\r\nLink: </new/1>\r\nX: </a/no>\r\nlink:<b>, "
         "</new/2>\r\n\r\n"},
        {"Link: </a/1>\r\n\r\n", NULL}, /* the first line is no field */
        {"x\r\nLink: </a/1>", NULL},    /* nor is one that does not end */
        {"x\r\nLink:\r\n\r\nLink: </a/1", NULL},
        {"", NULL},
    };
    assets_judge_t judge = judge_of(*state);

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = assets_link_rewrite_head(cases[i][0], &judge, *state);

        assert_string_equal(got ? got : "none", cases[i][1] ? cases[i][1] : "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(types_that_hold_references),
        POOL_TEST(edits_are_made_in_buckets),
        POOL_TEST(long_stretches_between_edits_stay),
        POOL_TEST(bytes_that_are_not_changed_are_not_copied),
        POOL_TEST(pages_of_any_size_take_the_same_memory),
        POOL_TEST(more_than_there_is_cannot_be_edited),
        POOL_TEST(tags_are_translated),
        POOL_TEST(links_are_rewritten),
        POOL_TEST(links_of_a_head_are_rewritten),
    };

    return RUN_TESTS(tests);
}
