/* SPDX-License-Identifier: MIT */
/* What arch/ calls for the current thread of this hart, with the locks held. */
#pragma once

#include "object.h"

/* `thread` made a system call; its registers are saved in it. */
void kernel_syscall(struct thread *thread);
/* It made SYS_CALL on this slot, which is not that of an endpoint; pc is behind it already. */
void kernel_invoke(struct thread *thread, struct slot *slot);
/* It faulted: makes the fault message. `fault` is an enum fault, the rest as in struct fault_message. */
void kernel_fault(struct thread *thread, uint32_t fault, uint64_t address, uint64_t access, uint64_t cause);
