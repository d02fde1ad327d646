/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_failure.h"

const char *reproxy_failure_name(reproxy_failure_e failure)
{
    static const char *const names[REPROXY_FAILURES] = {
        [REPROXY_FAILURE_NONE] = "none",       [REPROXY_FAILURE_REFUSED] = "refused",
        [REPROXY_FAILURE_CONNECT] = "connect", [REPROXY_FAILURE_TIMEOUT] = "timeout",
        [REPROXY_FAILURE_STALL] = "stall",     [REPROXY_FAILURE_CUT] = "cut",
        [REPROXY_FAILURE_GARBAGE] = "garbage", [REPROXY_FAILURE_ABSENT] = "absent",
        [REPROXY_FAILURE_STATUS] = "status",   [REPROXY_FAILURE_SIZE] = "size",
        [REPROXY_FAILURE_CHANGED] = "changed", [REPROXY_FAILURE_CHECKSUM] = "checksum"};

    return (unsigned)failure < REPROXY_FAILURES ? names[failure] : "unknown";
}
