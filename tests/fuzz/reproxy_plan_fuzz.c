/* SPDX-License-Identifier: Apache-2.0 */
/* Input: how many copies there are, how often each may fail, which nodes are sick, and what comes
 * of each question. Whatever that is: no copy is asked twice at once, none for which there is no
 * hope, none before one that has failed less, and there is an end. */
#include "reproxy_fuzz.h"

#include "reproxy_plan.h"

#define WITH_ANOTHER 0x80 /* of an outcome: a second copy is asked beside it */

/* What has come of the copies, kept beside the plan. */
typedef struct record_t {
    int asked, failures, hopeless, sick;
    reproxy_failure_e last;
} record_t;

typedef struct game_t {
    reproxy_plan_t plan;
    record_t copies[REPROXY_PLAN_MAX];
    int rounds;
} game_t;

static int is_hopeless(reproxy_failure_e failure)
{
    return failure == REPROXY_FAILURE_REFUSED || failure == REPROXY_FAILURE_ABSENT ||
           failure == REPROXY_FAILURE_STATUS || failure == REPROXY_FAILURE_SIZE ||
           failure == REPROXY_FAILURE_CHANGED || failure == REPROXY_FAILURE_CHECKSUM;
}

static int may_be_asked(const game_t *game, int copy)
{
    const record_t *record = &game->copies[copy];

    return !record->asked && !record->hopeless && record->failures < game->rounds;
}

/* Returns the copy that the plan names, asked from now on; -1: none. */
static int ask(game_t *game)
{
    int copy = reproxy_plan_next(&game->plan, game->rounds);

    if (copy >= game->plan.count || (copy >= 0 && !may_be_asked(game, copy)))
        abort();
    for (int i = 0; i < game->plan.count; i++) {
        if (!may_be_asked(game, i))
            continue;
        if (copy < 0 || game->copies[i].failures < game->copies[copy].failures ||
            (game->copies[i].failures == game->copies[copy].failures &&
             game->copies[i].sick < game->copies[copy].sick))
            abort();
    }
    if (copy >= 0) {
        game->copies[copy].asked = 1;
        reproxy_plan_ask(&game->plan, copy);
    }
    return copy;
}

static void end(game_t *game, int copy, reproxy_failure_e failure)
{
    record_t *record = &game->copies[copy];

    record->asked = 0;
    reproxy_plan_done(&game->plan, copy, failure);
    if (failure == REPROXY_FAILURE_NONE)
        return;
    record->last = failure;
    record->hopeless |= is_hopeless(failure);
    record->failures +=
        failure == REPROXY_FAILURE_CONNECT || failure == REPROXY_FAILURE_TIMEOUT ? 2 : 1;
}

/* "No such file" is said only where nothing else can be the matter. */
static void check_verdict(const game_t *game)
{
    reproxy_failure_e verdict = reproxy_plan_verdict(&game->plan);
    int failed = 0, absent = 0, same = 0;

    for (int i = 0; i < game->plan.count; i++) {
        failed += game->copies[i].last != REPROXY_FAILURE_NONE;
        absent += game->copies[i].last == REPROXY_FAILURE_ABSENT;
        same += game->copies[i].last == verdict;
    }
    if ((verdict == REPROXY_FAILURE_NONE) != (failed == 0) ||
        (verdict == REPROXY_FAILURE_ABSENT) != (failed > 0 && failed == absent) ||
        (verdict != REPROXY_FAILURE_NONE && same == 0))
        abort();
}

static void play(game_t *game, const uint8_t *outcomes, size_t size)
{
    size_t questions = 0;

    for (size_t i = 0; i < size; i++) {
        reproxy_failure_e failure = (reproxy_failure_e)((outcomes[i] & 0x7F) % REPROXY_FAILURES);
        int copy = ask(game), other = -1;

        if (copy < 0)
            break;
        if (outcomes[i] & WITH_ANOTHER)
            other = ask(game);
        end(game, copy, failure);
        if (other >= 0)
            end(game, other, REPROXY_FAILURE_STALL);
        questions += failure != REPROXY_FAILURE_NONE;
    }
    if (questions > (size_t)game->plan.count * (size_t)game->rounds)
        abort();
    check_verdict(game);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static game_t game;

    if (size < 3)
        return 0;
    memset(&game, 0, sizeof(game));
    game.plan.count = 1 + data[0] % REPROXY_PLAN_MAX;
    game.rounds = 1 + data[1] % 4;
    for (int i = 0; i < game.plan.count; i++)
        game.plan.copies[i].is_sick = game.copies[i].sick = data[2] >> (i % 8) & 1;
    play(&game, data + 3, size - 3);
    return 0;
}
