/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_memory.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#define ENTRY_MAX 16384

/* One block of memory: the strings follow, each with its NUL: the key, then the URLs, the path, the
 * type, the fields' names and values. */
typedef struct entry_t {
    struct entry_t *older, *newer;
    apr_time_t until;
    apr_off_t size;
    int status, is_public;
    int url_count, field_count;
    unsigned has_path : 1;
    unsigned has_type : 1;
    char text[];
} entry_t;

struct reproxy_memory_t {
    apr_hash_t *entries;
    apr_uint32_t max;
    entry_t ends; /* newer: the oldest; older: the newest */
};

static apr_status_t free_all(void *data)
{
    reproxy_memory_t *memory = data;

    for (entry_t *entry = memory->ends.newer, *next; entry != &memory->ends; entry = next) {
        next = entry->newer;
        free(entry);
    }
    return APR_SUCCESS;
}

reproxy_memory_t *reproxy_memory_create(apr_uint32_t max, apr_pool_t *pool)
{
    reproxy_memory_t *memory = apr_pcalloc(pool, sizeof(*memory));

    memory->entries = apr_hash_make(pool);
    memory->max = max;
    memory->ends.newer = memory->ends.older = &memory->ends;
    apr_pool_cleanup_register(pool, memory, free_all, apr_pool_cleanup_null);
    return memory;
}

static void unlink_entry(entry_t *entry)
{
    entry->older->newer = entry->newer;
    entry->newer->older = entry->older;
}

static void link_newest(reproxy_memory_t *memory, entry_t *entry)
{
    entry->older = memory->ends.older;
    entry->newer = &memory->ends;
    entry->older->newer = entry;
    memory->ends.older = entry;
}

static void forget(reproxy_memory_t *memory, entry_t *entry)
{
    apr_hash_set(memory->entries, entry->text, APR_HASH_KEY_STRING, NULL);
    unlink_entry(entry);
    free(entry);
}

void reproxy_memory_drop(reproxy_memory_t *memory, const char *key)
{
    entry_t *entry = apr_hash_get(memory->entries, key, APR_HASH_KEY_STRING);

    if (entry)
        forget(memory, entry);
}

/* Copies text to *to; with *to NULL only counts. */
static void pack(char **to, apr_size_t *size, const char *text)
{
    apr_size_t length = strlen(text) + 1;

    if (*to)
        *to = (char *)memcpy(*to, text, length) + length;
    *size += length;
}

static apr_size_t pack_all(char *to, const char *key, const reproxy_memo_t *memo)
{
    const apr_array_header_t *fields = apr_table_elts(memo->fields);
    apr_size_t size = 0;

    pack(&to, &size, key);
    for (int i = 0; i < memo->said.urls->nelts; i++)
        pack(&to, &size, APR_ARRAY_IDX(memo->said.urls, i, const char *));
    if (memo->said.path)
        pack(&to, &size, memo->said.path);
    if (memo->content_type)
        pack(&to, &size, memo->content_type);
    for (int i = 0; i < fields->nelts; i++) {
        pack(&to, &size, APR_ARRAY_IDX(fields, i, apr_table_entry_t).key);
        pack(&to, &size, APR_ARRAY_IDX(fields, i, apr_table_entry_t).val);
    }
    return size;
}

void reproxy_memory_put(reproxy_memory_t *memory, const char *key, const reproxy_memo_t *memo,
                        apr_time_t until)
{
    apr_size_t size = pack_all(NULL, key, memo);
    entry_t *entry = size > ENTRY_MAX ? NULL : malloc(sizeof(*entry) + size);

    reproxy_memory_drop(memory, key);
    if (!entry)
        return;
    pack_all(entry->text, key, memo);
    entry->until = until;
    entry->size = memo->said.size;
    entry->status = memo->status;
    entry->is_public = memo->is_public;
    entry->url_count = memo->said.urls->nelts;
    entry->field_count = apr_table_elts(memo->fields)->nelts;
    entry->has_path = memo->said.path != NULL;
    entry->has_type = memo->content_type != NULL;
    if (apr_hash_count(memory->entries) >= memory->max)
        forget(memory, memory->ends.newer);
    link_newest(memory, entry);
    apr_hash_set(memory->entries, entry->text, APR_HASH_KEY_STRING, entry);
}

static const char *unpack(const char **from, apr_pool_t *pool)
{
    const char *text = apr_pstrdup(pool, *from);

    *from += strlen(*from) + 1;
    return text;
}

static void unpack_all(reproxy_memo_t *memo, const entry_t *entry, apr_pool_t *pool)
{
    const char *from = entry->text + strlen(entry->text) + 1;

    reproxy_said_init(&memo->said, pool);
    for (int i = 0; i < entry->url_count; i++)
        APR_ARRAY_PUSH(memo->said.urls, const char *) = unpack(&from, pool);
    memo->said.path = entry->has_path ? unpack(&from, pool) : NULL;
    memo->said.size = entry->size;
    memo->status = entry->status;
    memo->is_public = entry->is_public;
    memo->content_type = entry->has_type ? unpack(&from, pool) : NULL;
    memo->fields = apr_table_make(pool, entry->field_count + 1);
    for (int i = 0; i < entry->field_count; i++) {
        const char *name = unpack(&from, pool);

        apr_table_addn(memo->fields, name, unpack(&from, pool));
    }
}

int reproxy_memory_get(reproxy_memory_t *memory, const char *key, apr_time_t now,
                       reproxy_memo_t *memo, apr_pool_t *pool)
{
    entry_t *entry = apr_hash_get(memory->entries, key, APR_HASH_KEY_STRING);

    if (!entry)
        return 0;
    if (now >= entry->until) {
        forget(memory, entry);
        return 0;
    }
    unlink_entry(entry);
    link_newest(memory, entry);
    unpack_all(memo, entry, pool);
    return 1;
}
