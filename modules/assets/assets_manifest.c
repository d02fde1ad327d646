/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_manifest.h"

#include "assets_text.h"
#include "assets_url.h"

#include <apr_strings.h>

#include <jansson.h>
#include <string.h>

/* One manifest that is read. */
typedef struct reader_t {
    assets_map_t *map;
    apr_hash_t *names;
    const char *prefix;
    apr_size_t entries;
    apr_pool_t *pool;
} reader_t;

static int is_good(const char *name)
{
    static const char others[] = "-._~:/@!$&*+=%";

    for (const char *p = name; *p; p++) {
        if (!assets_text_is_alnum(*p) && !strchr(others, *p))
            return 0;
    }
    return *name != '\0';
}

/* Tools write names below the prefix, paths, or URLs. */
static const char *path_of(const reader_t *reader, const char *name)
{
    if (name[0] == '/' || assets_url_origin_size(name, strlen(name)) > 0)
        return name;
    return apr_pstrcat(reader->pool, reader->prefix, name, NULL);
}

/* name has a fingerprint. */
static void add_name(reader_t *reader, const char *name)
{
    const char *path = apr_pstrdup(reader->pool, path_of(reader, name));

    if (is_good(name))
        apr_hash_set(reader->names, path, APR_HASH_KEY_STRING, "");
}

static void add_entry(reader_t *reader, const char *from, const char *to)
{
    apr_size_t from_size = strlen(from), to_size = strlen(to);

    if (!is_good(from) || !is_good(to) || from[from_size - 1] == '/' || to[to_size - 1] == '/')
        return;
    reader->entries++;
    add_name(reader, to);
    if (strcmp(from, to) != 0)
        assets_map_add(reader->map, path_of(reader, from), path_of(reader, to));
}

static void add_list(reader_t *reader, const json_t *list)
{
    const json_t *element;
    size_t i;

    json_array_foreach(list, i, element)
    {
        if (json_is_string(element))
            add_name(reader, json_string_value(element));
    }
}

/* An entry with more than a name: Propshaft's, Vite's. */
static void add_object(reader_t *reader, const char *from, const json_t *object)
{
    const json_t *to = json_object_get(object, "digested_path");

    if (!to)
        to = json_object_get(object, "file");
    if (!json_is_string(to))
        return;
    add_entry(reader, from, json_string_value(to));
    add_list(reader, json_object_get(object, "css"));
    add_list(reader, json_object_get(object, "assets"));
}

static void add_all(reader_t *reader, json_t *object)
{
    const char *from;
    json_t *to;

    json_object_foreach(object, from, to)
    {
        if (json_is_string(to)) {
            add_entry(reader, from, json_string_value(to));
        } else {
            add_object(reader, from, to);
        }
    }
}

/* Sprockets has its entries in an object of their own, beside one about the files. */
static json_t *entries_of(json_t *root)
{
    json_t *assets = json_object_get(root, "assets");

    return json_is_object(assets) && !json_object_get(assets, "file") ? assets : root;
}

assets_manifest_t assets_manifest_read(assets_map_t *map, apr_hash_t *names, const char *prefix,
                                       const char *data, apr_size_t size, apr_pool_t *pool)
{
    reader_t reader = {map, names, prefix, 0, pool};
    assets_manifest_t result = {0, NULL};
    json_error_t error;
    json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);

    if (!root) {
        result.problem = apr_psprintf(pool, "line %d: %s", error.line, error.text);
    } else if (!json_is_object(root)) {
        result.problem = "it is no JSON object";
    } else {
        add_all(&reader, entries_of(root));
        result.entries = reader.entries;
        if (reader.entries == 0 && json_object_size(root) > 0)
            result.problem = "it has no entries that could be read";
    }
    json_decref(root);
    return result;
}
