/* SPDX-License-Identifier: MIT */
/*
 * The user side of what the bench measures, as short as it can be. Clients are called from C and return a
 * struct sample: a0 the instructions that the loop took, a1 every tag that came back, or-ed together (of
 * calls that echo: the last one). Nothing is subtracted. The other sides are threads; they lie in one page
 * that is mapped in the second address space as well, so they use nothing but what they are given in
 * registers.
 *
 * A tag with an operation is OPERATION << TAG_LABEL_SHIFT | length; C makes it.
 */
#include <abi/syscall.h>

.macro client name
    .section .text.\name, "ax", @progbits
    .global \name
    .type \name, @function
\name:
    addi sp, sp, -80
    sd ra, 0(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    sd s\n, (\n + 1) * 8(sp)
    .endr
.endm

.macro client_end
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    ld s\n, (\n + 1) * 8(sp)
    .endr
    ld ra, 0(sp)
    addi sp, sp, 80
    ret
.endm

    /* struct sample bench_call(cap_t endpoint, uint64_t tag, uint64_t count, uint64_t words[8]): calls a
     * server that echoes. An error that came back once would be sent on and come back to the end. */
    client bench_call
    mv s0, a0
    mv s1, a2
    mv s2, a3
    ld a2, 0(s2)
    ld a3, 8(s2)
    ld a4, 16(s2)
    ld a5, 24(s2)
    ld a6, 32(s2)
    ld t0, 40(s2)
    ld t1, 48(s2)
    ld t2, 56(s2)
    rdinstret s3
1:  mv a0, s0
    li a7, SYS_CALL
    ecall
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s3
    sd a2, 0(s2)
    sd a3, 8(s2)
    sd a4, 16(s2)
    sd a5, 24(s2)
    sd a6, 32(s2)
    sd t0, 40(s2)
    sd t1, 48(s2)
    sd t2, 56(s2)
    client_end

    /* struct sample bench_call_fp(cap_t endpoint, uint64_t tag, uint64_t count): with an FP instruction
     * between the calls. */
    client bench_call_fp
    mv s0, a0
    mv s1, a2
    rdinstret s3
1:  fadd.d ft0, ft0, ft0
    mv a0, s0
    li a7, SYS_CALL
    ecall
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s3
    client_end

    /* struct sample bench_try_wait(cap_t notification, uint64_t count): asks a notification that has no
     * bits. */
    client bench_try_wait
    mv s0, a0
    mv s1, a1
    li a1, 0
    rdinstret s3
1:  mv a0, s0
    li a7, SYS_TRY_WAIT
    ecall
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s3
    client_end

    /* struct sample bench_signal(cap_t notification, uint64_t count) */
    client bench_signal
    mv s0, a0
    mv s1, a1
    li a1, 0
    rdinstret s3
1:  mv a0, s0
    li a7, SYS_SEND
    ecall
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s3
    client_end

    /* struct sample bench_ping(cap_t theirs_and_own, uint64_t count): signals the first of two notifications
     * in a row and waits for the second; bench_pong does the reverse. */
    client bench_ping
    mv s0, a0
    addi s2, a0, 1
    mv s1, a1
    rdinstret s3
1:  mv a0, s0
    li a1, 0
    li a7, SYS_SEND
    ecall
    mv a0, s2
    li a7, SYS_WAIT
    ecall
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s3
    client_end

    /* struct sample bench_handle_faults(cap_t endpoint, uint64_t count): takes a fault, then answers each so
     * that the thread faults again. The tag is that of the last fault. */
    client bench_handle_faults
    mv s0, a0
    mv s1, a1
    li a7, SYS_RECV
    ecall
    rdinstret s3
1:  mv a0, s0
    li a1, 0
    li a7, SYS_REPLY_RECV
    ecall
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s3
    client_end

    /* struct sample bench_map(cap_t first_frame, uint64_t tag, uint64_t count, cap_t space, uint64_t address,
     * uint64_t rights): maps `count` frames one behind the other. */
    client bench_map
    mv s0, a0
    mv s1, a2
    mv s2, a3
    mv s4, a4
    mv s5, a5
    mv s6, a1
    li s7, 0
    rdinstret s3
1:  mv a0, s0
    mv a1, s6
    mv a2, s2
    mv a3, s4
    mv a4, s5
    li a7, SYS_CALL
    ecall
    or s7, s7, a1
    addi s0, s0, 1
    lui t3, 1
    add s4, s4, t3
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s3
    mv a1, s7
    client_end

    /* struct sample bench_each(cap_t first, uint64_t tag, uint64_t count): an operation without arguments on
     * each of `count` capabilities. */
    client bench_each
    mv s0, a0
    mv s1, a2
    mv s6, a1
    li s7, 0
    rdinstret s3
1:  mv a0, s0
    mv a1, s6
    li a7, SYS_CALL
    ecall
    or s7, s7, a1
    addi s0, s0, 1
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s3
    mv a1, s7
    client_end

    /* struct sample bench_retype(cap_t untyped, uint64_t tag, uint64_t count, uint64_t type, uint64_t
     * size_bits, uint64_t first_slot): one object a call. */
    client bench_retype
    mv s0, a0
    mv s1, a2
    mv s2, a3
    mv s4, a4
    mv s5, a5
    mv s6, a1
    li s7, 0
    rdinstret s3
1:  mv a0, s0
    mv a1, s6
    mv a2, s2
    mv a3, s4
    li a4, 0 /* the own CNode */
    mv a5, s5
    li a6, 1
    li t0, 0
    li a7, SYS_CALL
    ecall
    or s7, s7, a1
    addi s5, s5, 1
    addi s1, s1, -1
    bnez s1, 1b
    rdinstret a0
    sub a0, a0, s3
    mv a1, s7
    client_end

    /* struct sample bench_interrupt(volatile uint8_t *uart, uint64_t count, volatile uint64_t *seen): has the
     * serial line interrupt and adds up what passed until the driver noted the count in *seen. a1 counts the
     * interrupts that were not seen. */
    client bench_interrupt
    mv s0, a0
    mv s1, a1
    mv s2, a2
    li s5, 0
    li s7, 0
1:  li t0, 2 /* interrupt when there is room to send, and there is */
    sd zero, 0(s2)
    rdinstret s3
    sb t0, 1(s0)
    ld t1, 0(s2)
    seqz t2, t1
    add s7, s7, t2
    sub t1, t1, s3
    add s5, s5, t1
    addi s1, s1, -1
    bnez s1, 1b
    mv a0, s5
    mv a1, s7
    client_end

    .section .text.bench_page, "ax", @progbits
    .balign 4096
    .global bench_page
bench_page:

    /* a0 endpoint */
    .global bench_server
bench_server:
    mv s0, a0
    li a7, SYS_RECV
    ecall
1:  mv a0, s0
    li a7, SYS_REPLY_RECV
    ecall
    j 1b

    /* a0 endpoint */
    .global bench_server_fp
bench_server_fp:
    mv s0, a0
    li a7, SYS_RECV
    ecall
1:  fadd.d ft0, ft0, ft0
    mv a0, s0
    li a7, SYS_REPLY_RECV
    ecall
    j 1b

    /* system calls that are not Cardea's */
    .global bench_foreign
bench_foreign:
    ecall
    j bench_foreign

    .global bench_foreign_fp
bench_foreign_fp:
    fadd.d ft0, ft0, ft0
    ecall
    j bench_foreign_fp

    /* a0 notification */
    .global bench_waiter
bench_waiter:
    mv s0, a0
1:  mv a0, s0
    li a7, SYS_WAIT
    ecall
    j 1b

    /* a0 endpoint, to which nobody sends */
    .global bench_receiver
bench_receiver:
    mv s0, a0
1:  mv a0, s0
    li a7, SYS_RECV
    ecall
    j 1b

    /* a0 the first of two notifications in a row */
    .global bench_pong
bench_pong:
    mv s0, a0
    addi s1, a0, 1
1:  mv a0, s0
    li a7, SYS_WAIT
    ecall
    mv a0, s1
    li a1, 0
    li a7, SYS_SEND
    ecall
    j 1b

    /* a0 address that is not mapped */
    .global bench_faulter
bench_faulter:
    lbu zero, 0(a0)
    j bench_faulter

    /* a0 address of uint64_t[5]: 0 where to note the count, 1 notification, 2 interrupt handler, 3 tag of its
     * acknowledgement, 4 registers of the serial line */
    .global bench_driver
bench_driver:
    mv s0, a0
    ld s1, 8(s0)
    ld s2, 16(s0)
    ld s3, 24(s0)
    ld s4, 32(s0)
1:  mv a0, s1
    li a7, SYS_WAIT
    ecall
    rdinstret t0
    sd t0, 0(s0)
    sb zero, 1(s4)
    lbu zero, 2(s4)
    mv a0, s2
    mv a1, s3
    li a7, SYS_CALL
    ecall
    j 1b

    /* a0 where to note the count, a1 notification that never has bits */
    .global bench_newborn
bench_newborn:
    rdinstret t0
    sd t0, 0(a0)
    mv a0, a1
    li a7, SYS_WAIT
    ecall
    j .

    .balign 4096
    .section .note.GNU-stack, "", @progbits
