/* SPDX-License-Identifier: MIT */
/* The server's system call, where it is compiled: `out` is what is sent, `in` takes what comes. Tests on the
 * build machine have their own. */
#pragma once

#include "rt.h"

#ifndef __riscv
void exchange(uint64_t number, cap_t cap, const struct msg *out, struct msg *in);
#else
static inline __attribute__((always_inline)) void exchange(uint64_t number, cap_t cap, const struct msg *out,
                                                           struct msg *in)
{
    register uint64_t a0 __asm__("a0") = cap, a1 __asm__("a1") = out->tag, a7 __asm__("a7") = number;
    register uint64_t a2 __asm__("a2") = out->word[0], a3 __asm__("a3") = out->word[1];
    register uint64_t a4 __asm__("a4") = out->word[2], a5 __asm__("a5") = out->word[3];
    register uint64_t a6 __asm__("a6") = out->word[4], t0 __asm__("t0") = out->word[5];
    register uint64_t t1 __asm__("t1") = out->word[6], t2 __asm__("t2") = out->word[7];

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7),
                       "+r"(t0), "+r"(t1), "+r"(t2)
                     :
                     : "ra", "t3", "t4", "t5", "t6", "memory");
    *in = (struct msg){a0, a1, {a2, a3, a4, a5, a6, t0, t1, t2}};
}
#endif
