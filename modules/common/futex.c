/* SPDX-License-Identifier: Apache-2.0 */
#include "futex.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int tier_futex_wait(apr_uint32_t *word, apr_uint32_t expected, apr_interval_time_t longest)
{
    struct timespec timeout = {apr_time_sec(longest), apr_time_usec(longest) * 1000};

    return syscall(SYS_futex, word, FUTEX_WAIT, expected, &timeout, NULL, 0) == 0;
}

/* Counted before the kernel looks at the word: who changes it after that sees the count. */
void tier_futex_wait_counted(apr_uint32_t *word, apr_uint32_t expected, apr_interval_time_t longest,
                             apr_uint32_t *waiters)
{
    __atomic_add_fetch(waiters, 1, __ATOMIC_SEQ_CST);
    tier_futex_wait(word, expected, longest);
    __atomic_sub_fetch(waiters, 1, __ATOMIC_SEQ_CST);
}

void tier_futex_wake_some(apr_uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

void tier_futex_wake_counted(apr_uint32_t *word, const apr_uint32_t *waiters)
{
    if (__atomic_load_n(waiters, __ATOMIC_SEQ_CST) > 0)
        tier_futex_wake_some(word, INT_MAX);
}
