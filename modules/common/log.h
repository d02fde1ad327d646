/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_LOG_H
#define TIER_LOG_H

#include <apr_errno.h>

/*
 * The logging seam: engines say what happened, whoever made the tier_log_t decides where it goes
 * (httpd's error log in a module, stderr or a list in a test). Levels have the numbers of httpd's
 * (and syslog's). Every message starts with WTNO(nnnn); a check proves that no number is used twice
 * and that each error and warning is explained in its module's README.
 */
#define WTNO(n) "WT" #n ": "

enum {
    TIER_LOG_ERR = 3,
    TIER_LOG_WARNING = 4,
    TIER_LOG_NOTICE = 5,
    TIER_LOG_INFO = 6,
    TIER_LOG_DEBUG = 7
};

typedef struct tier_log_t {
    /* Called by any thread that logs; message is valid during the call only. status 0 means none.
     */
    void (*write)(void *baton, const char *file, int line, int level, apr_status_t status,
                  const char *message);
    void *baton;
} tier_log_t;

#define TIER_LOG_MARK __FILE__, __LINE__

/*
 * Formats (up to 1,023 bytes, the rest is cut) and hands the line to log->write. Allocates nothing.
 * A NULL log swallows the line. Any thread.
 */
void tier_log(const tier_log_t *log, const char *file, int line, int level, apr_status_t status,
              const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
