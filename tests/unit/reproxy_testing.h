/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_TESTING_H
#define REPROXY_TESTING_H

/* What the tests of mod_tier_reproxy's engine share: a pool a test, in *state. */

#include "common_support.h"

#include <apr_strings.h>
#include <apr_tables.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
