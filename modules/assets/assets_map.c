/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of bytes. Its edges are in one open hash table, which keeps nodes to a few bytes. */
#include "assets_map.h"

#include "hash.h"

#include <apr_strings.h>
#include <apr_tables.h>

#include <string.h>

#define FIRST_ROOM 64 /* a power of two */

typedef struct edge_t {
    apr_uint32_t parent; /* 1 more than the number of the node it leaves; 0: no edge */
    apr_uint32_t child;
    unsigned char byte;
} edge_t;

struct assets_map_t {
    apr_pool_t *pool;
    edge_t *edges;
    apr_size_t room, used;
    apr_array_header_t *nodes; /* of const char *: where the node is a rule's end, its "to" */
    apr_size_t rules;
    apr_uint64_t version;
};

assets_map_t *assets_map_create(apr_pool_t *pool)
{
    assets_map_t *map = apr_pcalloc(pool, sizeof(*map));

    map->pool = pool;
    map->room = FIRST_ROOM;
    map->edges = apr_pcalloc(pool, map->room * sizeof(edge_t));
    map->nodes = apr_array_make(pool, FIRST_ROOM, sizeof(const char *));
    APR_ARRAY_PUSH(map->nodes, const char *) = NULL;
    map->version = TIER_HASH_START;
    return map;
}

static edge_t *find_edge(const assets_map_t *map, apr_uint32_t node, unsigned char byte)
{
    apr_uint64_t hash = ((apr_uint64_t)node << 8 | byte) * APR_UINT64_C(0x9e3779b97f4a7c15);
    apr_size_t i = (apr_size_t)(hash >> 32) & (map->room - 1);

    while (map->edges[i].parent && (map->edges[i].parent != node + 1 || map->edges[i].byte != byte))
        i = (i + 1) & (map->room - 1);
    return &map->edges[i];
}

static void grow(assets_map_t *map)
{
    edge_t *old = map->edges;
    apr_size_t room = map->room;

    map->room *= 2;
    map->edges = apr_pcalloc(map->pool, map->room * sizeof(edge_t));
    for (apr_size_t i = 0; i < room; i++) {
        if (old[i].parent)
            *find_edge(map, old[i].parent - 1, old[i].byte) = old[i];
    }
}

static apr_uint32_t make_child(assets_map_t *map, apr_uint32_t node, unsigned char byte)
{
    edge_t *edge = find_edge(map, node, byte);

    if (edge->parent)
        return edge->child;
    if (map->used * 2 >= map->room) {
        grow(map);
        edge = find_edge(map, node, byte);
    }
    map->used++;
    edge->parent = node + 1;
    edge->byte = byte;
    edge->child = (apr_uint32_t)map->nodes->nelts;
    APR_ARRAY_PUSH(map->nodes, const char *) = NULL;
    return edge->child;
}

void assets_map_add(assets_map_t *map, const char *from, const char *to)
{
    apr_uint32_t node = 0;

    for (const char *p = from; *p; p++)
        node = make_child(map, node, (unsigned char)*p);
    if (!APR_ARRAY_IDX(map->nodes, node, const char *))
        map->rules++;
    APR_ARRAY_IDX(map->nodes, node, const char *) = apr_pstrdup(map->pool, to);
    map->version = tier_hash_string(tier_hash_string(map->version, from), to);
}

apr_size_t assets_map_find(const assets_map_t *map, const char *path, apr_size_t size,
                           const char **to)
{
    apr_uint32_t node = 0;
    apr_size_t found = 0;

    for (apr_size_t i = 0; i < size; i++) {
        const edge_t *edge = find_edge(map, node, (unsigned char)path[i]);
        const char *target;

        if (!edge->parent)
            return found;
        node = edge->child;
        target = APR_ARRAY_IDX(map->nodes, node, const char *);
        if (target && (path[i] == '/' || i + 1 == size)) {
            *to = target;
            found = i + 1;
        }
    }
    return found;
}

apr_uint64_t assets_map_version(const assets_map_t *map)
{
    return map->version;
}

apr_size_t assets_map_count(const assets_map_t *map)
{
    return map->rules;
}
