/* SPDX-License-Identifier: MIT */
/* Numbers of the kernel's C code that its assembly needs. This is compiled but never linked: mk/kernel.mk
 * makes offsets.h of the sizes of its symbols, each one more than the number. */
#include "arch/riscv/csr.h"
#include "arch/riscv/machine.h"
#include "hart.h"

#include <abi/error.h>
#include <abi/fault.h>

#define NUMBER(name, value)             const char number_##name[(value) + 1] = {0}
#define OFFSET(name, structure, member) NUMBER(name, offsetof(struct structure, member))

/* What lane.S and trap.S make use of, and where. */
#define RELIED_ON(fact, where) _Static_assert(fact, where)
RELIED_ON(offsetof(struct hart, lock) == 0, "lane_lock: amoswap has no offset");
RELIED_ON(SLOT_LANE_SEND == 0x80, "lane_entry: the sign of the flags");
RELIED_ON(SYS_CALL == 0, "lane_entry");
RELIED_ON(SYS_REPLY_RECV == THREAD_READY, "reply_commit stores a7");
RELIED_ON(THREAD_READY == true, "signal_wake and fault_call: stored in flags, too");
RELIED_ON(DEPTH_OWNER < 0, "check_call: the sign says that one may call");
RELIED_ON(offsetof(struct thread, depth) == offsetof(struct thread, state) + 1, "check_call loads both");
RELIED_ON(offsetof(struct slot, rights) == offsetof(struct slot, type) + 1, "find_notification loads both");
RELIED_ON(offsetof(struct thread, state) % 2 == 0 && offsetof(struct slot, type) % 2 == 0, "as one halfword");
RELIED_ON(offsetof(struct thread, reg) == 0, "kernel_fault_entry: struct trap_frame of panic.c");
RELIED_ON(offsetof(struct thread_queue, head) == 0, "find_receiver");
RELIED_ON(SSTATUS_FS == SSTATUS_FS_DIRTY, "lane_special");
RELIED_ON((SSTATUS_FS_CLEAN | SSTATUS_FS_INITIAL) == SSTATUS_FS_DIRTY, "fp_load_lane");
RELIED_ON(LEVEL_FP < -1 && LANES_CLOSED > UINT8_MAX, "check_switch");
RELIED_ON(RIGHT_READ < 8 && RIGHT_WRITE < 8 && RIGHT_EXEC < 8, "fault_page: a nibble for each cause");
RELIED_ON(CAUSE_LOAD_PAGE == CAUSE_FETCH_PAGE + 1 && CAUSE_STORE_PAGE == CAUSE_FETCH_PAGE + 3, "fault_page");

#define REGISTER(name, n) OFFSET(THREAD_##name, thread, reg[n])
NUMBER(REG_BYTES, sizeof(uint64_t));
OFFSET(THREAD_REGS, thread, reg);
REGISTER(PC, REG_PC);
REGISTER(RA, REG_RA);
REGISTER(SP, REG_SP);
REGISTER(GP, REG_GP);
REGISTER(TP, REG_TP);
REGISTER(S1, 9);
REGISTER(A0, REG_A0);
REGISTER(S2, 18);
REGISTER(T5, REG_T3 + 2);
REGISTER(T6, REG_T3 + 3);
OFFSET(QUEUE_HEAD, thread_queue, head);
NUMBER(DEPTH_STEP, 1 << 8); /* in the halfword of state and depth */

OFFSET(HART_LOCK, hart, lock);
OFFSET(HART_STACK_TOP, hart, stack_top);
OFFSET(HART_EMERGENCY_STACK_TOP, hart, emergency_stack_top);
OFFSET(HART_SCRATCH, hart, scratch[0]);
OFFSET(HART_SCRATCH_SP, hart, scratch[1]);
OFFSET(HART_CURRENT, hart, current);
OFFSET(HART_LANE_FLOOR, hart, lane_floor);
OFFSET(HART_READY_TOP, hart, ready_top);
OFFSET(HART_CLOSED, hart, closed);
OFFSET(HART_QUEUE_TOP, hart, queue_top);
OFFSET(HART_ASID_ROUND, hart, asid_round);
OFFSET(HART_FRONT, hart, front);
OFFSET(HART_CONTEXT, hart, context);
OFFSET(HART_SLICE_START, hart, slice_start);
OFFSET(HART_TIMER_DEADLINE, hart, timer_deadline);
OFFSET(HART_EVICT, hart, evict);
OFFSET(HART_FP_OWNER, hart, fp_owner);
OFFSET(HART_RESCHEDULE, hart, reschedule);
OFFSET(THREAD_LANE_SLOTS, thread, lane_slots);
OFFSET(THREAD_LANE, thread, lane);
OFFSET(THREAD_SATP, thread, satp);
OFFSET(THREAD_ASID_ROUND, thread, asid_round);
OFFSET(THREAD_STATE, thread, state);
OFFSET(THREAD_PRIORITY, thread, priority);
OFFSET(THREAD_CONTEXT, thread, context);
OFFSET(THREAD_CALLER, thread, caller);
OFFSET(THREAD_BLOCKED_ON, thread, blocked_on);
OFFSET(THREAD_NEXT, thread, next);
OFFSET(THREAD_CSPACE_OBJECT, thread, slot[THREAD_CSPACE].object);
OFFSET(THREAD_DEPTH, thread, depth);
OFFSET(THREAD_SPACE_OBJECT, thread, slot[THREAD_SPACE].object);
OFFSET(THREAD_FAULT_SLOT, thread, slot[THREAD_FAULT]);
OFFSET(THREAD_MSG_OBJECT, thread, slot[THREAD_MSG].object);
OFFSET(THREAD_FP, thread, fp);
OFFSET(THREAD_FCSR, thread, fcsr);
OFFSET(THREAD_FP_HART, thread, fp_hart);
OFFSET(THREAD_FP_EAGER, thread, fp_eager);
OFFSET(THREAD_LANE_LEVEL, thread, lane_level);
OFFSET(THREAD_CPU_TIME, thread, cpu_time);
OFFSET(THREAD_QUEUED, thread, queued);
OFFSET(THREAD_ZEROED, thread, zeroed);
OFFSET(THREAD_HART, thread, hart);
OFFSET(THREAD_FOREIGN, thread, foreign);
OFFSET(THREAD_FAULT_WAITS, thread, fault_waits);
OFFSET(THREAD_SEND_TAG, thread, send_tag);

OFFSET(SLOT_OBJECT, slot, object);
OFFSET(SLOT_TYPE, slot, type);
OFFSET(SLOT_FLAGS, slot, flags);
OFFSET(SLOT_BADGE, slot, badge);
OFFSET(ENDPOINT_RECEIVERS, endpoint, receivers);
OFFSET(ENDPOINT_LANE, endpoint, lane);
OFFSET(NOTIFICATION_WORD, notification, bits);
OFFSET(NOTIFICATION_WAITERS, notification, queue);
OFFSET(NOTIFICATION_BOUND, notification, bound);
OFFSET(NOTIFICATION_LANE, notification, lane);
OFFSET(CONTEXT_PERIOD, sched_context, period);
OFFSET(CONTEXT_REMAINING, sched_context, remaining);
OFFSET(CONTEXT_PERIOD_START, sched_context, period_start);
OFFSET(CONTEXT_CONSUMED, sched_context, consumed);
OFFSET(CONTEXT_THREAD, sched_context, thread);
OFFSET(CONTEXT_OWNER, sched_context, owner);
NUMBER(SIGNAL_TAG, TAG_SIGNAL);
NUMBER(ERROR_WOULD_BLOCK, ERR_WOULD_BLOCK);
OFFSET(MACHINE_FETCH_ADDRESS, machine, fetch_address);
NUMBER(FAULT_OF_FOREIGN, FAULT_FOREIGN);
NUMBER(FAULT_OF_PAGE, FAULT_PAGE);
NUMBER(FAULT_TAG, TAG_FAULT);
NUMBER(DEPTH_OF_FAULTS, DEPTH_FAULT_LIMIT);
NUMBER(CAUSE_OF_FETCH, CAUSE_FETCH_PAGE);
NUMBER(LANE_FP, CLOSED_FP);
NUMBER(LANE_FLOOR_CLOSED, LANES_CLOSED);
NUMBER(LANE_ROUNDS, CLOSED_ROUNDS);
NUMBER(LANE_STALE, CLOSED_STALE);
NUMBER(MAY_READ, RIGHT_READ);
NUMBER(MAY_WRITE, RIGHT_WRITE);
NUMBER(MAY_EXEC, RIGHT_EXEC);
NUMBER(MAY_SIGNAL, RIGHT_SIGNAL);
NUMBER(MAY_WAIT, RIGHT_WAIT);
NUMBER(SLOT_LANE_RECV_BIT, SLOT_LANE_RECV);
NUMBER(SLOT_SIZE_BITS, SLOT_BITS);
NUMBER(STATE_BLOCKED_RECV, THREAD_BLOCKED_RECV);
NUMBER(STATE_BLOCKED_REPLY, THREAD_BLOCKED_REPLY);
NUMBER(STATE_BLOCKED_WAIT, THREAD_BLOCKED_WAIT);
NUMBER(STATE_READY, THREAD_READY);
NUMBER(TYPE_NOTIFICATION, OBJ_NOTIFICATION);
NUMBER(TYPE_ENDPOINT, OBJ_ENDPOINT);
NUMBER(PAGE_FAULTS, 1 << CAUSE_FETCH_PAGE | 1 << CAUSE_LOAD_PAGE | 1 << CAUSE_STORE_PAGE);
NUMBER(ECALL_FROM_USER, CAUSE_USER_ECALL);
