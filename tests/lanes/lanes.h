/* SPDX-License-Identifier: MIT */
/*
 * A world of threads that make random system calls: the kernel must do the same by its fast lanes and without
 * them. Everything is decided by generators that start from the seed and go on with what the kernel answers,
 * nothing by time, so two runs on one hart that differ anywhere go apart for good. stubs.S makes the calls,
 * world.c the objects, worker.c says what the threads do, control.c what is done to them, record.c notes what
 * they see.
 */
#pragma once

#include "../guest/worker.h"

#define THREADS       22 /* blocks: workers, then the two that control them */
#define BLOCK_HIGH    20 /* a thread above all others that waits to be told to do something to them */
#define BLOCK_MAIN    21 /* main, below all others: where everybody waits it does something */
#define WORKERS       20
#define ENDPOINTS     20
#define NOTIFICATIONS 6
#define REPLIES       4
#define SPACES        3 /* the first is that of main */

/* The slots of the workers' CNodes, one CNode for each space. */
enum {
    SLOT_ENDPOINT = 1,                                 /* four for each: see variant_rights in world.c */
    SLOT_NOTIFICATION = SLOT_ENDPOINT + ENDPOINTS * 4, /* three for each: signal and wait, signal, wait */
    SLOT_REPLY = SLOT_NOTIFICATION + NOTIFICATIONS * 3,
    SLOT_THREAD = SLOT_REPLY + REPLIES,
    SLOT_CNODE = SLOT_THREAD + THREADS,
    SLOT_CONTEXT,
    SLOT_FRAME,
    SLOT_ALARM,          /* signals the upper controller */
    SLOT_NEVER,          /* notification that nobody signals */
    SLOT_RECEIVED = 136, /* four for each thread */
    SLOT_EMPTY = SLOT_RECEIVED + THREADS * 4,
    SLOT_COUNT = 256,
};
#define CNODE_BITS   14

/* Where things are mapped in all spaces. */
#define SHARED_PAGE  0x2000000000ull /* struct shared_state */
#define MESSAGE_PAGE 0x2000200000ull /* message pages, one for each block */
#define SPACE_PAGE   0x2000400000ull /* holds the number of the space */
#define NO_PAGE      0x2100000000ull /* nothing */

/* Whether a thread's system calls go to its fault handler: FOREIGN_NEXT from the next on, FOREIGN_UNSURE:
 * no more, but the one that it is in may have. */
enum foreign { NATIVE, FOREIGN_YES, FOREIGN_NEXT, FOREIGN_UNSURE };
/* A link is a server that calls the next one most of the time. A driver, above the others, waits for a
 * notification. */
enum role { ROLE_CLIENT, ROLE_SERVER, ROLE_LINK, ROLE_DRIVER };

/* A thread and what it works with; `in`, `out` and `kept` are known to stubs.S. Numbers of registers are
 * x1 to x31. */
struct block {
    uint64_t in[32], out[32], kept[32];
    uint64_t random;                   /* state of the generator */
    uint64_t fp;                       /* pattern in the FP registers; 0: uses none */
    uint64_t endpoint, fault_endpoint; /* that it serves (driver: a notification); for its faults */
    uint8_t index, role, space, priority;
    bool passive; /* has no time of its own */
    bool message_page;
    uint8_t serving;  /* has received something and not answered: 1 a message, 2 a fault */
    bool called_next; /* and has asked the next server about it */
    bool dutiful;     /* a link that asks that, answers, receives, nothing else */
    bool unsure;      /* got or lost its message page: what it receives next may have come before that */
    bool has_context; /* bound to its own */
    uint8_t foreign;  /* enum foreign */
    uint8_t hart;
    uint32_t mask; /* registers whose values are no part of the comparison; bit 0: the message page is none */
};

struct event {
    uint64_t step, digest, in[32], out[32];
    uint32_t thread, kind;
};
#define EVENTS      64
#define DIGESTS     512
#define STACK_BYTES 4096

struct shared_state {
    uint64_t digest, steps, limit, interval;
    uint64_t harts, workers, endpoints; /* used in this world */
    uint64_t failures, failed_step, failed_thread;
    const char *failure; /* the first */
    uint64_t trace_from, event_count, digest_count;
    uint64_t answered, received, signals, refused, too_deep, rescues; /* how the traffic was */
    uint64_t digests[DIGESTS];
    struct event events[EVENTS];
    struct block block[THREADS];
    uint8_t stack[THREADS][STACK_BYTES] __attribute__((aligned(16)));
};
#define shared ((struct shared_state *)SHARED_PAGE)
_Static_assert(sizeof(struct shared_state) <= 1 << MEGAPAGE_BITS, "one page");

/* --- stubs.S --- */

void lanes_syscall(struct block *block);
void lanes_probe(struct block *block);
extern const char lanes_probe_instruction[];
uint64_t lanes_round_trips(cap_t endpoint, uint64_t count);
uint64_t lanes_instructions(void);
extern const char lanes_start[], lanes_echo[];

/* --- record.c --- */

/* The block's next random number, and one below `limit`. */
uint64_t random_next(struct block *block);
uint64_t random_below(struct block *block, uint64_t limit);
struct msg_page *block_page(const struct block *block);
/* Notes that something is not as it must be, whatever the path. */
void fail(const struct block *block, const char *what);
/* Gives all registers of `in` values of their own. */
void prepare(struct block *block);
/* Makes the system call, checks what must hold of any, and notes it. `kind` is for people. Returns the
 * label of the tag. */
uint32_t issue(struct block *block, uint64_t number, uint64_t slot, uint64_t tag, unsigned kind);
/* Reads an address that is not mapped. */
void read_nothing(struct block *block);
/* Makes a message of the registers: word 7 is a checksum of the others, and so is what is in the message
 * page. Returns the tag. */
uint64_t compose(struct block *block);
/* Whether the last answer is a message of another thread. */
bool got_message(const struct block *block);
extern const uint8_t word_register[MSG_REGS];
#define KIND_PROBE   100
#define KIND_CONTROL 50

/* --- world.c --- */

/* Capabilities in main's CNode, one for each object, thread or space, in a row. */
extern cap_t master_endpoint, master_notification, master_reply, master_thread, master_context, master_cnode,
    master_alarm, master_fault, master_page, world_memory;
cap_t space_of(unsigned number);
/* Makes the spaces and what is mapped in them. */
void world_init(void);
/* Makes threads and objects for the seed, and starts the threads. */
void world_begin(uint64_t seed);
/* Destroys them. */
void world_end(void);
/* Puts the capabilities of an endpoint that lost them into the CNodes again. */
void endpoint_give(unsigned number);
/* The number of an endpoint that a badge tells, ~0 when it is none. */
uint64_t badge_endpoint(uint64_t badge);
/* Instructions of a call and its answer between two spaces. */
uint64_t world_round_trip(void);

/* --- worker.c, control.c --- */

void lanes_worker(struct block *block) __attribute__((noreturn));
/* Does something to somebody; `idle` is of main, where nobody else can run: so that somebody can. */
void control_step(struct block *block, bool idle);
