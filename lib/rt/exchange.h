/* SPDX-License-Identifier: MIT */
/*
 * A system call with a message, compiled where it is made: `tag` and eight words at `out` go, badge and tag
 * are returned, and eight words come to `in`. Tests on the build machine have their own.
 */
#pragma once

#include "rt.h"

struct exchanged {
    uint64_t badge, tag;
};

#ifndef __riscv
struct exchanged exchange(uint64_t number, cap_t cap, uint64_t tag, const uint64_t *out, uint64_t *in);
#else
static inline __attribute__((always_inline)) struct exchanged
exchange(uint64_t number, cap_t cap, uint64_t tag, const uint64_t *out, uint64_t *in)
{
    register uint64_t a0 __asm__("a0") = cap, a1 __asm__("a1") = tag, a7 __asm__("a7") = number;
    register uint64_t a2 __asm__("a2") = out[0], a3 __asm__("a3") = out[1], a4 __asm__("a4") = out[2];
    register uint64_t a5 __asm__("a5") = out[3], a6 __asm__("a6") = out[4], t0 __asm__("t0") = out[5];
    register uint64_t t1 __asm__("t1") = out[6], t2 __asm__("t2") = out[7];

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7),
                       "+r"(t0), "+r"(t1), "+r"(t2)
                     :
                     : "ra", "t3", "t4", "t5", "t6", "memory");
    in[0] = a2, in[1] = a3, in[2] = a4, in[3] = a5, in[4] = a6, in[5] = t0, in[6] = t1, in[7] = t2;
    return (struct exchanged){a0, a1};
}
#endif
