/* SPDX-License-Identifier: MIT */
/* Messages: sending, receiving and answering them, and the registers and pages that they travel in. */
#pragma once

#include "object.h"

#include <abi/error.h>

/* Send, receive and reply; the thread is the one that makes the system call. */
void ipc_send(struct thread *thread, const struct slot *slot, uint64_t tag, bool call, bool block);
void ipc_receive(struct thread *thread, const struct slot *slot, bool block);
/* Answers the current caller; false when there is none. */
bool ipc_reply(struct thread *thread, uint64_t tag);
/* Answers the caller that was put aside. */
void reply_send(struct thread *thread, struct reply *reply, uint64_t tag);
/* Calls the fault endpoint for a thread, whose fault_ fields are set. */
void ipc_fault(struct thread *thread, uint32_t fault);

/* Sets the registers that a system call returns; all others that it may change become zero. */
void thread_result(struct thread *thread, uint64_t badge, uint64_t tag, const uint64_t *words,
                   unsigned count);
/* Ends what a thread is blocked in with an error, giving back what it lent, and makes it ready. */
void thread_wake_error(struct thread *thread, enum error error);
/* Puts down in `reg` what the fast lanes only noted. */
void thread_settle(struct thread *thread);
/* Registers of message words 0-7: a2-a6, t0-t2. */
static const uint8_t word_register[MSG_REGS] = {12, 13, 14, 15, 16, 5, 6, 7};
/* Clears the registers that a system call changes and that carry no part of a message. */
static inline void thread_clear_rest(struct thread *thread)
{
    thread->reg[REG_RA] = thread->reg[REG_A7] = 0;
#pragma GCC unroll 4
    for (unsigned i = REG_T3; i < REG_T3 + 4; i++)
        thread->reg[i] = 0;
}
/* n-th word of the message in a thread's registers and message page; and setting it. */
uint64_t message_word(const struct thread *thread, unsigned n);
void message_set_word(struct thread *thread, unsigned n, uint64_t value);
/* The kernel's view of the thread's message page, NULL when it has none. */
struct msg_page *thread_msg_page(const struct thread *thread);

/* Destruction, one bounded step a call: true when done. */
bool endpoint_destroy(struct endpoint *endpoint);
void reply_destroy(struct reply *reply);
