/* SPDX-License-Identifier: MIT */
/*
 * mm's locks under threads of the host: what a lock guards is changed by one at a time, whoever waits gets
 * it, and the locks of all receivers and those of one exclude each other. A lost wake-up would be a test
 * that does not end.
 */
// sources: user/mm/lock.c
// flags: -Iuser/mm
#include "support.h"
#include <mm.h>
#include <pthread.h>

#define RECEIVERS 4
#define ROUNDS    40000

/* Notifications as the kernel has them: bits stay until somebody takes them. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t bits;
} notification[16];
static unsigned notifications, sleeps;

cap_t own_notification(void)
{
    pthread_mutex_init(&notification[++notifications].mutex, NULL);
    pthread_cond_init(&notification[notifications].changed, NULL);
    return notifications;
}

enum error notification_signal(cap_t cap)
{
    pthread_mutex_lock(&notification[cap].mutex);
    notification[cap].bits = 1;
    pthread_cond_signal(&notification[cap].changed);
    pthread_mutex_unlock(&notification[cap].mutex);
    return ERR_OK;
}

uint64_t notification_wait(cap_t cap)
{
    pthread_mutex_lock(&notification[cap].mutex);
    __atomic_fetch_add(&sleeps, 1, __ATOMIC_RELAXED);
    while (notification[cap].bits == 0)
        pthread_cond_wait(&notification[cap].changed, &notification[cap].mutex);
    notification[cap].bits = 0;
    pthread_mutex_unlock(&notification[cap].mutex);
    return 1;
}

/* What the locks guard: plain variables, which would lose counts if two changed them at once. */
static volatile uint64_t at_home[RECEIVERS], everywhere, in_store;
static uint64_t expected_home[RECEIVERS], expected_everywhere, expected_store;

static void add(volatile uint64_t *count, uint64_t *expected)
{
    uint64_t seen = *count;
    for (volatile unsigned i = 0; i < 20; i++)
        ;
    *count = seen + 1;
    __atomic_fetch_add(expected, 1, __ATOMIC_RELAXED);
}

static void round_of(unsigned self, uint64_t *random)
{
    lock_enter();
    add(&at_home[self], &expected_home[self]);
    if (random_below(random, ROUNDS / 100) == 0)
        usleep(100); /* as if the host took the processor away: others come to wait */
    if (random_below(random, 4) == 0) {
        lock_all();
        lock_all();
        cr_assert(lock_is_all());
        for (unsigned i = 0; i < RECEIVERS; i++)
            add(&at_home[i], &expected_home[i]);
        add(&everywhere, &expected_everywhere);
    }
    if (random_below(random, 4) == 0) {
        store_enter();
        store_enter();
        add(&in_store, &expected_store);
        store_leave();
        add(&in_store, &expected_store);
        store_leave();
    }
    lock_leave();
}

static void *receive(void *argument)
{
    unsigned self = (unsigned)(uintptr_t)argument;
    uint64_t random = self + 1;
    lock_be(self);
    for (unsigned i = 0; i < ROUNDS; i++)
        round_of(self, &random);
    return NULL;
}

Test(mm_lock, excludes_and_loses_nobody, .timeout = 60)
{
    pthread_t thread[RECEIVERS];
    cr_assert(locks_init(RECEIVERS));
    for (uintptr_t i = 0; i < RECEIVERS; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, receive, (void *)i), 0);
    for (unsigned i = 0; i < RECEIVERS; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < RECEIVERS; i++)
        cr_assert_eq(at_home[i], expected_home[i]);
    cr_assert_eq(everywhere, expected_everywhere);
    cr_assert_eq(in_store, expected_store);
    cr_assert_gt(sleeps, 10, "nobody ever had to wait");
}
