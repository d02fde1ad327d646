/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_edit.h"

void assets_edits_add(assets_edits_t *edits, apr_off_t at, apr_size_t cut, const char *text,
                      apr_size_t size)
{
    assets_edit_t edit = {at, cut, text, size};

    if (!edits->list)
        edits->list = apr_array_make(edits->pool, 8, sizeof(assets_edit_t));
    APR_ARRAY_PUSH(edits->list, assets_edit_t) = edit;
}
