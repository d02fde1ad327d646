/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_top.h"

#include "atomics.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR SECONDS(3600)

static cache_top_entry_t list[CACHE_TOP_SIZE];
static apr_uint64_t total;

static cache_top_t *make_top(void)
{
    cache_top_t *top =
        mmap(NULL, sizeof(*top), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_int_equal(cache_top_init(top), APR_SUCCESS);
    return top;
}

static void the_heaviest_come_first(void **state)
{
    cache_top_t *top = make_top();

    (void)state;
    cache_top_add(top, "shop.test/a", 10, CACHE_REFUSED_PRIVATE, 1);
    cache_top_add(top, "shop.test/b", 30, CACHE_REFUSED_NO_FRESHNESS, 1);
    cache_top_add(top, "shop.test/a", 25, CACHE_REFUSED_SET_COOKIE, 2);
    cache_top_add(top, "shop.test/a", 0, CACHE_REFUSED_SET_COOKIE, 2);
    cache_top_add(top, "shop.test/b", -5, CACHE_REFUSED_NO_FRESHNESS, 3);
    assert_int_equal(cache_top_read(top, list, &total), 2);
    assert_int_equal(total, 65);
    assert_string_equal(list[0].url, "shop.test/a");
    assert_int_equal(list[0].weight, 35);
    assert_int_equal(list[0].excess, 0);
    assert_int_equal(list[0].count, 3);
    assert_int_equal(cache_top_reason(&list[0]), CACHE_REFUSED_SET_COOKIE);
    assert_string_equal(list[1].url, "shop.test/b");
    assert_int_equal(list[1].weight, 30);
    cache_top_add(top, "x", 1, -1, 3);
    cache_top_add(top, "x", 1, CACHE_TOP_REASONS, 3);
    assert_int_equal(cache_top_read(top, list, &total), 2);
}

static const cache_top_entry_t *find(int count, const char *url)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(list[i].url, url) == 0)
            return &list[i];
    }
    return NULL;
}

#define URLS 5000

/* A Zipf-like stream of 5000 URLs through 256 places: what Space-Saving promises holds. */
static void what_is_heavy_is_in_it_and_no_figure_is_too_small(void **state)
{
    static apr_uint64_t truth[URLS];
    cache_top_t *top = make_top();
    unsigned seed = 7;
    int count;

    for (int i = 0; i < 200000; i++) {
        unsigned which, weight;

        seed = seed * 1103515245u + 12345u;
        which = (unsigned)(URLS / (1 + (seed >> 8) % URLS));
        weight = 1 + (seed >> 20) % 50;
        truth[which % URLS] += weight;
        cache_top_add(top, apr_psprintf(*state, "/%u", which % URLS), (apr_interval_time_t)weight,
                      CACHE_REFUSED_PRIVATE, 1);
        if (i % 1000 == 0)
            apr_pool_clear(*state);
    }
    count = cache_top_read(top, list, &total);
    for (int i = 0; i < URLS; i++) {
        const cache_top_entry_t *it = find(count, apr_psprintf(*state, "/%d", i));

        if (truth[i] > total / CACHE_TOP_SIZE)
            assert_non_null(it);
        if (it)
            assert_true(it->weight >= truth[i] && it->weight - it->excess <= truth[i]);
    }
}

static void what_was_is_forgotten(void **state)
{
    cache_top_t *top = make_top();

    (void)state;
    cache_top_add(top, "/old", 1000, CACHE_REFUSED_PRIVATE, 1);
    cache_top_add(top, "/new", 100, CACHE_REFUSED_PRIVATE, 1 + HOUR);
    cache_top_read(top, list, &total);
    assert_int_equal(list[0].weight, 500);
    assert_int_equal(list[0].count, 1);
    assert_int_equal(total, 600);
    cache_top_add(top, "/new", 100, CACHE_REFUSED_PRIVATE, 1 + 4 * HOUR);
    cache_top_read(top, list, &total);
    assert_string_equal(list[0].url, "/new");
    cache_top_add(top, "/new", 100, CACHE_REFUSED_PRIVATE, 1 + 4000 * HOUR);
    cache_top_read(top, list, &total);
    assert_int_equal(total, 100);
}

static void hostile_urls_are_made_visible(void **state)
{
    cache_top_t *top = make_top();
    char url[4000];

    (void)state;
    memset(url, '\x01', sizeof(url) - 1);
    url[sizeof(url) - 1] = '\0';
    cache_top_add(top, url, 3, CACHE_REFUSED_PRIVATE, 1);
    url[sizeof(url) - 2] = '\x02'; /* the same as far as it is shown, and yet another one */
    cache_top_add(top, url, 3, CACHE_REFUSED_PRIVATE, 1);
    cache_top_add(top, "/<script>\"'\r\n\x1b[2J\xff&", 9, CACHE_REFUSED_PRIVATE, 1);
    cache_top_add(top, "", 1, CACHE_REFUSED_PRIVATE, 1);
    assert_int_equal(cache_top_read(top, list, &total), 4);
    assert_string_equal(list[0].url, "/%3Cscript%3E%22%27%0D%0A%1B[2J%FF%26");
    for (int i = 0; i < 4; i++) {
        assert_true(strlen(list[i].url) < CACHE_TOP_URL);
        for (const char *c = list[i].url; *c; c++)
            assert_true(*c > ' ' && *c < 0x7f);
    }
}

/* Whoever is killed in the middle leaves an empty list; whoever is killed otherwise leaves all. */
static void a_process_that_dies_with_the_lock(void **state)
{
    (void)state;
    for (int changing = 0; changing < 2; changing++) {
        cache_top_t *top = make_top();
        pid_t child;

        cache_top_add(top, "/a", 5, CACHE_REFUSED_PRIVATE, 1);
        child = fork();
        if (child == 0) {
            pthread_mutex_lock(&top->lock);
            tier_atomic_store(&top->is_changing, (apr_uint32_t)changing);
            raise(SIGKILL);
        }
        waitpid(child, NULL, 0);
        assert_int_equal(cache_top_read(top, list, &total), 1 - changing);
        cache_top_add(top, "/b", 5, CACHE_REFUSED_PRIVATE, 1);
        assert_int_equal(cache_top_read(top, list, &total), 2 - changing);
    }
}

/* Writers are killed at any moment; the list goes on, and stays one. */
static void killed_writers(void **state)
{
    cache_top_t *top = make_top();

    (void)state;
    for (int round = 0; round < 30; round++) {
        pid_t child = fork();
        for (int i = 0; child == 0; i++) {
            char url[16];
            snprintf(url, sizeof(url), "/%d", i % 300);
            cache_top_add(top, url, i % 7, i % CACHE_TOP_REASONS, i);
        }
        usleep(2000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        cache_top_add(top, "/here", 1, CACHE_REFUSED_PRIVATE, 1);
        assert_in_range(cache_top_read(top, list, &total), 1, CACHE_TOP_SIZE);
    }
}

static void each_reason_has_a_name_and_a_remedy(void **state)
{
    (void)state;
    for (int i = 1; i < CACHE_TOP_REASONS; i++) {
        int is_nothing = i == CACHE_TOP_FORWARDED(CACHE_FWD_NONE);

        assert_non_null(cache_top_reason_name(i));
        assert_int_equal(strcmp(cache_top_remedy(i), "none") == 0, is_nothing);
    }
    assert_string_equal(cache_top_reason_name(CACHE_TOP_FORWARDED(CACHE_FWD_URI_MISS)), "uri-miss");
    assert_string_equal(cache_top_remedy(CACHE_TOP_REASONS), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(the_heaviest_come_first),
        POOL_TEST(what_is_heavy_is_in_it_and_no_figure_is_too_small),
        POOL_TEST(what_was_is_forgotten),
        POOL_TEST(hostile_urls_are_made_visible),
        POOL_TEST(a_process_that_dies_with_the_lock),
        POOL_TEST(killed_writers),
        POOL_TEST(each_reason_has_a_name_and_a_remedy),
    };
    return RUN_TESTS(tests);
}
