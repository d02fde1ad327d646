/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_READY_H
#define ASSETS_READY_H

/*
 * What httpd made of a file whose content is in memory, kept with the content: it is the same each
 * time, as long as the file and the configuration are. Does not change once it is there.
 */
typedef struct assets_ready_t {
    const void *config;   /* of the directory, which it holds for */
    const char *type;     /* Content-Type; NULL: it is to be looked for each time */
    const char *etag;     /* ETag; empty: none */
    const char *modified; /* Last-Modified */
} assets_ready_t;

#endif
