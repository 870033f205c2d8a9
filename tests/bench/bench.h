/* SPDX-License-Identifier: MIT */
/* The parts of the bench: stubs.S, world.c (the objects that are measured), main.c (the rows of one hart) and
 * cross.c (those of two). */
#pragma once

#include "../guest/guest.h"
#include "span.h"

/* --- stubs.S; every function is described there --- */

struct sample {
    uint64_t instructions;
    uint64_t tags;
};
struct sample bench_call(cap_t endpoint, uint64_t tag, uint64_t count, uint64_t words[MSG_REGS]);
struct sample bench_call_fp(cap_t endpoint, uint64_t tag, uint64_t count);
struct sample bench_try_wait(cap_t notification, uint64_t count);
struct sample bench_signal(cap_t notification, uint64_t count);
struct sample bench_handle_faults(cap_t endpoint, uint64_t count);
struct sample bench_map(cap_t first_frame, uint64_t tag, uint64_t count, cap_t space, uint64_t address,
                        uint64_t rights);
struct sample bench_each(cap_t first, uint64_t tag, uint64_t count);
struct sample bench_retype(cap_t untyped, uint64_t tag, uint64_t count, uint64_t type, uint64_t size_bits,
                           uint64_t first_slot);
struct sample bench_interrupt(volatile uint8_t *uart, uint64_t count, volatile uint64_t *seen);
struct sample bench_ping(cap_t theirs_and_own, uint64_t count);
extern const char bench_page[], bench_server[], bench_server_fp[], bench_waiter[], bench_receiver[],
    bench_pong[], bench_faulter[], bench_foreign[], bench_foreign_fp[], bench_driver[], bench_newborn[];

/* --- world.c --- */

/* Where things are mapped, in both address spaces at the same place. */
#define SHARED_PAGE GUEST_MAP       /* of main and every other thread */
#define UART_PAGE   0x2000001000ull
#define STUB_PAGE   0x2000002000ull /* stubs.S in the second space */
#define PEER_PAGE   0x2000003000ull /* message page of the thread in the second space, readable here */
#define BATCH_PAGES 0x2000200000ull /* the frames of a batch: a page table of their own */
#define NO_PAGE     0x2100000000ull /* nothing */

#define PRIORITY_PEER (PRIORITY_MAIN + 1)

/* A thread that main works with. */
struct peer {
    uint64_t hart;       /* index */
    cap_t space;         /* BOOT_ADDRESS_SPACE, or the second one */
    const char *code;    /* label of stubs.S */
    uint64_t argument;   /* in a0 */
    uint64_t priority;
    cap_t fault;         /* endpoint; 0: none */
    cap_t message_frame; /* 0: none */
    cap_t notification;  /* that is bound to it; 0: none */
    bool foreign;        /* every ecall of it is a message to `fault` */
    bool passive;        /* without time of its own once it waits for its first message: it runs on its
                          * callers' */
    cap_t untyped;       /* set by peer_start: what the thread is made of */
};

extern cap_t second_space;
/* Makes the second address space and the pages that are mapped in both. */
void world_init(void);
/* Maps one page of the device registers at `physical` in both address spaces. */
void map_device(uint64_t physical, uint64_t address);
/* Makes and starts the thread; it runs at once when its priority is higher than main's. */
void peer_start(struct peer *peer);
/* Destroys it. */
void peer_end(struct peer *peer);

/* --- cross.c --- */

void rows_cross(void);
