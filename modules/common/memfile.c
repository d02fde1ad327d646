/* SPDX-License-Identifier: Apache-2.0 */
#include "memfile.h"

#include <apr_portable.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 logs a warning where it is not said */
#endif

/* Strict (2): memory that is not reserved may be refused when it is first written to, by SIGBUS. */
static int reserves_memory(apr_pool_t *pool)
{
    char mode = '2';
    apr_size_t size = 1;
    apr_file_t *file;

    if (apr_file_open(&file, "/proc/sys/vm/overcommit_memory", APR_FOPEN_READ, APR_OS_DEFAULT,
                      pool) != APR_SUCCESS)
        return 1;
    apr_file_read(file, &mode, &size);
    apr_file_close(file);
    return mode == '2';
}

static int is_limited(apr_size_t size)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur < size;
}

static int create(void)
{
    int descriptor = memfd_create("webtier", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

    return descriptor < 0 && errno == EINVAL ? memfd_create("webtier", MFD_CLOEXEC) : descriptor;
}

/* Of a huge page only the whole can be exchanged. A kernel without them knows no such advice. */
static void refuse_huge_pages(const apr_mmap_t *map)
{
    madvise(map->mm, map->size, MADV_NOHUGEPAGE);
}

apr_status_t tier_memfile_make(tier_memfile_t *memfile, apr_size_t size, apr_pool_t *pool)
{
    apr_status_t status = APR_SUCCESS;
    int descriptor;

    if (reserves_memory(pool) || is_limited(size))
        return APR_ENOTIMPL;
    descriptor = create();
    if (descriptor < 0)
        return errno;
    if (ftruncate(descriptor, (off_t)size) != 0)
        status = errno;
    if (status == APR_SUCCESS)
        status =
            apr_os_file_put(&memfile->file, &descriptor, APR_FOPEN_READ | APR_FOPEN_WRITE, pool);
    if (status == APR_SUCCESS)
        status = apr_mmap_create(&memfile->map, memfile->file, 0, size,
                                 APR_MMAP_READ | APR_MMAP_WRITE, pool);
    if (status == APR_SUCCESS) {
        refuse_huge_pages(memfile->map);
    } else {
        close(descriptor);
    }
    return status;
}

void tier_memfile_destroy(tier_memfile_t *memfile)
{
    apr_mmap_delete(memfile->map);
    apr_file_close(memfile->file);
}

apr_status_t tier_memfile_discard(int descriptor, apr_off_t at, apr_size_t size)
{
    int rv;

    do {
        rv = fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, (off_t)size);
    } while (rv != 0 && errno == EINTR);
    return rv == 0 ? APR_SUCCESS : errno;
}

apr_status_t tier_memfile_open(apr_file_t **file, int descriptor, apr_pool_t *pool)
{
    return apr_file_open(file, apr_psprintf(pool, "/proc/self/fd/%d", descriptor),
                         APR_FOPEN_READ | APR_FOPEN_SENDFILE_ENABLED, APR_OS_DEFAULT, pool);
}
