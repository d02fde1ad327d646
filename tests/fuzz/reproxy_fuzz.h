/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_FUZZ_H
#define REPROXY_FUZZ_H

/* A pool for one input, as for the cache's targets. */
#include "cache_fuzz.h"

#endif
