/* SPDX-License-Identifier: MIT */
/* void blocks_clear(void *memory, uint64_t bytes): granules_clear() where harts have Zicboz and a granule is
 * a cache block (RISC-V Base Cache Management Operation ISA Extensions 1.0). */
    .macro clear_block
    .insn i 0x0f, 2, x0, a0, 4 /* cbo.zero (a0) */
    addi a0, a0, 64
    .endm

    .text
    .globl blocks_clear
blocks_clear:
    add t0, a0, a1
    andi a1, a1, 1023
    beqz a1, 2f
    add a1, a0, a1
1:  clear_block
    bne a0, a1, 1b
2:  beq a0, t0, 4f
3:  .rept 16
    clear_block
    .endr
    bne a0, t0, 3b
4:  ret
