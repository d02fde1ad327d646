/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_index.h"

#include "assets_fingerprint.h"
#include "assets_name.h"
#include "assets_text.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define HEAD "webtier-fingerprints 1\n"
#define TAIL "end\n"

int assets_index_is_plain(const char *name)
{
    static const char others[] = "-._~/@!$*+=";

    for (const char *p = name; *p; p++) {
        if (!assets_text_is_alnum(*p) && !strchr(others, *p))
            return 0;
    }
    return 1;
}

/* Writing. */

static int by_name(const void *one, const void *other)
{
    return strcmp((*(const assets_print_t *const *)one)->name,
                  (*(const assets_print_t *const *)other)->name);
}

static const char *line_of(const assets_print_t *print, apr_pool_t *pool)
{
    const char *old = "";

    for (int i = 0; i < ASSETS_INDEX_OLD; i++)
        old = apr_psprintf(pool, "%s%016" APR_UINT64_T_HEX_FMT " ", old, print->old[i]);
    return apr_psprintf(pool,
                        "%016" APR_UINT64_T_HEX_FMT " %s%" APR_UINT64_T_FMT " %" APR_OFF_T_FMT
                        " %" APR_TIME_T_FMT " %d %s\n",
                        print->fingerprint, old, print->inode, print->size, print->mtime,
                        print->refers, print->name);
}

const char *assets_index_write(apr_array_header_t *prints, apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, prints->nelts + 2, sizeof(const char *));

    if (prints->nelts > 1)
        qsort(prints->elts, (size_t)prints->nelts, sizeof(assets_print_t *), by_name);
    APR_ARRAY_PUSH(lines, const char *) = HEAD;
    for (int i = 0; i < prints->nelts; i++)
        APR_ARRAY_PUSH(lines, const char *) =
            line_of(APR_ARRAY_IDX(prints, i, const assets_print_t *), pool);
    APR_ARRAY_PUSH(lines, const char *) = TAIL;
    return apr_array_pstrcat(pool, lines, '\0');
}

/* Reading. */

static int read_prints(char **cursor, assets_print_t *print)
{
    for (int i = -1; i < ASSETS_INDEX_OLD; i++) {
        apr_uint64_t *into = i < 0 ? &print->fingerprint : &print->old[i];

        if (strlen(*cursor) < 17 || (*cursor)[16] != ' ')
            return 0;
        *into = assets_fingerprint_read(*cursor);
        *cursor += 17;
    }
    return print->fingerprint != 0;
}

static int read_number(char **cursor, apr_int64_t *number)
{
    char *end;

    *number = apr_strtoi64(*cursor, &end, 10);
    if (end == *cursor || *end != ' ' || *number < 0)
        return 0;
    *cursor = end + 1;
    return 1;
}

static int read_line(char *line, assets_print_t *print)
{
    apr_int64_t inode, size, mtime, refers;

    if (!read_prints(&line, print) || !read_number(&line, &inode) || !read_number(&line, &size) ||
        !read_number(&line, &mtime) || !read_number(&line, &refers))
        return 0;
    print->inode = (apr_uint64_t)inode;
    print->size = size;
    print->mtime = mtime;
    print->refers = refers != 0;
    print->name = line;
    return assets_name_is_good(line) && assets_index_is_plain(line);
}

/* Returns where the last line begins; NULL: it is not whole. */
static char *tail_of(char *text)
{
    apr_size_t size = strlen(text);

    if (size < sizeof(HEAD) + sizeof(TAIL) - 2 || strncmp(text, HEAD, sizeof(HEAD) - 1) != 0)
        return NULL;
    text += size - (sizeof(TAIL) - 1);
    return text[-1] == '\n' && strcmp(text, TAIL) == 0 ? text : NULL;
}

apr_array_header_t *assets_index_read(char *text, apr_pool_t *pool)
{
    apr_array_header_t *prints = apr_array_make(pool, 64, sizeof(assets_print_t *));
    char *tail = tail_of(text);
    char *last;

    if (!tail)
        return NULL;
    *tail = '\0';
    text = apr_pstrdup(pool, text + sizeof(HEAD) - 1);
    for (char *line = apr_strtok(text, "\n", &last); line; line = apr_strtok(NULL, "\n", &last)) {
        assets_print_t *print = apr_pcalloc(pool, sizeof(*print));

        if (read_line(line, print))
            APR_ARRAY_PUSH(prints, assets_print_t *) = print;
    }
    return prints;
}

void assets_index_add(assets_map_t *map, apr_hash_t *files, const char *prefix,
                      const char *directory, const apr_array_header_t *prints, apr_pool_t *pool)
{
    for (int i = 0; i < prints->nelts; i++) {
        const assets_print_t *print = APR_ARRAY_IDX(prints, i, const assets_print_t *);

        apr_hash_set(files, apr_pstrcat(pool, directory, "/", print->name, NULL),
                     APR_HASH_KEY_STRING, print);
        assets_map_add(map, apr_pstrcat(pool, prefix, print->name, NULL),
                       apr_pstrcat(pool, prefix,
                                   assets_fingerprint_add(print->name, print->fingerprint, pool),
                                   NULL));
    }
}

int assets_index_is_of(const assets_print_t *print, const apr_finfo_t *info)
{
    return print->inode == (apr_uint64_t)info->inode && print->size == info->size &&
           print->mtime == info->mtime;
}

int assets_index_knows(const assets_print_t *print, apr_uint64_t fingerprint)
{
    int knows = print->fingerprint == fingerprint;

    for (int i = 0; i < ASSETS_INDEX_OLD; i++)
        knows |= print->old[i] == fingerprint;
    return knows && fingerprint != 0;
}
