/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_file.h"

#include <apr_portable.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TOUCH_EVERY apr_time_from_sec(60)
#define MOST_ROUNDS 8

static int fd_of(apr_file_t *file)
{
    apr_os_file_t fd = -1;

    apr_os_file_get(&fd, file);
    return fd;
}

static apr_status_t status_of(int result)
{
    return result == 0 ? APR_SUCCESS : errno;
}

apr_status_t assets_file_look(assets_file_t *file, apr_pool_t *pool)
{
    char data[ASSETS_RECORD_LARGEST];
    ssize_t size = fgetxattr(fd_of(file->file), ASSETS_RECORD_ATTRIBUTE, data, sizeof(data));
    apr_status_t rv = apr_file_info_get(&file->info, APR_FINFO_NORM, file->file);

    file->has_record = 0;
    if (rv != APR_SUCCESS)
        return rv;
    if (size <= 0)
        return APR_EINVAL;
    rv = assets_record_read(&file->record, data, (apr_size_t)size, pool);
    file->has_record = rv == APR_SUCCESS;
    return rv;
}

static apr_status_t open_path(apr_file_t **file, const char *path, apr_int32_t flags,
                              apr_pool_t *pool)
{
    return apr_file_open(file, path, APR_FOPEN_READ | APR_FOPEN_BINARY | APR_FOPEN_NONBLOCK | flags,
                         APR_FPROT_OS_DEFAULT, pool);
}

int assets_file_is_same(const apr_finfo_t *one, const apr_finfo_t *other)
{
    return one->inode == other->inode && one->device == other->device && one->size == other->size &&
           one->mtime == other->mtime && one->ctime == other->ctime;
}

int assets_file_is_at(const assets_file_t *file, const char *path, apr_pool_t *pool)
{
    apr_finfo_t now;

    return apr_stat(&now, path, APR_FINFO_NORM, pool) == APR_SUCCESS &&
           assets_file_is_same(&file->info, &now);
}

apr_status_t assets_file_reopen(assets_file_t *file, const char *path, apr_int32_t flags,
                                apr_pool_t *pool)
{
    apr_finfo_t *known = &file->info;
    apr_finfo_t now;
    apr_status_t rv = open_path(&file->file, path, flags, pool);

    if (rv != APR_SUCCESS)
        return rv;
    rv = apr_file_info_get(&now, APR_FINFO_NORM, file->file);
    if (rv == APR_SUCCESS && assets_file_is_same(known, &now)) {
        known->atime = now.atime;
        return APR_SUCCESS;
    }
    apr_file_close(file->file);
    file->file = NULL;
    return rv == APR_SUCCESS ? APR_EMISMATCH : rv;
}

apr_status_t assets_file_again(apr_file_t **again, apr_file_t *file, apr_int32_t flags,
                               apr_pool_t *pool)
{
    char path[64];

    apr_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd_of(file));
    return apr_file_open(again, path, APR_FOPEN_READ | APR_FOPEN_BINARY | flags,
                         APR_FPROT_OS_DEFAULT, pool);
}

apr_status_t assets_file_open(assets_file_t *file, const char *path, apr_int32_t flags,
                              apr_pool_t *pool)
{
    apr_status_t rv = open_path(&file->file, path, flags, pool);

    file->data = file->made_of = NULL;
    file->ready = NULL;
    if (rv != APR_SUCCESS)
        return rv;
    rv = assets_file_look(file, pool);
    if (file->info.filetype == APR_REG)
        return APR_SUCCESS;
    apr_file_close(file->file);
    return rv == APR_SUCCESS || rv == APR_EINVAL ? EISDIR : rv;
}

/* Makes the folders that path lies in, one after the other. */
static apr_status_t make_folders(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    return slash && slash != path
               ? apr_dir_make_recursive(apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)),
                                        APR_FPROT_OS_DEFAULT, pool)
               : APR_SUCCESS;
}

static apr_status_t open_work(apr_file_t **file, const char *work, apr_pool_t *pool)
{
    const apr_int32_t flags =
        APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_BINARY;
    const apr_fileperms_t permissions =
        APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD | APR_FPROT_WREAD;
    apr_status_t rv = apr_file_open(file, work, flags, permissions, pool);

    if (!APR_STATUS_IS_ENOENT(rv))
        return rv;
    rv = make_folders(work, pool);
    return rv == APR_SUCCESS ? apr_file_open(file, work, flags, permissions, pool) : rv;
}

/* Returns 1 when the open file is still what is at path: its leader may just have published it. */
static int is_at(apr_file_t *file, const char *path)
{
    struct stat open_one, named_one;

    return fstat(fd_of(file), &open_one) == 0 && stat(path, &named_one) == 0 &&
           open_one.st_ino == named_one.st_ino && open_one.st_dev == named_one.st_dev;
}

/* What a process that died has left: others may still read it, so that it is not written to. */
static int is_left_over(apr_file_t *file)
{
    struct stat info;

    return fstat(fd_of(file), &info) == 0 &&
           (info.st_size > 0 || fgetxattr(fd_of(file), ASSETS_RECORD_ATTRIBUTE, NULL, 0) >= 0);
}

/* Returns 1 when the caller holds the lock of a new file at work. */
static int begins(apr_file_t *file, const char *work)
{
    if (!is_at(file, work))
        return 0;
    if (!is_left_over(file))
        return 1;
    unlink(work);
    return 0;
}

apr_status_t assets_file_enter(apr_file_t **file, int *is_leader, const char *work,
                               apr_pool_t *pool)
{
    for (int round = 0; round < MOST_ROUNDS; round++) {
        apr_status_t rv = open_work(file, work, pool);

        if (rv != APR_SUCCESS)
            return rv;
        *is_leader = flock(fd_of(*file), LOCK_EX | LOCK_NB) == 0;
        if (!*is_leader && errno == EWOULDBLOCK)
            return APR_SUCCESS;
        rv = *is_leader ? APR_SUCCESS : errno;
        if (rv == APR_SUCCESS && begins(*file, work))
            return APR_SUCCESS;
        apr_file_close(*file);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return APR_EAGAIN;
}

int assets_file_is_led(apr_file_t *file)
{
    if (flock(fd_of(file), LOCK_SH | LOCK_NB) != 0)
        return errno == EWOULDBLOCK;
    flock(fd_of(file), LOCK_UN);
    return 0;
}

apr_status_t assets_file_note(apr_file_t *file, const char *path, const assets_record_t *record,
                              apr_pool_t *pool)
{
    apr_size_t size;
    const char *data = assets_record_write(record, &size, pool);

    if (!data)
        return APR_ENOSPC;
    return status_of(file ? fsetxattr(fd_of(file), ASSETS_RECORD_ATTRIBUTE, data, size, 0)
                          : setxattr(path, ASSETS_RECORD_ATTRIBUTE, data, size, 0));
}

static void set_modified(int fd, apr_time_t modified)
{
    struct timespec times[2] = {{0, UTIME_NOW}, {apr_time_sec(modified), 0}};

    if (modified > 0)
        futimens(fd, times); /* without it, the file is as new as it is */
}

/* A rename is on the disk when its folder is. */
static apr_status_t sync_folder(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');
    int fd = open(apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)),
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_status_t rv;

    if (fd < 0)
        return errno;
    rv = status_of(fsync(fd));
    close(fd);
    return rv;
}

apr_status_t assets_file_publish(apr_file_t *file, const char *work, const char *path,
                                 apr_time_t modified, apr_pool_t *pool)
{
    apr_status_t rv;

    set_modified(fd_of(file), modified);
    rv = status_of(fsync(fd_of(file)));
    if (rv == APR_SUCCESS)
        rv = make_folders(path, pool);
    if (rv == APR_SUCCESS)
        rv = status_of(rename(work, path));
    return rv == APR_SUCCESS ? sync_folder(path, pool) : rv;
}

void assets_file_touch(const assets_file_t *file, apr_time_t now)
{
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};

    if (now - file->info.atime > TOUCH_EVERY)
        futimens(fd_of(file->file), times);
}
