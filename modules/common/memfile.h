/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMFILE_H
#define TIER_MEMFILE_H

#include <apr_file_io.h>
#include <apr_mmap.h>

/*
 * Shared memory that is a file too (memfd_create(2)): what is written to the memory can be sent
 * from the file by sendfile(2), which copies nothing. The kernel goes on reading the memory after
 * sendfile returned, until the peer has the bytes; before other bytes are written there, the pages
 * have to be exchanged (tier_memfile_discard).
 */
typedef struct tier_memfile_t {
    apr_file_t *file;
    apr_mmap_t *map; /* all of it, zeroed, shared with children */
} tier_memfile_t;

/*
 * Makes one of size bytes; children inherit it, programs that they start do not. It lives as long
 * as pool, APR's own functions clean up. Errors: APR_ENOTIMPL where the host's settings make it
 * worse than anonymous memory (strict overcommit, where that would be reserved at once; a limit on
 * the size of files), and what the system says. Parent process, one thread.
 */
apr_status_t tier_memfile_make(tier_memfile_t *memfile, apr_size_t size, apr_pool_t *pool);

/* Unmaps and closes it, in this process. */
void tier_memfile_destroy(tier_memfile_t *memfile);

/*
 * Exchanges the pages from `at` on for zeroed ones, in all processes: who sends the old ones goes
 * on sending them. at, size: multiples of the page size. Errors: the system's; other bytes must not
 * be written there then. Any thread of any process that has the descriptor.
 */
apr_status_t tier_memfile_discard(int descriptor, apr_off_t at, apr_size_t size);

/*
 * Opens it anew for sendfile: a position of its own, as httpd may read what is left, and those who
 * share a descriptor share that. *file is closed with pool. Errors: the system's (no /proc, no
 * descriptor left). Any thread of any process that has the descriptor.
 */
apr_status_t tier_memfile_open(apr_file_t **file, int descriptor, apr_pool_t *pool);

#endif
