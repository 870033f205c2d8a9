/* SPDX-License-Identifier: MIT */
/*
 * The fast lanes for messages, faults and signals. What is unusual goes to the general path in C, which does
 * the same with the same result. docs/LANES.md has the table of what they do and may use; its rows are named
 * here.
 *
 * A lane holds the lock of its hart only (lane.c has those for two). That is enough for what is at home on
 * the hart: the current thread, endpoints and notifications whose `lane` is this hart, and the threads that
 * wait at them. Capabilities do not change meanwhile, for that takes the locks of all harts.
 *
 * The words of a message (a2-a6, t0-t2) stay where they are. Of the caller's other registers only s0-s11, sp,
 * gp, tp and pc are kept; ra, a7 and t3-t6 come back zero. tp is the hart, t6 the current thread.
 */
#include "layout.h"
#include "offsets.h"

#include <abi/syscall.h>

.macro each_saved op, thread
    .irp n, 2, 3, 8, 9, 18, 19, 20, 22, 23, 24, 25, 26, 27, 21 /* s5 last: it may be `thread` */
    \op x\n, THREAD_REGS + \n * REG_BYTES(\thread)
    .endr
.endm

/* Words 0 to 7 are what a foreign thread has in a0 to a7. */
.macro each_argument op, thread
    .set argument, THREAD_A0
    .irp word, a2, a3, a4, a5, a6, t0, t1, t2
    \op \word, argument(\thread)
    .set argument, argument + REG_BYTES
    .endr
.endm

/* Takes the hart's lock, which is free while it is 0. While another hart has it the lane waits: the general
 * path would make more harts wait. But not when that hart wants the current thread, or seems to keep the
 * lock. */
.macro lane_lock
    amoswap.d.aq t5, tp, (tp)
    bnez t5, 2f
1:  ld t6, HART_CURRENT(tp)
    .pushsection .text.lane_wait, "ax", @progbits
2:  lui t4, 16
3:  lbu t5, HART_EVICT(tp)
    bnez t5, 4f
    addi t4, t4, -1
    beqz t4, 4f
    .insn PAUSE
    ld t5, HART_LOCK(tp)
    bnez t5, 3b
    amoswap.d.aq t5, tp, (tp)
    bnez t5, 3b
    j 1b
4:  j syscall_general
    .popsection
.endm
/* Saves the current thread's registers, with the pc behind the system call. */
.macro lane_save
    csrrw t5, sscratch, tp
    sd t5, THREAD_TP(t6)
    each_saved sd, t6
    csrr t5, sepc
    addi t5, t5, 4
    sd t5, THREAD_PC(t6)
.endm
/* slot = the slot that a0 names, whatever is in it; out of range, or a thread that the lanes are not for:
 * `otherwise`. */
.macro find_slot slot, temporary, otherwise
    ld \slot, THREAD_CSPACE_OBJECT(t6)
    ld \temporary, THREAD_LANE_SLOTS(t6)
    bgeu a0, \temporary, \otherwise
    slli \temporary, a0, SLOT_SIZE_BITS
    add \slot, \slot, \temporary
.endm
/* s5 is to run instead of t6: `special` if more than this must be looked at, or done, for which there is
 * lane_special. Changes t3 and ra. */
.macro check_switch special
    lh t3, HART_LANE_FLOOR(tp)
    lh ra, THREAD_LANE_LEVEL(s5)
    blt ra, t3, \special
.endm
/* Changes t3, t5 and s8. */
.macro switch_space
    ld t5, THREAD_SATP(s5)
    ld s8, THREAD_SATP(t6)
    beq t5, s8, .Lsame_space\@
.Lwrite\@:
    csrw satp, t5
    .pushsection satp_writes, "a"
    .dword .Lwrite\@
    .popsection
.Lsame_space\@:
.endm
/* Gives the lock back and resumes s5. */
.macro lane_end
    sd s5, HART_CURRENT(tp)
    amoswap.d.rl zero, zero, (tp)
    ld t6, THREAD_PC(s5)
    csrw sepc, t6
    ld tp, THREAD_TP(s5)
    each_saved ld, s5
    .irp n, 1, 17, 28, 29, 30, 31
    li x\n, 0
    .endr
    sret
.endm

/* s5 runs on time of its own, the context s10, unlike t6: reads the clock, s11, and charges what the hart ran
 * on until now, s9. Goes to `otherwise`, with nothing changed, when a budget is used up, a period is over or
 * the timer must be set. */
.macro check_time otherwise
    csrr s11, time
    ld s9, HART_CONTEXT(tp)
    ld s7, HART_SLICE_START(tp)
    sub s7, s11, s7
    ld s8, CONTEXT_REMAINING(s9)
    sub s8, s8, s7
    blez s8, \otherwise
    ld t3, CONTEXT_PERIOD_START(s10)
    ld ra, CONTEXT_PERIOD(s10)
    sub t3, s11, t3
    bgeu t3, ra, \otherwise
    ld t3, CONTEXT_REMAINING(s10)
    beqz t3, \otherwise
    ld ra, HART_TIMER_DEADLINE(tp)
    add t3, t3, s11
    bltu t3, ra, \otherwise
.endm
/* s7 time spent, s8 what remains of s9. */
.macro charge
    sd s11, HART_SLICE_START(tp)
    sd s10, HART_CONTEXT(tp)
    sd s8, CONTEXT_REMAINING(s9)
    ld t3, CONTEXT_CONSUMED(s9)
    add t3, t3, s7
    sd t3, CONTEXT_CONSUMED(s9)
    ld t3, THREAD_CPU_TIME(t6)
    add t3, t3, s7
    sd t3, THREAD_CPU_TIME(t6)
.endm

/* Goes to `otherwise` unless what is beyond word 7 can be copied: a1 has a length of at most MSG_MAX_WORDS
 * and no capabilities, and both threads have message pages. Changes s8. */
.macro check_long otherwise
    sext.w s8, a1
    sltiu s8, s8, MSG_MAX_WORDS + 1
    beqz s8, \otherwise
    ld s8, THREAD_MSG_OBJECT(t6)
    beqz s8, \otherwise
    ld s8, THREAD_MSG_OBJECT(s5)
    beqz s8, \otherwise
.endm

    .text
    .balign 4
/* Copies words 8 to the length in a1 from the message page of t6 to that of s5. Returns to ra; changes s7 to
 * s10. */
copy_long:
    ld s9, THREAD_MSG_OBJECT(t6)
    ld s10, THREAD_MSG_OBJECT(s5)
    addi s9, s9, MSG_REGS * 8
    addi s10, s10, MSG_REGS * 8
    sext.w s7, a1
    addi s7, s7, -MSG_REGS - 8
    bltz s7, 2f
1:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    ld s8, \n * REG_BYTES(s9)
    sd s8, \n * REG_BYTES(s10)
    .endr
    addi s9, s9, 64
    addi s10, s10, 64
    addi s7, s7, -8
    bgez s7, 1b
2:  addi s7, s7, 8
    beqz s7, 4f
3:
    ld s8, 0(s9)
    sd s8, 0(s10)
    addi s9, s9, 8
    addi s10, s10, 8
    addi s7, s7, -1
    bnez s7, 3b
4:  ret

    .globl lane_entry
lane_entry:
    bnez a7, not_call

/* --- Call (docs/LANES.md: call, object) --- */

    lane_lock
    find_slot t4, t5, syscall_locked
    lb t5, SLOT_FLAGS(t4)
    bgez t5, object_call        /* SLOT_LANE_SEND is the sign bit */
    lane_save
    ld s4, SLOT_OBJECT(t4)
    sext.w s3, a1
    sltiu s3, s3, MSG_REGS + 1

/* From here on: t4 slot, s4 endpoint; s5 receiver, s6 its state and depth of calls. */
.macro find_receiver
    ld s5, ENDPOINT_RECEIVERS(s4)
    beqz s5, lane_general
    ld s7, ENDPOINT_LANE(s4)
    bne s7, tp, lane_general
.endm
/* Without time of its own it gets the caller's. */
.macro check_call active
    ld s7, THREAD_CONTEXT(s5)
    bnez s7, \active
    lh s6, THREAD_STATE(t6)
    addi s6, s6, DEPTH_STEP
    bgtz s6, lane_general
.endm
.macro call_commit
    switch_space
    ld s7, THREAD_NEXT(s5)
    sd s7, ENDPOINT_RECEIVERS(s4)
    li s7, STATE_BLOCKED_REPLY
    sb s7, THREAD_STATE(t6)
    sd t6, THREAD_CALLER(s5)
    sd s5, THREAD_BLOCKED_ON(t6)
    ld a0, SLOT_BADGE(t4)
.endm

    beqz s3, call_long
    find_receiver
    check_call call_active
    check_switch call_special
call_lend:
    call_commit
    sh s6, THREAD_STATE(s5)
    ld s7, THREAD_CONTEXT(t6)
    sd s7, THREAD_CONTEXT(s5)
    sd s5, CONTEXT_THREAD(s7)
    lane_end
call_special:
    call lane_special
    j call_lend

call_long:
    find_receiver
    check_call call_long_active
    check_long lane_general
    check_switch call_long_special
1:  call copy_long
    j call_lend
call_long_special:
    call lane_special
    j 1b

call_long_active:
    check_long lane_general
call_active:
    mv s10, s7
    lb s6, THREAD_DEPTH(t6)
    addi s6, s6, 1
    bgez s6, lane_general
    check_time lane_general
    check_switch 3f
1:  charge
    beqz s3, 4f
2:  call_commit
    li s7, STATE_READY
    sb s7, THREAD_STATE(s5)
    lane_end
3:  call lane_special
    j 1b
4:  call copy_long
    j 2b

/* The capability is one to a kernel object. On a machine with one hart its lock is all locks, so the
 * operation can be done at once; where there are several lane_object asks whether it is enough. The registers
 * are saved, for the thread may not be the one that goes on, but most need not be loaded again. */
object_call:
    lbu t5, SLOT_TYPE(t4)
    addi t5, t5, -TYPE_ENDPOINT
    beqz t5, syscall_locked
    lane_save
    .irp n, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17
    sd x\n, \n * THREAD_RA(t6)
    .endr
    ld sp, HART_STACK_TOP(tp)
    ld s2, THREAD_PC(t6)
    mv s1, t6
    mv a0, t6
    mv a1, t4
    li s0, 0
    la t0, hart_count
    lw t0, 0(t0)
    addi t0, t0, -1
    bnez t0, 3f
    call kernel_invoke
2:  ld t0, HART_CURRENT(tp)
    lbu t1, HART_RESCHEDULE(tp)
    bne t0, s1, 1f
    lbu t0, THREAD_STATE(s1)
    bnez t1, 1f
    addi t0, t0, -STATE_READY
    ld t1, THREAD_CONTEXT(s1)
    bnez t0, 1f
    ld t2, HART_CONTEXT(tp)
    ld t0, THREAD_PC(s1)
    bne t1, t2, 1f
    bne t0, s2, 1f
    amoswap.d.rl zero, zero, (tp)
    csrw sepc, s2
    ld s2, THREAD_S2(s1)
    j syscall_return
1:  call hart_run
3:  call lane_object
    bnez a0, 2b
    addi s2, s2, -4
    sd s2, THREAD_PC(s1)
    ld s2, THREAD_S2(s1)
    mv a0, s1
    li a1, 1
    j syscall_in_c

/* --- A page fault, or a system call of a foreign thread, is a call of its handler (fault) --- */

/* All registers are saved in t6; sp is that of the kernel. s1 is scause, a load, store or fetch page
 * fault. */
    .globl fault_page
fault_page:
    amoswap.d.aq t5, tp, (tp)
    bnez t5, fault_wait
    csrr s2, stval
    addi t0, s1, -CAUSE_OF_FETCH
    bnez t0, 1f
    la t5, machine /* may know better where a fetch failed: in C */
    ld t5, MACHINE_FETCH_ADDRESS(t5)
    bnez t5, lane_general
1:  li t1, MAY_EXEC | MAY_READ << 4 | MAY_WRITE << 12
    slli t0, t0, 2
    srl t1, t1, t0
    andi s3, t1, 7
    ld a0, THREAD_SPACE_OBJECT(t6)
    mv a1, s2
    mv a2, s3
    call space_allows
    ld t6, HART_CURRENT(tp)
    bnez a0, lane_general /* what the hart knew of the page was old */
    li a1, FAULT_OF_PAGE << TAG_LABEL_SHIFT | 6
    mv a2, s2
    ld a3, THREAD_PC(t6)
    mv a4, s3
    mv a5, s1
    ld a6, THREAD_SP(t6)
    ld t0, THREAD_RA(t6)
    li t1, 0
    li t2, 0
    j fault_call

/* An ecall of a foreign thread: its a0 to a7 are the words. */
    .globl fault_foreign
fault_foreign:
    amoswap.d.aq t5, tp, (tp)
    bnez t5, fault_wait
    li a1, FAULT_OF_FOREIGN << TAG_LABEL_SHIFT | MSG_REGS
    each_argument ld, t6

/* a1 tag, t4 slot of the handler's endpoint, s4 endpoint, s5 handler. A fault may be one call deeper than
 * others. */
fault_call:
    addi t4, t6, THREAD_FAULT_SLOT
    ld s4, SLOT_OBJECT(t4)
    beqz s4, lane_general
    find_receiver
    lb s6, THREAD_DEPTH(t6)
    addi s6, s6, -DEPTH_OF_FAULTS
    bgez s6, lane_general
    ld s10, THREAD_CONTEXT(s5)
    bnez s10, fault_active
    check_switch 4f
1:  addi s6, s6, DEPTH_OF_FAULTS + 1
    sb s6, THREAD_DEPTH(s5)
    ld s7, THREAD_CONTEXT(t6)
    sd s7, THREAD_CONTEXT(s5)
    sd s5, CONTEXT_THREAD(s7)
2:  call_commit
    li s7, STATE_READY
    sb s7, THREAD_STATE(s5)
    sb s7, THREAD_FAULT_WAITS(t6)
    sd a1, THREAD_SEND_TAG(t6)
    sd zero, THREAD_LANE(t6) /* what resumes it must know that it waits for no message */
    li s7, FAULT_TAG
    or a1, a1, s7
    lbu s7, THREAD_FOREIGN(t6)
    beqz s7, 3f
    la s7, trap_entry
    csrw stvec, s7
3:  lane_end
4:  call lane_special
    j 1b
fault_active:
    check_time lane_general
    check_switch 6f
5:  charge
    j 2b
6:  call lane_special
    j 5b

/* --- Answer the caller, and receive (answer) --- */

not_call:
    addi t5, a7, -SYS_REPLY_RECV
    bnez t5, not_reply_recv
    lane_lock
    find_slot t4, t5, syscall_locked
    lbu t5, SLOT_FLAGS(t4)
    andi t5, t5, SLOT_LANE_RECV_BIT
    beqz t5, syscall_locked
    lane_save
    sd a0, THREAD_A0(t6) /* should the thread be taken out of the queue, it receives again */
    ld s4, SLOT_OBJECT(t4)
    sext.w s3, a1
    sltiu s3, s3, MSG_REGS + 1

/* s4 endpoint, at which nobody else waits; s5 caller. */
.macro check_endpoint
    ld s7, ENDPOINT_LANE(s4)
    bne s7, tp, lane_general
    ld s7, ENDPOINT_RECEIVERS(s4)
    bnez s7, lane_general
.endm
.macro find_caller fault
    ld s5, THREAD_CALLER(t6)
    beqz s5, lane_general
    ld s7, THREAD_LANE(s5)
    bne s7, tp, \fault
    check_endpoint
.endm
/* s6 is the context that came with the call, and goes back. */
.macro check_reply active
    ld s6, THREAD_CONTEXT(s5)
    ld s7, THREAD_CONTEXT(t6)
    bne s6, s7, \active
.endm
.macro reply_commit
    switch_space
    sd t6, ENDPOINT_RECEIVERS(s4)
    sd zero, THREAD_NEXT(t6)
    sd zero, THREAD_CALLER(t6)
    sd s4, THREAD_BLOCKED_ON(t6)
    li s7, STATE_BLOCKED_RECV
    sb s7, THREAD_STATE(t6)
    sb a7, THREAD_STATE(s5)     /* SYS_REPLY_RECV is THREAD_READY, too */
    li a0, 0
.endm

    beqz s3, reply_long
    find_caller reply_fault
    check_reply reply_active
    check_switch reply_special
reply_give_back:
    reply_commit
    sd zero, THREAD_CONTEXT(t6)
    sd s5, CONTEXT_THREAD(s6)
    lane_end
/* A thread that gives its time back does not stay the owner of FP registers. */
reply_special:
    call lane_special
reply_check_fp:
    ld t3, HART_FP_OWNER(tp)
    bne t3, t6, reply_give_back
    call fp_let_go
    j reply_give_back

reply_long:
    find_caller lane_general
    check_reply reply_long_active
    check_long lane_general
    check_switch reply_long_special
    call copy_long
    j reply_give_back
reply_long_special:
    call lane_special
    call copy_long
    j reply_check_fp

/* Both have time of their own, s6 the caller's and s7 the server's, which was not passed on. */
.macro check_own_time
    beqz s6, lane_general /* the caller's was taken away while it waited */
    mv s10, s6
    ld s6, CONTEXT_OWNER(s7)
    bne s6, t6, lane_general
    ld s6, CONTEXT_THREAD(s10)
    bne s6, s5, lane_general
    check_time lane_general
    check_switch .Lspecial\@
.Lgo\@:
    charge
    .pushsection .text.lane_special, "ax", @progbits
.Lspecial\@:
    call lane_special
    j .Lgo\@
    .popsection
.endm
reply_long_active:
    check_long lane_general
reply_active:
    check_own_time
    beqz s3, 2f
1:  reply_commit
    lane_end
2:  call copy_long
    j 1b

/* --- The caller is a thread that faulted, or a foreign one that made a system call (answer-fault) --- */

reply_fault:
    lbu s7, THREAD_FAULT_WAITS(s5)
    beqz s7, lane_general
    ld s7, THREAD_HART(s5)
    bne s7, tp, lane_general
    srli s7, a1, TAG_LABEL_SHIFT
    bnez s7, lane_general /* it is not to go on */
    check_endpoint
    check_reply 1f
    check_switch 4f
3:  sd zero, THREAD_CONTEXT(t6)
    sd s5, CONTEXT_THREAD(s6)
    j 2f
1:  check_own_time
2:  reply_commit
    sb zero, THREAD_FAULT_WAITS(s5)
    lbu s7, THREAD_FOREIGN(s5)
    bnez s7, reply_foreign
    sd tp, THREAD_LANE(s5)
/* Resumes s5, all of whose registers are saved. */
resume_all:
    sd s5, HART_CURRENT(tp)
    amoswap.d.rl zero, zero, (tp)
    mv a0, s5
    j user_enter

4:  call lane_special
    ld t3, HART_FP_OWNER(tp)
    bne t3, t6, 3b
    call fp_let_go
    j 3b

reply_foreign:
    la s7, trap_entry_foreign
    csrw stvec, s7
    lwu s7, THREAD_SEND_TAG + TAG_LABEL_SHIFT / 8(s5)
    addi s7, s7, -FAULT_OF_FOREIGN
    bnez s7, resume_all
    each_argument sd, s5
    ld s7, THREAD_PC(s5)
    addi s7, s7, 4
    sd s7, THREAD_PC(s5)
    j resume_all

/* s5 is to run instead of t6, and check_switch saw that this is special: somebody of higher priority is
 * ready, the lanes are closed, or s5 is LEVEL_FP. Goes to lane_general, with nothing changed, or has done
 * what it takes besides: FP is on if s5 is eager for it, else off (fp.c). Then nothing may go to lane_general
 * any more. Changes t3, t5, gp and s0 to s2. */
lane_special:
    lh s1, HART_READY_TOP(tp)
    lbu t3, THREAD_PRIORITY(s5)
    blt t3, s1, lane_general
    lbu s0, HART_CLOSED(tp)
    addi t3, s0, -LANE_FP
    bnez t3, 1f
/* FP is on. The registers stay where they are, or s5 takes them. */
    lbu t5, THREAD_FP_EAGER(s5)
    bnez t5, fp_take_over
    li s2, SSTATUS_FS
    csrrc t5, sstatus, s2
    and t5, t5, s2
    bne t5, s2, fp_leave_unchanged
    sb zero, HART_CLOSED(tp)
    sh s1, HART_LANE_FLOOR(tp)
    ret
1:  bnez s0, special_round
/* FP is off, and s5 eager. */
fp_enter:
    li s2, SSTATUS_FS_CLEAN
    csrs sstatus, s2
    ld t3, HART_FP_OWNER(tp)
    bne t3, s5, fp_take
2:  ori s0, s0, LANE_FP
    sb s0, HART_CLOSED(tp)
    li t3, LANE_FLOOR_CLOSED
    sh t3, HART_LANE_FLOOR(tp)
    ret

/* Closed because of new ASIDs or old translations, and stays so. */
special_round:
    andi t3, s0, LANE_STALE
    bnez t3, lane_general
    lw t3, THREAD_ASID_ROUND(s5)
    lw t5, HART_ASID_ROUND(tp)
    bne t3, t5, lane_general
    lbu t5, THREAD_FP_EAGER(s5)
    andi t3, s0, LANE_FP
    beqz t3, 3f
    bnez t5, fp_take_over
    li s2, SSTATUS_FS
    csrc sstatus, s2
    addi s0, s0, -LANE_FP
    sb s0, HART_CLOSED(tp)
    ret
3:  bnez t5, fp_enter
    ret

/* t3 is the owner, or 0, and s5 takes its place. */
fp_take:
    beqz t3, 4f
    sd zero, THREAD_FP_HART(t3)
    jal t5, fp_save_lane
4:  jal s1, fp_load_lane
    j 2b

/* s5 takes the place of t6; FP stays on. */
fp_take_over:
    sd zero, THREAD_FP_HART(t6)
    csrr t5, sstatus
    li t3, SSTATUS_FS
    and t5, t5, t3
    bne t5, t3, 6f
5:  mv t3, t6
    jal t5, fp_save_lane
    mv s1, ra
fp_load_lane: /* returns to s1 */
    sd tp, THREAD_FP_HART(s5)
    sd s5, HART_FP_OWNER(tp)
    mv t3, s5
    jal t5, fp_restore_lane
    li t3, SSTATUS_FS_INITIAL
    csrc sstatus, t3 /* dirty becomes clean */
    jr s1
6:  jal t5, fp_unchanged
    j 5b

/* t6, who does not use FP any more, owns nothing from then on. */
fp_leave_unchanged:
    sb zero, HART_CLOSED(tp)
    sh s1, HART_LANE_FLOOR(tp)
    jal t5, fp_unchanged
    beqz t3, fp_let_go
    ret

/* t6 did not change the registers, so it becomes less eager: t3. Returns to t5. */
fp_unchanged:
    lbu t3, THREAD_FP_EAGER(t6)
    addi t3, t3, -1
    sb t3, THREAD_FP_EAGER(t6)
    bnez t3, 7f
    lbu s2, THREAD_PRIORITY(t6)
    sh s2, THREAD_LANE_LEVEL(t6)
7:  jr t5

/* Saves the FP registers of t6, the owner; FP is off. Returns to ra. */
fp_let_go:
    li s2, SSTATUS_FS
    csrs sstatus, s2
    mv t3, t6
    jal t5, fp_save_lane
    csrc sstatus, s2
    sd zero, THREAD_FP_HART(t6)
    sd zero, HART_FP_OWNER(tp)
    ret

/* What the lanes call instead of writing t5 to satp where there are no ASIDs: space_probe() sees to that. */
    .globl satp_write_and_forget
satp_write_and_forget:
    csrw satp, t5
    sfence.vma
    jr t3

/* Nothing has changed, but what is saved has been used. */
lane_general:
    lbu t5, THREAD_FOREIGN(t6)
    bnez t5, fault_general
    csrr t5, scause
    addi t5, t5, -ECALL_FROM_USER
    bnez t5, fault_general
    each_saved ld, t6
    j syscall_saved
fault_general:
    amoswap.d.rl zero, zero, (tp)
    mv a0, t6
    li s0, 0
    call trap_from_user
    unimp

/* --- Signal, and ask (note, wake, wake-receiver, ask) --- */

/* s-registers are not saved here, so they are not used. t3 = the notification in the slot a0 if the right is
 * there. */
.macro find_notification right, otherwise, elsewhere
    lane_lock
    find_slot t4, t5, \otherwise
    lhu t5, SLOT_TYPE(t4)
    andi t5, t5, \right << 8 | 0xff
    addi t5, t5, -(\right << 8 | TYPE_NOTIFICATION)
    bnez t5, \otherwise
    ld t3, SLOT_OBJECT(t4)
    ld t5, NOTIFICATION_LANE(t3)
    bne t5, tp, \elsewhere
.endm

/* The same thread goes on, behind its system call; a0 and a1 are the badge and the tag. */
.macro lane_return unlock
    csrr t5, sepc
    addi t5, t5, 4
    csrw sepc, t5
    .irp n, 1, 5, 6, 7, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    li x\n, 0
    .endr
    \unlock
    csrrw tp, sscratch, tp
    sret
.endm

not_reply_recv:
    addi t5, a7, -SYS_TRY_WAIT
    bnez t5, not_try_wait
    find_notification MAY_WAIT, syscall_locked, syscall_locked
    ld t5, NOTIFICATION_WORD(t3)
    bnez t5, syscall_locked
    li a0, 0
    li a1, ERROR_WOULD_BLOCK << TAG_LABEL_SHIFT
    lane_return "amoswap.d.rl zero, zero, (tp)"

not_try_wait:
    addi t5, a7, -SYS_SEND
    bnez t5, not_send
    find_notification MAY_SIGNAL, syscall_locked, signal_across
    ld t4, SLOT_BADGE(t4)
    bnez t4, 1f
    li t4, 1
1:  ld t5, NOTIFICATION_WAITERS(t3)
    bnez t5, signal_waiter
    ld t5, NOTIFICATION_BOUND(t3)
    bnez t5, signal_bound
2:  ld t5, NOTIFICATION_WORD(t3)
    or t5, t5, t4
    sd t5, NOTIFICATION_WORD(t3)
    li a0, 0
    li a1, 0
    lane_return "amoswap.d.rl zero, zero, (tp)"

/* t3 is another hart's, or no lane's. In C; the other registers of a message mean nothing here. */
signal_across:
    sd a0, THREAD_A0(t6)
    sd sp, HART_SCRATCH_SP(tp)
    ld sp, HART_STACK_TOP(tp)
    mv a0, t3
    ld a1, SLOT_BADGE(t4)
    call lane_signal
    mv t5, a0
    ld sp, HART_SCRATCH_SP(tp)
    li a0, 0
    li a1, 0
    bnez t5, 1f
    ld t6, HART_CURRENT(tp)
    ld a0, THREAD_A0(t6)
    .irp n, 5, 6, 7, 12, 13, 14, 15, 16
    li x\n, 0
    .endr
    li a7, SYS_SEND
    j syscall_locked
1:  lane_return

/* Resumes s5 with what a notification gives: the badge in a0, the tag in a1 and nothing else. */
.macro lane_end_signal
    .irp n, 5, 6, 7, 12, 13, 14, 15, 16
    li x\n, 0
    .endr
    lane_end
.endm

/* The thread t5 gets the bits t4 when it receives; if it does so later, its next system call must look at
 * them. */
signal_bound:
    ld ra, THREAD_LANE(t5)
    bne ra, tp, syscall_locked
    lbu ra, THREAD_STATE(t5)
    addi ra, ra, -STATE_BLOCKED_RECV
    beqz ra, signal_receiver
    sd zero, THREAD_LANE_SLOTS(t5)
    j 2b

/* t5 waits for the bits t4. If it goes before the current thread it gets the hart, and the current thread is
 * put in front of the ready queues. s3 is the tag that it gets, s4 the queue, in which it is the first. (ra
 * is no register that the general path would save.) */
signal_receiver:
    mv ra, t5
    lane_save
    mv s5, ra
    ld s4, THREAD_BLOCKED_ON(s5)
    ld s7, ENDPOINT_LANE(s4)
    bne s7, tp, lane_general
    ld s7, ENDPOINT_RECEIVERS(s4)
    bne s7, s5, lane_general
    addi s4, s4, ENDPOINT_RECEIVERS
    li s3, SIGNAL_TAG
    j signal_wake
signal_waiter:
    mv ra, t5
    lane_save
    mv s5, ra
    addi s4, t3, NOTIFICATION_WAITERS
    li s3, 0
signal_wake:
    ld s7, HART_FRONT(tp)
    bnez s7, lane_general
    ld s10, THREAD_CONTEXT(s5)
    beqz s10, lane_general
    check_time lane_general
    lbu s0, THREAD_PRIORITY(t6)
    lh t3, THREAD_LANE_LEVEL(s5)
    bge s0, t3, signal_special
    lh t3, HART_LANE_FLOOR(tp) /* another hart may have made ready somebody who goes before both */
    blt s0, t3, signal_special
    sh s0, HART_READY_TOP(tp)
    sh s0, HART_LANE_FLOOR(tp)
1:  charge
    switch_space
    ld s7, THREAD_NEXT(s5)
    sd s7, QUEUE_HEAD(s4)
    li s7, STATE_READY
    sb s7, THREAD_STATE(s5)
    sb s7, THREAD_QUEUED(t6)
    sb s7, THREAD_ZEROED(t6)
    sd t6, HART_FRONT(tp)
    mv a0, t4
    mv a1, s3
    lane_end_signal
signal_special:
    lbu t3, THREAD_PRIORITY(s5)
    bge s0, t3, lane_general
    lh t3, HART_READY_TOP(tp)
    blt s0, t3, lane_general
    call lane_special
    lbu s0, THREAD_PRIORITY(t6)
    sh s0, HART_READY_TOP(tp)
    lbu t3, HART_CLOSED(tp)
    bnez t3, 1b
    sh s0, HART_LANE_FLOOR(tp)
    j 1b

/* --- Wait, and receive without answering: who is in front gets the hart (wait, receive, take) --- */

not_send:
    addi t5, a7, -SYS_WAIT
    bnez t5, not_wait
    find_notification MAY_WAIT, syscall_locked, syscall_locked
    ld t5, NOTIFICATION_WORD(t3)
    bnez t5, take_bits
    ld t5, NOTIFICATION_WAITERS(t3)
    bnez t5, syscall_locked
    lane_save
    addi s3, t3, NOTIFICATION_WAITERS
    li s6, STATE_BLOCKED_WAIT

/* The current thread blocks on t3, at which nobody else waits: s6 its state, s3 the queue. */
.macro wait_commit
    sd a0, THREAD_A0(t6) /* should the thread be taken out of the queue, it waits again */
    sd t6, QUEUE_HEAD(s3)
    sd zero, THREAD_NEXT(t6)
    sd s4, THREAD_BLOCKED_ON(t6)
    sb s6, THREAD_STATE(t6)
.endm
wait_in_queue:
    mv s4, t3
    ld s5, HART_FRONT(tp)
    beqz s5, wait_alone
    ld s7, THREAD_LANE(s5)
    bne s7, tp, lane_general
    ld s10, THREAD_CONTEXT(s5)
    check_time lane_general
    check_switch wait_special
    lh s0, HART_QUEUE_TOP(tp)
    sh s0, HART_READY_TOP(tp)
    sh s0, HART_LANE_FLOOR(tp)
1:  charge
    switch_space
    sd a0, THREAD_A0(t6) /* should the thread be taken out of the queue, it waits again */
    sd t6, QUEUE_HEAD(s3)
    sd zero, THREAD_NEXT(t6)
    sd s4, THREAD_BLOCKED_ON(t6)
    sb s6, THREAD_STATE(t6)
    sd zero, HART_FRONT(tp)
    sb zero, THREAD_QUEUED(s5)
    lbu s7, THREAD_ZEROED(s5)
    beqz s7, resume_all
    sb zero, THREAD_ZEROED(s5)
    li a0, 0
    li a1, 0
    lane_end_signal
wait_special:
    call lane_special
    lh s0, HART_QUEUE_TOP(tp)
    sh s0, HART_READY_TOP(tp)
    lbu t3, HART_CLOSED(tp)
    bnez t3, 1b
    sh s0, HART_LANE_FLOOR(tp)
    j 1b

wait_alone:
    lh s7, HART_READY_TOP(tp)
    bgez s7, lane_general
    wait_commit
    ld sp, HART_STACK_TOP(tp)
    li s0, 0
    call hart_run

not_wait:
    addi t5, a7, -SYS_RECV
    bnez t5, syscall_general
    lane_lock
    find_slot t4, t5, syscall_locked
    lbu t5, SLOT_FLAGS(t4)
    andi t5, t5, SLOT_LANE_RECV_BIT
    beqz t5, syscall_locked
    ld t3, SLOT_OBJECT(t4)
    ld t5, ENDPOINT_LANE(t3)
    bne t5, tp, syscall_locked
    ld t4, ENDPOINT_RECEIVERS(t3)
    ld t5, THREAD_CALLER(t6)
    or t5, t5, t4
    bnez t5, syscall_locked
    ld t5, THREAD_CONTEXT(t6) /* it is to keep it */
    ld t5, CONTEXT_OWNER(t5)
    bne t5, t6, syscall_locked
    lane_save
    addi s3, t3, ENDPOINT_RECEIVERS
    li s6, STATE_BLOCKED_RECV
    j wait_in_queue

take_bits:
    ld t4, NOTIFICATION_BOUND(t3)
    bnez t4, syscall_locked
    sd zero, NOTIFICATION_WORD(t3)
    mv a0, t5
    li a1, 0
    lane_return "amoswap.d.rl zero, zero, (tp)"
