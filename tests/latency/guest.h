/* SPDX-License-Identifier: MIT */
/*
 * What the programs have in common that take init's place to try the kernel under load: objects made of the
 * untyped memory that the first process is given, and threads that run functions of the program.
 */
#pragma once

#include <rt/rt.h>

#define PRIORITY_MAIN 200 /* of the first thread, after guest_begin */
#define PRIORITY_LOAD 100

/* Finds the memory and the empty slots, and sets the own priority. `name` goes in front of what is printed.
 * */
void guest_begin(const char *name);
/* Ends the machine; failed: with a failure status. */
void guest_end(bool failed) __attribute__((noreturn));
/* Ends the machine with a line that says what is wrong, unless all is well. */
void guest_check(bool right, const char *what);
void guest_must(enum error error, const char *what);
/* Number behind `NAME=` on the kernel's command line, or the one given. */
uint64_t guest_option(const char *name, uint64_t otherwise);

/* `count` empty slots in a row. */
cap_t guest_slots(unsigned count);
/* A new object, of memory that is not used for anything else. */
cap_t guest_object(enum object_type type, unsigned size_bits);
/* An untyped object of that size that was handed over at boot and is not used by guest_object(); 0: there is
 * none. */
cap_t guest_untyped(unsigned size_bits);
/* Maps a frame, with the page tables that are missing. */
void guest_map(cap_t frame, cap_t space, uint64_t address, uint64_t rights);

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

/* --- guest.S --- */

uint64_t guest_instret(void);
/* Threads begin here: a0 the function, a1 its argument. */
extern const char guest_entry[];
