/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_MYSQL_H
#define HEALTH_MYSQL_H

#include "health_probe.h"

/*
 * Probes of MySQL and MariaDB servers by Connector/C's non-blocking API: a login, and the check's
 * query where it has one, whose first field may have to be what the check expects.
 */
extern const health_driver_t health_mysql_driver;

/*
 * Makes the library ready, before there are threads. Returns 1, or 0 when it cannot be used. While
 * configuring.
 */
int health_mysql_prepare(void);

/* Returns the word for an error of Connector/C or of the server: "refused", "closed", "malformed",
 * "denied" or "bad_answer". Any thread. */
const char *health_mysql_problem(unsigned error);

#endif
