/* SPDX-License-Identifier: MIT */
/*
 * A work-stealing deque: its owner puts and takes at one end, everybody else steals at the other, and nobody
 * waits for anybody. Chase and Lev, "Dynamic circular work-stealing deque", SPAA 2005, of a fixed size, with
 * memory order as proven in Lê, Pop, Cohen and Zappa Nardelli, "Correct and efficient work-stealing for weak
 * memory models", PPoPP 2013, figure 1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef DEQUE_SLOTS
#define DEQUE_SLOTS 256 /* a power of two */
#endif

struct deque {
    int64_t top __attribute__((aligned(64))); /* next to be stolen; only grows */
    int64_t bottom __attribute__((aligned(64))); /* next to be filled */
    void *slot[DEQUE_SLOTS];
};

/* By the owner. False: it is full. */
static inline bool deque_put(struct deque *deque, void *item)
{
    int64_t bottom = __atomic_load_n(&deque->bottom, __ATOMIC_RELAXED);
    int64_t top = __atomic_load_n(&deque->top, __ATOMIC_ACQUIRE);
    if (bottom - top >= DEQUE_SLOTS)
        return false;
    __atomic_store_n(&deque->slot[bottom % DEQUE_SLOTS], item, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&deque->bottom, bottom + 1, __ATOMIC_RELAXED);
    return true;
}

/* By the owner: the newest; NULL: there is none. */
static inline void *deque_take(struct deque *deque)
{
    int64_t bottom = __atomic_load_n(&deque->bottom, __ATOMIC_RELAXED) - 1;
    __atomic_store_n(&deque->bottom, bottom, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int64_t top = __atomic_load_n(&deque->top, __ATOMIC_RELAXED);
    void *item = NULL;
    if (top <= bottom)
        item = __atomic_load_n(&deque->slot[bottom % DEQUE_SLOTS], __ATOMIC_RELAXED);
    if (top < bottom)
        return item;
    /* The last one may be stolen at the same moment. */
    if (top == bottom && !__atomic_compare_exchange_n(&deque->top, &top, top + 1, false, __ATOMIC_SEQ_CST,
                                                      __ATOMIC_RELAXED))
        item = NULL;
    __atomic_store_n(&deque->bottom, bottom + 1, __ATOMIC_RELAXED);
    return item;
}

/* By anybody: the oldest. NULL: there is none, or somebody else was faster. */
static inline void *deque_steal(struct deque *deque)
{
    int64_t top = __atomic_load_n(&deque->top, __ATOMIC_ACQUIRE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int64_t bottom = __atomic_load_n(&deque->bottom, __ATOMIC_ACQUIRE);
    if (top >= bottom)
        return NULL;
    void *item = __atomic_load_n(&deque->slot[top % DEQUE_SLOTS], __ATOMIC_RELAXED);
    return __atomic_compare_exchange_n(&deque->top, &top, top + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
               ? item
               : NULL;
}

/* Whether there was something to steal a moment ago. */
static inline bool deque_has(const struct deque *deque)
{
    return __atomic_load_n(&deque->top, __ATOMIC_RELAXED) < __atomic_load_n(&deque->bottom, __ATOMIC_RELAXED);
}
