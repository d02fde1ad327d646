/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_press.h"

#include "assets_name.h"
#include "assets_stat.h"
#include "assets_text.h"

#include <apr_strings.h>

#include <brotli/encode.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE 65536

/* A variant that saves less than a twentieth is not worth it. */
#define WORTH(written, read) ((written) < (read) / 20 * 19)

struct assets_press_t {
    int in, out;
    struct stat info;
    const char *name, *target, *beside; /* beside: where it is written */
    assets_coding_e coding;
    apr_off_t read, written;
    z_stream zip;
    BrotliEncoderState *brotli;
};

int assets_press_can(assets_coding_e coding)
{
    return coding == ASSETS_CODING_BR || coding == ASSETS_CODING_GZIP;
}

int assets_press_is_for(const char *name)
{
    static const char *const extensions[] = {"css",  "js",  "mjs", "svg", "json", "xml",
                                             "html", "htm", "txt", "map", "wasm", "webmanifest",
                                             "ttf",  "otf", "eot", "ico", "bmp",  "md"};
    const char *dot = strrchr(name, '.');

    for (apr_size_t i = 0; dot && i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        if (assets_text_is(dot + 1, strlen(dot + 1), extensions[i]))
            return 1;
    }
    return 0;
}

const char *assets_press_path(const char *directory, const char *name, assets_coding_e coding,
                              apr_pool_t *pool)
{
    return apr_pstrcat(pool, assets_name_work(directory, name, pool), assets_accept_suffix(coding),
                       NULL);
}

/* The attribute. */

static const char *head_of(apr_uint64_t inode, apr_off_t size, apr_time_t mtime, char head[80])
{
    apr_snprintf(head, 80, "%" APR_UINT64_T_FMT " %" APR_OFF_T_FMT " %" APR_TIME_T_FMT " ", inode,
                 size, mtime);
    return head;
}

int assets_press_is_of(const char *attribute, apr_size_t size, apr_uint64_t inode,
                       apr_off_t file_size, apr_time_t mtime)
{
    char head[80];
    apr_size_t head_size = strlen(head_of(inode, file_size, mtime, head));

    return size > head_size && memcmp(attribute, head, head_size) == 0;
}

int assets_press_is_at(const char *path, const struct stat *file)
{
    char attribute[ASSETS_PRESS_LONGEST];
    ssize_t size = getxattr(path, ASSETS_PRESS_ATTRIBUTE, attribute, sizeof(attribute));

    return size > 0 && assets_press_is_of(attribute, (apr_size_t)size, (apr_uint64_t)file->st_ino,
                                          file->st_size, assets_stat_mtime(file));
}

const char *assets_press_name(const char *attribute)
{
    for (int i = 0; i < 3 && attribute; i++) {
        attribute = strchr(attribute, ' ');
        attribute = attribute ? attribute + 1 : NULL;
    }
    return attribute && assets_name_is_good(attribute) ? attribute : NULL;
}

/* Beginning. */

static apr_status_t give_up(void *data)
{
    assets_press_t *press = data;

    if (press->in >= 0)
        close(press->in);
    if (press->out >= 0) {
        close(press->out);
        unlink(press->beside);
    }
    press->in = press->out = -1;
    if (press->brotli)
        BrotliEncoderDestroyInstance(press->brotli);
    if (press->zip.state)
        deflateEnd(&press->zip);
    press->brotli = NULL;
    press->zip.state = NULL;
    return APR_SUCCESS;
}

/* Windows no larger than the file; blocks no larger than a piece, which bounds the time of a step.
 */
static int begin_brotli(assets_press_t *press)
{
    uint32_t window = BROTLI_MIN_WINDOW_BITS;

    while (window < BROTLI_DEFAULT_WINDOW && (apr_off_t)1 << window < press->info.st_size)
        window++;
    press->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    return press->brotli &&
           BrotliEncoderSetParameter(press->brotli, BROTLI_PARAM_QUALITY, BROTLI_MAX_QUALITY) &&
           BrotliEncoderSetParameter(press->brotli, BROTLI_PARAM_LGWIN, window) &&
           BrotliEncoderSetParameter(press->brotli, BROTLI_PARAM_LGBLOCK,
                                     BROTLI_MIN_INPUT_BLOCK_BITS);
}

static int begin_coding(assets_press_t *press)
{
    return press->coding == ASSETS_CODING_BR
               ? begin_brotli(press)
               : deflateInit2(&press->zip, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16,
                              MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
}

assets_press_t *assets_press_begin(const char *path, const char *name, const char *target,
                                   assets_coding_e coding, apr_status_t *problem, apr_pool_t *pool)
{
    assets_press_t *press = apr_pcalloc(pool, sizeof(*press));

    press->name = apr_pstrdup(pool, name);
    press->target = apr_pstrdup(pool, target);
    press->beside = apr_pstrcat(pool, target, ".new", NULL);
    press->coding = coding;
    press->out = -1;
    press->in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    apr_pool_cleanup_register(pool, press, give_up, apr_pool_cleanup_null);
    *problem = APR_SUCCESS;
    if (press->in < 0 || fstat(press->in, &press->info) != 0)
        return NULL; /* it is gone, or not for us */
    press->out = open(press->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (press->out < 0) {
        *problem = errno;
    } else if (!begin_coding(press)) {
        *problem = APR_ENOMEM;
    }
    return *problem == APR_SUCCESS ? press : NULL;
}

/* Going on. */

static apr_status_t write_all(assets_press_t *press, const unsigned char *data, apr_size_t size)
{
    press->written += (apr_off_t)size;
    while (size > 0) {
        ssize_t written = write(press->out, data, size);

        if (written <= 0)
            return written < 0 ? errno : ENOSPC;
        data += written;
        size -= (apr_size_t)written;
    }
    return APR_SUCCESS;
}

static apr_status_t add_gzip(assets_press_t *press, unsigned char *data, apr_size_t size)
{
    unsigned char out[PIECE];
    apr_status_t rv = APR_SUCCESS;

    press->zip.next_in = data;
    press->zip.avail_in = (uInt)size;
    do {
        press->zip.next_out = out;
        press->zip.avail_out = sizeof(out);
        deflate(&press->zip, size > 0 ? Z_NO_FLUSH : Z_FINISH);
        rv = write_all(press, out, sizeof(out) - press->zip.avail_out);
    } while (rv == APR_SUCCESS && press->zip.avail_out == 0);
    return rv;
}

static apr_status_t add_brotli(assets_press_t *press, const unsigned char *data, apr_size_t size)
{
    BrotliEncoderOperation operation =
        size > 0 ? BROTLI_OPERATION_PROCESS : BROTLI_OPERATION_FINISH;
    apr_status_t rv = APR_SUCCESS;
    size_t none = 0;

    do {
        size_t taken = 0;
        const uint8_t *out;

        if (!BrotliEncoderCompressStream(press->brotli, operation, &size, &data, &none, NULL, NULL))
            return APR_ENOMEM;
        out = BrotliEncoderTakeOutput(press->brotli, &taken);
        rv = write_all(press, out, taken);
    } while (rv == APR_SUCCESS && (size > 0 || BrotliEncoderHasMoreOutput(press->brotli)));
    return rv;
}

static apr_status_t add(assets_press_t *press, unsigned char *data, apr_size_t size)
{
    press->read += (apr_off_t)size;
    return press->coding == ASSETS_CODING_BR ? add_brotli(press, data, size)
                                             : add_gzip(press, data, size);
}

static int is_unchanged(const assets_press_t *press)
{
    struct stat now;

    return fstat(press->in, &now) == 0 && now.st_size == press->info.st_size &&
           assets_stat_mtime(&now) == assets_stat_mtime(&press->info) && press->read == now.st_size;
}

/* On the disk before it is seen, as all that is kept. */
static apr_status_t publish(assets_press_t *press)
{
    struct timespec times[2] = {{0, UTIME_NOW}, press->info.st_mtim};
    char attribute[ASSETS_PRESS_LONGEST];
    int size;

    head_of((apr_uint64_t)press->info.st_ino, press->info.st_size, assets_stat_mtime(&press->info),
            attribute);
    size = (int)strlen(attribute);
    apr_cpystrn(attribute + size, press->name, sizeof(attribute) - (apr_size_t)size);
    if (!WORTH(press->written, press->read) && ftruncate(press->out, 0) != 0)
        return errno;
    futimens(press->out, times);
    if (fsetxattr(press->out, ASSETS_PRESS_ATTRIBUTE, attribute, strlen(attribute), 0) != 0 ||
        fsync(press->out) != 0 || rename(press->beside, press->target) != 0)
        return errno;
    close(press->out);
    press->out = -1;
    return APR_SUCCESS;
}

assets_press_e assets_press_step(assets_press_t *press, apr_status_t *problem)
{
    unsigned char data[PIECE];
    ssize_t got = read(press->in, data, sizeof(data));

    *problem = got < 0 ? errno : add(press, data, (apr_size_t)got);
    if (*problem == APR_SUCCESS && got > 0)
        return ASSETS_PRESS_MORE;
    if (*problem == APR_SUCCESS && is_unchanged(press)) {
        *problem = publish(press);
        if (*problem == APR_SUCCESS)
            return ASSETS_PRESS_DONE;
    }
    give_up(press);
    return ASSETS_PRESS_FAILED;
}
