/* SPDX-License-Identifier: MIT */
/* FP registers with values that can be told again. */

.macro each_fp
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    next_fp f\n
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    next_fp f\n
    .endr
.endm
.macro fp_pattern
    slli t1, a0, 7
    xor a0, a0, t1
    srli t1, a0, 9
    xor a0, a0, t1
.endm

    /* void guest_fp_fill(uint64_t pattern): all FP registers and fcsr; with 0 all are 0. */
    .section .text.guest_fp_fill, "ax", @progbits
    .global guest_fp_fill
    .type guest_fp_fill, @function
guest_fp_fill:
    andi t0, a0, 0x7f
    fscsr t0
.macro next_fp register
    fp_pattern
    fmv.d.x \register, a0
.endm
    each_fp
    ret
    .purgem next_fp

    /* uint64_t guest_fp_differ(uint64_t pattern): 0 when they are all as they were filled. */
    .section .text.guest_fp_differ, "ax", @progbits
    .global guest_fp_differ
    .type guest_fp_differ, @function
guest_fp_differ:
    andi t0, a0, 0x7f
    frcsr t2
    xor t2, t2, t0
.macro next_fp register
    fp_pattern
    fmv.x.d t0, \register
    xor t0, t0, a0
    or t2, t2, t0
.endm
    each_fp
    mv a0, t2
    ret

    .section .note.GNU-stack, "", @progbits
