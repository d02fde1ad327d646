/* SPDX-License-Identifier: Apache-2.0 */
#include "health_state_file.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <unistd.h>

#include "health_state.h"

#define EVERY         apr_time_from_sec(1)
#define EVERY_MEMBERS 500 /* each so many add one more EVERY */
#define MODE          (APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD)

static apr_status_t read_all(const char *path, char **text, apr_size_t *size, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t status =
        apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_FPROT_OS_DEFAULT, pool);

    if (status != APR_SUCCESS)
        return status;
    status = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (status == APR_SUCCESS && (info.filetype != APR_REG || info.size > HEALTH_STATE_MAX))
        status = APR_EINVAL;
    if (status == APR_SUCCESS) {
        *text = apr_pcalloc(pool, (apr_size_t)info.size + 1);
        status = apr_file_read_full(file, *text, (apr_size_t)info.size, size);
        if (APR_STATUS_IS_EOF(status))
            status = APR_SUCCESS;
    }
    apr_file_close(file);
    return status;
}

void health_state_file_load(const char *path,
                            void (*visit)(void *visitor, const health_record_t *record),
                            void *visitor, const tier_log_t *log, apr_pool_t *ptemp)
{
    const char *problem = "it cannot be read";
    char *text = NULL;
    apr_size_t size = 0;
    apr_status_t status = read_all(path, &text, &size, ptemp);

    if (APR_STATUS_IS_ENOENT(status))
        return;
    if (status == APR_SUCCESS)
        problem = health_state_decode(text, size, visit, visitor, ptemp);
    if (problem)
        tier_log(log, TIER_LOG_MARK, TIER_LOG_WARNING, status,
                 WTNO(1070) "TierHealthStateFile %s is ignored: %s; members begin as after a first "
                            "start",
                 path, problem);
}

static apr_status_t write_all(const char *path, const char *text, apr_size_t size, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_status_t status = apr_file_open(
        &file, path, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE | APR_FOPEN_BINARY,
        MODE, pool);
    apr_status_t closed;

    if (status != APR_SUCCESS)
        return status;
    status = apr_file_write_full(file, text, size, NULL);
    closed = apr_file_close(file);
    return status == APR_SUCCESS ? closed : status;
}

/* No fsync, which could hold up the probes: after a crash of the machine the checksum tells. */
static apr_status_t replace(health_keeper_t *keeper)
{
    const char *fresh = apr_psprintf(keeper->pool, "%s.%ld", keeper->path, (long)getpid());
    apr_size_t size;
    const char *text = health_state_encode(keeper->table, &size, keeper->pool);
    apr_status_t status = write_all(fresh, text, size, keeper->pool);

    if (status == APR_SUCCESS)
        status = apr_file_rename(fresh, keeper->path, keeper->pool);
    if (status != APR_SUCCESS)
        apr_file_remove(fresh, keeper->pool);
    return status;
}

static void tell(health_keeper_t *keeper, apr_status_t status)
{
    if (status != APR_SUCCESS && !keeper->failed)
        tier_log(keeper->log, TIER_LOG_MARK, TIER_LOG_WARNING, status,
                 WTNO(1071) "TierHealthStateFile %s cannot be written; a full restart forgets the "
                            "members' states",
                 keeper->path);
    if (status == APR_SUCCESS && keeper->failed)
        tier_log(keeper->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
                 WTNO(1072) "TierHealthStateFile %s can be written again", keeper->path);
    keeper->failed = status != APR_SUCCESS;
}

void health_keeper_tick(health_keeper_t *keeper, apr_time_t now)
{
    apr_uint64_t version;
    apr_status_t status;

    if (!keeper->path || (now != 0 && now < keeper->next))
        return;
    keeper->next =
        now + EVERY * (1 + (apr_time_t)health_table_count(keeper->table) / EVERY_MEMBERS);
    version = health_state_version(keeper->table);
    if (version == keeper->written)
        return;
    apr_pool_clear(keeper->pool);
    status = replace(keeper);
    tell(keeper, status);
    if (status == APR_SUCCESS)
        keeper->written = version;
}
