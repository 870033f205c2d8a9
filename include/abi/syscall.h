/* SPDX-License-Identifier: MIT */
/*
 * System calls and the message tag.
 *
 * Registers at `ecall`, the same for every call:
 *
 *   in:  a7 call number, a0 capability (slot index), a1 tag, a2-a6 and t0-t2 message words 0-7
 *   out: a0 badge, a1 tag, a2-a6 and t0-t2 message words 0-7; s0-s11, sp, gp and tp are kept; every other
 *        register comes back zero
 *
 * The eight words in registers always travel, whatever the length of the message says; it says how many mean
 * something.
 *
 * The label of the tag that comes back is an enum error for what was asked of the kernel and for replies, the
 * sender's operation for a received request. A failure names its cause: for an error of the kernel word 0 is
 * the number of the offending argument (0 the invoked capability, n the n-th word of the request), word 1 a
 * hint such as the limit or the value found.
 */
#pragma once

#define SYS_CALL       0 /* send, and block for the reply; also invokes kernel objects */
#define SYS_REPLY_RECV 1 /* answer the current caller (tag and words), then receive on the endpoint in a0 */
#define SYS_SEND       2 /* send, blocking until received; on a notification: signal; on a reply object:
                          * answer */
#define SYS_RECV       3 /* receive a message on an endpoint, or a signal of the bound notification */
#define SYS_WAIT       4 /* block until a notification has bits; they come back as the badge and are
                          * cleared */
#define SYS_TRY_SEND   5 /* send only if a receiver waits, else ERR_WOULD_BLOCK */
#define SYS_TRY_RECV   6 /* receive only if a sender waits, else ERR_WOULD_BLOCK */
#define SYS_TRY_WAIT   7 /* take the bits of a notification, else ERR_WOULD_BLOCK */
#define SYS_YIELD      8 /* go to the end of the ready queue of the own priority */
#define SYS_REPLY      9 /* answer the current caller without receiving again */

#define MSG_REGS      8  /* words that travel in registers */
#define MSG_MAX_WORDS 64 /* words of the longest message */
#define MSG_MAX_CAPS  4  /* capabilities in one message */

/* Tag: label in the upper half; flags that only the kernel sets; capability count; length in words. */
#define TAG_LENGTH_MASK 0x7f
#define TAG_CAPS_SHIFT  8
#define TAG_CAPS_MASK   0x7
#define TAG_SIGNAL      0x10000 /* out only: not a message but the bound notification's bits, which are the
                                 * badge */
#define TAG_FAULT       0x20000 /* out only: made by the kernel for a thread that faulted, see abi/fault.h */
#define TAG_LABEL_SHIFT 32

#ifndef __ASSEMBLER__
#include <stdint.h>

static inline uint64_t tag_make(uint32_t label, unsigned length, unsigned caps)
{
    return (uint64_t)label << TAG_LABEL_SHIFT | (uint64_t)caps << TAG_CAPS_SHIFT | length;
}

static inline uint32_t tag_label(uint64_t tag)
{
    return (uint32_t)(tag >> TAG_LABEL_SHIFT);
}

static inline unsigned tag_length(uint64_t tag)
{
    return tag & TAG_LENGTH_MASK;
}

static inline unsigned tag_caps(uint64_t tag)
{
    return tag >> TAG_CAPS_SHIFT & TAG_CAPS_MASK;
}

/*
 * The per-thread message page: a frame of which the kernel uses the first 1 KiB. Words 0-7 travel in
 * registers, so word[0..7] are never touched. A thread without a message page sends and receives at most 8
 * words and no capabilities.
 */
struct msg_page {
    uint64_t word[MSG_MAX_WORDS];
    uint32_t send_cap[MSG_MAX_CAPS]; /* slots of the capabilities that go out; the message carries copies */
    uint32_t recv_cap[MSG_MAX_CAPS]; /* empty slots for those that come in; 0 ends the list. The tag that is
                                      * received says how many landed */
    uint32_t recv_kind[MSG_MAX_CAPS]; /* what they are: enum object_type | rights << 8 */
    uint64_t reserved[2];
};

_Static_assert(sizeof(struct msg_page) == 576, "kernel ABI");
#endif
