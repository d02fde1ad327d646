/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_edit.h"

/* So much may be left from one chunk to the next: most have no edits, and clearing takes time. */
#define MAY_STAY ((apr_size_t)16 * 1024)

void assets_edits_begin(assets_edits_t *edits)
{
    if (edits->list || edits->spent > MAY_STAY) {
        apr_pool_clear(edits->pool);
        edits->spent = 0;
    }
    edits->list = NULL;
}

void assets_edits_add(assets_edits_t *edits, apr_off_t at, apr_size_t cut, const char *text,
                      apr_size_t size)
{
    assets_edit_t edit = {at, cut, text, size};

    if (!edits->list)
        edits->list = apr_array_make(edits->pool, 8, sizeof(assets_edit_t));
    APR_ARRAY_PUSH(edits->list, assets_edit_t) = edit;
}
