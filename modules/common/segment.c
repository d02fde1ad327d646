/* SPDX-License-Identifier: Apache-2.0 */
#include "segment.h"
#include "memfile.h"

#include <apr_portable.h>
#include <apr_shm.h>
#include <apr_strings.h>

#define CACHE_LINE 64

/*
 * Lives in the process pool and so outlasts the code that made it: a newer DSO may read it after a
 * graceful restart. A change of this struct changes the number in record_key.
 */
typedef struct segment_record_t {
    apr_uint32_t layout;
    apr_size_t size;
    void *base;
    apr_shm_t *shm; /* NULL: memfile */
    tier_memfile_t memfile;
    struct segment_record_t *earlier; /* what tier_segment_done() is to unmap */
} segment_record_t;

static const char *record_key(const char *name, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "webtier-segment-2:", name, NULL);
}

static segment_record_t *find_record(const char *name, apr_pool_t *process_pool)
{
    void *record = NULL;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, process_pool);
    apr_pool_userdata_get(&record, record_key(name, scratch), process_pool);
    apr_pool_destroy(scratch);
    return record;
}

/* apr_pool_userdata_set copies the key; and there is no cleanup, as ours would be gone with the
 * DSO. */
static void keep_record(segment_record_t *record, const char *name, apr_pool_t *process_pool)
{
    apr_pool_t *scratch;

    apr_pool_create(&scratch, process_pool);
    apr_pool_userdata_set(record, record_key(name, scratch), NULL, process_pool);
    apr_pool_destroy(scratch);
}

/* APR puts its own header before what it returns; structs in the segment want whole cache lines. */
static apr_status_t map_anonymous(segment_record_t *record, apr_pool_t *process_pool)
{
    apr_status_t status =
        apr_shm_create(&record->shm, record->size + CACHE_LINE, NULL, process_pool);

    if (status == APR_SUCCESS) {
        record->base =
            (void *)APR_ALIGN((apr_uintptr_t)apr_shm_baseaddr_get(record->shm), CACHE_LINE);
    }
    return status;
}

static apr_status_t map_file(segment_record_t *record, apr_pool_t *process_pool)
{
    apr_status_t status = tier_memfile_make(&record->memfile, record->size, process_pool);

    if (status == APR_SUCCESS) {
        record->base = record->memfile.map->mm;
    }
    return status;
}

static apr_status_t make_record(segment_record_t **record, apr_uint32_t layout, apr_size_t size,
                                int as_file, apr_pool_t *process_pool)
{
    segment_record_t made = {layout, size};
    apr_status_t status = APR_ENOTIMPL;

    if (size > APR_SIZE_MAX / 2) {
        return APR_ENOMEM;
    }
    if (as_file) {
        status = map_file(&made, process_pool);
    }
    if (status != APR_SUCCESS) {
        status = map_anonymous(&made, process_pool);
    }
    if (status == APR_SUCCESS) {
        *record = apr_pmemdup(process_pool, &made, sizeof(made));
    }
    return status;
}

static int file_of(const segment_record_t *record)
{
    apr_os_file_t descriptor = -1;

    if (!record->shm) {
        apr_os_file_get(&descriptor, record->memfile.file);
    }
    return descriptor;
}

static void unmap(segment_record_t *record)
{
    if (record->shm) {
        apr_shm_destroy(record->shm);
    } else {
        tier_memfile_destroy(&record->memfile);
    }
}

static apr_status_t obtain(tier_segment_t *segment, const char *name, apr_uint32_t layout,
                           apr_size_t size, int as_file, apr_pool_t *process_pool)
{
    segment_record_t *earlier = find_record(name, process_pool);
    segment_record_t *record = earlier;
    apr_status_t status;
    int fresh = !earlier || earlier->layout != layout || earlier->size < size;

    if (fresh) {
        status = make_record(&record, layout, size, as_file, process_pool);
        if (status != APR_SUCCESS) {
            return status;
        }
        record->earlier = earlier;
        keep_record(record, name, process_pool);
    }
    segment->base = record->base;
    segment->size = record->size;
    segment->file = file_of(record);
    segment->fresh = fresh;
    segment->old_base = fresh && earlier && earlier->layout == layout ? earlier->base : NULL;
    segment->old_size = segment->old_base ? earlier->size : 0;
    return APR_SUCCESS;
}

apr_status_t tier_segment_obtain(tier_segment_t *segment, const char *name, apr_uint32_t layout,
                                 apr_size_t size, apr_pool_t *process_pool)
{
    return obtain(segment, name, layout, size, 0, process_pool);
}

apr_status_t tier_segment_obtain_file(tier_segment_t *segment, const char *name,
                                      apr_uint32_t layout, apr_size_t size,
                                      apr_pool_t *process_pool)
{
    return obtain(segment, name, layout, size, 1, process_pool);
}

void tier_segment_done(tier_segment_t *segment, const char *name, apr_pool_t *process_pool)
{
    segment_record_t *record = find_record(name, process_pool);

    segment->old_base = NULL;
    segment->old_size = 0;
    while (record && record->earlier) {
        unmap(record->earlier);
        record->earlier = record->earlier->earlier;
    }
}
