/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBTIER_VERSION_H
#define WEBTIER_VERSION_H

/* The version of webtier; CMakeLists.txt has the same number and a check compares them. */
#define WEBTIER_VERSION "0.1.0"

#endif
