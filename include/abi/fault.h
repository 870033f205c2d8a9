/* SPDX-License-Identifier: MIT */
/*
 * Fault messages. When a thread faults, the kernel calls its fault endpoint for it: the tag has TAG_FAULT,
 * the label is an enum fault, the badge is that of the capability the thread was configured with. Answering
 * with label ERR_OK restarts the thread where it stopped; any other answer, or none, leaves it
 * THREAD_FAULTED. A caller that waited for an answer of a thread that is left so gets ERR_PEER_GONE.
 */
#pragma once

#include <stdint.h>

/* FAULT(number, name, text) */
#define FAULT_LIST(FAULT)                                                                                    \
    FAULT(1, PAGE, "page fault")                                                                             \
    FAULT(2, ILLEGAL, "illegal instruction")                                                                 \
    FAULT(3, BREAKPOINT, "breakpoint")                                                                       \
    FAULT(4, ALIGNMENT, "misaligned access")                                                                 \
    FAULT(5, ACCESS, "access fault")                                                                         \
    FAULT(6, FOREIGN, "foreign system call")                                                                 \
    FAULT(7, TIMEOUT, "budget used up")                                                                      \
    FAULT(8, OTHER, "unexpected exception")

enum fault {
#define FAULT(number, name, text) FAULT_##name = number,
    FAULT_LIST(FAULT)
#undef FAULT
};

/* Words of a fault message. For FAULT_FOREIGN the words are a0-a7, and the answer's words go to a0-a7.
 * FAULT_TIMEOUT is made when the budget that a thread runs on is used up before its period is over, if
 * THREAD_SET_TIMEOUT_FAULT asked for that and the thread has a fault endpoint; answered, it goes on with the
 * next period or when its context is configured anew. */
struct fault_message {
    uint64_t address; /* of the access; the instruction bits for FAULT_ILLEGAL; ticks consumed for
                       * FAULT_TIMEOUT */
    uint64_t pc;
    uint64_t access;  /* RIGHT_READ, RIGHT_WRITE or RIGHT_EXEC */
    uint64_t cause;   /* scause */
    uint64_t sp;
    uint64_t ra;
};
