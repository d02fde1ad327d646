/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_deliver.h"

int reproxy_deliver(request_rec *r, const reproxy_order_t *order)
{
    (void)r;
    (void)order;
    return HTTP_NOT_IMPLEMENTED;
}
