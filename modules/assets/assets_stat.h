/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_STAT_H
#define ASSETS_STAT_H

#include <apr_time.h>

#include <sys/stat.h>

/* Returns when a file was changed, as apr_stat would say it. Any thread. */
static inline apr_time_t assets_stat_mtime(const struct stat *info)
{
    return apr_time_from_sec(info->st_mtim.tv_sec) + info->st_mtim.tv_nsec / 1000;
}

#endif
