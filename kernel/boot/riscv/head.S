/* SPDX-License-Identifier: MIT */
/* First instructions of every hart. The firmware enters in S-mode with translation off, a0 = hart id and, on
 * the boot hart, a1 = device tree; nothing else can be relied on, .bss included. */
#include "arch/riscv/layout.h"
#include "offsets.h"

#define PTE_LEAF_RWX 0xef /* D A G X W R V */
#define PTE_TABLE 0x01

/* The boot header that QEMU and U-Boot know ("Boot image header in RISC-V Linux"). */
    .section .head, "ax"
    .globl _start
_start:
    .option push
    .option norvc
    j boot_hart
    .option pop
    .word 0
    .quad 0x200000      /* offset from the start of RAM */
    .quad _image_size   /* with everything that is not in the file */
    .quad 0             /* little endian */
    .word 2             /* header version 0.2 */
    .word 0
    .quad 0
    .ascii "RISCV\0\0\0"
    .ascii "RSC\x05"
    .word 0

/* Makes the state of the hart known. */
.macro reset_hart
    csrw sie, zero
    csrw sscratch, zero
    li t0, SSTATUS_FS | SSTATUS_SUM | SSTATUS_MXR
    csrc sstatus, t0
.endm

/* Switches to the tables `satp` and continues at the next instruction in the kernel's half; `delta` is the
 * distance from where the kernel was loaded to where it is linked. The fetch after the write to satp faults,
 * for the low address is not mapped, and the trap vector points to where to go on. That trap leaves SPP and
 * SPIE as they must not be when the hart goes to user mode; traps from user mode keep them right. */
.macro go_high satp, delta
    la t2, 9f
    add t2, t2, \delta
    csrw stvec, t2
    sfence.vma
    csrw satp, \satp
    .balign 4
9:
    la t0, trap_entry
    csrw stvec, t0
    li t0, SSTATUS_SPP
    csrc sstatus, t0
    li t0, SSTATUS_SPIE
    csrs sstatus, t0
.endm

/* OpenSBI 1.1 may send a hart here that was to be started at secondary_start: it lets the hart go before it
 * has noted where to. So only the first hart that comes is the boot hart. The word must not be in .bss, which
 * is cleared below. */
boot_hart:
    reset_hart
    la t0, boot_hart_taken
    li t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez t1, secondary
    mv s0, a0
    mv s1, a1

    la s2, _start
    slli t0, s2, 64 - 21
    bnez t0, misaligned

    la t0, _bss_start
    la t1, _bss_end
1:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    sd zero, \n * 8(t0)
    .endr
    addi t0, t0, 128
    bltu t0, t1, 1b

    /* Early tables: the image, all rights. */
    la t0, early_middle
    srli t1, s2, 2
    ori t1, t1, PTE_LEAF_RWX
    sd t1, (IMAGE_BASE >> 21 & 511) * 8(t0)
    la t1, early_root
    srli t0, t0, 2
    ori t0, t0, PTE_TABLE
    li t2, (IMAGE_BASE >> 30 & 511) * 8
    add t2, t1, t2
    sd t0, 0(t2)
    li s3, IMAGE_BASE
    sub s3, s3, s2
    srli t1, t1, 12
    li t0, SATP_SV39
    or t1, t1, t0
    go_high t1, s3

    la t0, image_offset
    sd s3, 0(t0)
    la sp, _stacks
    li t0, STACK_TOP_OFFSET
    add sp, sp, t0
    la tp, harts
    csrw sscratch, tp
    mv a0, s0
    mv a1, s1
    li s0, 0 /* ends backtraces */
    call kernel_main
    unimp

/* Says so through the firmware's oldest console call, which needs no probing, and stops. */
misaligned:
    la s1, misaligned_text
1:  lbu a0, 0(s1)
    beqz a0, 2f
    li a7, 1
    ecall
    addi s1, s1, 1
    j 1b
2:  wfi
    j 2b

    .pushsection .rodata, "a"
misaligned_text:
    .asciz "cannot boot: the kernel must be loaded at a multiple of 2 MiB\n"
    .popsection

/* The other harts, told apart by their ids. An attempt to start one is a cell that holds 1 while the hart is
 * welcome; it takes it with a swap, and so does the boot hart when it gives up waiting, so only one of them
 * gets the 1. */
    .globl secondary_start
secondary_start:
    reset_hart
secondary:
    la t0, image_offset
    ld t3, 0(t0)
    la t0, kernel_satp
    ld t1, 0(t0)
    beqz t1, 3f
    go_high t1, t3

    la t0, start_id + 4 /* the first is the boot hart's */
    la t1, start_attempt + 4
    li t2, STACKS_HARTS - 1
1:  lwu t3, 0(t0)
    beq t3, a0, 2f
    addi t0, t0, 4
    addi t1, t1, 4
    addi t2, t2, -1
    bnez t2, 1b
    j 3f
2:  li t2, 2
    amoswap.w.aqrl t2, t2, (t1)
    li t0, 1
    bne t2, t0, 3f
    la t0, starting_hart
    ld tp, 0(t0)
    csrw sscratch, tp
    ld sp, HART_STACK_TOP(tp)
    li s0, 0
    call hart_enter
3:  wfi
    j 3b

    .data
    .balign 4
boot_hart_taken:
    .word 0

    .bss
    .balign 4096
    .globl early_root
early_root:
    .zero 4096
early_middle:
    .zero 4096
