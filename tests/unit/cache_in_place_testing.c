/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_in_place_testing.h"

#include "memfile.h"

#include <apr_portable.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void *base;

static cache_store_t *format(int file, apr_pool_t *pool)
{
    assert_int_equal(cache_shm_format(base, SIZE, LARGEST, file), APR_SUCCESS);
    return cache_shm_open(base, pool);
}

static apr_status_t unmap(void *memory)
{
    return munmap(memory, SIZE);
}

cache_store_t *make_store(apr_pool_t *pool)
{
    base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(base != MAP_FAILED);
    apr_pool_cleanup_register(pool, base, unmap, apr_pool_cleanup_null);
    return format(-1, pool);
}

cache_store_t *make_file_store(apr_pool_t *pool)
{
    tier_memfile_t memfile;
    int descriptor;

    assert_int_equal(tier_memfile_make(&memfile, SIZE, pool), APR_SUCCESS);
    apr_os_file_get(&descriptor, memfile.file);
    base = memfile.map->mm;
    return format(descriptor, pool);
}

stripe_t *stripe(void)
{
    return stripe_number(base, 0);
}

cache_id_t id_of(int number)
{
    cache_id_t id;
    char text[20];

    snprintf(text, sizeof(text), "%d", number);
    cache_key_id(&id, text);
    return id;
}

apr_status_t put(cache_store_t *store, int number, char letter, apr_size_t size)
{
    cache_record_t record = {CACHE_RECORD_RESPONSE, 200};
    cache_id_t id = id_of(number);
    unsigned char *data;
    apr_size_t head;
    apr_status_t rv;

    record.key = "key";
    record.status_line = "200 OK";
    record.life.stale_if_error = CACHE_DELTA_NONE;
    head = cache_record_head_size(&record, NULL);
    data = malloc(head + size);
    cache_record_write_head(data, &record, NULL);
    memset(data + head, letter, size);
    cache_record_seal(data, head + size, CACHE_RECORD_UNTRUSTED);
    rv = store->put(store, &id, data, head + size, LONG);
    free(data);
    return rv;
}

apr_status_t get(cache_store_t *store, int number, cache_blob_t *blob, apr_pool_t *pool)
{
    cache_id_t id = id_of(number);

    return store->get_in_place(store, &id, blob, pool);
}

apr_int64_t body_of(const cache_blob_t *blob, char letter)
{
    apr_int64_t size = 0;

    for (int i = 0; i < blob->piece_count; i++) {
        for (apr_size_t at = 0; at < blob->pieces[i].size; at++) {
            if (blob->pieces[i].data[at] != letter)
                return -1;
        }
        size += (apr_int64_t)blob->pieces[i].size;
    }
    return size;
}

apr_uint64_t bytes_in_use(void)
{
    cache_shm_figures_t figures;

    cache_shm_read_figures(base, &figures);
    return figures.bytes;
}

void in_killed_process(void (*work)(cache_store_t *store, apr_pool_t *pool), cache_store_t *store,
                       apr_pool_t *pool)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        work(store, pool);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}
