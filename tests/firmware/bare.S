/* SPDX-License-Identifier: MIT */
/*
 * Firmware that offers the least there is, and enters the kernel as unpleasantly as it may: for tests on
 * QEMU's virt. Of SBI it has the oldest console and timer calls and the probe, which finds nothing; of
 * the harts it starts one. The kernel finds the registers full of junk, a trap vector that leads nowhere, FP
 * registers dirty, access to user memory on, interrupts enabled one by one, and no .bss that is clear.
 */
#define UART            0x10000000
#define UART_STATUS     5
#define UART_ROOM       0x20
#define CLINT_COMPARE   0x02004000
#define KERNEL          0x80200000

#define MIP_STIP        0x20
#define MIE_MTIE        0x80
#define MSTATUS_ENTRY   0x000ce800 /* MPP = S, FS dirty, SUM, MXR; interrupts off */
#define DELEGATED       0xb1ff     /* every exception but calls from S-mode */
#define INTERRUPTS      0x222      /* of S-mode */
#define CAUSE_S_ECALL   9
#define CAUSE_M_TIMER   7
#define NOT_SUPPORTED   -2

    .text
    .globl _start
_start:
    j 1f
    .balign 8
/* Written by the test into the file. */
boot_hart: .quad 0 /* the one that enters the kernel */
tree:      .quad 0 /* address to pass instead of the one that the machine passed; 0: that one */
junk_from: .quad 0 /* memory to fill with junk */
junk_to:   .quad 0
1:
    ld t0, boot_hart
    beq a0, t0, enter
2:  wfi
    j 2b

enter:
    la t0, trap
    csrw mtvec, t0
    la t0, frame
    csrw mscratch, t0
    li t0, -1
    csrw pmpaddr0, t0
    csrw mcounteren, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    li t0, DELEGATED
    csrw medeleg, t0
    li t0, INTERRUPTS
    csrw mideleg, t0
    csrw mie, t0
    ld t0, tree
    beqz t0, 1f
    mv a1, t0
1:  ld t0, junk_from
    ld t1, junk_to
    li t2, 0xa5a5a5a5a5a5a5a5
2:  bgeu t0, t1, 3f
    sd t2, 0(t0)
    addi t0, t0, 8
    j 2b
3:  csrw satp, zero
    csrw stvec, t2
    csrw sscratch, t2
    csrw sepc, t2
    li t0, MSTATUS_ENTRY
    csrs mstatus, t0
    li t0, 0x1000 /* MPP has two bits */
    csrc mstatus, t0
    li t0, KERNEL
    csrw mepc, t0
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    li x\n, 0x5a5a5a5a5a5a0000 + \n
    .endr
    .irp n, 28, 29, 30, 31
    li x\n, 0x5a5a5a5a5a5a0000 + \n
    .endr
    mret

    .balign 4
trap:
    csrrw sp, mscratch, sp
    sd t0, 0(sp)
    sd t1, 8(sp)
    csrr t0, mcause
    bltz t0, interrupt
    addi t0, t0, -CAUSE_S_ECALL
    bnez t0, stop
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    beqz a7, set_timer
    addi t0, a7, -1
    beqz t0, put_character
    addi t0, a7, -0x10
    bnez t0, unknown
    li a0, 0 /* the base extension: the implementation is 1000, the answer to all else 0 */
    addi t0, a6, -1
    seqz a1, t0
    li t0, 1000
    mul a1, a1, t0
    j done
unknown:
    li a0, NOT_SUPPORTED
    j done

put_character:
    li t0, UART
1:  lbu t1, UART_STATUS(t0)
    andi t1, t1, UART_ROOM
    beqz t1, 1b
    sb a0, 0(t0)
    li a0, 0
    j done

set_timer:
    csrr t0, mhartid
    slli t0, t0, 3
    li t1, CLINT_COMPARE
    add t0, t0, t1
    sd a0, 0(t0)
    li t0, MIP_STIP
    csrc mip, t0
    li t0, MIE_MTIE
    csrs mie, t0
    li a0, 0
    j done

interrupt:
    andi t0, t0, 0x3f
    addi t0, t0, -CAUSE_M_TIMER
    bnez t0, stop
    li t0, MIE_MTIE
    csrc mie, t0
    li t0, MIP_STIP
    csrs mip, t0
done:
    ld t0, 0(sp)
    ld t1, 8(sp)
    csrrw sp, mscratch, sp
    mret

stop:
    wfi
    j stop

    .balign 8
frame:
    .quad 0, 0
