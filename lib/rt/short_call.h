/* SPDX-License-Identifier: MIT */
/*
 * The call of an operation whose request and reply are at most eight words and which has no capabilities:
 * words into registers, `ecall`, words out of registers. proto/proto.h makes the typed calls of it. The
 * message page takes no part: outside of calls that take capabilities its list of slots to receive into is
 * empty.
 */
#pragma once

/* Word i of `count` at `words`; those beyond are zero, so that nothing of the caller's leaves with them. */
#define SHORT_WORD(words, count, i)                                                                          \
    ({                                                                                                       \
        uint64_t word_ = 0;                                                                                  \
        if ((i) < (count))                                                                                   \
            __builtin_memcpy(&word_, (const char *)(words) + (i) * 8, 8);                                    \
        word_;                                                                                               \
    })

/* Puts word i out, if there are so many. */
#define SHORT_PUT(words, count, i, value)                                                                    \
    do {                                                                                                     \
        if ((i) < (count))                                                                                   \
            __builtin_memcpy((char *)(words) + (i) * 8, &(value), 8);                                        \
    } while (0)

/* `op` is a constant, so its sizes are known where the call is compiled. */
static inline __attribute__((always_inline)) enum error
proto_short_call(cap_t server, const struct proto_operation *op, const void *request, void *reply)
{
    const unsigned ins = op->size.request / 8, outs = op->size.reply / 8;
    uint64_t w0 = SHORT_WORD(request, ins, 0), w1 = SHORT_WORD(request, ins, 1);
    uint64_t w2 = SHORT_WORD(request, ins, 2), w3 = SHORT_WORD(request, ins, 3);
    uint64_t w4 = SHORT_WORD(request, ins, 4), w5 = SHORT_WORD(request, ins, 5);
    uint64_t w6 = SHORT_WORD(request, ins, 6), w7 = SHORT_WORD(request, ins, 7);
    uint64_t tag = tag_make(op->number, ins, 0);
    register uint64_t a0 __asm__("a0") = server, a1 __asm__("a1") = tag;
    register uint64_t a2 __asm__("a2") = w0, a3 __asm__("a3") = w1, a4 __asm__("a4") = w2;
    register uint64_t a5 __asm__("a5") = w3, a6 __asm__("a6") = w4, a7 __asm__("a7") = SYS_CALL;
    register uint64_t t0 __asm__("t0") = w5, t1 __asm__("t1") = w6, t2 __asm__("t2") = w7;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7),
                       "+r"(t0), "+r"(t1), "+r"(t2)
                     :
                     : "ra", "t3", "t4", "t5", "t6", "memory");
    tag = a1, w0 = a2, w1 = a3, w2 = a4, w3 = a5, w4 = a6, w5 = t0, w6 = t1, w7 = t2;
    SHORT_PUT(reply, outs, 0, w0);
    SHORT_PUT(reply, outs, 1, w1);
    SHORT_PUT(reply, outs, 2, w2);
    SHORT_PUT(reply, outs, 3, w3);
    SHORT_PUT(reply, outs, 4, w4);
    SHORT_PUT(reply, outs, 5, w5);
    SHORT_PUT(reply, outs, 6, w6);
    SHORT_PUT(reply, outs, 7, w7);
    return (enum error)tag_label(tag);
}
