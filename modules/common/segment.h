/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_SEGMENT_H
#define TIER_SEGMENT_H

#include <apr_pools.h>

/*
 * Shared memory that survives a graceful restart: anonymous, made by the parent on the pool of the
 * process, found again by its name after the configuration pool and the DSO are gone. Children
 * inherit the mapping by fork, so a segment must be obtained in post_config, before any child
 * starts.
 */
typedef struct tier_segment_t {
    void *base;      /* zeroed when fresh; at a multiple of 64 */
    apr_size_t size; /* what was asked for when it was made: at least what is asked for now */
    int file;        /* descriptor of the file that the memory is, too; -1: it is none */
    int fresh;       /* 1: made by this call; 0: what an earlier generation left */
    /*
     * Fresh only: the same name's earlier segment of the same layout but smaller size, to copy
     * state from before tier_segment_done(); NULL when there is none.
     */
    const void *old_base;
    apr_size_t old_size;
} tier_segment_t;

/*
 * Finds the segment called name with this layout number and at least size bytes, or makes one.
 * layout changes whenever the structs in the segment do: another layout is never handed out.
 * process_pool: httpd's s->process->pool. name: a "tier-..." constant, or from process_pool.
 * *segment is filled by value. Errors: APR_ENOMEM and what mmap gives. Parent process, one thread.
 */
apr_status_t tier_segment_obtain(tier_segment_t *segment, const char *name, apr_uint32_t layout,
                                 apr_size_t size, apr_pool_t *process_pool);

/* The same, of memory that is a file too (memfile.h) where the host has such. */
apr_status_t tier_segment_obtain_file(tier_segment_t *segment, const char *name,
                                      apr_uint32_t layout, apr_size_t size,
                                      apr_pool_t *process_pool);

/*
 * Unmaps all earlier segments of this name, if there are any, in this process; children of the
 * earlier generation keep their mapping until they exit. Parent process, one thread, after the
 * state was copied.
 */
void tier_segment_done(tier_segment_t *segment, const char *name, apr_pool_t *process_pool);

#endif
