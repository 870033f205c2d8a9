/* SPDX-License-Identifier: MIT */
/*
 * Operations on kernel objects. Each object type has a file with a function that decodes the operation: it checks
 * everything first, and only then performs, which cannot fail. syscall.c has looked the capability up and checked the
 * right that abi/object.h asks for.
 */
#pragma once

#include "ipc.h"

struct invocation {
    struct thread *thread;    /* that invokes */
    struct slot *slot;        /* the invoked capability */
    uint32_t op;              /* enum operation */
    unsigned length;          /* words that came with it */
    uint64_t arg[MSG_REGS];   /* the first eight; missing ones are 0 */
    uint64_t result[MSG_REGS];
    unsigned result_count;    /* words of the answer; more than 8 are in the message page already */
    uint64_t bad_arg, hint;   /* on failure: which argument (1..), and what about it */
    bool restart;             /* stopped for an interrupt: the system call is to be made again */
    bool no_result;           /* the thread's registers are already what they must be */
};

/* Records what was wrong with argument `n` (1..; 0 the capability itself) and returns `error`. */
enum error fail(struct invocation *inv, enum error error, unsigned n, uint64_t hint);
/* Ends an operation that stopped for an interrupt. */
enum error restart(struct invocation *inv);
/* The slot in the own CSpace that argument `n` names, checked for type and rights; NULL after fail(). */
struct slot *arg_cap(struct invocation *inv, unsigned n, enum object_type type, uint8_t rights, enum error *error);
/* The empty slot that arguments `cnode` (0: own CSpace) and `index` name; NULL after fail(). */
struct slot *arg_empty_slot(struct invocation *inv, unsigned cnode, unsigned index, enum error *error);
/* Likewise a slot with a capability. */
struct slot *arg_full_slot(struct invocation *inv, unsigned cnode, unsigned index, enum error *error);

enum error untyped_invoke(struct invocation *inv);
enum error cnode_invoke(struct invocation *inv);
enum error thread_invoke(struct invocation *inv);
enum error context_invoke(struct invocation *inv);
enum error space_invoke(struct invocation *inv);
enum error table_invoke(struct invocation *inv);
enum error frame_invoke(struct invocation *inv);
enum error reply_invoke(struct invocation *inv);
enum error timer_invoke(struct invocation *inv);
enum error irq_handler_invoke(struct invocation *inv);
enum error irq_control_invoke(struct invocation *inv);
enum error sched_control_invoke(struct invocation *inv);
enum error debug_invoke(struct invocation *inv);
enum error reset_invoke(struct invocation *inv);
