/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_job.h"

const char *reproxy_relay_end_name(reproxy_relay_end_e end)
{
    static const char *const names[REPROXY_RELAY_ENDS] = {
        "complete", "client_gone", "client_stalled", "source_ended", "source_stalled", "stopped"};

    return names[end];
}
