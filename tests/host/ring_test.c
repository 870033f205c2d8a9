/* SPDX-License-Identifier: MIT */
/* The shared rings: both sides in order, two threads at once, and a peer that writes rubbish. */
#include <base/ring.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    void *memory;
    struct ring_side client, server;
};

static struct pair make_pair(uint32_t entries)
{
    struct pair pair;

    pair.memory = aligned_alloc(64, (ring_bytes(entries) + 63) & ~63ull);
    memset(pair.memory, 0xa5, ring_bytes(entries));
    ring_server_init(&pair.server, pair.memory, entries);
    ring_client_init(&pair.client, pair.memory, entries);
    return pair;
}

static struct ring_request request_of(uint64_t cookie)
{
    return (struct ring_request){.op = (uint32_t)cookie + 1,
                                 .length = (uint32_t)cookie + 2,
                                 .offset = cookie + 3,
                                 .position = cookie + 4,
                                 .cookie = cookie};
}

Test(ring, request_and_completion_come_through_unchanged)
{
    struct pair pair = make_pair(4);
    struct ring_request request = request_of(77), got;
    struct ring_completion completion = {.cookie = 77, .status = 26, .length = 512}, done;
    bool broken = false;

    cr_assert(ring_submit(&pair.client, &request));
    cr_assert_not(ring_take_request(&pair.server, &got, &broken),
                  "nothing is visible before it is published");
    ring_submit_publish(&pair.client);
    cr_assert(ring_take_request(&pair.server, &got, &broken));
    cr_assert_eq(memcmp(&got, &request, sizeof(got)), 0);
    cr_assert_not(ring_take_request(&pair.server, &got, &broken));
    ring_complete(&pair.server, &completion);
    cr_assert_not(ring_take_completion(&pair.client, &done));
    ring_complete_publish(&pair.server);
    cr_assert(ring_take_completion(&pair.client, &done));
    cr_assert_eq(done.cookie, 77);
    cr_assert_eq(done.status, 26);
    cr_assert_eq(done.length, 512);
    cr_assert_not(ring_take_completion(&pair.client, &done));
    cr_assert_not(broken);
    free(pair.memory);
}

Test(ring, holds_as_many_requests_as_it_has_entries)
{
    struct pair pair = make_pair(8);
    struct ring_request request = request_of(1), got;
    struct ring_completion completion = {0};
    bool broken = false;

    for (unsigned i = 0; i < 8; i++)
        cr_assert(ring_submit(&pair.client, &request));
    cr_assert_not(ring_submit(&pair.client, &request));
    ring_submit_publish(&pair.client);
    for (unsigned i = 0; i < 8; i++)
        cr_assert(ring_take_request(&pair.server, &got, &broken));
    cr_assert_not(ring_submit(&pair.client, &request), "taken is not completed");
    ring_complete(&pair.server, &completion);
    ring_complete_publish(&pair.server);
    cr_assert_not(ring_submit(&pair.client, &request), "completed is not taken back");
    cr_assert(ring_take_completion(&pair.client, &completion));
    cr_assert(ring_submit(&pair.client, &request));
    cr_assert_not(ring_submit(&pair.client, &request));
    free(pair.memory);
}

Test(ring, wakes_only_a_side_that_sleeps)
{
    struct pair pair = make_pair(4);
    struct ring_request request = request_of(1), got;
    struct ring_completion completion = {0};
    bool broken = false;

    ring_submit(&pair.client, &request);
    cr_assert_not(ring_submit_publish(&pair.client), "the server is awake");
    cr_assert(ring_server_sleep(&pair.server), "there is a request, the server must not sleep");
    cr_assert(ring_take_request(&pair.server, &got, &broken));
    cr_assert_not(ring_server_sleep(&pair.server));
    ring_submit(&pair.client, &request);
    cr_assert(ring_submit_publish(&pair.client));
    cr_assert_not(ring_submit_publish(&pair.client), "nothing new to show");
    ring_server_wake(&pair.server);
    cr_assert_not(ring_client_sleep(&pair.client));
    ring_complete(&pair.server, &completion);
    cr_assert(ring_complete_publish(&pair.server));
    cr_assert(ring_client_sleep(&pair.client));
    free(pair.memory);
}

Test(ring, server_notices_more_requests_than_there_can_be)
{
    struct pair pair = make_pair(4);
    struct ring_request request = request_of(1), got;
    bool broken = false;

    ring_submit(&pair.client, &request);
    ring_submit(&pair.client, &request);
    ring_submit_publish(&pair.client);
    cr_assert(ring_take_request(&pair.server, &got, &broken));
    pair.server.shared->submit_head = 5; /* one is under way: entries 1 to 4 would overwrite it */
    cr_assert_not(ring_take_request(&pair.server, &got, &broken));
    cr_assert(broken);
    broken = false;
    pair.server.shared->submit_head = 0; /* back in time */
    cr_assert_not(ring_take_request(&pair.server, &got, &broken));
    cr_assert(broken);
    cr_assert(ring_server_sleep(&pair.server), "a broken ring is no reason to sleep");
    broken = false;
    pair.server.shared->submit_head = 4;
    cr_assert(ring_take_request(&pair.server, &got, &broken), "all four entries in use is right");
    free(pair.memory);
}

Test(ring, client_believes_no_more_completions_than_it_made_requests)
{
    struct pair pair = make_pair(4);
    struct ring_request request = request_of(1);
    struct ring_completion completion;

    ring_submit(&pair.client, &request);
    pair.client.shared->complete_head = 1;
    cr_assert_not(ring_take_completion(&pair.client, &completion), "the request was not published yet");
    ring_submit_publish(&pair.client);
    pair.client.shared->complete_head = 2;
    cr_assert_not(ring_take_completion(&pair.client, &completion));
    cr_assert_not(ring_client_sleep(&pair.client));
    pair.client.shared->complete_head = 1;
    cr_assert(ring_take_completion(&pair.client, &completion));
    free(pair.memory);
}

Test(ring, indexes_wrap_around)
{
    struct pair pair = make_pair(2);
    struct ring_request request, got;
    struct ring_completion completion;
    bool broken = false;

    pair.client.made = pair.client.taken = pair.client.published = UINT32_MAX - 3;
    pair.server.made = pair.server.taken = pair.server.published = UINT32_MAX - 3;
    pair.server.shared->submit_head = pair.server.shared->complete_head = UINT32_MAX - 3;
    for (uint64_t i = 0; i < 9; i++) {
        request = request_of(i);
        cr_assert(ring_submit(&pair.client, &request));
        ring_submit_publish(&pair.client);
        cr_assert(ring_take_request(&pair.server, &got, &broken));
        cr_assert_eq(got.cookie, i);
        completion = (struct ring_completion){.cookie = got.cookie};
        ring_complete(&pair.server, &completion);
        ring_complete_publish(&pair.server);
        cr_assert(ring_take_completion(&pair.client, &completion));
        cr_assert_eq(completion.cookie, i);
    }
    cr_assert_not(broken);
    free(pair.memory);
}

/* --- Two threads --- */

#define HAMMER_REQUESTS 50000

/* A notification: a flag that a waiter spins on, so that a lost wake-up shows as a test that does not end. */
struct bell {
    atomic_bool rung;
};

static void ring_bell(struct bell *bell)
{
    atomic_store(&bell->rung, true);
}

static void wait_bell(struct bell *bell)
{
    while (!atomic_exchange(&bell->rung, false))
        sched_yield();
}

struct hammer {
    struct pair pair;
    struct bell to_server, to_client;
};

static void *hammer_server(void *context)
{
    struct hammer *hammer = context;
    struct ring_side *side = &hammer->pair.server;
    struct ring_request request;
    uint64_t seen = 0;
    bool broken = false;

    while (seen < HAMMER_REQUESTS) {
        while (ring_take_request(side, &request, &broken)) {
            cr_assert_eq(request.cookie, seen);
            cr_assert_eq(request.position, seen + 4);
            seen++;
            ring_complete(side,
                          &(struct ring_completion){.cookie = request.cookie, .length = request.length});
            if (seen % 3 == 0 && ring_complete_publish(side))
                ring_bell(&hammer->to_client);
        }
        cr_assert_not(broken);
        if (ring_complete_publish(side))
            ring_bell(&hammer->to_client);
        if (seen < HAMMER_REQUESTS && !ring_server_sleep(side)) {
            wait_bell(&hammer->to_server);
            ring_server_wake(side);
        }
    }
    return NULL;
}

Test(ring, two_threads_lose_nothing_and_no_wake_up, .timeout = 50)
{
    struct hammer hammer = {.pair = make_pair(16)};
    struct ring_side *side = &hammer.pair.client;
    struct ring_completion completion;
    uint64_t submitted = 0, completed = 0;
    pthread_t thread;

    pthread_create(&thread, NULL, hammer_server, &hammer);
    while (completed < HAMMER_REQUESTS) {
        for (struct ring_request request = request_of(submitted);
             submitted < HAMMER_REQUESTS && ring_submit(side, &request); request = request_of(submitted)) {
            submitted++;
        }
        if (ring_submit_publish(side))
            ring_bell(&hammer.to_server);
        while (ring_take_completion(side, &completion)) {
            cr_assert_eq(completion.cookie, completed);
            cr_assert_eq(completion.length, (uint32_t)completed + 2);
            completed++;
        }
        if (completed < submitted && !ring_client_sleep(side)) {
            wait_bell(&hammer.to_client);
            ring_client_wake(side);
        }
    }
    pthread_join(thread, NULL);
    cr_assert_eq(submitted, HAMMER_REQUESTS);
    free(hammer.pair.memory);
}

/* Scribbles over the shared part, indexes included, as fast as it can. */
struct scribbler {
    uint32_t *words;
    size_t count;
    atomic_bool stop;
};

static void *scribble(void *context)
{
    struct scribbler *scribbler = context;
    uint64_t state = 88172645463325252ull;

    while (!atomic_load(&scribbler->stop)) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        __atomic_store_n(&scribbler->words[state % scribbler->count], (uint32_t)(state >> 40) % 12,
                         __ATOMIC_RELAXED);
    }
    return NULL;
}

Test(ring, hostile_peer_gets_nothing_but_its_own_session_broken, .timeout = 50)
{
    struct pair pair = make_pair(4);
    struct scribbler scribbler = {.words = pair.memory, .count = ring_bytes(4) / 4};
    struct ring_request request;
    uint64_t taken = 0, sessions = 0;
    bool broken = false;
    pthread_t thread;

    pthread_create(&thread, NULL, scribble, &scribbler);
    while (taken < 20000 || sessions < 200) {
        if (ring_take_request(&pair.server, &request, &broken)) {
            taken++;
            cr_assert_leq(pair.server.taken - pair.server.made, 4, "more under way than there are entries");
        }
        if (pair.server.taken - pair.server.made > taken % 4) {
            ring_complete(&pair.server, &(struct ring_completion){.cookie = request.cookie});
            ring_complete_publish(&pair.server);
        }
        ring_server_sleep(&pair.server);
        if (broken) { /* the session ends; a new one starts with nothing taken or made */
            sessions++;
            pair.server.taken = pair.server.made = pair.server.published = 0;
            broken = false;
        }
    }
    atomic_store(&scribbler.stop, true);
    pthread_join(thread, NULL);
    free(pair.memory);
}
