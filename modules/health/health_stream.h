/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_STREAM_H
#define HEALTH_STREAM_H

#include "health_probe.h"

/*
 * Probes over a fresh non-blocking connection: TLS where the check says so, then the dialogue of
 * the check's protocol, or nothing more.
 */
extern const health_driver_t health_stream_driver;

#endif
