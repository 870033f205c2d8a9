/* SPDX-License-Identifier: MIT */
/* Threads that run functions of the program for ever, each on a mapped stack, in address spaces that are
 * copies of the program's. */
#pragma once

#include "guest.h"

#define PRIORITY_LOAD 100

/* A scheduling context of `hart`; budget and period in microseconds. */
cap_t guest_context(unsigned hart, uint64_t budget, uint64_t period);
void guest_context_set(cap_t context, unsigned hart, uint64_t budget, uint64_t period);
struct guest_thread {
    void (*code)(uint64_t argument); /* must not return; in its own stack of GUEST_STACK bytes */
    uint64_t argument;
    unsigned priority;
    unsigned hart;
    uint64_t budget, period; /* microseconds */
    cap_t space;             /* 0: the own address space, else one that guest_space_clone made */
    cap_t fault;             /* endpoint that faults go to; 0: none */
    bool with_page;          /* has a message page */
    /* Set by guest_thread_start, and used again when the thread is started again: */
    cap_t untyped;           /* what thread and context are made of */
    cap_t thread, context;
    cap_t page_frame;
    uint64_t stack;          /* top; the message page follows */
};
#define GUEST_STACK 16384
/* Makes what is kept when the thread ends: slots, stack, message page. guest_thread_start does it if need be.
 * */
void guest_thread_prepare(struct guest_thread *thread);
/* Makes the thread and starts it. Its thread-local variables begin as zeros. After guest_thread_end it may be
 * started again, by any thread. */
void guest_thread_start(struct guest_thread *thread);
/* The message page of a thread that has one, as an address in its own space. */
struct msg_page *guest_thread_page(const struct guest_thread *thread);
/* Destroys thread and context. */
void guest_thread_end(struct guest_thread *thread);

/* A new address space with a copy of the program as it is now, at the same place. */
cap_t guest_space_clone(void);
/* A page at the same address in the own space and in those that are cloned afterwards. */
void *guest_shared_page(void);
