/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_live.h"
#include "assets_manifest.h"

#include <unistd.h>

/* Returns "path=target" for each of the paths given, and "!" before one with a fingerprint. */
static const char *looked_up(const assets_map_t *map, apr_hash_t *names, const char *path,
                             apr_pool_t *pool)
{
    const char *to = NULL;
    apr_size_t found = assets_map_find(map, path, strlen(path), &to);

    return apr_pstrcat(pool, apr_hash_get(names, path, APR_HASH_KEY_STRING) ? "!" : "",
                       found ? to : "none", NULL);
}

static void manifests_of_all_tools_are_read(void **state)
{
    static const struct {
        const char *json, *path, *expected;
    } cases[] = {
        {"{\"a.css\":\"a-1f.css\"}", "/assets/a.css", "/assets/a-1f.css"},
        {"{\"a.css\":\"a-1f.css\"}", "/assets/a-1f.css", "!none"},
        {"{\"a.css\":{\"digested_path\":\"a-1f.css\",\"integrity\":\"x\"}}", "/assets/a.css",
         "/assets/a-1f.css"},
        {"{\"files\":{\"a-1f.css\":{\"size\":1}},\"assets\":{\"a.css\":\"a-1f.css\"}}",
         "/assets/a.css", "/assets/a-1f.css"},
        {"{\"main.js\":\"/packs/main-1f.js\"}", "/assets/main.js", "/packs/main-1f.js"},
        {"{\"main.js\":\"https://cdn.example.net/main-1f.js\"}", "/assets/main.js",
         "https://cdn.example.net/main-1f.js"},
        {"{\"src/a.js\":{\"file\":\"js/"
         "a-1f.js\",\"css\":[\"c-2e.css\",1],\"assets\":[\"i-3d.png\"]}}",
         "/assets/src/a.js", "/assets/js/a-1f.js"},
        {"{\"src/a.js\":{\"file\":\"js/a-1f.js\",\"css\":[\"c-2e.css\"]}}", "/assets/c-2e.css",
         "!none"},
        {"{\"a.css\":\"a.css\"}", "/assets/a.css", "!none"},
        {"{\"a b.css\":\"a-1f.css\",\"c\":\"c-1\"}", "/assets/a b.css", "none"},
        {"{\"a\":\"\\\"'\",\"c\":\"c-1\"}", "/assets/a", "none"},
        {"{\"a/\":\"b/\",\"c\":\"c-1\"}", "/assets/a/x", "none"},
        {"{\"entrypoints\":{\"app\":{}},\"c\":\"c-1\"}", "/assets/c", "/assets/c-1"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        assets_map_t *map = assets_map_create(*state);
        apr_hash_t *names = apr_hash_make(*state);
        assets_manifest_t got = assets_manifest_read(map, names, "/assets/", cases[i].json,
                                                     strlen(cases[i].json), *state);

        assert_null(got.problem);
        assert_string_equal(looked_up(map, names, cases[i].path, *state), cases[i].expected);
    }
}

static void what_is_no_manifest_is_told(void **state)
{
    static const char *const cases[] = {"",
                                        "{",
                                        "[]",
                                        "\"a\"",
                                        "{\"a\":\"b\"} x",
                                        "{\"a\":\"b\",\"a\":\"c\"}",
                                        "{\"a\":1}",
                                        "{\"a b\":\"c d\"}",
                                        "{\"a\":\"b\xff\"}"};

    for (size_t i = 0; i < COUNT(cases); i++) {
        assets_map_t *map = assets_map_create(*state);

        assert_non_null(assets_manifest_read(map, apr_hash_make(*state), "/", cases[i],
                                             strlen(cases[i]), *state)
                            .problem);
        assert_int_equal(assets_map_count(map), 0);
    }
}

static char lines[1024];

static void note(void *baton, const char *file, int line, int level, apr_status_t status,
                 const char *message)
{
    (void)baton;
    (void)file;
    (void)line;
    (void)level;
    (void)status;
    snprintf(lines, sizeof(lines), "%s", message);
}

static const tier_log_t log_lines = {note, NULL};

static void put(const char *path, const char *text)
{
    char beside[64];
    FILE *file;

    snprintf(beside, sizeof(beside), "%s.new", path);
    file = fopen(beside, "w");
    fputs(text, file);
    fclose(file);
    rename(beside, path);
}

static const char *now_is(assets_live_t *live, apr_time_t now, apr_pool_t *pool)
{
    const assets_version_t *version = assets_live_get(live, now, pool);

    return looked_up(version->map, version->names, "/x/a", pool);
}

static void a_manifest_is_read_again_when_it_changes(void **state)
{
    char path[] = "/tmp/webtier-manifest-XXXXXX";
    apr_array_header_t *sources = apr_array_make(*state, 1, sizeof(assets_source_t));
    apr_array_header_t *rules = apr_array_make(*state, 1, sizeof(assets_rule_t));
    const assets_version_t *before, *now;
    assets_live_t *live;

    close(mkstemp(path));
    APR_ARRAY_PUSH(sources, assets_source_t) = (assets_source_t){"/x/", path};
    APR_ARRAY_PUSH(rules, assets_rule_t) = (assets_rule_t){"/x/b", "/rule"};
    lines[0] = '\0';
    assert_int_equal(assets_live_create(&live, rules, sources, &log_lines, *state), APR_SUCCESS);
    assert_non_null(strstr(lines, "it is not used"));
    assert_string_equal(now_is(live, SECONDS(10), *state), "none");
    before = assets_live_get(live, SECONDS(10), *state);
    put(path, "{\"a\":\"a-1\",\"b\":\"b-1\"}");
    assert_string_equal(now_is(live, SECONDS(10) + 1, *state), "none"); /* not within a second */
    assert_string_equal(now_is(live, SECONDS(12), *state), "/x/a-1");
    assert_true(assets_map_version(assets_live_get(live, SECONDS(12), *state)->map) !=
                assets_map_version(before->map)); /* which still holds for who has it */
    /* a half written one changes nothing, and is told once */
    lines[0] = '\0';
    put(path, "{\"a\":\"a-");
    assert_string_equal(now_is(live, SECONDS(14), *state), "/x/a-1");
    assert_non_null(strstr(lines, "what it said before still holds"));
    lines[0] = '\0';
    assert_string_equal(now_is(live, SECONDS(16), *state), "/x/a-1");
    assert_string_equal(lines, "");
    unlink(path);
    assert_string_equal(now_is(live, SECONDS(18), *state), "/x/a-1");
    put(path, "{\"a\":\"a-2\"}");
    assert_string_equal(now_is(live, SECONDS(20), *state), "/x/a-2");
    /* who misses something need not wait for the next second */
    put(path, "{\"a\":\"a-3\"}");
    assert_string_equal(now_is(live, SECONDS(20) + 1, *state), "/x/a-2");
    now = assets_live_renew(live, *state);
    assert_string_equal(looked_up(now->map, now->names, "/x/a", *state), "/x/a-3");
    assert_ptr_equal(assets_live_renew(live, *state), now);
    assert_string_equal(now_is(live, SECONDS(20) + 1, *state), "/x/a-3");
    unlink(path);
}

static void rules_hold_before_manifests(void **state)
{
    apr_array_header_t *rules = apr_array_make(*state, 2, sizeof(assets_rule_t));
    const assets_version_t *version;
    assets_live_t *live;
    const char *to;

    APR_ARRAY_PUSH(rules, assets_rule_t) = (assets_rule_t){"/a", "/first"};
    APR_ARRAY_PUSH(rules, assets_rule_t) = (assets_rule_t){"/a", "/second"};
    assert_int_equal(assets_live_create(&live, rules, NULL, &log_lines, *state), APR_SUCCESS);
    version = assets_live_get(live, SECONDS(1), *state);
    assert_int_equal(assets_map_find(version->map, "/a", 2, &to), 2);
    assert_string_equal(to, "/first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(manifests_of_all_tools_are_read),
        POOL_TEST(what_is_no_manifest_is_told),
        POOL_TEST(a_manifest_is_read_again_when_it_changes),
        POOL_TEST(rules_hold_before_manifests),
    };

    return RUN_TESTS(tests);
}
