/* SPDX-License-Identifier: Apache-2.0 */
/* assets_references FILE...: prints "file<tab>reference" of each page, one a line. */
#include "assets_html.h"

#include <apr_general.h>

#include <stdio.h>

static int print(void *baton, assets_reference_e kind, const char *text, apr_size_t size,
                 assets_change_t *change, apr_pool_t *pool)
{
    (void)change;
    (void)pool;
    if (kind == ASSETS_REFERENCE_URL) {
        printf("%s\t", (const char *)baton);
        for (apr_size_t i = 0; i < size; i++)
            putchar(text[i] == '\n' || text[i] == '\r' ? ' ' : text[i]);
        putchar('\n');
    }
    return 0;
}

static int read_page(char *path, apr_pool_t *pool)
{
    assets_judge_t judge = {print, path};
    assets_html_t *html = assets_html_create(&judge, 0, pool);
    FILE *file = fopen(path, "rb");
    char chunk[4096];
    size_t size;

    if (!file)
        return 1;
    while ((size = fread(chunk, 1, sizeof(chunk), file)) > 0)
        assets_html_feed(html, chunk, size);
    assets_html_end(html);
    fclose(file);
    return 0;
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    int failed = 0;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (int i = 1; i < argc; i++)
        failed |= read_page(argv[i], pool);
    apr_terminate();
    return failed;
}
