/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_ADVICE_H
#define HEALTH_ADVICE_H

#include <apr.h>

/*
 * What a member says of itself through its agent, beside whether it is well: how much of its load
 * factor it wants, and that it wants no new sessions. A plain value; lies in shared memory.
 */
typedef struct health_advice_t {
    apr_uint32_t weight; /* percent of the load factor, 1 to 100; 0: there is no advice */
    apr_uint32_t drain;  /* 1: sticky sessions stay, new ones do not come */
} health_advice_t;

#endif
