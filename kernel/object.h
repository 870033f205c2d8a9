/* SPDX-License-Identifier: MIT */
/* The kernel objects. Every object lives in memory that a process handed over as untyped; the kernel has no
 * allocator. Sizes are part of the ABI (abi/object.h) and asserted here. */
#pragma once

#include <abi/object.h>
#include <abi/syscall.h>
#include <base/heap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thread;
struct hart;

/* A short reference to an object or slot: its 64-byte granule number in the direct map plus one, so that 0 is
 * none. It keeps Timer at 64 bytes and leaves a slot room for the list of mappings; 32 bits reach 256 GiB. */
typedef uint32_t granule;

/* How a capability slot is kept other than in a CNode. */
enum slot_flag {
    SLOT_IN_THREAD = 1, /* one of thread.slot[]: losing it may stop the thread */
    SLOT_DEVICE = 2,    /* untyped or frame: registers, not memory */
    SLOT_STALE = 4,     /* page table: was mapped, so it is to be cleared before it is again */
    SLOT_LANE_RECV = 64,  /* endpoint with the right to receive, for the fast lanes */
    SLOT_LANE_SEND = 128, /* endpoint with the right to send */
    SLOT_RAISED = 8,    /* untyped: children moved up still use its memory, so it never starts over */
    SLOT_CLEARING = 16, /* untyped: a hart clears memory of it without a lock, so it stays in place */
};

/* A capability and its place in the derivation tree. One slot is one cache line. `child` is the first child;
 * siblings are a doubly linked list; all capabilities to one object are neighbours in the tree (cap.h). */
struct slot {
    void *object;      /* in the direct map; NULL with type OBJ_NULL: the slot is empty */
    uint8_t type;      /* enum object_type */
    uint8_t rights;
    uint8_t size_bits; /* log2 of the object's bytes: CNode, untyped, frame */
    uint8_t flags;     /* enum slot_flag */
    uint32_t page;     /* frame, page table: virtual page number where it is mapped; untyped: granule number
                        * within it where the stretch that ends at `cleared` begins */
    union {
        uint64_t badge;               /* endpoint, notification */
        uint64_t used;                /* untyped: bytes given to children, from its start */
        struct address_space *space;  /* frame, page table: where it is mapped, NULL when it is not */
        uint64_t number;              /* IRQ handler: line; scheduling control: hart */
    };
    union {
        uint64_t cleared; /* untyped: end of a stretch, beyond `used`, that an interrupted retype has cleared
                           * so far */
        struct {
            granule map_next, map_prev; /* frame, page table: list of all that is mapped in `space` */
        };
    };
    struct slot *parent, *child, *next, *prev;
};
_Static_assert(sizeof(struct slot) == 1 << SLOT_BITS, "one slot is one cache line");

/* Slot 0 of every CNode: the kernel's. */
struct cnode_header {
    uint64_t not_an_object;       /* these two lie where a slot has its object pointer and type, and are 0: */
    uint64_t not_a_type;          /* slot 0 reads as an empty slot */
    uint64_t cursor;              /* dying: slots from here on are already empty */
    struct cnode_header *dying_next;
    uint64_t dying; /* in the list of those to be taken apart */
    uint64_t reserved[3];
};
_Static_assert(sizeof(struct cnode_header) == sizeof(struct slot), "takes a slot's place");

/* Threads that wait, in order of arrival. `tail` means nothing while there are fewer than two, nor does
 * `prev` of the head. */
struct thread_queue {
    struct thread *head, *tail;
};

/* At most one of the two queues is not empty. */
struct endpoint {
    struct thread_queue receivers;
    struct hart *lane; /* whose fast lanes may use it: its home, while those who receive are at home there,
                        * too, and nobody waits to send; or NULL */
    struct thread_queue senders; /* by priority */
    struct hart *home; /* whose lock guards it, and all who wait at it; NULL: the locks of all harts do */
};
_Static_assert(sizeof(struct endpoint) <= 1 << ENDPOINT_BITS, "kernel ABI");

struct notification {
    uint64_t bits;
    struct thread_queue queue;
    struct thread *bound;   /* thread that gets the bits when it receives on an endpoint */
    struct hart *lane, *home; /* as of an endpoint */
    granule timers;         /* list of timers that are set to signal this notification */
    uint32_t irq_count;     /* interrupt lines that do */
};
_Static_assert(sizeof(struct notification) <= 1 << NOTIFICATION_BITS, "kernel ABI");

struct reply {
    struct thread *caller; /* put aside to be answered, or NULL */
};
_Static_assert(sizeof(struct reply) <= 1 << REPLY_BITS, "kernel ABI");

/* What a heap_node is the first member of, so that a granule names it. */
enum heap_kind { HEAP_TIMER, HEAP_CONTEXT };

struct timer {
    struct heap_node node;
    struct hart *home; /* whose lock guards it, and in whose heap it is when it is set; NULL: all locks do */
    uint64_t period; /* ticks; 0: once */
    struct notification *notification; /* NULL: not set */
    uint64_t bits;
    granule next, prev; /* in notification->timers, which is guarded as the notification is */
};
_Static_assert(sizeof(struct timer) <= 1 << TIMER_BITS, "kernel ABI");

/* A CPU budget per period on one hart. All times in ticks of the timebase. */
struct sched_context {
    struct heap_node node;   /* queued while its budget is used up, until replenished */
    uint64_t budget, period; /* budget 0: not configured, cannot run */
    uint64_t remaining;
    uint64_t period_start;   /* of the current period */
    uint64_t consumed;       /* since it was made */
    struct thread *thread;   /* that runs on it now: the owner, or the end of its chain of calls; NULL:
                              * nobody */
    struct thread *owner;    /* that it is bound to */
    struct thread *parked;   /* list of those in the chain whose caller's place a reply object took
                              * (thread.next) */
    uint32_t hart;
    uint32_t handled, missed; /* deadlines of the owner */
    uint32_t worst_latency;   /* at most ~0 */
    uint64_t total_latency;
    uint64_t woken_at;       /* ticks plus 1 when the owner was woken; 0: it waits, or has no deadline */
    uint64_t deadline;       /* from then until it waits again; 0: none */
};
_Static_assert(sizeof(struct sched_context) <= 1 << SCHED_CONTEXT_BITS, "kernel ABI");

enum thread_slot { THREAD_CSPACE, THREAD_SPACE, THREAD_MSG, THREAD_FAULT, THREAD_SLOTS };

enum {
    REG_PC = 0,
    REG_RA = 1,
    REG_SP = 2,
    REG_GP = 3,
    REG_TP = 4,
    REG_T0 = 5,
    REG_A0 = 10,
    REG_A7 = 17,
    REG_T3 = 28
};

/* A context goes along with calls to threads that have none. Whoever passed it on keeps pointing to it while
 * it waits for the answer; the context points to who runs on it now. `depth` counts the calls on the way: it
 * is DEPTH_OWNER for the context's owner, and a call that would make it 0 is refused. Faults may go on to
 * DEPTH_FAULT_LIMIT: that of the last called, and that of its handler. */
#define CONTEXT_MAX_DEPTH 16
#define DEPTH_OWNER       (-CONTEXT_MAX_DEPTH - 1)
#define DEPTH_FAULT_LIMIT 1

/* The assembly in arch/riscv knows many of the offsets. What follows the registers is what the fast lanes
 * use. */
struct thread {
    uint64_t reg[32];      /* pc, x1 .. x31 */
    uint64_t lane_slots;   /* slots of its CSpace that the fast lanes may look up: all, or 0 when it must not
                            * use them */
    struct hart *lane;     /* whose fast lanes may give it the hart: the one that it last ran on; NULL:
                            * none */
    uint64_t satp;         /* translation register for its address space, */
    uint32_t asid_round;   /* good in this round of handing out ASIDs */
    uint8_t state;         /* enum thread_state */
    int8_t depth;
    uint8_t priority, ceiling;
    struct sched_context *context; /* that it runs on, or passed on with the call whose answer it waits for;
                                    * NULL: it cannot run */
    struct thread *caller; /* that waits for this thread's answer, or NULL */
    void *blocked_on;      /* endpoint, notification, or for BLOCKED_REPLY the thread or reply object */
    struct thread *next;   /* in a ready, endpoint or notification queue */
    struct slot slot[THREAD_SLOTS];
    uint64_t fp[32];
    uint64_t fcsr;
    uint64_t cpu_time;
    struct thread *prev;
    struct thread *peer;   /* BLOCKED_SEND: see queue_rank */
    struct hart *hart;     /* that it runs on now, or ran on last */
    struct hart *fp_hart;  /* that holds its FP registers, NULL: they are saved here */
    bool queued;           /* ready: in a ready queue, or in front of them */
    bool zeroed;           /* its registers that a system call may change are all 0, whatever `reg` says */
    bool foreign;
    bool timeout_fault;    /* wants to fault when the budget is used up */
    bool fp_used;          /* has FP state worth saving and restoring */
    bool fault_waits;      /* BLOCKED_SEND or BLOCKED_REPLY because of a fault: the answer restarts it */
    bool calling;          /* BLOCKED_SEND as a caller: waits for the reply after the message is taken */
    bool send_grant;       /* BLOCKED_SEND: capabilities travel with the message */
    bool blocked_on_reply; /* blocked_on is a reply object, not a thread */
    uint8_t fp_eager;      /* not 0: gets its FP registers before it runs, not when it uses them; see fp.c */
    int16_t lane_level;    /* what the lanes compare with lane_floor: its priority, or LEVEL_FP when
                            * fp_eager */
    uint64_t send_tag;     /* BLOCKED_SEND: message tag as it will be received */
    uint64_t send_badge;
    uint64_t fault_address, fault_access, fault_cause;
    struct notification *bound;
    uint64_t switches;
    char name[16];
};
_Static_assert(sizeof(struct thread) <= 1 << THREAD_BITS, "kernel ABI");

/* An Sv39 root table. The lower half is user space; the upper half is the kernel's and the same in all.
 * Entries of the direct map that no memory uses hold the kernel's notes about the address space: bit 0 is
 * clear in each of them, so the hardware takes them for invalid entries. */
#define ROOT_USER_ENTRIES 256
#define ROOT_NOTE_FIRST   500
#define ROOT_NOTE_COUNT   8
struct address_space {
    uint64_t entry[ROOT_NOTE_FIRST];
    struct {
        uint64_t mapped;        /* bytes times 2 */
        uint64_t maps;          /* granule of the first mapped slot, times 2 */
        uint64_t asid;          /* times 2 */
        uint64_t asid_round;    /* times 2: the asid is good only in this round of handing them out */
        uint64_t users;         /* a bit for each hart that may have cached translations, times 2 */
        struct address_space *dying_next;
        uint64_t dying;         /* 2: in the list of those to be taken apart */
        uint64_t lock;          /* 0: free; guards tables and mappings against others who map and unmap */
    } note;
    uint64_t kernel_entry[512 - ROOT_NOTE_FIRST - ROOT_NOTE_COUNT];
};
_Static_assert(sizeof(struct address_space) == 4096, "Sv39 root table");
