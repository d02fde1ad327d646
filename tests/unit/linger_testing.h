/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINGER_TESTING_H
#define LINGER_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif
