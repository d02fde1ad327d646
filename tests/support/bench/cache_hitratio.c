/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a trace over the shared-memory store, which evicts by SIEVE, and over LRU with room for
 * as many objects as the store held, and prints one line of JSON:
 *
 *   cache_hitratio <megabytes> <objects> <requests> <alpha> <scan>
 *
 * The trace is that of a site: requests for objects of one size whose popularity follows Zipf's law
 * with exponent alpha; after every tenth of the requests comes a scan of so many objects that are
 * asked for once and never again, as crawlers do. 0: no scans. Each run replays the same trace.
 */
#include "cache_shm.h"

#include <apr_general.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define OBJECT_SIZE 900 /* bytes: two units of the store's memory */
#define KEEP        apr_time_from_sec(86400)

typedef struct trace_t {
    apr_uint32_t objects, requests, scan;
    double *sums; /* of the weights of the objects up to each */
    apr_uint64_t random;
    apr_uint32_t at, scanning, next_new;
} trace_t;

static double next_random(trace_t *trace)
{
    trace->random ^= trace->random << 13;
    trace->random ^= trace->random >> 7;
    trace->random ^= trace->random << 17;
    return (double)(trace->random >> 11) / 9007199254740992.0;
}

static void rewind_trace(trace_t *trace)
{
    trace->random = 88172645463325252u;
    trace->at = trace->scanning = 0;
    trace->next_new = trace->objects;
}

static void prepare(trace_t *trace, double alpha)
{
    double sum = 0;

    trace->sums = malloc(trace->objects * sizeof(*trace->sums));
    for (apr_uint32_t i = 0; i < trace->objects; i++)
        trace->sums[i] = sum += 1 / pow(i + 1, alpha);
    rewind_trace(trace);
}

static apr_uint32_t popular(trace_t *trace)
{
    double wanted = next_random(trace) * trace->sums[trace->objects - 1];
    apr_uint32_t low = 0, high = trace->objects - 1;

    while (low < high) {
        apr_uint32_t middle = (low + high) / 2;
        if (trace->sums[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Sets *object to the next one asked for, and *counts to 0 for one of a scan. Returns 0 at the end.
 */
static int next(trace_t *trace, apr_uint32_t *object, int *counts)
{
    *counts = trace->scanning == 0;
    if (trace->scanning) {
        trace->scanning--;
        *object = trace->next_new++;
        return 1;
    }
    if (trace->at++ == trace->requests)
        return 0;
    *object = popular(trace);
    if (trace->at % (trace->requests / 10) == 0)
        trace->scanning = trace->scan;
    return 1;
}

static apr_uint32_t object_count(const trace_t *trace)
{
    return trace->objects + 11 * trace->scan;
}

/* Returns the share of hits among the requests that are not of a scan; *held: objects at the end.
 */
static double replay_store(trace_t *trace, apr_size_t size, apr_uint64_t *held)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static unsigned char body[OBJECT_SIZE];
    apr_uint64_t hits = 0, asked = 0;
    cache_shm_figures_t figures;
    cache_store_t *store;
    apr_uint32_t object;
    apr_pool_t *pool, *once;
    int counts;

    if (base == MAP_FAILED || cache_shm_format(base, size, 65536, -1) != APR_SUCCESS)
        abort();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&once, pool);
    store = cache_shm_open(base, pool);
    while (next(trace, &object, &counts)) {
        cache_blob_t blob;
        cache_id_t id;
        char key[20];
        int is_hit;

        snprintf(key, sizeof(key), "%u", object);
        cache_key_id(&id, key);
        is_hit = store->get(store, &id, &blob, once) == APR_SUCCESS;
        if (!is_hit)
            store->put(store, &id, body, sizeof(body), KEEP);
        hits += (apr_uint64_t)(is_hit && counts);
        asked += (apr_uint64_t)counts;
        apr_pool_clear(once);
    }
    cache_shm_read_figures(base, &figures);
    *held = figures.entries;
    apr_pool_destroy(pool);
    munmap(base, size);
    return (double)hits / (double)asked;
}

/* A list of objects, the one used last in front; 0 is its end. */
typedef struct lru_t {
    apr_uint32_t *newer, *older; /* of object + 1 */
    char *is_there;
    apr_uint32_t count;
} lru_t;

static void take_out(lru_t *lru, apr_uint32_t at)
{
    lru->older[lru->newer[at]] = lru->older[at];
    lru->newer[lru->older[at]] = lru->newer[at];
}

static void put_first(lru_t *lru, apr_uint32_t at)
{
    lru->older[at] = lru->older[0];
    lru->newer[at] = 0;
    lru->newer[lru->older[0]] = at;
    lru->older[0] = at;
}

static double replay_lru(trace_t *trace, apr_uint64_t room)
{
    size_t all = object_count(trace) + 1;
    lru_t lru = {calloc(all, sizeof(apr_uint32_t)), calloc(all, sizeof(apr_uint32_t)),
                 calloc(all, 1), 0};
    apr_uint64_t hits = 0, asked = 0;
    apr_uint32_t object;
    int counts;

    while (next(trace, &object, &counts)) {
        apr_uint32_t at = object + 1;

        hits += (apr_uint64_t)(lru.is_there[at] && counts);
        asked += (apr_uint64_t)counts;
        if (lru.is_there[at]) {
            take_out(&lru, at);
        } else if (lru.count == room) {
            apr_uint32_t oldest = lru.newer[0];
            take_out(&lru, oldest);
            lru.is_there[oldest] = 0;
        } else {
            lru.count++;
        }
        lru.is_there[at] = 1;
        put_first(&lru, at);
    }
    free(lru.newer);
    free(lru.older);
    free(lru.is_there);
    return (double)hits / (double)asked;
}

int main(int argc, char **argv)
{
    trace_t trace;
    apr_uint64_t held;
    double sieve, lru;

    if (argc != 6 || apr_initialize() != APR_SUCCESS)
        return 2;
    trace.objects = (apr_uint32_t)strtoul(argv[2], NULL, 10);
    trace.requests = (apr_uint32_t)strtoul(argv[3], NULL, 10);
    trace.scan = (apr_uint32_t)strtoul(argv[5], NULL, 10);
    prepare(&trace, strtod(argv[4], NULL));
    sieve = replay_store(&trace, strtoul(argv[1], NULL, 10) << 20, &held);
    rewind_trace(&trace);
    lru = replay_lru(&trace, held);
    printf("{\"objects_held\": %llu, \"sieve\": %.4f, \"lru\": %.4f}\n", (unsigned long long)held,
           sieve, lru);
    return 0;
}
