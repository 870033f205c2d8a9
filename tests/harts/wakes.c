/* SPDX-License-Identifier: MIT */
/*
 * Looks for wake-ups that are lost between harts. Two threads on two harts that do nothing else pass a ball,
 * with short pauses at random, so that each is now asleep, now falling asleep when it comes: by signals, by
 * calls and answers, by signals to one that receives, by faults and their answers. Nothing else would wake
 * them: no timer of these harts is set, and the first thread, which watches, is on another hart. A ball that
 * comes to rest was lost.
 */
#include "harts.h"

#include <stdio.h>

#define PASSES     50  /* in a game */
#define MAX_PAUSE  400  /* turns of a loop */
#define LONG_US    1000000000ull
#define LOOK_US    2000
/* A ball that has not moved for so long is lost, even where the host has other things to do. */
#define PATIENCE_S 15
#define BAD_PAGE   0x2f00000000ull

enum game { GAME_SIGNALS, GAME_CALLS, GAME_RECEIVER, GAME_FAULTS, GAMES };
static const char *const game_name[GAMES] = {"signals", "calls", "signals to a receiver", "faults"};

struct player {
    struct guest_thread thread;
    cap_t go, ball, endpoint; /* `ball` is bound to the thread */
    struct player *other;
    enum game game;
    bool opens;
    uint64_t random;
    volatile uint64_t passes; /* in this game */
    volatile bool done;
};

static struct player players[MAX_HARTS];
static struct guest_thread faulters[MAX_HARTS];
static struct sleeper watch;

static void pause_at_random(struct player *player)
{
    player->random = player->random * 6364136223846793005ull + 1442695040888963407ull;
    for (volatile uint64_t i = (player->random >> 33) % MAX_PAUSE; i > 0; i--)
        ;
}

static void take_ball(struct player *player)
{
    struct msg m = {0};

    if (player->game == GAME_SIGNALS)
        notification_wait(player->ball);
    else
        sys_msg(SYS_RECV, player->endpoint, &m);
}

static void play_signals(struct player *player)
{
    for (; player->passes < PASSES; player->passes++) {
        if (player->opens) {
            pause_at_random(player);
            must(notification_signal(player->other->ball), "signal");
        }
        take_ball(player);
        if (!player->opens) {
            pause_at_random(player);
            must(notification_signal(player->other->ball), "signal");
        }
    }
}

static void play_calls(struct player *player)
{
    struct msg m = {.tag = tag_make(0, MSG_REGS, 0)};

    for (; player->passes < PASSES; player->passes++) {
        pause_at_random(player);
        if (player->opens) {
            m.word[0] = player->passes;
            must(sys_msg(SYS_CALL, player->other->endpoint, &m), "call");
            check(m.word[0] == player->passes + 1, "another call was answered");
            continue;
        }
        sys_msg(player->passes ? SYS_REPLY_RECV : SYS_RECV, player->endpoint, &m);
        m.word[0]++;
    }
    if (!player->opens)
        sys_msg(SYS_REPLY, 0, &m);
}

/* Each answer has the thread fault again; the last one is left. */
static void play_faults(struct player *player)
{
    struct msg m = {0};

    for (; player->passes < PASSES; player->passes++) {
        m.tag = 0;
        sys_msg(player->passes ? SYS_REPLY_RECV : SYS_RECV, player->endpoint, &m);
        check(m.tag & TAG_FAULT, "a message that is no fault");
        pause_at_random(player);
    }
}

static void fault_for_ever(uint64_t argument)
{
    (void)argument;
    for (;;)
        *(volatile uint8_t *)BAD_PAGE;
}

static void play(uint64_t argument)
{
    static void (*const how[GAMES])(struct player *) = {play_signals, play_calls, play_signals, play_faults};
    struct player *player = (struct player *)argument;

    for (;;) {
        notification_wait(player->go);
        how[player->game](player);
        player->done = true;
    }
}

static void make_player(unsigned hart)
{
    struct player *player = &players[hart];
    uint64_t bound[1];

    player->go = make_object(OBJ_NOTIFICATION, 0);
    player->ball = make_object(OBJ_NOTIFICATION, 0);
    player->endpoint = make_object(OBJ_ENDPOINT, 0);
    player->random = stress_seed * 1000003 + hart;
    player->thread = (struct guest_thread){.code = play, .argument = (uint64_t)player, .hart = hart,
                                           .priority = PRIORITY_LOAD, .budget = LONG_US, .period = LONG_US};
    guest_thread_start(&player->thread);
    bound[0] = player->ball;
    must(kernel_call(player->thread.thread, OP_THREAD_BIND_NOTIFICATION, bound, 1, NULL, 0), "bind");
    faulters[hart] = (struct guest_thread){.code = fault_for_ever, .hart = hart, .priority = PRIORITY_LOAD,
                                           .budget = LONG_US, .period = LONG_US};
}

static void start(struct player *player, struct player *other, enum game game, bool opens)
{
    player->other = other;
    player->game = game;
    player->opens = opens;
    player->passes = 0;
    player->done = false;
    must(notification_signal(player->go), "start a game");
}

/* Waits until it has played; it must pass the ball again and again. */
static void finish(const struct player *player, const struct player *other)
{
    uint64_t seen = player->passes, seen_at = rt_ticks(), patience = rt_start->timebase * PATIENCE_S;

    while (!player->done) {
        sleeper_sleep(&watch, LOOK_US);
        if (player->passes != seen) {
            seen = player->passes;
            seen_at = rt_ticks();
        }
        if (rt_ticks() - seen_at > patience) {
            printf("harts: failed: lost between harts %u and %u by %s, at pass %lu\n", player->thread.hart,
                   other->thread.hart, game_name[player->game], seen);
            power_off(true);
        }
    }
}

static void one_game(enum game game, struct player *a, struct player *b)
{
    struct guest_thread *faulter = &faulters[a->thread.hart];

    if (game == GAME_FAULTS) {
        faulter->fault = b->endpoint;
        guest_thread_start(faulter);
    } else {
        start(a, b, game, true);
    }
    start(b, a, game, false);
    finish(b, a);
    if (game == GAME_FAULTS)
        guest_thread_end(faulter);
    else
        finish(a, b);
}

void wakes_run(uint64_t seconds)
{
    uint64_t end, counts[GAMES] = {0}, random = stress_seed;

    check(rt_boot->hart_count >= 3, "there must be three harts");
    watch = sleeper_make();
    for (unsigned hart = 1; hart < rt_boot->hart_count; hart++)
        make_player(hart);
    for (end = rt_ticks() + seconds * rt_start->timebase; rt_ticks() < end;) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        unsigned others = rt_boot->hart_count - 1, a = (random >> 33) % others;
        unsigned b = (a + 1 + (random >> 40) % (others - 1)) % others;
        enum game game = (random >> 50) % GAMES;
        one_game(game, &players[1 + a], &players[1 + b]);
        counts[game]++;
    }
    for (unsigned game = 0; game < GAMES; game++)
        printf("harts passes %lu by %s\n", counts[game] * PASSES, game_name[game]);
}
