/* SPDX-License-Identifier: MIT */
/*
 * Threads whose FP registers must hold what they put there, on whatever hart they go on, and nothing of
 * another thread when they are new. They call servers that use FP registers as well; every other one of those
 * is passive, and every other client does without. A renewer destroys clients and servers and makes them
 * again.
 */
#include "harts.h"

struct floater {
    struct actor actor;
    cap_t endpoint;  /* of a server */
    bool passive;    /* has no time of its own while it waits */
    uint64_t served; /* by a server */
    struct sleeper sleeper; /* of a client */
};

static struct floater servers[MAX_HARTS], clients[MAX_HARTS * 2];
static struct actor renewer;
static struct sleeper renewer_sleeper;
static unsigned float_count;

/* The registers must be as they were filled, and are filled anew. */
static uint64_t refill(uint64_t pattern)
{
    uint64_t next = pattern * 6364136223846793005ull + rt_ticks() * 2 + 1;

    check(guest_fp_differ(pattern) == 0,
          pattern ? "an FP register has changed" : "a new thread has somebody's FP registers");
    guest_fp_fill(next | 1);
    return next | 1;
}

static void serve_floats(uint64_t number)
{
    struct floater *self = &servers[number];
    struct msg m = {.tag = 0};
    uint64_t pattern = 0;

    sys_msg(SYS_RECV, self->endpoint, &m);
    for (;;) {
        if (self->served++ % 3)
            pattern = refill(pattern);
        m = (struct msg){.tag = tag_make(ERR_OK, 0, 0)};
        sys_msg(SYS_REPLY_RECV, self->endpoint, &m);
    }
}

static void call_floats(uint64_t number)
{
    struct floater *self = &clients[number];
    struct actor *actor = &self->actor;
    uint64_t pattern = 0;

    timer_cancel(self->sleeper.timer); /* an earlier life may have set it */
    notification_poll(self->sleeper.notification, NULL);
    for (;;) {
        struct msg m = {.tag = 0};
        uint32_t error;

        if (number % 2 == 0)
            pattern = refill(pattern);
        switch (random_below(actor, 4)) {
        case 0:
            error = sys_msg(SYS_CALL, servers[random_below(actor, float_count)].endpoint, &m);
            if (error != ERR_PEER_GONE && error != ERR_CANCELLED)
                must(error, "call a server");
            break;
        case 1: yield(); break;
        default:
            for (volatile unsigned i = 0; i < 200; i++)
                continue;
            break;
        }
        count_add(COUNT_FLOATS, 1);
        if (++actor->progress % 64 == 0)
            sleeper_sleep(&self->sleeper, 1000);
    }
}

static void make_passive(const struct floater *server)
{
    cap_t thread = server->actor.thread.thread;
    const uint64_t none = 0;
    struct thread_info info;

    do {
        sleeper_sleep(&renewer_sleeper, 100);
        must(kernel_call(thread, OP_THREAD_INFO, NULL, 0, (uint64_t *)&info, 8), "look at a thread");
    } while (info.state != THREAD_BLOCKED_RECV);
    must(kernel_call(thread, OP_THREAD_BIND_CONTEXT, &none, 1, NULL, 0), "take a thread's time");
}

static void renew(uint64_t unused)
{
    (void)unused;
    for (unsigned i = 0; i < float_count; i++)
        if (servers[i].passive)
            make_passive(&servers[i]);
    for (;;) {
        unsigned number = random_below(&renewer, float_count * 3);
        struct floater *floater = number < float_count ? &servers[number] : &clients[number - float_count];
        struct guest_thread *thread = &floater->actor.thread;

        sleeper_sleep(&renewer_sleeper, 500 + random_below(&renewer, 5000));
        floater->actor.stopped = true;
        guest_thread_end(thread);
        thread->hart = random_below(&renewer, rt_boot->hart_count);
        guest_thread_start(thread);
        if (floater->passive)
            make_passive(floater);
        floater->actor.stopped = false;
        count_add(COUNT_KILLS, 1);
        renewer.progress++;
    }
}

void floats_make(unsigned harts)
{
    float_count = harts;
    for (unsigned i = 0; i < harts; i++) {
        servers[i].endpoint = make_object(OBJ_ENDPOINT, 0);
        servers[i].passive = i % 2;
        servers[i].actor.progress_at = &servers[i].served;
        actor_add(&servers[i].actor, "float server", serve_floats, i, i);
    }
    for (unsigned i = 0; i < harts * 2; i++) {
        clients[i].sleeper = sleeper_make();
        actor_add(&clients[i].actor, "float client", call_floats, i, i);
    }
    renewer_sleeper = sleeper_make();
    renewer.thread.priority = PRIORITY_TROUBLE;
    actor_add(&renewer, "renewer", renew, 0, 0);
}
