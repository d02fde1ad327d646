/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_file.h"

#include <http_core.h>
#include <http_protocol.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "reproxy_delivery.h"
#include "reproxy_private.h"
#include "reproxy_scene.h"

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* A kernel without openat2: opens what must not be a link, then asks where it has come out. */
static int open_and_look(const char *path)
{
    int fd = open(path, OPEN_FLAGS | O_NOFOLLOW);
    char name[64], came_to[PATH_MAX];
    ssize_t size;

    if (fd < 0)
        return -1;
    apr_snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    size = readlink(name, came_to, sizeof(came_to));
    if (size == (ssize_t)strlen(path) && memcmp(came_to, path, (size_t)size) == 0)
        return fd;
    close(fd);
    errno = EXDEV;
    return -1;
}

static int open_in(const char *root, const char *below, apr_uint64_t resolve)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = resolve | RESOLVE_NO_MAGICLINKS};
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, problem;

    if (directory < 0)
        return -1;
    fd = (int)syscall(SYS_openat2, directory, below, &how, sizeof(how));
    problem = errno;
    close(directory);
    errno = problem;
    return fd;
}

static int is_missing_call(int problem)
{
    return problem == ENOSYS || problem == EPERM;
}

/* Follows all links first, and opens what they lead to when that is below the root: where a link
 * has taken the place of a directory since, nothing is opened. */
static int open_real(const char *root, const char *path)
{
    char real_root[PATH_MAX], real[PATH_MAX];
    size_t size;
    int fd;

    if (!realpath(root, real_root) || !realpath(path, real))
        return -1;
    size = strlen(real_root);
    if (strncmp(real, real_root, size) != 0 || (real[size] != '/' && size > 1)) {
        errno = EXDEV;
        return -1;
    }
    fd = open_in(real_root, real + size + (size > 1), RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    return fd < 0 && is_missing_call(errno) ? open_and_look(real) : fd;
}

/* The part of path below root, as it is written; NULL: it is written otherwise. */
static const char *part_below(const char *root, const char *path)
{
    size_t size = strlen(root);

    if (*path != '/')
        return path;
    if (strncmp(path, root, size) != 0)
        return NULL;
    path += size;
    if (*path != '/' && (size == 0 || root[size - 1] != '/'))
        return NULL;
    while (*path == '/')
        path++;
    return *path ? path : NULL;
}

/* Tries one root. Returns a descriptor, or -1 with errno: EXDEV when the file is not below it. */
static int try_root(const char *root, const char *path, apr_pool_t *pool)
{
    const char *below = part_below(root, path);
    int fd = below ? open_in(root, below, RESOLVE_BENEATH) : -1, problem = below ? errno : EXDEV;

    /* An absolute link may still lead to somewhere below the root. */
    if (fd >= 0 || (problem != EXDEV && problem != ELOOP && !is_missing_call(problem)))
        return fd;
    fd = open_real(root, *path == '/' ? path : apr_pstrcat(pool, root, "/", path, NULL));
    /* Whether something exists outside of the root is nobody's business. */
    if (fd < 0 && !is_missing_call(problem))
        errno = EXDEV;
    return fd;
}

/* Returns a descriptor, or -1: *status says what the client gets. */
static int find(request_rec *r, const reproxy_order_t *order, int *status)
{
    const apr_array_header_t *roots = reproxy_config_of(r)->roots;
    int problem = EXDEV, fd = -1;

    for (int i = 0; roots && fd < 0 && i < roots->nelts; i++) {
        fd = try_root(APR_ARRAY_IDX(roots, i, const char *), order->path, r->pool);
        if (fd < 0 && (problem == EXDEV || errno == EACCES))
            problem = errno;
    }
    if (fd >= 0)
        return fd;
    if (problem == ENOENT || problem == ENOTDIR || problem == ENAMETOOLONG)
        *status = order->absent_status ? order->absent_status : HTTP_NOT_FOUND;
    else if (problem == EACCES)
        *status = HTTP_FORBIDDEN;
    else
        *status = HTTP_BAD_GATEWAY;
    if (*status != HTTP_NOT_FOUND)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, problem == EXDEV ? 0 : problem, r,
                      WTNO(3020) "the file is not sent%s: %.300s",
                      problem == EXDEV ? ", it is below no TierReproxyFileRoot" : "",
                      ap_escape_logitem(r->pool, order->path));
    if (problem == EXDEV)
        tier_counter_add(&reproxy_scene()->table->counts[REPROXY_COUNT_REFUSED], 1);
    return -1;
}

static apr_status_t close_file(void *file)
{
    return apr_file_close(file);
}

/* Makes the descriptor r's file, of which r->finfo tells. Returns OK or a status. */
static int adopt(request_rec *r, int fd, apr_file_t **file)
{
    core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_int32_t flags = APR_FOPEN_READ;
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WTNO(3021) "the file is no regular file");
        close(fd);
        return HTTP_BAD_GATEWAY;
    }
    if (core->enable_sendfile == ENABLE_SENDFILE_ON)
        flags |= APR_FOPEN_SENDFILE_ENABLED;
    if (apr_os_file_put(file, &fd, flags, r->pool) != APR_SUCCESS) {
        close(fd);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    apr_pool_cleanup_register(r->pool, *file, close_file, apr_pool_cleanup_null);
    return apr_file_info_get(&r->finfo, APR_FINFO_NORM, *file) == APR_SUCCESS
               ? OK
               : HTTP_INTERNAL_SERVER_ERROR;
}

/* The file's validators, where the application has none of its own. */
static void describe(request_rec *r)
{
    ap_update_mtime(r, r->finfo.mtime);
    if (!apr_table_get(r->headers_out, "Last-Modified"))
        ap_set_last_modified(r);
    if (!apr_table_get(r->headers_out, "ETag"))
        ap_set_etag(r);
    ap_set_accept_ranges(r);
    ap_set_content_length(r, r->finfo.size);
}

static int send_file(request_rec *r, apr_file_t *file)
{
    core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, alloc);

    if (!r->header_only && r->finfo.size > 0) {
        apr_bucket *bucket = apr_brigade_insert_file(bb, file, 0, r->finfo.size, r->pool);

        apr_bucket_file_enable_mmap(bucket, core->enable_mmap != ENABLE_MMAP_OFF);
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    ap_pass_brigade(r->output_filters, bb);
    return OK;
}

int reproxy_file_deliver(request_rec *r, const reproxy_order_t *order)
{
    apr_file_t *file = NULL;
    int status = HTTP_NOT_FOUND, fd = find(r, order, &status);

    if (fd < 0)
        return status;
    status = adopt(r, fd, &file);
    if (status == OK && order->size >= 0 && order->size != r->finfo.size) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      WTNO(3022) "the file has %" APR_OFF_T_FMT
                                 " bytes, and must have %" APR_OFF_T_FMT,
                      r->finfo.size, order->size);
        status = HTTP_BAD_GATEWAY;
    }
    if (status != OK)
        return status;
    reproxy_answer_dress(r, order);
    describe(r);
    status = reproxy_answer_conditions(r);
    return status == OK ? send_file(r, file) : status;
}
