/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_ACCEPT_H
#define ASSETS_ACCEPT_H

#include <apr.h>

/* Content codings that files may be kept in beside themselves. */
typedef enum {
    ASSETS_CODING_BR,
    ASSETS_CODING_ZSTD,
    ASSETS_CODING_GZIP,
    ASSETS_CODINGS,
    ASSETS_CODING_NONE = ASSETS_CODINGS /* identity */
} assets_coding_e;

/* Returns the coding's name in Content-Encoding, and what its files' names end with. */
const char *assets_accept_name(assets_coding_e coding);
const char *assets_accept_suffix(assets_coding_e coding);

/*
 * How much a client wants each coding (RFC 9110 section 12.5.3): weights of Accept-Encoding in
 * thousandths, 0: not at all. Index ASSETS_CODING_NONE is identity, which is wanted a little (1)
 * where nothing is said of it. header may be NULL: identity alone, as little can be known of such a
 * client. A member that cannot be read is left out. Pure; any thread.
 */
void assets_accept_read(int weights[ASSETS_CODINGS + 1], const char *header);

/* Returns the best of the codings in the mask not_yet (1 << coding) that is wanted more than
 * identity, or ASSETS_CODING_NONE. Of equals, the first of order (count of them) is the best. */
assets_coding_e assets_accept_best(const int weights[ASSETS_CODINGS + 1],
                                   const assets_coding_e *order, int count, unsigned not_yet);

#endif
