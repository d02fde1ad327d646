/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_FAILURE_H
#define REPROXY_FAILURE_H

/* How a copy of a file failed to be delivered; each is counted for its storage node. */
typedef enum reproxy_failure_e {
    REPROXY_FAILURE_NONE,
    REPROXY_FAILURE_REFUSED,  /* TierReproxyAllow does not name it, or it is no URL: not asked */
    REPROXY_FAILURE_CONNECT,  /* no connection: refused, unreachable, name not resolved, TLS */
    REPROXY_FAILURE_TIMEOUT,  /* no connection, or no head of an answer, in time */
    REPROXY_FAILURE_STALL,    /* the body stood still for too long */
    REPROXY_FAILURE_CUT,      /* the connection ended before the answer did */
    REPROXY_FAILURE_GARBAGE,  /* the answer is not HTTP */
    REPROXY_FAILURE_ABSENT,   /* 404 or 410 */
    REPROXY_FAILURE_STATUS,   /* another status that is no success */
    REPROXY_FAILURE_SIZE,     /* not the size the file must have */
    REPROXY_FAILURE_CHANGED,  /* not the file that the first bytes came from: another validator */
    REPROXY_FAILURE_CHECKSUM, /* the bytes are not those the checksum was made of */
    REPROXY_FAILURES
} reproxy_failure_e;

/* Returns the failure's name in messages and on the status page, lower_case; a constant. */
const char *reproxy_failure_name(reproxy_failure_e failure);

#endif
