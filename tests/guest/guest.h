/* SPDX-License-Identifier: MIT */
/*
 * What programs that test or measure the kernel from user mode, in place of init, have in common: objects
 * made of the untyped memory of the boot, and lines that tell of results. worker.h and thread.h have
 * threads, probe.h threads that do one thing that may fault.
 */
#pragma once

#include <rt/rt.h>

/* --- Results --- */

/* Starts the program: its name in all lines; main's own priority becomes PRIORITY_MAIN. */
void guest_init(const char *program);
/* Notes and prints whether a check came out right: `PROGRAM NAME: ok DETAIL` or `PROGRAM NAME: FAILED
 * DETAIL`. Returns `right`. */
bool verdict(bool right, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Prints `PROGRAM: N passed, M failed` and ends the machine, with a failure if a check failed. */
void guest_finish(void) __attribute__((noreturn));
/* Ends the machine; failed: with a failure status. */
void power_off(bool failed) __attribute__((noreturn));
/* Ends it with a line that says what is wrong, unless all is well. */
void check(bool right, const char *what);
void must(enum error error, const char *what);
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
/* An untyped object of exactly that size that was handed over at boot and that make_object() does not use;
 * 0: there is none. */
cap_t untyped_take(unsigned size_bits);
/* A copy in a new slot of main's CNode. */
cap_t copy_cap(cap_t from, uint64_t rights);
/* Maps a frame, with the page tables that are missing. */
void map_at(cap_t frame, cap_t space, uint64_t address, uint64_t rights);
/* A new frame mapped readable and writable at `address` in main's space. */
cap_t map_new(uint64_t address);

/* --- fp.S --- */

/* Fills all FP registers and fcsr with what only this pattern gives, with 0 if that is the pattern; and tells
 * whether they are so, by a 0. */
void guest_fp_fill(uint64_t pattern);
uint64_t guest_fp_differ(uint64_t pattern);

/* --- guest.S --- */

/* Threads begin here: a0 an argument, a1 the function that gets it. */
extern const char guest_entry[];
/* Instructions that this hart has retired; the kernel's command line must say `counters`. */
uint64_t guest_instret(void);
