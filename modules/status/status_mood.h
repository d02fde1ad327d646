/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_MOOD_H
#define STATUS_MOOD_H

#include <webtier/status_provider.h>

/*
 * Returns how node is to be read. The nearest judgement counts: node's own mood, else the worst of
 * its values (a member that is up is good, whatever its history tells), else the worst of its
 * objects and arrays, each judged by the same rule. Any thread.
 */
tier_status_mood_e status_mood_of(const tier_status_node_t *node);

/* Returns "neutral", "good", "degraded" or "bad": the word of JSON, of the page and of its style
 * classes. */
const char *status_mood_word(tier_status_mood_e mood);

#endif
