/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_HANDED_H
#define REPROXY_HANDED_H

/*
 * A connection is one thread's at a time, and httpd's MPM hands it, and the memory of one that has
 * ended, to the next. ThreadSanitizer does not see that, as httpd is built without it: hooks of a
 * connection tell it, with an address that they share. Nothing in other builds. Any thread.
 */
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>

#define REPROXY_HANDED_OVER(address) __tsan_release(address)
#define REPROXY_HANDED_ON(address)   __tsan_acquire(address)
#else
#define REPROXY_HANDED_OVER(address) ((void)(address))
#define REPROXY_HANDED_ON(address)   ((void)(address))
#endif

#endif
