/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_PROMETHEUS_H
#define STATUS_PROMETHEUS_H

#include "status_buffer.h"
#include "status_report.h"

#define STATUS_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/*
 * Appends every figure of report in Prometheus' text format 0.0.4. A metric is named webtier_ and
 * the names on the way to it (webtier_server_..., webtier_<module>_...), with _total behind a
 * counter, _seconds behind a duration and _timestamp_seconds behind an instant (0 is never). Each
 * object that is to be read as good (1), degraded (2) or bad (3) has a gauge _mood. An object in an
 * array gets a label: the array's name without its last "s", valued with the object's first string,
 * or its index where it has none; a second object of the same value gets a label "index" too.
 * Strings are no metrics, nor is a history. Metrics come in alphabetical order,
 * their samples in the tree's; of samples with the same name and labels the first is printed.
 */
void status_prometheus_render(status_buffer_t *buffer, const status_report_t *report);

#endif
