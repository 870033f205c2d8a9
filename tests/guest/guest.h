/* SPDX-License-Identifier: MIT */
/*
 * What programs that test the kernel from user mode, in place of init, have in common: objects made of the
 * untyped memory of the boot, threads, probes (threads that do one thing that may fault) and lines that
 * tell of results.
 *
 * Each check prints `PROGRAM NAME: ok DETAIL` or `PROGRAM NAME: FAILED DETAIL`, and the end is `PROGRAM: N
 * passed, M failed`.
 */
#pragma once

#include <rt/rt.h>

/* --- Results --- */

/* Starts the program: its name in all lines; main's own priority becomes PRIORITY_MAIN. */
void guest_init(const char *program);
/* Notes and prints whether a check came out right, with a detail. Returns `right`. */
bool verdict(bool right, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ends the machine at once when something that is no part of the test is wrong. */
void must(enum error error, const char *what);
/* Prints the closing line and ends the machine, with a failure if a check failed. */
void guest_finish(void) __attribute__((noreturn));
/* The number after NAME= on the kernel's command line, or `otherwise`. */
uint64_t guest_option(const char *name, uint64_t otherwise);

/* --- Objects --- */

#define PRIORITY_MAIN 200
#define GUEST_MAP     0x2000000000ull /* from here on nothing of the program is mapped */

/* `count` empty slots in a row in main's CNode. */
cap_t slots_take(unsigned count);
/* A new object of memory that was never used. */
cap_t make_object(enum object_type type, unsigned size_bits);
/* The same of the given untyped; ERR_OK or the kernel's error. */
enum error make_of(cap_t untyped, enum object_type type, unsigned size_bits, cap_t slot);
/* A copy in a new slot of main's CNode. */
cap_t copy_cap(cap_t from, uint64_t rights);
/* Maps a frame, with the page tables that are missing. */
void map_at(cap_t frame, cap_t space, uint64_t address, uint64_t rights);
/* A new frame mapped readable and writable at `address` in main's space. */
cap_t map_new(uint64_t address);
/* The size in bits of the largest untyped that make_object takes from, and what is left of it in bytes. */
uint64_t memory_left(void);

/* --- Threads --- */

/* A thread with objects of its own, all in one untyped. What is 0 is taken from main or has a default. */
struct worker {
    cap_t space, cnode, message_frame, fault;
    uint32_t hart; /* index */
    uint64_t priority;
    uint64_t budget, period;        /* microseconds; default 10 ms of 10 ms */
    cap_t untyped, thread, context; /* set by worker_make */
    void (*function)(uint64_t argument);
    uint64_t argument;
    unsigned stack; /* number of its stack, plus 1 */
    volatile bool done;
};
/* Makes the objects (again, of the same memory, after worker_end); the thread does not run yet. */
void worker_make(struct worker *worker);
/* Starts it at a function of this program, on a stack of its own. When the function returns the thread
 * suspends itself, `done`. */
void worker_run(struct worker *worker, void (*function)(uint64_t argument), uint64_t argument);
/* Starts it at any address: registers are zero but for sp, a0 and a1. */
enum error worker_start(struct worker *worker, uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1);
enum error worker_suspend(struct worker *worker);
struct thread_info worker_info(const struct worker *worker);
/* Ticks that its scheduling context consumed. */
uint64_t worker_consumed(const struct worker *worker);
/* Destroys its objects. */
void worker_end(struct worker *worker);
/* Waits, with main suspended on a timer. */
void sleep_us(uint64_t us);

/* --- Probes --- */

/* How a probe ended: it did what it should not have been able to, or it faulted. */
struct outcome {
    bool survived;
    uint32_t fault; /* enum fault */
    uint64_t
        word[MSG_REGS]; /* struct fault_message, or what the survivor tells: word 0 the value that it read */
};
/* Makes a worker for probes, below main's priority, whose faults come to main. */
void probe_make(struct worker *worker, uint32_t hart);
/* Starts it at `pc` with a0 = argument, a1 = the endpoint to call with PROBE_SURVIVED, and waits for its
 * end. */
struct outcome probe(struct worker *worker, const void *pc, uint64_t argument);
/* Waits for the end of a probe that runs already. */
struct outcome probe_wait(struct worker *worker);
/* The probe is to end within `us`; otherwise it is suspended and this returns false. */
bool probe_poll(struct worker *worker, uint64_t us, struct outcome *outcome);
/* Both. */
bool probe_within(struct worker *worker, const void *pc, uint64_t argument, uint64_t us,
                  struct outcome *outcome);
/* Starts it only. */
void probe_go(struct worker *worker, const void *pc, uint64_t argument);
/* Whether it was a page fault or an access fault for this access at this address. */
bool probe_refused(const struct outcome *outcome, uint64_t access, uint64_t address);
const char *fault_name(const struct outcome *outcome);

/* --- guest.S --- */

#define PROBE_SURVIVED 0x5afe

/* Code for probes: a0 an address, a1 the endpoint. */
extern const char probe_load[], probe_store[], probe_jump[];
/* a0 an address: reads it (writes a count to it, calls it) for ever. */
extern const char spin_load[], spin_store[], spin_call[];
extern const char guest_entry[];
/* Makes instructions that were written visible to this hart. */
void guest_fence_i(void);
/* Counts up *counter for ever. */
void spin_count(uint64_t counter) __attribute__((noreturn));
