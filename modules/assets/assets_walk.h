/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_WALK_H
#define ASSETS_WALK_H

#include "assets_name.h"

#include <dirent.h>
#include <sys/stat.h>

/*
 * Walks over the files of an asset directory, an entry at a time, with a fixed amount of memory.
 * One thread.
 */
#define ASSETS_WALK_DEEPEST (ASSETS_NAME_DEEPEST + 1)

typedef struct assets_walk_t {
    DIR *open[ASSETS_WALK_DEEPEST];          /* the folder being read, and those it lies in */
    int depth;                               /* of them; 0: none is open */
    apr_size_t lengths[ASSETS_WALK_DEEPEST]; /* of their paths within path */
    char path[4096];                         /* of the entry */
    struct stat info;                        /* of the entry, no link followed */
} assets_walk_t;

typedef enum {
    ASSETS_WALK_FILE,  /* a regular file: its path and info are set */
    ASSETS_WALK_WORK,  /* the same, of one in ASSETS_NAME_WORK */
    ASSETS_WALK_OTHER, /* something else, or a folder that is gone into */
    ASSETS_WALK_END    /* no folder is open any more */
} assets_walk_e;

/* Opens directory; when it cannot be opened, the walk is at its end. */
void assets_walk_begin(assets_walk_t *walk, const char *directory);

/* Goes on to the next entry and says what it is. */
assets_walk_e assets_walk_next(assets_walk_t *walk);

/* Returns the entry's path below the directory. */
const char *assets_walk_name(const assets_walk_t *walk);

/* Closes what is open. */
void assets_walk_end(assets_walk_t *walk);

#endif
