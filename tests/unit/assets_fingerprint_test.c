/* SPDX-License-Identifier: Apache-2.0 */
/* Names with fingerprints, their index, the census that computes them, versions in queries. */
#include "cache_testing.h"

#include "assets_census.h"
#include "assets_file.h"
#include "assets_fingerprint.h"
#include "assets_index.h"
#include "assets_press.h"
#include "assets_version.h"

#include <apr_general.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRINT APR_UINT64_C(0x1f)

static void names_have_their_fingerprint_before_the_extension(void **state)
{
    static const struct {
        const char *name, *expected;
    } cases[] = {
        {"a.css", "a.h000000000000001f.css"},
        {"css/a.min.css", "css/a.min.h000000000000001f.css"},
        {"x.y/LICENSE", "x.y/LICENSE.h000000000000001f"},
    };
    apr_uint64_t got;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *name = assets_fingerprint_add(cases[i].name, PRINT, *state);

        assert_string_equal(name, cases[i].expected);
        got = 0;
        assert_string_equal(assets_fingerprint_split(name, &got, *state), cases[i].name);
        assert_int_equal(got, PRINT);
    }
}

static void other_names_have_none(void **state)
{
    static const char *const names[] = {"a.css",
                                        "a.h000000000000001F.css",
                                        "a.h00000000000001f.css",
                                        "a.h0000000000000000.css",
                                        "a.h000000000000001g.css",
                                        "a.g000000000000001f.css",
                                        ".h000000000000001f.css",
                                        "x/.h000000000000001f",
                                        "a.h000000000000001f.b.css",
                                        "a.b.h000000000000001f",
                                        "h000000000000001f",
                                        ""};
    apr_uint64_t got;

    for (size_t i = 0; i < COUNT(names); i++)
        assert_null(assets_fingerprint_split(names[i], &got, *state));
}

static void a_fingerprint_is_cut_out_of_an_url(void **state)
{
    assert_string_equal(
        assets_fingerprint_cut("/assets/%61%20b.h000000000000001f.css?x=1", PRINT, *state),
        "/assets/%61%20b.css");
    assert_string_equal(
        assets_fingerprint_cut("/.h000000000000001f/a.h000000000000001f.css", PRINT, *state),
        "/.h000000000000001f/a.css");
    assert_null(assets_fingerprint_cut("/a.%68000000000000001f.css", PRINT, *state));
    assert_null(assets_fingerprint_cut("/a.css?.h000000000000001f", PRINT, *state));
}

static void versions_are_told_from_other_queries(void **state)
{
    apr_array_header_t *names = apr_array_make(*state, 2, sizeof(const char *));
    static const char *const others[] = {"", "x=1", "ver=1&x=1", "very=1", "ver=1&", "&", "v er"};

    APR_ARRAY_PUSH(names, const char *) = "ver";
    APR_ARRAY_PUSH(names, const char *) = "v";
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(assets_version_of(names, others[i], strlen(others[i])), 0);
    assert_true(assets_version_of(names, "ver=1", 5) != 0);
    assert_true(assets_version_of(names, "ver=1", 5) == assets_version_of(names, "ver=1", 5));
    assert_true(assets_version_of(names, "ver=1", 5) != assets_version_of(names, "ver=2", 5));
    assert_true(assets_version_of(names, "v&ver=2", 7) != 0);
    assert_int_equal(assets_version_of(NULL, "ver=1", 5), 0);
}

/* The index. */

static const char *text_of(apr_pool_t *pool)
{
    apr_array_header_t *prints = apr_array_make(pool, 2, sizeof(assets_print_t *));
    static const assets_print_t b = {"b.css", PRINT, 7, 8, 9, {1, 2}, 1};
    static const assets_print_t a = {"a.css", 0x2e, 1, 2, 3};

    APR_ARRAY_PUSH(prints, const assets_print_t *) = &b;
    APR_ARRAY_PUSH(prints, const assets_print_t *) = &a;
    return assets_index_write(prints, pool);
}

static void an_index_is_read_as_it_was_written(void **state)
{
    assets_map_t *map = assets_map_create(*state);
    apr_hash_t *files = apr_hash_make(*state);
    apr_array_header_t *prints = assets_index_read(apr_pstrdup(*state, text_of(*state)), *state);
    const assets_print_t *b;
    apr_finfo_t info = {0};
    const char *to;

    assert_int_equal(prints->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(prints, 0, assets_print_t *)->name, "a.css");
    b = APR_ARRAY_IDX(prints, 1, assets_print_t *);
    info.inode = 7;
    info.size = 8;
    info.mtime = 9;
    assert_true(assets_index_is_of(b, &info) && b->refers);
    info.mtime = 10;
    assert_false(assets_index_is_of(b, &info));
    assert_true(assets_index_knows(b, PRINT) && assets_index_knows(b, 2));
    assert_false(assets_index_knows(b, 3) || assets_index_knows(b, 0));
    assets_index_add(map, files, "/x/", "/srv", prints, *state);
    assert_int_equal(assets_map_find(map, "/x/b.css", 8, &to), 8);
    assert_string_equal(to, "/x/b.h000000000000001f.css");
    assert_ptr_equal(apr_hash_get(files, "/srv/b.css", APR_HASH_KEY_STRING), b);
}

/* FIPS 180's own examples. */
static void fingerprints_are_of_sha1(void **state)
{
    (void)state;
    assert_true(assets_fingerprint_data("abc", 3) == 0xa9993e364706816a);
    assert_true(assets_fingerprint_data("", 0) == 0xda39a3ee5e6b4b0d);
}

/* Whatever its size, and where the file is read at the moment. */
static void fingerprints_of_files(void **state)
{
    static const apr_size_t sizes[] = {0, 1, 3, 65535, 65536, 65537, 200000};
    char name[] = "/tmp/webtier-print-XXXXXX";
    char *content = apr_pcalloc(*state, 200000);
    apr_off_t offset = 17;
    apr_file_t *file;

    for (int i = 0; i < 200000; i++)
        content[i] = (char)(i * 7 % 251);
    assert_int_equal(apr_file_mktemp(&file, name, 0, *state), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, content, 200000, NULL), APR_SUCCESS);
    assert_int_equal(apr_file_seek(file, APR_SET, &offset), APR_SUCCESS);
    for (size_t i = 0; i < COUNT(sizes); i++)
        assert_true(assets_fingerprint_file(file, (apr_off_t)sizes[i]) ==
                    assets_fingerprint_data(content, sizes[i]));
    assert_true(assets_fingerprint_file(file, 200001) == 0); /* it has become shorter */
    offset = 0;
    assert_int_equal(apr_file_seek(file, APR_CUR, &offset), APR_SUCCESS);
    assert_int_equal(offset, 17);
    apr_file_close(file);
}

static void half_an_index_is_none(void **state)
{
    const char *whole = text_of(*state);

    for (apr_size_t i = 0; i < strlen(whole); i++)
        assert_null(assets_index_read(apr_pstrmemdup(*state, whole, i), *state));
}

/* The census. */

static char folder[] = "/tmp/webtier-census-XXXXXX";

static int make_folder(void **state)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    return make_pool(state) || !mkdtemp(folder);
}

static int drop_folder(void **state)
{
    return system(apr_pstrcat(*state, "rm -rf ", folder, NULL)) || drop_pool(state);
}

static const char *at(apr_pool_t *pool, const char *name)
{
    return apr_pstrcat(pool, folder, "/", name, NULL);
}

static void put(apr_pool_t *pool, const char *name, const char *content, apr_time_t mtime)
{
    int fd = open(at(pool, name), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    struct timespec times[2] = {{0, UTIME_OMIT}, {apr_time_sec(mtime), 0}};

    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    futimens(fd, times);
    close(fd);
}

static void run_round(assets_census_t *census, apr_time_t now)
{
    int steps = 0;

    while (!assets_census_step(census, 1, now))
        assert_true(++steps < 1000);
}

static assets_census_t *census_of(apr_pool_t *pool, unsigned codings, apr_off_t most)
{
    assets_census_options_t options = {folder, 1, codings, most};

    return assets_census_create(&options, pool);
}

/* Returns the file's line of the index; NULL: it has none. */
static assets_print_t *print_of(apr_pool_t *pool, const char *name)
{
    char *text = apr_pcalloc(pool, 65536);
    int fd = open(at(pool, ASSETS_INDEX_FILE), O_RDONLY);
    apr_array_header_t *prints;

    if (fd < 0)
        return NULL;
    assert_true(read(fd, text, 65535) > 0);
    close(fd);
    prints = assets_index_read(text, pool);
    assert_non_null(prints);
    for (int i = 0; i < prints->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(prints, i, assets_print_t *)->name, name) == 0)
            return APR_ARRAY_IDX(prints, i, assets_print_t *);
    }
    return NULL;
}

static void the_census_follows_the_files(void **state)
{
    assets_census_t *census = census_of(*state, 0, 0);
    const assets_print_t *print;
    apr_uint64_t first;

    mkdir(at(*state, "css"), 0755);
    put(*state, "css/a.css", "abc", NOW);
    put(*state, "url.css", "b{background:url(x)}", NOW);
    put(*state, "a b.css", "no reference spells it so", NOW);
    put(*state, ".hidden", "x", NOW);
    run_round(census, NOW + SECONDS(10));
    print = print_of(*state, "css/a.css");
    first = print->fingerprint;
    assert_true(first == APR_UINT64_C(0xa9993e364706816a)); /* of SHA-1("abc") */
    assert_false(print->refers);
    assert_true(print_of(*state, "url.css")->refers);
    assert_null(print_of(*state, "a b.css"));
    assert_int_equal(assets_census_figures(census).files, 2);
    assert_true(assets_census_figures(census).is_busy);
    run_round(census, NOW + SECONDS(11));
    assert_false(assets_census_figures(census).is_busy);
    /* another content, too young at first */
    put(*state, "css/a.css", "abd", NOW + SECONDS(20));
    run_round(census, NOW + SECONDS(21));
    assert_true(print_of(*state, "css/a.css")->fingerprint == first);
    assert_true(assets_census_figures(census).is_busy);
    run_round(census, NOW + SECONDS(23));
    print = print_of(*state, "css/a.css");
    assert_true(print->fingerprint != first && assets_index_knows(print, first));
    unlink(at(*state, "css/a.css"));
    run_round(census, NOW + SECONDS(24));
    assert_null(print_of(*state, "css/a.css"));
}

static void the_next_process_reads_no_file_again(void **state)
{
    struct timespec times[2] = {{0, UTIME_OMIT}, {apr_time_sec(NOW), 0}};
    apr_uint64_t first;
    int fd;

    put(*state, "a.js", "abc", NOW);
    run_round(census_of(*state, 0, 0), NOW + SECONDS(10));
    first = print_of(*state, "a.js")->fingerprint;
    fd = open(at(*state, "a.js"), O_WRONLY);
    assert_int_equal(write(fd, "xyz", 3), 3); /* which only a reader of the content would see */
    futimens(fd, times);
    close(fd);
    run_round(census_of(*state, 0, 0), NOW + SECONDS(20));
    assert_true(print_of(*state, "a.js")->fingerprint == first);
}

static void a_census_that_cannot_be_written_says_so(void **state)
{
    assets_census_t *census = census_of(*state, 0, 0);

    put(*state, "a.js", "abc", NOW);
    put(*state, ".tier", "a file where a folder is needed", NOW);
    run_round(census, NOW + SECONDS(10));
    assert_int_equal(assets_census_figures(census).problem, ENOTDIR);
    unlink(at(*state, ".tier"));
    run_round(census, NOW + SECONDS(20));
    assert_int_equal(assets_census_figures(census).problem, APR_SUCCESS);
    assert_non_null(print_of(*state, "a.js"));
}

static void a_large_sheet_refers_across_pieces(void **state)
{
    char *text = apr_palloc(*state, 200000);

    memset(text, 'x', 200000);
    text[199999] = '\0';
    put(*state, "plain.css", text, NOW);
    memcpy(text + 65534, "URL(", 4);
    put(*state, "refers.css", text, NOW);
    put(*state, "refers.js", text, NOW);
    run_round(census_of(*state, 0, 0), NOW + SECONDS(10));
    assert_false(print_of(*state, "plain.css")->refers);
    assert_true(print_of(*state, "refers.css")->refers);
    assert_false(print_of(*state, "refers.js")->refers);
}

/* Variants. */

static const char *variant_of(apr_pool_t *pool, const char *name, assets_coding_e coding)
{
    return assets_press_path(folder, name, coding, pool);
}

static apr_off_t size_of(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? info.st_size : -1;
}

#define BOTH (1u << ASSETS_CODING_BR | 1u << ASSETS_CODING_GZIP)

static const char *repeat(apr_pool_t *pool, const char *word, int times)
{
    apr_array_header_t *lines = apr_array_make(pool, times, sizeof(const char *));

    for (int i = 0; i < times; i++)
        APR_ARRAY_PUSH(lines, const char *) = apr_psprintf(pool, "%s { margin: %d }\n", word, i);
    return apr_array_pstrcat(pool, lines, '\0');
}

static void missing_variants_are_made_of_the_file_as_it_is(void **state)
{
    assets_census_t *census = census_of(*state, BOTH, 1000000);
    const char *text = repeat(*state, "body", 10000);
    const char *br = variant_of(*state, "a.css", ASSETS_CODING_BR);
    const char *gz = variant_of(*state, "a.css", ASSETS_CODING_GZIP);
    const char *same = apr_psprintf(
        *state, "cd %s && brotli -dc < %s | cmp - a.css && gzip -dc < %s | cmp - a.css", folder, br,
        gz);

    put(*state, "a.css", text, NOW);
    put(*state, "small.css", "a", NOW);
    put(*state, "a.png", text, NOW);
    put(*state, "b.css", text, NOW);
    put(*state, "b.css.br", "from a build", NOW);
    run_round(census, NOW + SECONDS(1)); /* too young */
    assert_int_equal(assets_census_figures(census).pressed, 0);
    run_round(census, NOW + SECONDS(10));
    assert_int_equal(system(same), 0);
    assert_int_equal(assets_census_figures(census).pressed, 3);
    assert_int_equal(size_of(variant_of(*state, "b.css", ASSETS_CODING_BR)), -1);
    run_round(census, NOW + SECONDS(20));
    assert_int_equal(assets_census_figures(census).pressed, 3);
    assert_int_equal(assets_census_figures(census).bytes,
                     size_of(br) + size_of(gz) +
                         size_of(variant_of(*state, "b.css", ASSETS_CODING_GZIP)));
    /* another content; a file that is gone */
    put(*state, "a.css", repeat(*state, "p", 1000), NOW + SECONDS(21));
    unlink(at(*state, "b.css"));
    run_round(census, NOW + SECONDS(30));
    run_round(census, NOW + SECONDS(31)); /* whatever the order of the folder */
    assert_int_equal(assets_census_figures(census).pressed, 5);
    assert_int_equal(system(same), 0);
    assert_int_equal(size_of(variant_of(*state, "b.css", ASSETS_CODING_GZIP)), -1);
}

static void what_compression_does_not_shrink_is_tried_once(void **state)
{
    assets_census_t *census = census_of(*state, BOTH, 1000000);
    char *noise = apr_palloc(*state, 4097);

    apr_generate_random_bytes((unsigned char *)noise, 4096);
    for (int i = 0; i < 4096; i++)
        noise[i] = (char)(noise[i] ? noise[i] : 1);
    noise[4096] = '\0';
    put(*state, "a.js", noise, NOW);
    run_round(census, NOW + SECONDS(10));
    run_round(census, NOW + SECONDS(11));
    assert_int_equal(assets_census_figures(census).pressed, 2);
    assert_int_equal(size_of(variant_of(*state, "a.js", ASSETS_CODING_BR)), 0);
    assert_int_equal(size_of(variant_of(*state, "a.js", ASSETS_CODING_GZIP)), 0);
}

static void variants_stay_within_their_bound(void **state)
{
    assets_census_t *census = census_of(*state, BOTH, 0);

    put(*state, "a.css", repeat(*state, "a", 1000), NOW);
    run_round(census, NOW + SECONDS(10)); /* nothing is there yet */
    run_round(census, NOW + SECONDS(11));
    put(*state, "b.css", repeat(*state, "a", 1000), NOW);
    run_round(census, NOW + SECONDS(12));
    assert_int_equal(assets_census_figures(census).pressed, 2);
}

static void a_variant_that_cannot_be_written_is_told(void **state)
{
    assets_census_t *census = census_of(*state, BOTH, 1000000);

    put(*state, ".tier", "a file where a folder is needed", NOW);
    put(*state, "a.css", repeat(*state, "a", 1000), NOW);
    run_round(census, NOW + SECONDS(10));
    assert_int_equal(assets_census_figures(census).press_problem, ENOTDIR);
    unlink(at(*state, ".tier"));
    run_round(census, NOW + SECONDS(20)); /* it rests */
    assert_int_equal(assets_census_figures(census).pressed, 0);
    run_round(census, NOW + SECONDS(80));
    assert_int_equal(assets_census_figures(census).pressed, 2);
    assert_int_equal(assets_census_figures(census).press_problem, APR_SUCCESS);
}

#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(names_have_their_fingerprint_before_the_extension),
        POOL_TEST(other_names_have_none),
        POOL_TEST(a_fingerprint_is_cut_out_of_an_url),
        POOL_TEST(versions_are_told_from_other_queries),
        POOL_TEST(an_index_is_read_as_it_was_written),
        POOL_TEST(half_an_index_is_none),
        POOL_TEST(fingerprints_are_of_sha1),
        POOL_TEST(fingerprints_of_files),
        FOLDER_TEST(the_census_follows_the_files),
        FOLDER_TEST(the_next_process_reads_no_file_again),
        FOLDER_TEST(a_census_that_cannot_be_written_says_so),
        FOLDER_TEST(a_large_sheet_refers_across_pieces),
        FOLDER_TEST(missing_variants_are_made_of_the_file_as_it_is),
        FOLDER_TEST(what_compression_does_not_shrink_is_tried_once),
        FOLDER_TEST(variants_stay_within_their_bound),
        FOLDER_TEST(a_variant_that_cannot_be_written_is_told),
    };

    return RUN_TESTS(tests);
}
