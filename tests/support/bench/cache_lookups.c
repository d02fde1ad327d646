/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a look-up in the shared-memory store costs with so many keys in it, asked for at random;
 * prints one line of JSON:
 *
 *   cache_lookups <keys> <look-ups>
 *
 * The store has the room that the keys take, as an administrator would give it. A look-up is what a
 * hit does: the hash of a key of 60 bytes, finding its record, copying it. The least of several
 * runs counts; time is that of the processor.
 */
#include "cache_shm.h"

#include <apr_general.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define RUNS        5
#define RECORD_SIZE 400 /* bytes: one unit of the store's memory */
#define ROOM        720 /* what one takes there, with its share of the index and some to spare */
#define KEEP        apr_time_from_sec(86400)

typedef struct lookups_t {
    cache_store_t *store;
    apr_pool_t *pool;
    unsigned long keys;
    apr_uint64_t random;
} lookups_t;

static void make_id(cache_id_t *id, unsigned long number)
{
    char key[80];

    snprintf(key, sizeof(key), "shop.test:80 http shop.test /products/shoes?number=%010lu", number);
    cache_key_id(id, key);
}

static unsigned long random_number(lookups_t *lookups)
{
    lookups->random ^= lookups->random << 13;
    lookups->random ^= lookups->random >> 7;
    lookups->random ^= lookups->random << 17;
    return (unsigned long)(lookups->random % lookups->keys);
}

static void fill(lookups_t *lookups)
{
    static unsigned char record[RECORD_SIZE];
    cache_id_t id;

    for (unsigned long number = 0; number < lookups->keys; number++) {
        make_id(&id, number);
        lookups->store->put(lookups->store, &id, record, sizeof(record), KEEP);
    }
}

static double processor_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Returns the nanoseconds of each of so many look-ups; *found counts what was there. */
static double look_up(lookups_t *lookups, unsigned long count, unsigned long *found)
{
    double began = processor_ns();

    for (unsigned long i = 0; i < count; i++) {
        cache_blob_t blob;
        cache_id_t id;

        make_id(&id, random_number(lookups));
        if (lookups->store->get(lookups->store, &id, &blob, lookups->pool) == APR_SUCCESS)
            (*found)++;
        apr_pool_clear(lookups->pool);
    }
    return (processor_ns() - began) / (double)count;
}

int main(int argc, char **argv)
{
    lookups_t lookups = {.random = 88172645463325252u};
    unsigned long count, found = 0;
    double least = 1e9;
    apr_size_t size;
    apr_pool_t *pool;
    void *base;

    if (argc != 3 || apr_initialize() != APR_SUCCESS)
        return 2;
    lookups.keys = strtoul(argv[1], NULL, 10);
    count = strtoul(argv[2], NULL, 10);
    size = lookups.keys * ROOM + ((apr_size_t)16 << 20);
    base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || cache_shm_format(base, size, 65536, -1) != APR_SUCCESS)
        return 1;
    apr_pool_create(&pool, NULL);
    apr_pool_create(&lookups.pool, pool);
    lookups.store = cache_shm_open(base, pool);
    fill(&lookups);
    for (int run = 0; run < RUNS; run++) {
        double took = look_up(&lookups, count, &found);
        least = took < least ? took : least;
    }
    printf("{\"ns\": %.1f, \"found\": %.4f}\n", least, (double)found / (double)(RUNS * count));
    return 0;
}
