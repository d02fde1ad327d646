/* SPDX-License-Identifier: Apache-2.0 */
/* assets_speed FILE: microseconds a page for memchr over its bytes, the HTML scanner with an empty
 * map, and with one rule; the least of many runs each. */
#include "assets_html.h"
#include "assets_page.h"

#include <apr_general.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS     1000
#define MEMCHRS  100 /* at once, as the clock counts in microseconds; */
#define SCANNERS 3   /* about as long, so that other work on the machine meets both alike */
#define LARGEST  (16 * 1024 * 1024)
#define CHUNK    8192 /* what mod_proxy reads at a time */

static const void *volatile sink;

static void run_memchr(const char *page, size_t size, assets_page_t *unused)
{
    (void)unused;
    __asm__ volatile("" : : "r"(page) : "memory"); /* or it is done once for all */
    sink = memchr(page, 0x01, size);
}

static void run_scanner(const char *page, size_t size, assets_page_t *state)
{
    assets_judge_t judge = {assets_page_judge, state};
    apr_pool_t *pool;
    assets_html_t *html;

    apr_pool_create(&pool, state->pool);
    html = assets_html_create(&judge, 0, pool);
    for (size_t at = 0; at < size; at += CHUNK)
        sink = assets_html_feed(html, page + at, size - at < CHUNK ? size - at : CHUNK);
    apr_pool_destroy(pool);
}

static double least(void (*run)(const char *, size_t, assets_page_t *), int at_once,
                    const char *page, size_t size, assets_page_t *state)
{
    apr_time_t best = APR_INT64_MAX;

    for (int i = 0; i < RUNS; i++) {
        apr_time_t start = apr_time_now();

        for (int j = 0; j < at_once; j++)
            run(page, size, state);
        start = apr_time_now() - start;
        best = start < best ? start : best;
    }
    return (double)best / at_once;
}

int main(int argc, char **argv)
{
    char *page = malloc(LARGEST);
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    apr_pool_t *pool;
    assets_page_t state = {NULL};
    size_t size;

    if (!file || !page)
        return 1;
    size = fread(page, 1, LARGEST, file);
    apr_initialize();
    apr_pool_create(&pool, NULL);
    state.map = assets_map_create(pool);
    state.base = assets_url_base("localhost", "/", pool);
    state.pool = pool;
    printf("%.2f", least(run_memchr, MEMCHRS, page, size, &state));
    printf(" %.2f", least(run_scanner, SCANNERS, page, size, &state));
    assets_map_add((assets_map_t *)state.map, "/assets/", "/static/v2/");
    printf(" %.2f\n", least(run_scanner, SCANNERS, page, size, &state));
    fclose(file);
    free(page);
    apr_terminate();
    return 0;
}
