/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_STEPS_H
#define ASSETS_STEPS_H

/*
 * Included before all else where the scanners are compiled for assets_steps_test.c: what the
 * library does for them is counted by the bytes that it was given; the compiler counts the rest.
 */
#include <string.h>

/* As memchr and memcpy of <string.h>. One thread. */
void *assets_steps_memchr(const void *data, int byte, size_t size);
void *assets_steps_memcpy(void *to, const void *from, size_t size);

#undef memchr
#undef memcpy
#define memchr(data, byte, size) assets_steps_memchr(data, byte, size)
#define memcpy(to, from, size)   assets_steps_memcpy(to, from, size)

#endif
