/* SPDX-License-Identifier: MIT */
/* The smallest program: tells init that it ends, and is made without any library. */
#include <abi/object.h>
#include <abi/syscall.h>
#include <proto/proc.h>
#include <proto/start.h>

void __attribute__((section(".text.start"), noreturn)) _start(void)
{
    register uint64_t a0 __asm__("a0") = START_PROC;
    register uint64_t a1 __asm__("a1") = tag_make(OP_proc_exit, 1, 0);
    register uint64_t a2 __asm__("a2") = 0; /* status */
    register uint64_t a7 __asm__("a7") = SYS_CALL;

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1), "+r"(a2) : "r"(a7) : "memory");
    __builtin_trap();
}
