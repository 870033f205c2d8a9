/* SPDX-License-Identifier: MIT */
/*
 * Kernel object types, rights, and the operations on objects. An operation is invoked by SYS_CALL on the
 * object's capability with the operation number as label. docs/ABI.md is the reference page; tests compare it
 * with this list.
 */
#pragma once

#include <stdint.h>

/* TYPE(number, name) */
#define OBJECT_LIST(TYPE)                                                                                    \
    TYPE(0, NULL)                                                                                            \
    TYPE(1, UNTYPED)                                                                                         \
    TYPE(2, CNODE)                                                                                           \
    TYPE(3, THREAD)                                                                                          \
    TYPE(4, SCHED_CONTEXT)                                                                                   \
    TYPE(5, ADDRESS_SPACE)                                                                                   \
    TYPE(6, PAGE_TABLE)                                                                                      \
    TYPE(7, FRAME)                                                                                           \
    TYPE(8, ENDPOINT)                                                                                        \
    TYPE(9, NOTIFICATION)                                                                                    \
    TYPE(10, REPLY)                                                                                          \
    TYPE(11, TIMER)                                                                                          \
    TYPE(12, IRQ_HANDLER)                                                                                    \
    TYPE(13, IRQ_CONTROL)                                                                                    \
    TYPE(14, SCHED_CONTROL)                                                                                  \
    TYPE(15, DEBUG)                                                                                          \
    TYPE(16, RESET)

enum object_type {
#define TYPE(number, name) OBJ_##name = number,
    OBJECT_LIST(TYPE)
#undef TYPE
    OBJ_TYPE_COUNT
};

/* Sizes (log2 of bytes) of what UNTYPED_RETYPE makes; a CNode's and a frame's and an untyped's size is an
 * argument. */
#define SLOT_BITS          6
#define THREAD_BITS        10
#define SCHED_CONTEXT_BITS 7
#define PAGE_BITS          12
#define MEGAPAGE_BITS      21
#define GIGAPAGE_BITS      30
#define ENDPOINT_BITS      6
#define NOTIFICATION_BITS  6
#define REPLY_BITS         6
#define TIMER_BITS         6
#define UNTYPED_MIN_BITS   6
#define UNTYPED_MAX_BITS   55 /* half of what can be addressed: registers may lie anywhere */
#define CNODE_MIN_BITS     7  /* two slots; slot 0 of every CNode is the kernel's and never holds a
                               * capability */
#define CNODE_MAX_BITS     22 /* 65,536 slots */

/* Rights. The bits mean something else per type; minting can only take bits away. */
#define RIGHT_SEND    0x01 /* endpoint, reply: send to it */
#define RIGHT_RECV    0x02 /* endpoint: receive from it */
#define RIGHT_GRANT   0x04 /* endpoint: capabilities may travel with the messages */
#define RIGHT_SIGNAL  0x01 /* notification */
#define RIGHT_WAIT    0x02 /* notification: wait for it, bind it to a thread */
#define RIGHT_READ    0x01 /* frame */
#define RIGHT_WRITE   0x02 /* frame */
#define RIGHT_EXEC    0x04 /* frame */
#define RIGHT_DMA     0x08 /* frame: be told the physical address */
#define RIGHT_CONTROL 0x01 /* every other type: change or use it */
#define RIGHT_INSPECT 0x02 /* every other type: look at it */
#define RIGHT_LOG     0x01 /* debug: append to the kernel log */
#define RIGHT_LOGREAD 0x02 /* debug: read the log and statistics */
#define RIGHT_ECHO    0x04 /* debug: switch the log's echo to the firmware console */
#define RIGHTS_ALL    0xff

/* Number of the operation = first of its type + n. OP(type, n, name, right that the capability must have) */
#define OPERATION_LIST(OP)                                                                                   \
    OP(UNTYPED, 0, RETYPE, CONTROL)         /* type, size bits, CNode (0: own), first slot, count, offset */ \
    OP(UNTYPED, 1, INFO, INSPECT)           /* -> size bits, bytes used, device?, address if device */       \
    OP(CNODE, 0, COPY, CONTROL)             /* slot, source CNode (0: own), source slot, rights */           \
    OP(CNODE, 1, MINT, CONTROL)             /* slot, source CNode (0: own), source slot, rights, badge */    \
    OP(CNODE, 2, MOVE, CONTROL)             /* slot, source CNode (0: own), source slot */                   \
    OP(CNODE, 3, DELETE, CONTROL)           /* slot */                                                       \
    OP(CNODE, 4, REVOKE, CONTROL)           /* slot: deletes everything derived from it, not itself */       \
    OP(CNODE, 5, INSPECT, INSPECT)          /* slot, slot in own CSpace (0: none)                            \
                                             * -> type, rights, badge, size bits, same object? */            \
    OP(CNODE, 6, SIZE, INSPECT)             /* -> number of slots */                                         \
    OP(CNODE, 7, OBJECT_ID, INSPECT)        /* slot -> number of the object, 0 when empty; takes long */     \
    OP(THREAD, 0, CONFIGURE, CONTROL)       /* CNode, address space, message frame, fault endpoint; 0: none. \
                                             * May follow: context (0: as is), priority + 256 * ceiling */   \
    OP(THREAD, 1, BIND_CONTEXT, CONTROL)    /* scheduling context; 0: unbind */                              \
    OP(THREAD, 2, SET_PRIORITY, CONTROL)    /* priority, ceiling; both at most the invoker's ceiling */      \
    OP(THREAD, 3, START, CONTROL)           /* pc, sp, a0, a1, a2, tp: sets them and resumes */              \
    OP(THREAD, 4, SUSPEND, CONTROL)         /* */                                                            \
    OP(THREAD, 5, RESUME, CONTROL)          /* */                                                            \
    OP(THREAD, 6, READ_REGISTERS, INSPECT)  /* -> pc, x1..x31 (suspended or blocked threads) */              \
    OP(THREAD, 7, WRITE_REGISTERS, CONTROL) /* pc, x1..x31 */                                                \
    OP(THREAD, 8, BIND_NOTIFICATION, CONTROL) /* notification; 0: unbind */                                  \
    OP(THREAD, 9, SET_FOREIGN, CONTROL)     /* 0 or 1; of a stopped thread */                                \
    OP(THREAD, 10, SET_NAME, CONTROL)       /* 16 bytes in two words */                                      \
    OP(THREAD, 11, INFO, INSPECT)           /* -> struct thread_info */                                      \
    OP(THREAD, 12, SET_TIMEOUT_FAULT, CONTROL) /* 0 or 1: a used up budget makes the fault FAULT_TIMEOUT */  \
    OP(SCHED_CONTEXT, 0, INFO, INSPECT)     /* -> hart, budget, period, consumed (ticks) */                  \
    OP(SCHED_CONTEXT, 1, SET_DEADLINE, CONTROL) /* ticks from being woken to waiting again; 0: none */       \
    OP(SCHED_CONTEXT, 2, DEADLINE_INFO, INSPECT) /* -> deadline, handled, missed, latencies (ticks) */       \
    OP(ADDRESS_SPACE, 0, INFO, INSPECT)     /* -> mapped bytes */                                            \
    OP(PAGE_TABLE, 0, MAP, CONTROL)         /* address space, address -> level */                            \
    OP(PAGE_TABLE, 1, UNMAP, CONTROL)       /* */                                                            \
    OP(FRAME, 0, MAP, READ)                 /* address space, address, rights wanted */                      \
    OP(FRAME, 1, UNMAP, READ)               /* */                                                            \
    OP(FRAME, 2, CLEAR, WRITE)              /* fills with zeros */                                           \
    OP(FRAME, 3, INFO, READ)                /* -> size bits, device?, where mapped, physical (needs DMA) */  \
    OP(REPLY, 0, SAVE_CALLER, SEND)         /* moves the invoker's current caller into the reply object */   \
    OP(TIMER, 0, SET, CONTROL)              /* notification, absolute ticks, period in ticks (0: once) */    \
    OP(TIMER, 1, CANCEL, CONTROL)           /* */                                                            \
    OP(IRQ_HANDLER, 0, BIND, CONTROL)       /* notification */                                               \
    OP(IRQ_HANDLER, 1, ACK, CONTROL)        /* lets the line interrupt again */                              \
    OP(IRQ_HANDLER, 2, UNBIND, CONTROL)     /* */                                                            \
    OP(IRQ_HANDLER, 3, SET_PRIORITY, CONTROL) /* 1..7 */                                                     \
    OP(IRQ_HANDLER, 4, SET_DEADLINE, CONTROL) /* ticks from interrupt to ACK; 0: none */                     \
    OP(IRQ_HANDLER, 5, INFO, INSPECT)       /* -> line, counts, total and worst latency, hart */             \
    OP(IRQ_CONTROL, 0, GET, CONTROL)        /* line, CNode (0: own), slot, trigger: makes the handler */     \
    OP(SCHED_CONTROL, 0, CONFIGURE, CONTROL) /* scheduling context, budget, period (ticks) */                \
    OP(DEBUG, 0, LOG, LOG)                  /* length in bytes, then the bytes */                            \
    OP(DEBUG, 1, READ_LOG, LOGREAD)         /* position -> next position, byte count, bytes */               \
    OP(DEBUG, 2, SET_ECHO, ECHO)            /* 0 or 1: kernel log to the firmware console as well */         \
    OP(DEBUG, 3, INFO, LOGREAD)             /* -> struct kernel_info */                                      \
    OP(RESET, 0, POWEROFF, CONTROL)         /* 0: normal, else after a failure: does not return */           \
    OP(RESET, 1, REBOOT, CONTROL)           /* */

#define OP_FIRST(type) ((type) << 8)
enum operation {
#define OP(type, n, name, right) OP_##type##_##name = OP_FIRST(OBJ_##type) + n,
    OPERATION_LIST(OP)
#undef OP
};

/* What on a line is an interrupt, for IRQ_CONTROL_GET; numbered as in device trees. A controller that has no
 * choice, such as a PLIC, ignores it. */
enum irq_trigger {
    IRQ_TRIGGER_DEFAULT = 0, /* as IRQ_TRIGGER_HIGH */
    IRQ_TRIGGER_RISING = 1,
    IRQ_TRIGGER_FALLING = 2,
    IRQ_TRIGGER_HIGH = 4, /* as long as the line is high */
    IRQ_TRIGGER_LOW = 8,
};

/* What a thread is doing, as THREAD_INFO tells it. */
enum thread_state {
    THREAD_INACTIVE,      /* not started, or suspended */
    THREAD_READY,         /* running or waiting for the hart */
    THREAD_BLOCKED_SEND,  /* on an endpoint */
    THREAD_BLOCKED_RECV,  /* on an endpoint */
    THREAD_BLOCKED_WAIT,  /* on a notification */
    THREAD_BLOCKED_REPLY, /* called somebody and waits for the answer */
    THREAD_FAULTED,       /* faulted and nobody handles it */
    THREAD_STATE_COUNT
};

/* Reply to THREAD_INFO. Times are ticks of the timebase. */
struct thread_info {
    uint64_t state;    /* enum thread_state */
    uint64_t priority;
    uint64_t ceiling;
    uint64_t hart;     /* of its scheduling context; ~0 without one */
    uint64_t cpu_time; /* time it ran */
    uint64_t pc;
    uint64_t flags;    /* bit 0 running right now, bit 1 throttled (budget used up), bit 2 foreign */
    uint64_t switches; /* times it was switched to */
};
_Static_assert(sizeof(struct thread_info) == 64, "kernel ABI");

/* Reply to DEBUG_INFO. */
struct kernel_info {
    uint64_t hart_count;
    uint64_t boot_time;  /* ticks of the time register at kernel entry */
    uint64_t timebase;   /* ticks per second */
    uint64_t interrupts; /* external interrupts taken */
    uint64_t timer_interrupts;
    uint64_t switches;   /* thread switches */
    uint64_t kernel_bytes; /* memory the kernel image and its boot data keep */
    uint64_t log_end;    /* position after the newest byte of the log */
};
_Static_assert(sizeof(struct kernel_info) == 64, "kernel ABI");
